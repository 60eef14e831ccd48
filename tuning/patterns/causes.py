"""Why a question failed, as far as the journal can tell.

The first that holds:

1. somebody corrected the category to one that was not searched: the router;
2. it was declined, or nothing was found for it: grounding;
3. a reason was given: too long or the tone are a matter of style; outdated, a missing source and wrong facts,
   under quotes that are verbatim, of what is kept, which is grounding;
4. an answer was written that would have been right: of its words most stand in what was quoted, so the same
   could have been said better (style), or they do not (grounding);
5. the draft failed its proof and was replaced: the model does not keep to the form, which is protocol.

A mere dislike of an answer that was proven has no known cause.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from agent.answering.words import content_words
from agent.contracts import Episode, Slug
from tuning.patterns.rules import Cause


class Reason(StrEnum):
    """What the form behind "not helpful" offers; kept by the journal, so never renamed."""

    WRONG_FACTS = "wrong_facts"
    OUTDATED = "outdated"
    MISSING_SOURCE = "missing_source"
    TOO_LONG = "too_long"
    TONE = "tone"


CAUSE_OF_REASON: Final = {
    Reason.WRONG_FACTS: Cause.GROUNDING,
    Reason.OUTDATED: Cause.GROUNDING,
    Reason.MISSING_SOURCE: Cause.GROUNDING,
    Reason.TOO_LONG: Cause.STYLE,
    Reason.TONE: Cause.STYLE,
}
_SAME_WORDS: Final = 0.7
"""The share of a correction's words that stand in the quotes, from which it only says it better."""


def misrouted(episode: Episode, categories: Sequence[Slug]) -> bool:
    """Whether one of these corrected categories was not searched, though the router chose what to search."""
    route = episode.route
    return route is not None and any(each not in route.categories for each in categories)


def cause_of(
    episode: Episode, *, categories: Sequence[Slug], answers: Sequence[str], reasons: Sequence[str]
) -> Cause | None:
    """Return why a question failed, given what its members corrected and gave as reasons."""
    if misrouted(episode, categories):
        return Cause.ROUTER
    answer = episode.answer
    if answer is None or answer.declined or not episode.evidence:
        return Cause.GROUNDING
    if known := [CAUSE_OF_REASON[Reason(each)] for each in reasons if each in set(Reason)]:
        return Counter(known).most_common(1)[0][0]
    if answers:
        quoted = {word for quote in answer.quotes for word in content_words(quote.text)}
        return Cause.STYLE if _share(answers[-1], quoted) >= _SAME_WORDS else Cause.GROUNDING
    return Cause.PROTOCOL if answer.reason else None


def _share(text: str, known: set[str]) -> float:
    words = content_words(text)
    return sum(word in known for word in words) / len(words) if words else 0.0
