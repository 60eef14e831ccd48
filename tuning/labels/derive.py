"""Labels out of the journal: a pure function, so that deriving again gives the same labels, byte for byte.

Nothing is kept beside the journal that could disagree with it: what is retracted, said otherwise, no longer
allowed or forgotten is out of the labels with the next derivation.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from agent.contracts import Episode, Feedback, Slug
from agent.serving.served import Task
from tuning.labels import rules
from tuning.labels.cases import Allows, Case, Opinion, Scrub, Vectors, cases
from tuning.labels.decided import Quotable, decided, review, voice_of_opinion
from tuning.labels.decisions import Decision
from tuning.labels.grouping import same_words
from tuning.labels.label import Derivation, Doubt, Label, Review
from tuning.labels.records import line
from tuning.labels.rules import AGREEING_MEMBERS, TRUSTED, Rule
from tuning.labels.standing import Aspect


def derive(
    episodes: Sequence[Episode],
    events: Iterable[Feedback],
    *,
    allows: Allows,
    scrub: Scrub,
    quotable: Quotable,
    categories: Collection[Slug],
    vectors: Vectors | None = None,
    decisions: Iterable[Decision] = (),
) -> Derivation:
    """Derive the labels of one guild. `episodes`, `events` and `decisions` are in the journal's order.

    `categories` are those that exist; without `vectors` only questions of the same words are near-duplicates.
    """
    read = cases(episodes, events, allows=allows, scrub=scrub, vectors=vectors, decisions=decisions)
    return derived_from(read, scrub=scrub, quotable=quotable, categories=categories)


def derived_from(
    cases: Iterable[Case], *, scrub: Scrub, quotable: Quotable, categories: Collection[Slug]
) -> Derivation:
    """The same of questions that were put together before."""
    found = [
        outcome
        for case in cases
        for outcome in (
            *_categories(case, scrub, categories, quotable),
            *_answers(case, scrub, categories, quotable),
            *_voted(case, scrub, quotable),
        )
    ]
    return Derivation(
        labels=tuple(sorted((each for each in found if isinstance(each, Label)), key=line)),
        reviews=tuple(sorted((each for each in found if isinstance(each, Review)), key=line)),
    )


def _categories(
    case: Case, scrub: Scrub, known: Collection[Slug], quotable: Quotable
) -> Iterator[Label | Review]:
    opinions = case.opinions(Aspect.CATEGORY)
    if case.learnable(Task.ROUTE):
        yield from decided(case, Task.ROUTE, opinions, known=known, quotable=quotable, scrub=scrub)
        return
    if not opinions:
        yield from _confirmed(case, known)
        return
    voices, trusted = _who_decides(opinions)
    values = {each.value for each in voices}
    if len(values) > 1:
        yield review(case, Task.ROUTE, Doubt.CONFLICT, map(voice_of_opinion, voices))
    elif not trusted and len(voices) < AGREEING_MEMBERS:
        return  # the nearest examples know it already; a label waits for somebody who agrees
    elif not values <= set(known):
        yield review(case, Task.ROUTE, Doubt.GONE, map(voice_of_opinion, voices))
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
        yield review(case, Task.ROUTE, Doubt.CONFLICT, map(voice_of_opinion, opinions))
    elif opinions:
        yield _label(rules.CATEGORY_CONFIRMED, case, opinions, category=Slug(opinions[0].value))


def _answers(
    case: Case, scrub: Scrub, known: Collection[Slug], quotable: Quotable
) -> Iterator[Label | Review]:
    opinions = corrected_answers(case, scrub)
    if case.learnable(Task.ANSWER):
        yield from decided(case, Task.ANSWER, opinions, known=known, quotable=quotable, scrub=scrub)
        return
    if not opinions:
        return
    voices, trusted = _who_decides(opinions)
    if len({same_words(each.value) for each in voices}) > 1:
        yield review(case, Task.ANSWER, Doubt.CONFLICT, map(voice_of_opinion, voices))
    elif not trusted and len(voices) < AGREEING_MEMBERS:
        yield review(case, Task.ANSWER, Doubt.UNCONFIRMED, map(voice_of_opinion, voices))
    else:
        rule = rules.ANSWER_BY_ADMIN if trusted else rules.ANSWER_BY_MEMBERS
        yield _label(rule, case, voices, answer=min(each.value for each in voices))


def corrected_answers(case: Case, scrub: Scrub) -> tuple[Opinion, ...]:
    """What members say the answer should have been, scrubbed."""
    return tuple(replace(each, value=scrub(each.value)) for each in case.opinions(Aspect.ANSWER))


def _voted(case: Case, scrub: Scrub, quotable: Quotable) -> Iterator[Label]:
    """One label for each answer that more found wrong than right, unless somebody says it would be right, and
    for each that more found right than wrong, as long as nobody says what would be; none where a reviewer
    says that nothing is to be learnt of it.
    """
    decisions = case.learnable(Task.ANSWER)
    if decisions and not any(each.outcome for each in decisions):
        return
    right = {same_words(each.value) for each in corrected_answers(case, scrub)}
    right |= {each.outcome for each in decisions}
    wrong: dict[str, list[Opinion]] = {}
    helpful: dict[str, list[Opinion]] = {}
    for turn in case.turns:
        answer = scrub(turn.verified_answer)
        learnable = answer and same_words(answer) not in right and all(map(quotable, turn.quoted))
        if learnable and turn.liking:
            sign, those = (-1, wrong) if turn.liking < 0 else (1, helpful)
            votes = [Opinion(turn, vote, answer) for vote in turn.votes if vote.value == sign]
            those.setdefault(same_words(answer), []).extend(votes)
    for opinions in wrong.values():
        yield _label(rules.ANSWER_DISLIKED, case, opinions, answer=opinions[0].value)
    for words, opinions in helpful.items():
        # The same words may be liked on one question and disliked on another: then nobody knows.
        if words not in wrong and not right:
            yield _label(rules.ANSWER_LIKED, case, opinions, answer=opinions[0].value)


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


def _events(opinions: Iterable[Opinion]) -> tuple[str, ...]:
    return tuple(sorted({each.said.event.id for each in opinions}))
