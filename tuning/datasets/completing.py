"""What a model should have said: an answer in the form that the agent asks for and proves, purely.

Members write answers in their own words, and reviewers name quotes beside them. The agent shows nothing but
sentences that quote a numbered source verbatim, so an answer that is learnt from must be of that form:
the words, shortly, then the quote and its number. An answer of which no words stand in the evidence cannot be
proved, and would teach a model to make things up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from agent.answering.prompts import UNKNOWN, says_unknown
from agent.answering.quotes import cited, locate, verify
from agent.answering.words import content_words, numbers_in
from agent.contracts import Evidence
from agent.language.sentences import split_sentences

_MOST_QUOTES: Final = 2
_MOST_WORDS: Final = 2 / 3
"""Share of an answer's words that a sentence must have to be taken for what it says."""
_DENIES: Final = re.compile(
    r"n[’']t\b|\b(?:not?|never|nothing|nobody|none|neither|without|nunca|jamás|nada|nadie|ningun[oa]?|sin|ni)\b",
    re.IGNORECASE,
)
_ENDS: Final = " .,;:!?…-–—"


def declines(answer: str) -> bool:
    """Whether the right answer is that nobody knows."""
    return says_unknown(answer) or answer.strip().casefold().startswith(("no lo sé", "no lo se"))


def may_tell(evidence: Evidence, answer: str) -> bool:
    """Whether evidence that was found for another question could answer this one too: it has more than half
    of the answer's words.
    """
    wanted = set(content_words(answer))
    told = set(content_words(" ".join(item.passage.text for item in evidence.items)))
    return len(wanted & told) > len(wanted) / 2


def completion_of(
    question: str, answer: str, quotes: Sequence[str], evidence: Evidence, shown: str
) -> str | None:
    """Return an answer in the agent's form; None when the evidence does not prove it.

    `quotes` are what its author names, `shown` is the prompt: it may hold less than the evidence, and what
    is not shown cannot be quoted.
    """
    if declines(answer):
        return UNKNOWN
    inside = [quote.text for claim in cited(answer) for quote in claim.quotes]
    named = list(_named([*quotes, *inside], evidence))
    found = named or list(_telling(question, answer, evidence))
    quoted = [quote for quote in dict.fromkeys(found) if locate(quote[1], shown) is not None][:_MOST_QUOTES]
    if not quoted:
        return None
    plain = " ".join(f"{_marked(text)} [{number}]." for number, text in quoted)
    lead = _lead(answer) if named else ""
    led = f"{lead}: {plain}" if lead and locate(lead, plain) is None else plain
    return next((text for text in (led, plain) if verify(text, evidence).ok), None)


def _named(quotes: Sequence[str], evidence: Evidence) -> Iterator[tuple[int, str]]:
    """Each with the number of the first passage that has it, as it stands there."""
    for quote in quotes:
        for number, item in enumerate(evidence.items, 1):
            if (span := locate(quote, item.passage.text)) is not None:
                yield number, _tidy(item.passage.text[slice(*span)])
                break


def _telling(question: str, answer: str, evidence: Evidence) -> Iterator[tuple[int, str]]:
    """For each sentence of an answer the sentence of the evidence that says it, best in the same words; of
    several the one that has most words of the question: a year stands in many.
    """
    asked = set(content_words(question))
    sentences = [
        (number, item.passage.text[start:end])
        for number, item in enumerate(evidence.items, 1)
        for start, end in split_sentences(item.passage.text)
    ]
    for start, end in split_sentences(answer):
        said = answer[start:end].strip(_ENDS)
        telling = [each for each in sentences if locate(said, each[1]) is not None]
        telling = telling or [each for each in sentences if _says(each[1], said)]
        if telling:
            number, text = max(telling, key=lambda each: len(asked & set(content_words(each[1]))))
            yield number, _tidy(text)


def _says(sentence: str, said: str) -> bool:
    """Whether it has all the numbers and most of the words, and denies what is denied."""
    words = set(content_words(said))
    shared = words & set(content_words(sentence))
    numbered = set(numbers_in(said)) <= set(numbers_in(sentence))
    same = bool(_DENIES.search(said)) is bool(_DENIES.search(sentence))
    return numbered and same and len(shared) >= max(2, _MOST_WORDS * len(words))


def _tidy(text: str) -> str:
    return " ".join(text.split()).strip(_ENDS)


def _marked(quote: str) -> str:
    return f"“{quote}”" if '"' in quote else f'"{quote}"'


def _lead(answer: str) -> str:
    """The first words of an answer that are no quote."""
    claims = cited(answer)
    lead = claims[0].prose.strip(_ENDS) if claims else ""
    return lead if any(map(str.isalnum, lead)) else ""
