"""Labels that a reviewer decided: they come before whatever feedback says, until it contradicts them.

A decision stands against every word that its reviewer knew. An admin or a reviewer who says otherwise
afterwards makes a conflict of it, and so do two reviewers who decide differently without knowing of each
other; members who say otherwise bring the question back into the queue, and the label stays meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TypeAlias

from agent.contracts import MemberId, Slug, SourceId
from agent.serving.served import Task
from tuning.labels import rules
from tuning.labels.cases import Case, Opinion, Scrub
from tuning.labels.decisions import Decision
from tuning.labels.grouping import same_words
from tuning.labels.label import Choice, Doubt, Label, Review
from tuning.labels.rules import TRUSTED

Quotable: TypeAlias = Callable[[SourceId], bool]
"""Whether the bot may learn from the words of a source, which an answer says again."""

Voice: TypeAlias = tuple[str, str, MemberId]
"""What is said, the id of the event that says it, and who."""


def challengers(decisions: Sequence[Decision], opinions: Iterable[Opinion]) -> tuple[Opinion, ...]:
    """Who says otherwise, and was not known to those who decided. Answers are scrubbed."""
    known = {id_ for each in decisions for id_ in each.seen}
    outcomes = {each.outcome for each in decisions}
    task = decisions[0].task if decisions else None
    return tuple(
        each
        for each in opinions
        if each.said.event.id not in known
        and (each.value if task is Task.ROUTE else same_words(each.value)) not in outcomes
    )


def decided(
    case: Case,
    task: Task,
    opinions: Iterable[Opinion],
    *,
    known: Collection[Slug],
    quotable: Quotable,
    scrub: Scrub,
) -> Iterator[Label | Review]:
    """What the decisions on a case come to; nothing when they discard it. There must be one."""
    decisions = case.learnable(task)
    against = [each for each in challengers(decisions, opinions) if each.said.event.role in TRUSTED]
    voices = [voice_of(each) for each in decisions]
    first = decisions[0]
    if against or len({each.outcome for each in decisions}) > 1:
        yield review(case, task, Doubt.CONFLICT, [*voices, *map(voice_of_opinion, against)])
    elif task is Task.ROUTE and first.category is not None and first.category not in known:
        yield review(case, task, Doubt.GONE, voices)
    elif first.outcome and all(quotable(each.source) for each in first.evidence):
        yield _label(case, task, decisions, scrub)


def voice_of(decision: Decision) -> Voice:
    return str(decision.category or decision.answer), decision.id, decision.member


def voice_of_opinion(opinion: Opinion) -> Voice:
    return opinion.value, opinion.said.event.id, opinion.member


def review(case: Case, task: Task, doubt: Doubt, voices: Iterable[Voice]) -> Review:
    """Put what people say of a case side by side."""
    by_value: dict[str, list[Voice]] = {}
    for each in voices:
        by_value.setdefault(each[0], []).append(each)
    choices = [
        Choice(
            value=value,
            events=tuple(sorted({event for _, event, _ in those})),
            members=tuple(sorted({member for _, _, member in those})),
        )
        for value, those in sorted(by_value.items())
    ]
    first = case.turns[0]
    return Review(
        guild=first.episode.guild,
        task=task,
        group=case.group,
        question=first.question,
        doubt=doubt,
        choices=tuple(choices),
    )


def _label(case: Case, task: Task, decisions: Sequence[Decision], scrub: Scrub) -> Label:
    """Of decisions that mean the same, the words of the one that comes first in the alphabet.

    They were scrubbed when they were written, and are again: names may have become known since.
    """
    one = min(decisions, key=lambda each: (each.answer, each.id))
    rule = rules.CATEGORY_DECIDED if task is Task.ROUTE else rules.ANSWER_DECIDED
    turn = case.turn_of(one.episode)
    return Label(
        guild=turn.episode.guild,
        task=task,
        group=case.group,
        question=turn.question,
        language=turn.episode.language,
        category=one.category,
        evidence=tuple(each.passage for each in one.evidence),
        evidence_sha256=tuple(each.sha256 for each in one.evidence),
        answer=scrub(one.answer),
        quotes=tuple(map(scrub, one.quotes)),
        polarity=rule.polarity,
        weight=rule.weight,
        rule=rule.name,
        rule_version=rule.version,
        guideline=one.guideline,
        episodes=tuple(sorted({each.episode for each in decisions if each.episode is not None})),
        events=tuple(sorted(each.id for each in decisions)),
        members=tuple(sorted({turn.episode.member, *(each.member for each in decisions)})),
    )
