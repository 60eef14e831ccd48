"""Labels out of the journal: a pure function, so that deriving again gives the same labels, byte for byte.

Nothing is kept beside the journal that could disagree with it: what is retracted, said otherwise, no longer
allowed or forgotten is out of the labels with the next derivation.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

from agent.contracts import Episode, Feedback, Slug, SourceId
from tuning.labels import rules
from tuning.labels.cases import Allows, Case, Opinion, Scrub, Vectors, cases
from tuning.labels.grouping import same_words
from tuning.labels.label import Choice, Derivation, Doubt, Label, Review, Task
from tuning.labels.records import line
from tuning.labels.rules import AGREEING_MEMBERS, TRUSTED, Rule
from tuning.labels.standing import Aspect

Quotable: TypeAlias = Callable[[SourceId], bool]
"""Whether the bot may learn from the words of a source, which an answer says again."""


def derive(
    episodes: Sequence[Episode],
    events: Iterable[Feedback],
    *,
    allows: Allows,
    scrub: Scrub,
    quotable: Quotable,
    categories: Collection[Slug],
    vectors: Vectors | None = None,
) -> Derivation:
    """Derive the labels of one guild. `episodes` and `events` are in the journal's order.

    `categories` are those that exist; without `vectors` only questions of the same words are near-duplicates.
    """
    read = cases(episodes, events, allows=allows, scrub=scrub, vectors=vectors)
    found = [
        outcome
        for case in read
        for outcome in (
            *_categories(case, categories),
            *_answers(case, scrub),
            *_disliked(case, scrub, quotable),
        )
    ]
    return Derivation(
        labels=tuple(sorted((each for each in found if isinstance(each, Label)), key=line)),
        reviews=tuple(sorted((each for each in found if isinstance(each, Review)), key=line)),
    )


def _categories(case: Case, known: Collection[Slug]) -> Iterator[Label | Review]:
    opinions = case.opinions(Aspect.CATEGORY)
    if not opinions:
        yield from _confirmed(case, known)
        return
    voices, trusted = _who_decides(opinions)
    values = {each.value for each in voices}
    if len(values) > 1:
        yield _review(case, Task.ROUTE, Doubt.CONFLICT, voices)
    elif not trusted and len(voices) < AGREEING_MEMBERS:
        return  # the nearest examples know it already; a label waits for somebody who agrees
    elif not values <= set(known):
        yield _review(case, Task.ROUTE, Doubt.GONE, voices)
    else:
        rule = rules.CATEGORY_BY_ADMIN if trusted else rules.CATEGORY_BY_MEMBERS
        yield _label(rule, case, voices, category=Slug(voices[0].value))


def _confirmed(case: Case, known: Collection[Slug]) -> Iterator[Label | Review]:
    opinions = [
        Opinion(turn, vote, turn.category)
        for turn in case.turns
        if turn.liking > 0 and turn.verified_answer and turn.category in known
        for vote in turn.votes
        if turn.category and vote.value == 1
    ]
    if len({each.value for each in opinions}) > 1:
        yield _review(case, Task.ROUTE, Doubt.CONFLICT, opinions)
    elif opinions:
        yield _label(rules.CATEGORY_CONFIRMED, case, opinions, category=Slug(opinions[0].value))


def _answers(case: Case, scrub: Scrub) -> Iterator[Label | Review]:
    opinions = _corrected_answers(case, scrub)
    if not opinions:
        return
    voices, trusted = _who_decides(opinions)
    if len({same_words(each.value) for each in voices}) > 1:
        yield _review(case, Task.ANSWER, Doubt.CONFLICT, voices)
    elif not trusted and len(voices) < AGREEING_MEMBERS:
        yield _review(case, Task.ANSWER, Doubt.UNCONFIRMED, voices)
    else:
        rule = rules.ANSWER_BY_ADMIN if trusted else rules.ANSWER_BY_MEMBERS
        yield _label(rule, case, voices, answer=min(each.value for each in voices))


def _corrected_answers(case: Case, scrub: Scrub) -> tuple[Opinion, ...]:
    return tuple(replace(each, value=scrub(each.value)) for each in case.opinions(Aspect.ANSWER))


def _disliked(case: Case, scrub: Scrub, quotable: Quotable) -> Iterator[Label]:
    """One label for each answer that more found wrong than right, unless somebody says it would be right."""
    right = {same_words(each.value) for each in _corrected_answers(case, scrub)}
    wrong: dict[str, list[Opinion]] = {}
    for turn in case.turns:
        answer = scrub(turn.verified_answer)
        learnable = answer and same_words(answer) not in right and all(map(quotable, turn.quoted))
        if learnable and turn.liking < 0:
            against = [Opinion(turn, vote, answer) for vote in turn.votes if vote.value == -1]
            wrong.setdefault(same_words(answer), []).extend(against)
    for opinions in wrong.values():
        yield _label(rules.ANSWER_DISLIKED, case, opinions, answer=opinions[0].value)


def _who_decides(opinions: Sequence[Opinion]) -> tuple[Sequence[Opinion], bool]:
    """Those whose word counts alone, where there are any, else everybody; and which of both it is."""
    trusted = [each for each in opinions if each.said.event.role in TRUSTED]
    return trusted or opinions, bool(trusted)


def _label(
    rule: Rule, case: Case, opinions: Sequence[Opinion], *, category: Slug | None = None, answer: str = ""
) -> Label:
    first = opinions[0].turn
    return Label(
        guild=first.episode.guild,
        task=rule.task,
        group=case.group,
        question=first.question,
        language=first.episode.language,
        category=category,
        evidence=tuple(passage for passage, _ in first.episode.evidence) if answer else (),
        answer=answer,
        polarity=rule.polarity,
        weight=rule.weight,
        rule=rule.name,
        rule_version=rule.version,
        episodes=tuple(sorted({each.turn.episode.id for each in opinions})),
        events=_events(opinions),
        members=tuple(sorted({first.episode.member, *(each.member for each in opinions)})),
    )


def _review(case: Case, task: Task, doubt: Doubt, opinions: Sequence[Opinion]) -> Review:
    by_value: dict[str, list[Opinion]] = {}
    for each in opinions:
        by_value.setdefault(each.value, []).append(each)
    choices = [
        Choice(value=value, events=_events(those), members=tuple(sorted({each.member for each in those})))
        for value, those in sorted(by_value.items())
    ]
    first = opinions[0].turn
    return Review(
        guild=first.episode.guild,
        task=task,
        group=case.group,
        question=first.question,
        doubt=doubt,
        choices=tuple(choices),
    )


def _events(opinions: Iterable[Opinion]) -> tuple[str, ...]:
    return tuple(sorted({each.said.event.id for each in opinions}))
