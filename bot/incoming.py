"""What a Discord message is to the bot: whether it is answered, and the question it holds."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import discord

from agent.contracts import Asker, GuildId, Intent, MemberId, Question, Slug, Turn
from agent.understanding.intent import pick_intent
from bot.conversation import (
    asked_number,
    conversation_before,
    messages_before,
    named_attachments,
    replied_to,
    words_of,
)
from bot.policy import Decision, Incoming, Rules, should_respond
from bot.powers import has_power
from bot.state.config import GuildConfig, Power
from bot.visibility import may_see, member_visibility, visibility_of_entry

if TYPE_CHECKING:
    from bot.client import Lorekeeper

_log = logging.getLogger(__name__)

_HUMAN: Final = (discord.MessageType.default, discord.MessageType.reply)
_EVERYBODY: Final = re.compile(r"@(?:everyone|here)\b")
_CONVERSATION_TOKENS: Final = 600
_SUMMARY_TOKENS: Final = 6000
_SUMMARY_MESSAGES: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A message with the guild whose knowledge it asks for, and its author as a member there."""

    message: discord.Message
    guild: discord.Guild
    guild_id: GuildId
    member: discord.Member
    config: GuildConfig

    @property
    def direct(self) -> bool:
        return self.message.guild is None


async def decide(bot: Lorekeeper, message: discord.Message, config: GuildConfig) -> Decision:
    """Decide whether a message is answered; `config` is that of its guild, the defaults for direct ones."""
    author = message.author
    if (
        message.guild
        and config.roles.get(Power.ASK)
        and not (author.bot or isinstance(author, discord.Member))
    ):
        # A message out of the history does not say which roles its author has.
        author = await bot.member_of(message.guild, author.id) or author
    return should_respond(await _incoming(bot, message), rules_for(message, author, config))


def rules_for(message: discord.Message, author: discord.abc.User, config: GuildConfig) -> Rules:
    """What the admins chose for the place and the author. A thread goes by its channel."""
    channel = message.channel
    parent = channel.parent if isinstance(channel, discord.Thread) else channel
    chosen = config.channel(channel.id, getattr(parent, "id", None), getattr(parent, "category_id", None))
    return Rules(
        auto=chosen.auto,
        silenced=chosen.silenced,
        may_ask=has_power(config, author, Power.ASK),
    )


async def resolve_channel(bot: Lorekeeper, message: discord.Message) -> None:
    """A thread that nobody told the bot of arrives without its channel; without that no rule would hold."""
    if isinstance(message.channel, discord.PartialMessageable) and message.guild is not None:
        try:
            found = await bot.fetch_channel(message.channel.id)
        except discord.HTTPException as error:
            _log.info("the channel of message %s cannot be read: %s", message.id, error)
            return
        if isinstance(found, discord.Thread):
            message.channel = found


async def _incoming(bot: Lorekeeper, message: discord.Message) -> Incoming:
    me = bot.me_id
    replied = message.reference.resolved if message.reference else None
    to = replied.author.id if isinstance(replied, discord.Message) else None
    if message.reference and to is None and message.type is discord.MessageType.reply:
        known = await replied_to(message)
        to = known.author.id if known else 0
    thread = message.channel if isinstance(message.channel, discord.Thread) else None
    # With the ping of a reply on, Discord lists who is replied to among the mentions; only words count here.
    mentioned = {int(id_) for id_ in re.findall(r"<@!?(\d+)>", message.content)}
    managed = {role.id for role in message.role_mentions if role.tags and role.tags.bot_id == me}
    return Incoming(
        from_me=message.author.id == me,
        from_bot=message.author.bot,
        from_webhook=message.webhook_id is not None,
        from_system=message.type not in _HUMAN,
        direct=message.guild is None,
        mentions_me=me in mentioned or bool(managed),
        mentions_others=bool(mentioned - {me}),
        # Also from who may not ping everyone: it was meant so.
        mentions_many=_EVERYBODY.search(message.content) is not None
        or any(role.id not in managed for role in message.role_mentions),
        replies_to_me=to == me,
        replies_to_others=to is not None and to != me,
        in_my_thread=thread is not None and (thread.owner_id == me or thread.me is not None),
        empty=not (words_of(message, me) or message.attachments),
    )


async def question_of(bot: Lorekeeper, placed: Placed) -> Question:
    """Gather what the agent needs: words, conversation, who asks and what they may see."""
    message, member = placed.message, placed.member
    place = None if placed.direct else message.channel
    assert place is None or isinstance(place, discord.abc.GuildChannel | discord.Thread)
    language = (placed.config.language or placed.guild.preferred_locale.value)[:2]
    text = await asked_words(bot, message)
    turns = await _turns(bot, message, text, language)
    parent = place.parent if isinstance(place, discord.Thread) else place
    chosen = placed.config.channel(
        message.channel.id, getattr(parent, "id", None), getattr(parent, "category_id", None)
    )
    return Question(
        text=text,
        guild=placed.guild_id,
        asker=Asker(
            member=MemberId(str(member.id)),
            name=member.display_name,
            may_see=may_see(member, place, await bot.channels_of(placed.guild)),
        ),
        conversation=turns,
        category=await _known(bot, placed, chosen.category),
        language=language,
        remember_as=visibility_of_entry(place) if place else member_visibility(member.id),
    )


async def _known(bot: Lorekeeper, placed: Placed, topic: Slug | None) -> Slug | None:
    """What questions of a channel are about, unless that topic was removed since."""
    if topic is None:
        return None
    catalog = bot.installation.stores.catalog
    known = {each.slug for each in await catalog.categories(placed.guild_id)}
    return topic if topic in known else (await catalog.former_slugs(placed.guild_id)).get(topic)


async def asked_words(bot: Lorekeeper, message: discord.Message) -> str:
    """The question: the message's words, the title of a post that it opens, or, when it holds nothing but the
    mention, the message that it answers.
    """
    words = words_of(message, bot.me_id)
    if not words and (replied := await replied_to(message)) is not None:
        return words_of(replied, bot.me_id)
    opens = isinstance(message.channel, discord.Thread) and message.channel.id == message.id
    title = message.channel.name if opens and isinstance(message.channel, discord.Thread) else ""
    return "\n".join(part for part in (title, words, named_attachments(message.attachments)) if part)


async def _turns(bot: Lorekeeper, message: discord.Message, text: str, language: str) -> tuple[Turn, ...]:
    choice = pick_intent(text, language)
    if choice.intent is Intent.SUMMARIZE and not choice.argument:
        most = asked_number(text, _SUMMARY_MESSAGES)
        return await messages_before(message, bot.me_id, _SUMMARY_TOKENS, most)
    return await conversation_before(message, bot.me_id, _CONVERSATION_TOKENS)
