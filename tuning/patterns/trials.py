"""What members said of questions, as remarks; and the questions that were remarked on, as trials."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from agent.contracts import (
    Day,
    Episode,
    EpisodeId,
    Feedback,
    FeedbackKind,
    Intent,
    MemberId,
    Role,
    RouteDecision,
    Slug,
)
from agent.serving.served import Task
from tuning.labels.standing import standing
from tuning.patterns.causes import cause_of, misrouted
from tuning.patterns.pattern import History
from tuning.patterns.rules import WORDS_A_DAY, Cause, Remark

VOTED, ASKED, SURE = 0.5, 0.25, 1.0
"""What remarks weigh: a vote; having asked what was not answered; a correction or a reason."""

ANOTHER_ANSWER: Final = "another answer"
"""What is wrong with an answer that was corrected without a reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One question of one task: it failed or it did not."""

    index: int
    """The episode's place in the history."""
    episode: EpisodeId
    task: Task
    category: Slug | None
    at: datetime
    """When it was asked."""
    failed: bool
    tested: bool
    """Whether statistics count it: members judged it, and not by as many words a day as one has."""
    answered: bool
    """Whether it was not declined."""
    cause: Cause | None
    """Of one that failed."""
    remarks: tuple[Remark, ...]


@dataclass(slots=True)
class _Spoken:
    """What stands of one member on one episode."""

    at: datetime
    role: Role
    vote: int = 0
    category: str = ""
    answer: str = ""
    reason: str = ""


def remarks_of(history: History) -> list[Remark]:
    """Return every remark of those whom the bot may learn from, in the order of the questions.

    At most one of each member on a question for each task.
    """
    spoken = _spoken(history)
    remarks: list[Remark] = []
    for episode in history.episodes:
        if episode.intent is not Intent.ASK or not history.allows(episode.member, episode.asked_at):
            continue
        said = spoken.get(episode.id, {})
        for member, words in said.items():
            remarks += _on_route(episode, member, words)
            remarks += _on_answer(episode, member, words)
        if episode.answer is not None and episode.answer.declined and episode.member not in said:
            asking = _Spoken(at=episode.asked_at, role=Role.MEMBER)
            remarks.append(
                _remark(episode, episode.member, asking, task=Task.ANSWER, weight=ASKED, by_asking=True)
            )
    return [each for each in remarks if (each.episode, each.task) not in history.discarded]


def trials_of(history: History, remarks: Iterable[Remark]) -> list[Trial]:
    """Return the trials that these remarks are about, in the journal's order."""
    by_question: dict[EpisodeId, list[Remark]] = {}
    for remark in remarks:
        by_question.setdefault(remark.episode, []).append(remark)
    trials: list[Trial] = []
    for index, episode in enumerate(history.episodes):
        if said := by_question.get(episode.id):
            trials += _trials(index, episode, said)
    return list(_heard(trials))


def _spoken(history: History) -> dict[EpisodeId, dict[MemberId, _Spoken]]:
    spoken: dict[EpisodeId, dict[MemberId, _Spoken]] = {}

    def of(event: Feedback) -> _Spoken:
        first = _Spoken(at=event.at, role=event.role)
        words = spoken.setdefault(event.episode, {}).setdefault(event.member, first)
        words.at, words.role = event.at, event.role
        return words

    for said in standing(history.events):
        if history.allows(said.event.member, said.event.at):
            setattr(of(said.event), said.aspect, said.value)
    for event in _standing_reasons(history.events):
        if history.allows(event.member, event.at):
            of(event).reason = str(event.value["reason"])
    return spoken


def _standing_reasons(events: Sequence[Feedback]) -> Iterator[Feedback]:
    taken_back = {
        (event.member, event.value["event"]) for event in events if event.kind is FeedbackKind.RETRACTION
    }
    for event in events:
        if event.kind is FeedbackKind.REASON and (event.member, event.id) not in taken_back:
            yield event


def _on_route(episode: Episode, member: MemberId, words: _Spoken) -> Iterator[Remark]:
    """A correction, or a helpful vote on what was searched in one category that the router chose."""
    route = episode.route
    if route is None or route.decision is RouteDecision.GIVEN:
        return
    if words.category:
        against = misrouted(episode, (Slug(words.category),))
        yield _remark(
            episode,
            member,
            words,
            task=Task.ROUTE,
            weight=SURE,
            value=words.category,
            against=against,
            correction=against,
        )
    elif words.vote > 0 and len(route.categories) == 1:
        yield _remark(episode, member, words, task=Task.ROUTE, weight=VOTED, against=False)


def _on_answer(episode: Episode, member: MemberId, words: _Spoken) -> Iterator[Remark]:
    """What is wrong with it, or a mere vote. A helpful vote takes back the reason for an unhelpful one."""
    reason = words.reason if words.vote <= 0 else ""
    value = reason or (ANOTHER_ANSWER if words.answer else "")
    if value:
        yield _remark(
            episode,
            member,
            words,
            task=Task.ANSWER,
            weight=SURE,
            value=value,
            correction=bool(words.answer),
            text=words.answer,
        )
    elif words.vote:
        against = words.vote < 0
        yield _remark(episode, member, words, task=Task.ANSWER, weight=VOTED, against=against)


def _remark(
    episode: Episode,
    member: MemberId,
    words: _Spoken,
    *,
    task: Task,
    weight: float,
    value: str = "",
    **more: Any,
) -> Remark:
    return Remark(
        member=member,
        role=words.role,
        at=words.at,
        weight=weight,
        value=value,
        episode=episode.id,
        task=task,
        **more,
    )


def _trials(index: int, episode: Episode, said: Sequence[Remark]) -> Iterator[Trial]:
    """A question that was asked in the wrong place says nothing of the answers."""
    route = tuple(each for each in said if each.task is Task.ROUTE)
    answer = tuple(each for each in said if each.task is Task.ANSWER)
    if route:
        yield _trial(index, episode, route)
    if answer and not any(each.against for each in route):
        yield _trial(index, episode, answer)


def _trial(index: int, episode: Episode, said: tuple[Remark, ...]) -> Trial:
    task = said[0].task
    sum_for = sum(each.weight for each in said if not each.against)
    sum_against = sum(each.weight for each in said if each.against)
    failed = sum_against > sum_for
    judged = sum_against != sum_for and not all(each.by_asking for each in said)
    return Trial(
        index=index,
        episode=episode.id,
        task=task,
        category=_searched(episode),
        at=episode.asked_at,
        failed=failed,
        tested=judged,
        answered=episode.answer is not None and not episode.answer.declined,
        cause=_cause(episode, [each for each in said if each.against]) if failed else None,
        remarks=said,
    )


def _cause(episode: Episode, against: Sequence[Remark]) -> Cause | None:
    route = [each for each in against if each.task is Task.ROUTE]
    return cause_of(
        episode,
        categories=[Slug(each.value) for each in route],
        answers=[each.text for each in against if each.text],
        reasons=[each.value for each in against if each.task is Task.ANSWER],
    )


def _searched(episode: Episode) -> Slug | None:
    """The one category that was searched; None where it was none or several."""
    route = episode.route
    return route.categories[0] if route is not None and len(route.categories) == 1 else None


def _heard(trials: Iterable[Trial]) -> Iterator[Trial]:
    """Statistics hear of each member a few failures a day and category, whatever else they say."""
    spoken: Counter[tuple[MemberId, Day, Task, Slug | None]] = Counter()
    for trial in trials:
        if not (trial.tested and trial.failed):
            yield trial
            continue
        keys = [
            (each.member, each.at.date(), trial.task, trial.category)
            for each in trial.remarks
            if each.against
        ]
        heard = any(spoken[key] < WORDS_A_DAY for key in keys)
        spoken.update(keys)
        yield trial if heard else replace(trial, tested=False)
