"""What a reviewer in Discord is shown, and whose turn it is: without anything of Discord's clients."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Final

from agent.contracts import GuildId, MemberId
from agent.language.counts import Count
from bot.rendering import neutral_line
from bot.splitter import LIMIT
from bot.texts.review import ReviewTexts
from tuning.annotation.exhibit import Exhibit, Piece

_CLAIM_SECONDS: Final = 600.0
_SHOWN_PASSAGES: Final = 3
_LONG: Final = 280
_SHORT: Final = 160
_REPORT: Final = 1200
"""A report is all there is to read, with both sentences that contradict each other."""


class Claims:
    """Who is looking at what, so that two reviewers do not decide the same. A guild belongs to one process;
    what a restart forgets, the store refuses when the second one decides.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: dict[GuildId, dict[str, tuple[MemberId, float]]] = defaultdict(dict)

    def take(self, guild: GuildId, member: MemberId, item: str) -> None:
        """Look at this one and no other, for ten minutes."""
        held = self._held[guild]
        self.release(guild, member)
        held[item] = (member, self._clock() + _CLAIM_SECONDS)

    def release(self, guild: GuildId, member: MemberId) -> None:
        held = self._held[guild]
        for item in [each for each, (holder, _) in held.items() if holder == member]:
            del held[item]

    def of_others(self, guild: GuildId, member: MemberId) -> frozenset[str]:
        now = self._clock()
        return frozenset(
            item for item, (holder, until) in self._held[guild].items() if holder != member and until > now
        )


def shown_text(shown: Exhibit, place: int, count: int, texts: ReviewTexts, notice: str = "") -> str:
    """Everything that a decision needs in one message; each part is harmless, and cut where it is long."""
    lines = [notice] if notice else []
    lines.append(texts.heading.format(place=place, count=count, why=texts.why[shown.item.kind]))
    if shown.item.task is None:
        lines.append(texts.report.format(text=_cut(shown.question, _REPORT)))
    else:
        lines += [texts.question.format(text=_cut(shown.question, _LONG)), *_about(shown, texts)]
    lines += [
        texts.said.format(
            count=len(each.members), text=_cut(each.value, _SHORT) if each.value else texts.nothing_learnt
        )
        for each in shown.item.choices[:_SHOWN_PASSAGES]
    ]
    if shown.item.proposal and shown.decidable:
        lines.append(texts.proposed.format(text=_cut(shown.item.proposal, _SHORT)))
    return "\n".join(lines)[:LIMIT]


def _about(shown: Exhibit, texts: ReviewTexts) -> list[str]:
    lines: list[str] = []
    if shown.scores:
        scores = ", ".join(f"{slug} {probability:.0%}" for slug, probability in shown.scores[:4])
        lines.append(texts.route.format(scores=scores, out_of_scope=f"{shown.out_of_scope:.0%}"))
    lines.append(texts.evidence if shown.evidence else texts.no_evidence)
    lines += [f"{number}. {_piece(each)}" for number, each in enumerate(shown.evidence[:_SHOWN_PASSAGES], 1)]
    if shown.hidden:
        lines.append(texts.hidden.format(count=shown.hidden))
    if shown.withheld:
        lines.append(texts.answer_withheld)
    elif shown.answer:
        lines.append(texts.answer.format(text=_cut(shown.answer, _LONG)))
    lines.append(texts.votes.format(helpful=Count(shown.helpful), unhelpful=shown.unhelpful))
    return lines


def _piece(piece: Piece) -> str:
    place = " › ".join(part for part in (piece.title, piece.location) if part)
    return f"*{_cut(place, _SHORT // 2)}*: {_cut(piece.text, _SHORT)}"


def _cut(text: str, length: int) -> str:
    return neutral_line(text if len(text) <= length else f"{text[: length - 1].rstrip()}…")
