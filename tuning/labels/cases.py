"""What labels are derived from: near-duplicate questions, with what stands on each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from agent.contracts import Episode, EpisodeId, Feedback, Intent, MemberId, Slug, SourceId
from agent.serving.served import Task
from tuning.labels.decisions import Decision, standing_decisions
from tuning.labels.grouping import group_id, grouped
from tuning.labels.rules import VERIFIED
from tuning.labels.standing import Aspect, Said, standing

Allows: TypeAlias = Callable[[MemberId, datetime], bool]
"""Whether the bot may learn from what a member said at a moment: as it stood then, and as it stands now."""

Scrub: TypeAlias = Callable[[str], str]

Vectors: TypeAlias = NDArray[np.float32]
"""(episodes, dimensions): of length 1, for near-duplicates in other words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """An episode that may be learnt from, and what stands on it of those who may be learnt from."""

    episode: Episode
    question: str
    """Scrubbed."""
    said: tuple[Said, ...]

    @property
    def votes(self) -> tuple[Said, ...]:
        return tuple(each for each in self.said if each.aspect is Aspect.VOTE)

    @property
    def liking(self) -> int:
        """Helpful votes less unhelpful ones."""
        return sum(int(each.value) for each in self.votes)

    @property
    def verified_answer(self) -> str:
        """The text whose quotes were checked; empty for a decline, a summary or an error."""
        answer = self.episode.answer
        return answer.text if answer and answer.kind in VERIFIED and answer.quotes else ""

    @property
    def quoted(self) -> frozenset[SourceId]:
        answer = self.episode.answer
        return frozenset(quote.source for quote in answer.quotes) if answer else frozenset()

    @property
    def category(self) -> Slug | None:
        """The one category that was searched; None where it was none or several."""
        route = self.episode.route
        return route.categories[0] if route and len(route.categories) == 1 else None


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one member says of a case, and where."""

    turn: Turn
    said: Said
    value: str
    """A category's slug, or an answer."""

    @property
    def member(self) -> MemberId:
        return self.said.event.member


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Near-duplicate questions, in the journal's order."""

    group: str
    turns: tuple[Turn, ...]
    decisions: tuple[Decision, ...] = ()
    """Those that stand on any of the questions, whoever made them."""
    unlearnable: frozenset[MemberId] = frozenset()
    """Of those who decided, whom the bot may not learn from."""

    def decided(self, task: Task) -> tuple[Decision, ...]:
        return tuple(each for each in self.decisions if each.task is task)

    def learnable(self, task: Task) -> tuple[Decision, ...]:
        """Without the words of those who may not be learnt from. That nothing is to be learnt may be heard
        of anybody.
        """
        return tuple(
            each for each in self.decided(task) if not each.outcome or each.member not in self.unlearnable
        )

    def turn_of(self, episode: EpisodeId | None) -> Turn:
        """The question that a decision was made on; the first one where it is not here."""
        return next((turn for turn in self.turns if turn.episode.id == episode), self.turns[0])

    def opinions(self, aspect: Aspect) -> tuple[Opinion, ...]:
        """The last of each member on any of the questions, in the questions' order."""
        every = [
            Opinion(turn, said, str(said.value))
            for turn in self.turns
            for said in turn.said
            if said.aspect is aspect
        ]
        last = {each.member: each for each in sorted(every, key=lambda each: each.said.place)}
        return tuple(each for each in every if last[each.member] is each)


def cases(
    episodes: Sequence[Episode],
    events: Iterable[Feedback],
    *,
    allows: Allows,
    scrub: Scrub,
    vectors: Vectors | None = None,
    decisions: Iterable[Decision] = (),
) -> Iterator[Case]:
    """Put the questions of one guild together, all in the journal's order, with what stands on them."""
    kept = [
        index
        for index, episode in enumerate(episodes)
        if episode.intent is Intent.ASK and allows(episode.member, episode.asked_at)
    ]
    said = _said_on(events, allows)
    questions = [scrub(episodes[index].question) for index in kept]
    groups: dict[int, list[Turn]] = {}
    leaders = grouped(questions, None if vectors is None else vectors[kept])
    for index, question, leader in zip(kept, questions, leaders, strict=True):
        episode = episodes[index]
        turn = Turn(episode=episode, question=question, said=tuple(said.get(episode.id, ())))
        groups.setdefault(leader, []).append(turn)
    decided = _by_episode(standing_decisions(decisions))
    for leader, turns in groups.items():
        theirs = [each for turn in turns for each in decided.get(turn.episode.id, ())]
        yield Case(
            group=group_id(questions[leader]),
            turns=tuple(turns),
            decisions=tuple(theirs),
            unlearnable=frozenset(each.member for each in theirs if not allows(each.member, each.at)),
        )


def _said_on(events: Iterable[Feedback], allows: Allows) -> dict[EpisodeId, list[Said]]:
    said: dict[EpisodeId, list[Said]] = {}
    for each in standing(events):
        if allows(each.event.member, each.event.at):
            said.setdefault(each.event.episode, []).append(each)
    return said


def _by_episode(decisions: Iterable[Decision]) -> dict[EpisodeId, list[Decision]]:
    found: dict[EpisodeId, list[Decision]] = {}
    for each in decisions:
        if each.episode is not None:
            found.setdefault(each.episode, []).append(each)
    return found
