"""What a label must be beyond its schema, for whoever decides one here or brings it from elsewhere.

Each rule is pure and says in one line what is wrong and why it matters.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from agent.answering.quotes import cited, locate
from agent.contracts import Slug
from agent.language.detect import detect_language
from agent.serving.served import Task
from tuning.labels.grouping import same_words
from tuning.labels.label import Label, Polarity

_CERTAIN = 1.0
"""The weight of labels that a reviewer or an admin made."""


class Rule(StrEnum):
    """docs/annotation.md tells each."""

    ONE_CATEGORY = "one-category"
    KNOWN_CATEGORY = "known-category"
    WRITTEN = "written"
    QUOTED = "quoted"
    VERBATIM = "verbatim"
    LANGUAGE = "language"
    CONTRADICTION = "contradiction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What somebody would have learnt. Its texts are scrubbed."""

    task: Task
    question: str
    language: str
    """Of the question, ISO 639-1."""
    categories: tuple[str, ...] = ()
    """Of a ROUTE draft."""
    answer: str = ""
    """Of an ANSWER draft."""
    quotes: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    """The texts that were found for the question."""
    must_quote: bool = True
    """Whether an answer needs a quote: one that a person writes does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    rule: Rule
    message: str


def faults(draft: Draft, *, known: Collection[Slug], accepted: Iterable[Label]) -> tuple[Fault, ...]:
    """Return what is wrong with a draft. `known` are the guild's categories, `accepted` the labels that are
    made already, without those that it would replace.
    """
    checks = _of_route(draft, known) if draft.task is Task.ROUTE else _of_answer(draft)
    return (*checks, *_contradictions(draft, accepted))


def _of_route(draft: Draft, known: Collection[Slug]) -> Iterator[Fault]:
    if len(draft.categories) != 1:
        chosen = ", ".join(draft.categories) or "none"
        yield Fault(rule=Rule.ONE_CATEGORY, message=f"A question has one main topic, not {chosen}.")
    for slug in sorted(set(draft.categories) - set(known)):
        yield Fault(rule=Rule.KNOWN_CATEGORY, message=f"There is no topic {slug}.")


def _of_answer(draft: Draft) -> Iterator[Fault]:
    if not draft.answer.strip():
        yield Fault(rule=Rule.WRITTEN, message="The answer is empty.")
        return
    claims = cited(draft.answer)
    inside = [quote.text for claim in claims for quote in claim.quotes]
    quotes = tuple(dict.fromkeys([*draft.quotes, *inside]))
    if draft.must_quote and not quotes:
        yield Fault(rule=Rule.QUOTED, message=_nothing_quoted(draft.evidence))
    for quote in quotes:
        if not any(locate(quote, text) for text in draft.evidence):
            message = f"“{quote}” does not stand in what was found, letter by letter."
            yield Fault(rule=Rule.VERBATIM, message=message)
    prose = " ".join(claim.prose for claim in claims)
    spoken = detect_language(prose, draft.language)
    if draft.language and spoken != draft.language:
        message = f"The question is in {draft.language}, the answer in {spoken}."
        yield Fault(rule=Rule.LANGUAGE, message=message)


def _nothing_quoted(evidence: Sequence[str]) -> str:
    if evidence:
        return "The answer quotes nothing of what was found."
    return "Nothing was found that an answer could quote: have it remembered, then ask again."


def _contradictions(draft: Draft, accepted: Iterable[Label]) -> Iterator[Fault]:
    words = same_words(draft.question)
    for label in accepted:
        certain = label.weight >= _CERTAIN and label.polarity is Polarity.POSITIVE
        if certain and label.task is draft.task and same_words(label.question) == words:
            if label.task is Task.ROUTE and (label.category,) != draft.categories:
                yield Fault(
                    rule=Rule.CONTRADICTION,
                    message=f"It was decided before that this question is about {label.category}.",
                )
            if label.task is Task.ANSWER and same_words(label.answer) != same_words(draft.answer):
                yield Fault(
                    rule=Rule.CONTRADICTION, message="Another answer to this question was decided before."
                )
