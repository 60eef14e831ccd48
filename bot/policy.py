"""Whether a message is answered, and why. Pure: what Discord says goes in, a named decision comes out.

The name is what `/diagnose` shows, so each yes and each no has one of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a message is answered (the first five) or not."""

    MENTIONED = "mentioned"
    REPLIED = "replied"
    DIRECT = "direct"
    THREAD = "thread"
    """In a thread that the bot opened or was invited to no mention is needed."""
    AUTO = "auto"
    """An admin switched automatic answers on in the channel."""

    OWN_MESSAGE = "own_message"
    OTHER_BOT = "other_bot"
    WEBHOOK = "webhook"
    SYSTEM_MESSAGE = "system_message"
    """Discord itself speaks: somebody joined, pinned, renamed."""
    SILENCED = "silenced"
    MAY_NOT_ASK = "may_not_ask"
    """The member has none of the roles that may ask."""
    FOR_EVERYONE = "for_everyone"
    """@everyone, @here or a role: an announcement, unless the bot is mentioned by name."""
    FOR_SOMEONE_ELSE = "for_someone_else"
    """Where no mention is needed, a message that mentions or answers another member is theirs."""
    EMPTY = "empty"
    NOT_ADDRESSED = "not_addressed"


_YES = frozenset({Reason.MENTIONED, Reason.REPLIED, Reason.DIRECT, Reason.THREAD, Reason.AUTO})


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """What Discord says of a message, seen from the bot."""

    from_me: bool = False
    from_bot: bool = False
    from_webhook: bool = False
    from_system: bool = False
    direct: bool = False
    """In direct messages."""
    mentions_me: bool = False
    mentions_others: bool = False
    mentions_many: bool = False
    """@everyone, @here or a role."""
    replies_to_me: bool = False
    replies_to_others: bool = False
    in_my_thread: bool = False
    empty: bool = False
    """Neither words nor an attachment, apart from the mention of the bot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the guild's admins said about the channel, its category of channels and the member."""

    auto: bool = False
    silenced: bool = False
    may_ask: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    reason: Reason

    @property
    def respond(self) -> bool:
        return self.reason in _YES


def should_respond(message: Incoming, rules: Rules) -> Decision:
    """Decide by the first rule that applies; what forbids stands before what invites."""
    return Decision(reason=_never(message) or _addressed(message, rules) or _unasked(message, rules))


def _never(message: Incoming) -> Reason | None:
    if message.from_me:
        return Reason.OWN_MESSAGE
    if message.from_webhook:
        return Reason.WEBHOOK
    if message.from_bot:
        return Reason.OTHER_BOT
    if message.from_system:
        return Reason.SYSTEM_MESSAGE
    return None


def _addressed(message: Incoming, rules: Rules) -> Reason | None:
    """A member who speaks to the bot by name hears an answer, even to an empty message."""
    if message.mentions_me:
        addressed = Reason.MENTIONED
    elif message.empty:
        return Reason.EMPTY
    elif message.replies_to_me:
        addressed = Reason.REPLIED
    elif message.direct:
        addressed = Reason.DIRECT
    else:
        return None
    return _forbidden(rules) or addressed


def _unasked(message: Incoming, rules: Rules) -> Reason:
    """Where no mention is needed, whatever is plainly not for the bot is left alone."""
    if not (message.in_my_thread or rules.auto):
        return Reason.NOT_ADDRESSED
    if message.mentions_many:
        return Reason.FOR_EVERYONE
    if message.mentions_others or message.replies_to_others:
        return Reason.FOR_SOMEONE_ELSE
    return _forbidden(rules) or (Reason.THREAD if message.in_my_thread else Reason.AUTO)


def _forbidden(rules: Rules) -> Reason | None:
    if rules.silenced:
        return Reason.SILENCED
    return None if rules.may_ask else Reason.MAY_NOT_ASK
