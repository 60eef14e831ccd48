"""A message as the history of a channel keeps it, and which messages it leaves out: pure.

Left out is what is no member's statement: bots and webhooks, what Discord itself writes, commands, questions
to this bot, messages without words; and whoever said that the bot may not learn from them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from agent.contracts import MemberId

_COMMAND: Final = re.compile(r"[!?$%&;./][A-Za-z][\w-]*(?:\s[^\n]{0,120})?\Z")
"""`!rank @ana`, `?tag pump`: one short line that begins as no sentence does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A message that is kept."""

    message: int
    member: MemberId
    name: str
    words: str
    """What is kept of it; never blank."""
    answers: int | None = None
    """The message that it replies to."""
    mentions: frozenset[MemberId] = frozenset()


class LeftOut(StrEnum):
    """Why a message is not kept."""

    BOT = "bot"
    WEBHOOK = "webhook"
    SYSTEM = "system"
    EMPTY = "empty"
    COMMAND = "command"
    FOR_ME = "for_me"
    """It asks this bot, or answers it."""
    REFUSED = "refused"
    """Its author does not let the bot learn from them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the rule asks of a message."""

    words: str
    from_bot: bool = False
    from_webhook: bool = False
    from_system: bool = False
    for_me: bool = False
    refused: bool = False


def left_out(heard: Heard) -> LeftOut | None:
    """Say why a message is left out; None when it is kept. The first reason in this order counts."""
    reasons = (
        (heard.from_webhook, LeftOut.WEBHOOK),
        (heard.from_bot, LeftOut.BOT),
        (heard.from_system, LeftOut.SYSTEM),
        (heard.refused, LeftOut.REFUSED),
        (heard.for_me, LeftOut.FOR_ME),
        (not heard.words.strip(), LeftOut.EMPTY),
        (_COMMAND.match(heard.words) is not None, LeftOut.COMMAND),
    )
    return next((reason for holds, reason in reasons if holds), None)
