"""Interactions: one acknowledgement within 3 seconds, then answers with a token that lives 15 minutes.

Both are measured on the clock of deadlines, which a test moves. What the bot answers is kept here; an
ephemeral answer is in no channel, and only the member who acted ever sees it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

from tests.discord import payloads
from tests.discord.errors import DiscordError, invalid_form, unknown
from tests.discord.messages import Changes, Draft, apply, compose
from tests.discord.model import Channel, Json, Message, MessageKind, Reference, User
from tests.discord.permissions import in_channel
from tests.discord.validation import FILE_BYTES, check_choices, check_modal
from tests.discord.world import World

ACKNOWLEDGE_SECONDS: Final = 3.0
TOKEN_SECONDS: Final = 15 * 60.0
EPHEMERAL: Final = 1 << 6
THINKING: Final = 1 << 7


class Kind(IntEnum):
    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL = 5


class Answer(IntEnum):
    """How the bot acknowledges."""

    MESSAGE = 4
    THINKING = 5
    DEFER_UPDATE = 6
    UPDATE = 7
    CHOICES = 8
    MODAL = 9


@dataclass(slots=True, kw_only=True, eq=False)
class Interaction:
    """One act of a member, and everything that the bot answered to it."""

    id: int
    token: str
    kind: Kind
    user: User
    channel: Channel
    data: Json
    name: str
    started: float
    message: Message | None = None
    """Whose component was used."""
    answer: Answer | None = None
    original: Message | None = None
    followups: list[Message] = field(default_factory=list)
    modal: Json | None = None
    choices: list[Json] | None = None

    def metadata(self) -> Json:
        return {
            "id": str(self.id),
            "type": int(self.kind),
            "name": self.name,
            "user": payloads.user(self.user),
            "authorizing_integration_owners": {},
        }

    def messages(self) -> list[Message]:
        """What the member sees of the answers, oldest first, without those deleted."""
        own = [] if self.original is None or self.original is self.message else [self.original]
        return [message for message in own + self.followups if not message.deleted]


def begin(
    world: World,
    kind: Kind,
    user: User,
    channel: Channel,
    data: Json,
    *,
    name: str,
    message: Message | None = None,
) -> Interaction:
    """A member did something: the bot is told, and the 3 seconds run."""
    interaction = Interaction(
        id=world.snowflakes.next(),
        token=secrets.token_urlsafe(48),
        kind=kind,
        user=user,
        channel=channel,
        data=data,
        name=name,
        started=world.clock.deadline_time(),
        message=message,
    )
    world.interactions[interaction.token] = interaction
    world.emit("INTERACTION_CREATE", _event(world, interaction), guild=channel.guild)
    return interaction


def _event(world: World, interaction: Interaction) -> Json:
    channel, home = interaction.channel, interaction.channel.guild
    app_permissions = in_channel(channel, world.bot)
    body: Json = {
        "id": str(interaction.id),
        "application_id": str(world.application.id),
        "token": interaction.token,
        "version": 1,
        "type": int(interaction.kind),
        "data": interaction.data,
        "channel_id": str(channel.id),
        "channel": payloads.channel(channel),
        "locale": interaction.user.locale,
        "app_permissions": str(int(app_permissions)),
        "attachment_size_limit": FILE_BYTES,
        "entitlements": [],
        "authorizing_integration_owners": {"0": str(home.id) if home else "0"},
        "context": 0 if home else 1,
    }
    if home is not None:
        body |= {
            "guild_id": str(home.id),
            "guild": {"id": str(home.id), "locale": home.locale, "features": []},
            "guild_locale": home.locale,
            "member": payloads.member_in(home.members[interaction.user.id], channel),
        }
    else:
        body["user"] = payloads.user(interaction.user)
    if interaction.message is not None:
        body["message"] = payloads.message(world, interaction.message)
    return body


def acknowledge(world: World, interaction: Interaction, answer: Answer, data: Json, draft: Draft) -> None:
    """The bot's one callback; late is 10062, twice is 40060."""
    if interaction.answer is not None:
        raise DiscordError(400, 40060, "Interaction has already been acknowledged.")
    if world.clock.deadline_time() - interaction.started > ACKNOWLEDGE_SECONDS:
        raise unknown("Interaction")
    _check_answer(interaction, answer)
    _ACT[answer](world, interaction, data, draft)
    interaction.answer = answer
    world.events.touch()


def _check_answer(interaction: Interaction, answer: Answer) -> None:
    """Choices answer autocomplete and nothing else does; a modal does not answer a modal."""
    from_message = interaction.message is not None
    fits = {
        Answer.CHOICES: interaction.kind is Kind.AUTOCOMPLETE,
        Answer.MODAL: interaction.kind in (Kind.COMMAND, Kind.COMPONENT),
        Answer.UPDATE: from_message,
        Answer.DEFER_UPDATE: from_message,
    }.get(answer, interaction.kind is not Kind.AUTOCOMPLETE)
    if not fits:
        raise invalid_form("type", "INTERACTION_CALLBACK_TYPE_INVALID", "Not an answer to this interaction.")


def _answer_with_message(world: World, interaction: Interaction, _data: Json, draft: Draft) -> None:
    interaction.original = _say(world, interaction, draft)


def _answer_with_thinking(world: World, interaction: Interaction, _data: Json, draft: Draft) -> None:
    message = _label(
        interaction,
        Message(
            id=world.snowflakes.next(),
            channel=interaction.channel,
            author=world.bot,
            content="",
            created=world.clock.now(),
            flags=(draft.flags & EPHEMERAL) | THINKING,
        ),
    )
    message.show(message.created)
    interaction.original = _show(world, message)


def _answer_with_nothing(_world: World, interaction: Interaction, _data: Json, _draft: Draft) -> None:
    interaction.original = interaction.message


def _answer_with_update(world: World, interaction: Interaction, data: Json, draft: Draft) -> None:
    assert interaction.message is not None
    interaction.original = interaction.message
    _change(world, interaction.message, changes_named(data, draft))


def _answer_with_choices(_world: World, interaction: Interaction, data: Json, _draft: Draft) -> None:
    choices: list[Json] = data.get("choices") or []
    check_choices(choices)
    interaction.choices = choices


def _answer_with_modal(_world: World, interaction: Interaction, data: Json, _draft: Draft) -> None:
    check_modal(data)
    interaction.modal = data


_ACT: Final = {
    Answer.MESSAGE: _answer_with_message,
    Answer.THINKING: _answer_with_thinking,
    Answer.DEFER_UPDATE: _answer_with_nothing,
    Answer.UPDATE: _answer_with_update,
    Answer.CHOICES: _answer_with_choices,
    Answer.MODAL: _answer_with_modal,
}


def follow_up(world: World, interaction: Interaction, draft: Draft) -> Message:
    """A further answer. The first after "thinking" takes its place, as ephemeral as that was."""
    _check_answered(world, interaction)
    original = interaction.original
    if original is not None and original.is_thinking and not original.deleted:
        changes = Changes(
            content=draft.content,
            embeds=draft.embeds,
            components=draft.components,
            files=draft.files,
            allowed_mentions=draft.allowed_mentions,
        )
        _change(world, original, changes)
        return original
    message = _say(world, interaction, draft)
    interaction.followups.append(message)
    return message


def answer_of(world: World, interaction: Interaction, which: str) -> Message:
    """`@original` or the id of a follow-up; the token must be alive."""
    _check_answered(world, interaction)
    if which == "@original":
        found = interaction.original
    else:
        everything = [interaction.original, interaction.message, *interaction.followups]
        found = next((message for message in everything if message and str(message.id) == which), None)
    if found is None or found.deleted:
        raise unknown("Message")
    return found


def edit_answer(world: World, interaction: Interaction, which: str, changes: Changes) -> Message:
    message = answer_of(world, interaction, which)
    _change(world, message, changes)
    return message


def delete_answer(world: World, interaction: Interaction, which: str) -> None:
    message = answer_of(world, interaction, which)
    message.deleted = True
    if message.is_ephemeral:
        world.events.touch()
        return
    message.channel.messages.remove(message)
    gone = {"id": str(message.id), "channel_id": str(message.channel.id)}
    if message.channel.guild is not None:
        gone["guild_id"] = str(message.channel.guild.id)
    world.emit("MESSAGE_DELETE", gone, channel=message.channel)


def changes_named(data: Json, draft: Draft) -> Changes:
    """Only what the body names changes; null empties."""
    kept = data.get("attachments")
    return Changes(
        content=(draft.content if "content" in data else None),
        embeds=(draft.embeds if "embeds" in data or "embed" in data else None),
        components=(draft.components if "components" in data else None),
        keep_attachments=None if kept is None else frozenset(_kept_ids(kept)),
        files=draft.files,
        flags=data.get("flags"),
        allowed_mentions=draft.allowed_mentions,
    )


def _kept_ids(attachments: list[Any]) -> list[int]:
    """Small numbers stand for the files that come along, long ids for those already there."""
    return [int(item["id"]) for item in attachments]


def _check_answered(world: World, interaction: Interaction) -> None:
    if interaction.answer is None:
        raise unknown("Webhook")
    if world.clock.deadline_time() - interaction.started > TOKEN_SECONDS:
        raise DiscordError(401, 50027, "Invalid Webhook Token")


def _say(world: World, interaction: Interaction, draft: Draft) -> Message:
    message = _label(interaction, compose(world, interaction.channel, world.bot, draft))
    return _show(world, message)


def _label(interaction: Interaction, message: Message) -> Message:
    message.interaction = interaction
    source = interaction.message
    if interaction.kind is Kind.COMMAND:
        message.kind = (
            MessageKind.MENU_ANSWER if "target_id" in interaction.data else MessageKind.SLASH_ANSWER
        )
    elif source is not None and not source.is_ephemeral:
        message.kind = MessageKind.REPLY
        message.reference = Reference(message_id=source.id, channel_id=source.channel.id)
    return message


def _show(world: World, message: Message) -> Message:
    if message.is_ephemeral:
        world.events.touch()
        return message
    message.channel.messages.add(message)
    world.emit(
        "MESSAGE_CREATE", payloads.message_event(world, message), channel=message.channel, message=message
    )
    return message


def _change(world: World, message: Message, changes: Changes) -> None:
    if message.deleted:
        raise unknown("Message")
    was_thinking = message.is_thinking
    apply(world, message, changes)
    message.flags &= ~THINKING
    if was_thinking:
        message.edited = None  # members see the answer come, not a change
    if message.is_ephemeral:
        world.events.touch()
        return
    world.emit(
        "MESSAGE_UPDATE", payloads.message_event(world, message), channel=message.channel, message=message
    )
