"""Proof that an answer says only what its sources say.

A quote is compared by its characters, never by meaning. What may differ is how the text was set: white
space, case, the shape of quotation marks, dashes and dots, invisible characters, and whether an accent is
one code point or two. Everything else is content. A quote begins and ends at the edge of a word and of a
number, so that "cost 5" is not found in "cost 500" or "cost 5.50".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from agent.answering.words import content_words, numbers_in
from agent.contracts import Evidence, EvidenceItem, Quote
from agent.language.sentences import split_sentences

_SETTING = {
    **dict.fromkeys("“”„‟«»″", '"'),
    **dict.fromkeys("‘’‚‛′", "'"),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    "…": "...",
}
"""How a text is set, not what it says: each sign and the plain one that it is read as."""

_INVISIBLE = frozenset(("Cc", "Cf"))
"""Control and format characters: soft hyphens, joiners, marks of direction."""

_QUOTED = re.compile(r'“[^“”]+”|«[^«»]+»|"[^"]+"')
_CITATION = re.compile(r"\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]")
_UNIT = re.compile(rf"(?:{_QUOTED.pattern}|[.!?…]+)(?:\s*{_CITATION.pattern})*")
_ENDS_A_SENTENCE = re.compile(r"[.!?…][”»\"]?(?:\s*\[[\d\s,]+\])*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class CitedQuote:
    """What an answer claims to quote."""

    text: str
    numbers: tuple[int, ...]
    """The sources that it names, as written; empty when it names none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One sentence of an answer."""

    text: str
    prose: str
    """The sentence without its quotes and citations."""
    quotes: tuple[CitedQuote, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    ok: bool
    quotes: tuple[Quote, ...]
    """Those that were proved, in order, with the text as it is stored."""
    problems: tuple[str, ...]
    """What is wrong, a line each, for the repair prompt and the log."""


def locate(quote: str, text: str) -> tuple[int, int] | None:
    """Return where `quote` stands in `text` as (start, end), or None.

    The span begins and ends at the edge of a word; `text[start:end]` is what to show.
    """
    needle, _ = _folded(quote)
    needle = needle.strip()
    if not any(map(str.isalnum, needle)):
        return None
    haystack, origins = _folded(text)
    at = haystack.find(needle)
    while at >= 0:
        end = at + len(needle)
        if _at_edges(haystack, origins, at, end):
            return origins[at], origins[end - 1] + 1
        at = haystack.find(needle, at + 1)
    return None


def cited(answer_text: str) -> tuple[Claim, ...]:
    """Read a generated answer: its sentences, each with its quotes and the numbers they name.

    A quote takes the citation that follows it in its sentence, else the one before it.
    """
    masked = _mask(answer_text)
    claims = (_claim(answer_text[start:end]) for start, end in split_sentences(masked))
    return tuple(claim for claim in claims if claim.quotes or any(map(str.isalnum, claim.prose)))


def verify(answer_text: str, evidence: Evidence) -> Verification:
    """Prove an answer against its evidence. The numbers are 1-based positions in `evidence.items`.

    It holds when every sentence has a quote, every quote stands in the passage that it names, and every
    number in the prose stands in that passage or is its date.
    """
    quotes: list[Quote] = []
    problems: list[str] = []
    for claim in cited(answer_text):
        proved, wrong = _verify_claim(claim, evidence.items)
        quotes += proved
        problems += wrong
    if not quotes and not problems:
        problems.append("The answer quotes nothing.")
    return Verification(ok=not problems, quotes=tuple(dict.fromkeys(quotes)), problems=tuple(problems))


def quote_of(item: EvidenceItem, number: int, start: int, end: int) -> Quote:
    """Make the quote of `item.passage.text[start:end]`; its offsets are those of the source."""
    passage = item.passage
    return Quote(
        text=passage.text[start:end],
        number=number,
        passage=passage.id,
        source=passage.source,
        title=passage.title,
        location=passage.location,
        start=passage.start + start,
        end=passage.start + end,
        category=passage.category,
        date=passage.date,
        author_name=passage.author_name,
        link=passage.link,
    )


def renumbered(answer_text: str, quotes: Sequence[Quote]) -> tuple[str, tuple[Quote, ...]]:
    """Number the sources of a proved answer from 1, in the order in which it names them.

    Until then they have the numbers of the evidence, so that an answer from the third passage alone says [3].
    """
    new = {old: place for place, old in enumerate(dict.fromkeys(quote.number for quote in quotes), 1)}

    def number(match: re.Match[str]) -> str:
        if not match[1]:
            return match[0]
        return f"[{', '.join(str(new.get(old, old)) for old in _numbers(match[1]))}]"

    text = re.sub(rf"{_QUOTED.pattern}|{_CITATION.pattern}", number, answer_text)
    return text, tuple(replace(quote, number=new[quote.number]) for quote in quotes)


def _verify_claim(claim: Claim, items: tuple[EvidenceItem, ...]) -> tuple[list[Quote], list[str]]:
    if not claim.quotes:
        return [], [f"This sentence has no quote: {claim.text}"]
    quotes: list[Quote] = []
    problems: list[str] = []
    for quote in claim.quotes:
        proved = [found for number in quote.numbers if (found := _prove(quote.text, number, items))]
        problem = _problem(quote, proved, len(items))
        if problem:
            problems.append(problem)
        quotes += proved
    if not problems:
        cited_items = {quote.number: items[quote.number - 1] for quote in quotes}
        said = set().union(*(_numbers_of(item) for item in cited_items.values()))
        invented = [number for number in numbers_in(claim.prose) if number not in said]
        problems += [f"The number {number} stands in no cited passage." for number in invented]
    return quotes, problems


def _problem(quote: CitedQuote, proved: list[Quote], sources: int) -> str:
    if not quote.numbers:
        return f"This quote names no source number: {quote.text}"
    for number in quote.numbers:
        if not 1 <= number <= sources:
            return f"There is no source [{number}]."
    if len(proved) < len(quote.numbers):
        missing = next(n for n in quote.numbers if n not in {found.number for found in proved})
        return f"These are not the words of source [{missing}]: {quote.text}"
    if not content_words(quote.text):
        return f"This quote says nothing by itself: {quote.text}"
    return ""


def _prove(text: str, number: int, items: tuple[EvidenceItem, ...]) -> Quote | None:
    if not 1 <= number <= len(items):
        return None
    item = items[number - 1]
    span = locate(text, item.passage.text)
    return quote_of(item, number, *span) if span else None


def _numbers_of(item: EvidenceItem) -> set[str]:
    passage = item.passage
    said = set(numbers_in(f"{passage.title} {passage.location} {passage.text}"))
    if passage.date:
        said |= {str(passage.date.year), str(passage.date.month), str(passage.date.day)}
    return said


def _claim(sentence: str) -> Claim:
    unquoted = _QUOTED.sub(lambda match: " " * len(match[0]), sentence)
    marks = [(match.start(), _numbers(match[1])) for match in _CITATION.finditer(unquoted)]
    quotes = tuple(
        CitedQuote(text=match[0][1:-1].strip(), numbers=_cited_by(match.end(), marks))
        for match in _QUOTED.finditer(sentence)
    )
    prose = " ".join(_CITATION.sub(" ", unquoted).split())
    return Claim(text=sentence.strip(), prose=prose, quotes=quotes)


def _cited_by(end: int, marks: list[tuple[int, tuple[int, ...]]]) -> tuple[int, ...]:
    after = (numbers for at, numbers in marks if at >= end)
    return next(after, marks[-1][1] if marks else ())


def _numbers(inside: str) -> tuple[int, ...]:
    return tuple(int(number) for number in inside.split(","))


def _mask(text: str) -> str:
    """Hide what does not end a sentence: stops within a quote, and those that its citation follows.

    The result has the length of `text`, so that its sentences stand where the answer's do.
    """
    return _UNIT.sub(
        lambda match: "q" * (len(match[0]) - 1) + ("." if _ENDS_A_SENTENCE.search(match[0]) else "q"), text
    )


def _at_edges(haystack: str, origins: list[int], start: int, end: int) -> bool:
    """Whether [start, end) cuts no word, no number and no character of the text."""
    if start and (origins[start - 1] == origins[start] or _joined(haystack, start)):
        return False
    return end == len(haystack) or not (origins[end - 1] == origins[end] or _joined(haystack, end))


def _joined(text: str, at: int) -> bool:
    """Whether the characters on both sides of `at` belong together."""
    before, after = text[at - 1], text[at]
    if _in_word(before) and _in_word(after):
        return True
    if before in "-.,:" and after.isdigit():
        return at < 2 or not text[at - 2].isalpha()
    return before.isdigit() and after in ".,:" and text[at + 1 : at + 2].isdigit()


def _in_word(character: str) -> bool:
    """Whether it is a letter, a number or a mark on one of them."""
    return unicodedata.category(character)[0] in "LNM"


def _folded(text: str) -> tuple[str, list[int]]:
    """Return `text` as it is compared, and for each of its characters where it comes from in `text`."""
    characters: list[str] = []
    origins: list[int] = []
    for position, character in _plain(text):
        if character == " " and (not characters or characters[-1] == " "):
            continue
        characters.append(character)
        origins.append(position)
    return "".join(characters), origins


def _plain(text: str) -> Iterator[tuple[int, str]]:
    for position, character in enumerate(text):
        shown = " " if character.isspace() else _SETTING.get(character, character)
        if unicodedata.category(shown[0]) in _INVISIBLE:
            continue
        for part in unicodedata.normalize("NFD", shown.casefold()):
            yield position, part
