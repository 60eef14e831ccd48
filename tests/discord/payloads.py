"""The JSON of everything that exists, complete enough that discord.py's parsers find every key they read.

Ids are strings, times are ISO 8601. A malformed payload kills the client's connection, not only the event.
"""

from __future__ import annotations

from tests.discord.model import (
    Attachment,
    Channel,
    ChannelKind,
    Guild,
    Json,
    Membership,
    Message,
    MessageKind,
    Overwrite,
    Reaction,
    Role,
    User,
)
from tests.discord.permissions import in_channel
from tests.discord.world import MESSAGE_CONTENT, Application, World


def user(someone: User) -> Json:
    return {
        "id": str(someone.id),
        "username": someone.name.lower().replace(" ", "_"),
        "global_name": None if someone.bot else someone.name,
        "discriminator": "0",
        "avatar": None,
        "bot": someone.bot,
        "public_flags": 0,
    }


def application(app: Application) -> Json:
    content = (1 << 18) | (1 << 19) if app.allowed_intents & MESSAGE_CONTENT else 0
    return {
        "id": str(app.id),
        "name": app.user.name,
        "description": "",
        "icon": None,
        "bot_public": True,
        "bot_require_code_grant": False,
        "owner": user(app.owner),
        "verify_key": "0" * 64,
        "flags": content,
        "team": None,
    }


def role(of_guild: Role) -> Json:
    return {
        "id": str(of_guild.id),
        "name": of_guild.name,
        "permissions": str(int(of_guild.permissions)),
        "position": of_guild.position,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": False,
        "mentionable": of_guild.mentionable,
        "flags": 0,
    }


def member(membership: Membership, *, with_user: bool = True) -> Json:
    body: Json = {
        "roles": [str(role_id) for role_id in sorted(membership.roles)],
        "joined_at": membership.joined.isoformat(),
        "nick": membership.nick,
        "avatar": None,
        "flags": 0,
        "deaf": False,
        "mute": False,
        "pending": False,
        "communication_disabled_until": None,
    }
    return body | ({"user": user(membership.user)} if with_user else {})


def member_in(membership: Membership, channel: Channel) -> Json:
    """As an interaction carries it: with what they may do there."""
    return member(membership) | {"permissions": str(int(in_channel(channel, membership.user)))}


def overwrite(rule: Overwrite) -> Json:
    return {
        "id": str(rule.target),
        "type": rule.kind,
        "allow": str(int(rule.allow)),
        "deny": str(int(rule.deny)),
    }


def channel(place: Channel) -> Json:
    if place.is_thread:
        return _thread(place)
    if place.kind is ChannelKind.DIRECT:
        others = [user(someone) for someone in place.recipients if not someone.bot]
        return {"id": str(place.id), "type": 1, "recipients": others, "last_message_id": _last(place)}
    assert place.guild is not None
    body: Json = {
        "id": str(place.id),
        "type": int(place.kind),
        "guild_id": str(place.guild.id),
        "name": place.name,
        "position": place.position,
        "parent_id": str(place.parent.id) if place.parent else None,
        "permission_overwrites": [overwrite(rule) for rule in place.overwrites.values()],
        "topic": place.topic,
        "nsfw": False,
        "rate_limit_per_user": 0,
        "last_message_id": _last(place),
    }
    if place.kind is ChannelKind.FORUM:
        body |= {"available_tags": place.available_tags, "default_reaction_emoji": None, "flags": 0}
    return body


def _thread(place: Channel) -> Json:
    assert place.guild is not None
    assert place.parent is not None
    assert place.thread is not None
    state = place.thread
    return {
        "id": str(place.id),
        "type": int(place.kind),
        "guild_id": str(place.guild.id),
        "parent_id": str(place.parent.id),
        "owner_id": str(state.owner_id),
        "name": place.name,
        "message_count": len(place.messages),
        "total_message_sent": len(place.messages),
        "member_count": len(state.members),
        "rate_limit_per_user": 0,
        "flags": 0,
        "applied_tags": [str(tag) for tag in state.applied_tags],
        "last_message_id": _last(place),
        "thread_metadata": {
            "archived": state.archived,
            "auto_archive_duration": state.auto_archive_minutes,
            "archive_timestamp": state.archived_at.isoformat(),
            "locked": state.locked,
            "invitable": state.invitable,
            "create_timestamp": state.archived_at.isoformat(),
        },
    }


def thread_member(place: Channel, user_id: int) -> Json:
    assert place.thread is not None
    joined = place.thread.archived_at.isoformat()
    return {"id": str(place.id), "user_id": str(user_id), "join_timestamp": joined, "flags": 0}


def _last(place: Channel) -> str | None:
    last = place.messages.last()
    return str(last.id) if last else None


def guild(home: Guild) -> Json:
    """What REST tells of a guild."""
    return {
        "id": str(home.id),
        "name": home.name,
        "icon": None,
        "owner_id": str(home.owner_id),
        "roles": [role(of_guild) for of_guild in home.roles.values()],
        "emojis": [],
        "stickers": [],
        "features": [],
        "preferred_locale": home.locale,
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "nsfw_level": 0,
        "premium_tier": 0,
        "premium_progress_bar_enabled": False,
        "afk_timeout": 300,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "approximate_member_count": len(home.members),
    }


def guild_create(home: Guild, bot: User) -> Json:
    """What the gateway tells when the bot connects: every channel, the threads that it can see, and itself.

    That a channel is listed does not mean that the bot can see it: a client computes that from the
    overwrites.
    """
    threads = [place for place in home.threads() if in_channel(place, bot)]
    return guild(home) | {
        "unavailable": False,
        "member_count": len(home.members),
        "joined_at": home.members[bot.id].joined.isoformat(),
        "large": len(home.members) > 250,
        "channels": [channel(place) for place in home.channels.values() if not place.is_thread],
        "threads": [
            channel(place)
            | ({"member": thread_member(place, bot.id)} if bot.id in place.thread.members else {})
            for place in threads
            if place.thread is not None and not place.thread.archived
        ],
        "members": [member(home.members[bot.id])],
        "presences": [],
        "voice_states": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def attachment(world: World, file: Attachment, place: Channel) -> Json:
    url = f"{world.cdn_url}/attachments/{place.id}/{file.id}/{file.filename}"
    return {
        "id": str(file.id),
        "filename": file.filename,
        "size": len(file.content),
        "url": url,
        "proxy_url": url,
        "content_type": file.content_type,
        "description": file.description,
    }


def reaction(world: World, given: Reaction) -> Json:
    return {
        "emoji": emoji(given),
        "count": len(given.users),
        "count_details": {"burst": 0, "normal": len(given.users)},
        "burst_colors": [],
        "burst_me": False,
        "me_burst": False,
        "burst_count": 0,
        "me": world.bot.id in given.users,
    }


def emoji(given: Reaction) -> Json:
    return {"id": None if given.emoji_id is None else str(given.emoji_id), "name": given.name}


def message(world: World, said: Message, *, with_referenced: bool = True) -> Json:
    """As REST tells it. The gateway adds `guild_id` and `member`, and blanks it for want of an intent."""
    body: Json = {
        "id": str(said.id),
        "channel_id": str(said.channel.id),
        "author": user(said.author),
        "content": said.content,
        "timestamp": said.created.isoformat(),
        "edited_timestamp": said.edited.isoformat() if said.edited else None,
        "type": int(said.kind),
        "flags": said.flags,
        "tts": False,
        "pinned": said.pinned_at is not None,
        "mention_everyone": said.mention_everyone,
        "mentions": [_mentioned(someone, said) for someone in said.mentions],
        "mention_roles": [str(role_id) for role_id in said.mention_roles],
        "embeds": said.embeds,
        "components": said.components,
        "attachments": [attachment(world, file, said.channel) for file in said.attachments],
        "reactions": [reaction(world, given) for given in said.reactions.values()],
    }
    if said.nonce is not None:
        body["nonce"] = said.nonce
    if said.webhook_id is not None:
        body["webhook_id"] = str(said.webhook_id)
    if said.thread is not None:
        body["thread"] = channel(said.thread)
    if said.interaction is not None:
        body["interaction_metadata"] = said.interaction.metadata()
    if said.reference is not None:
        body |= _reference(world, said, with_referenced)
    return body


def _mentioned(someone: User, said: Message) -> Json:
    guild_of = said.channel.guild
    if guild_of is None or someone.id not in guild_of.members:
        return user(someone)
    return user(someone) | {"member": member(guild_of.members[someone.id], with_user=False)}


def _reference(world: World, said: Message, with_referenced: bool) -> Json:
    reference = said.reference
    assert reference is not None
    pointer: Json = {
        "type": 0,
        "message_id": str(reference.message_id),
        "channel_id": str(reference.channel_id),
    }
    if said.channel.guild is not None:
        pointer["guild_id"] = str(said.channel.guild.id)
    body: Json = {"message_reference": pointer}
    if with_referenced and said.kind in (MessageKind.REPLY, MessageKind.THREAD_STARTER):
        place = world.channels.get(reference.channel_id)
        answered = place.messages.get(reference.message_id) if place else None
        body["referenced_message"] = (
            None if answered is None else message(world, answered, with_referenced=False)
        )
    return body


def message_event(world: World, said: Message) -> Json:
    """As MESSAGE_CREATE and MESSAGE_UPDATE tell it."""
    body = message(world, said)
    home = said.channel.guild
    if home is not None:
        body["guild_id"] = str(home.id)
        if said.author.id in home.members and said.webhook_id is None:
            body["member"] = member(home.members[said.author.id], with_user=False)
    return body


def readable(world: World, said: Message, body: Json, *, content_intent: bool) -> Json:
    """Blanked, as far as the bot may not read it: without the intent it reads its own messages, direct
    messages and those that mention it."""
    referenced = body.get("referenced_message")
    if content_intent or said.channel.guild is None:
        return body
    if referenced and referenced["author"]["id"] != str(world.bot.id):
        body = body | {"referenced_message": referenced | _NOTHING}
    if said.author is world.bot or world.bot in said.mentions:
        return body
    return body | _NOTHING


_NOTHING: Json = {"content": "", "embeds": [], "components": [], "attachments": []}
