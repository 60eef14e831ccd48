"""How good an answer is, 1 to 5, computed of the evidence and a reference answer. Pure.

What is judged is the model's own reply, before the agent replaces what cannot be proved: a model is not
better because others mend it. Quotes are proved by the agent's own code (agent/answering/quotes.py).

* Relevance: how many of the reference's content words the answer has.
* Grounding: how many of its sentences quote a source verbatim, under its number.
* Absence of hallucination: how many of the content words stand in the evidence or in the question. One in a
  quote that stands nowhere does not count, and a number that stands nowhere makes all of it an invention.

"I don't know" is worth everything where the evidence holds no answer. Where it holds one, it invents nothing
and is otherwise worth nothing; and an answer where there is none is invention from end to end.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agent.answering.compose import says_unknown, spoken_date
from agent.answering.quotes import Claim, cited, locate, verify
from agent.answering.words import content_words, fold, numbers_in
from agent.contracts import Evidence, EvidenceItem
from tuning.evaluation.results import Scores

LEAST: Final = 1.0
MOST: Final = 5.0

_APOLOGY: Final = re.compile(
    r"\b(?:sorry|apologi[sz]e|apologies|as an ai|unfortunately|lo siento|disculpa|perdon|lamentablemente)\b"
)
_NOT_IN_CONTEXT: Final = re.compile(
    r"(?:\b(?:not|nothing|no information|cannot|unable|no se|no hay|no aparece|nada)|n['’]t)\b[^.!?]{0,60}"
    r"\b(?:context|sources?|passages?|provided|given|mentioned|contexto|fuentes?|mencion\w*)\b"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What can be said of a reply without a reference."""

    declined: bool
    grounding: float
    no_hallucination: float
    words: int
    apologises: bool
    not_in_context: bool
    """It says that the sources do not hold the answer, and is not the one sentence it was told to say."""


def read_reply(question: str, evidence: Evidence, text: str) -> Reply:
    """Read a model's reply; both scores are 1 to 5."""
    folded = fold(text)
    declined = says_unknown(text)
    claims = cited(text)
    proved = [verify(claim.text, evidence).ok for claim in claims]
    return Reply(
        declined=declined,
        grounding=_scaled(sum(proved) / len(proved) if proved else 0.0),
        no_hallucination=_scaled(_told_share(question, evidence, claims)),
        words=0 if declined else len(text.split()),
        apologises=bool(_APOLOGY.search(folded)),
        not_in_context=not declined and bool(_NOT_IN_CONTEXT.search(folded)),
    )


def score(reply: Reply, text: str, references: Sequence[str], *, answerable: bool) -> Scores:
    """Score a reply by answers that are right; any of them will do. Without evidence of an answer, that is
    where `answerable` is false, they are not looked at.
    """
    if reply.declined:
        right = LEAST if answerable else MOST
        return Scores(relevance=right, grounding=right, no_hallucination=MOST)
    if not answerable:
        return Scores(relevance=LEAST, grounding=reply.grounding, no_hallucination=LEAST)
    return Scores(
        relevance=_scaled(max(recall(text, each) for each in references)),
        grounding=reply.grounding,
        no_hallucination=reply.no_hallucination,
    )


def score_followed(text: str, asked: str, wanted: str) -> Scores:
    """Score a reply to an instruction by the one that its author wants. There is nothing to quote: grounded
    and not invented is what stands in the instruction or in the reply that is wanted.
    """
    known, said = set(content_words(f"{asked} {wanted}")), content_words(text)
    told = _scaled(sum(word in known for word in said) / len(said) if said else 0.0)
    return Scores(relevance=_scaled(recall(text, wanted)), grounding=told, no_hallucination=told)


def recall(text: str, reference: str) -> float:
    """The share of the reference's content words, its quotes included, that a text has; 1 of a reference that
    has none.
    """
    wanted, there = Counter(content_words(reference)), Counter(content_words(text))
    return (wanted & there).total() / wanted.total() if wanted else 1.0


def _told_share(question: str, evidence: Evidence, claims: Sequence[Claim]) -> float:
    """The share of the content words of claims, outside quotes that are verbatim, that are told somewhere.

    Nothing of a quote that stands in no passage is told: it puts words into the mouth of a source.
    """
    known = " ".join([question, *map(_known, evidence.items)])
    words, numbers = set(content_words(known)), set(numbers_in(known))
    if any(number not in numbers for claim in claims for number in numbers_in(claim.prose)):
        return 0.0
    prose = [word for claim in claims for word in content_words(claim.prose)]
    false = [word for claim in claims for word in _misquoted(claim, evidence)]
    said = len(prose) + len(false)
    return sum(word in words for word in prose) / said if said else 1.0


def _known(item: EvidenceItem) -> str:
    passage = item.passage
    told = f"{passage.title} {passage.location} {passage.author_name} {passage.text}"
    if passage.date:
        told += f" {spoken_date(passage.date, 'en')} {spoken_date(passage.date, 'es')} {passage.date.month}"
    return told


def _misquoted(claim: Claim, evidence: Evidence) -> tuple[str, ...]:
    passages = [item.passage.text for item in evidence.items]
    false = [quote.text for quote in claim.quotes if not any(locate(quote.text, text) for text in passages)]
    return content_words(" ".join(false))


def _scaled(share: float) -> float:
    return LEAST + (MOST - LEAST) * share
