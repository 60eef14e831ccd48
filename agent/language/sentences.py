"""Where sentences begin and end, as offsets into the text they came from.

Lines come first: a heading, a table line and a list item are spans of their own, and a blank line ends
whatever was open. What remains is prose, whose wrapped lines belong together. Within prose the library
sentencex decides, asked once for English and once for Spanish: a boundary counts only when both see it, so
that the abbreviations of either language never split a sentence and nobody needs to know the language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate

from sentencex import segment

_LINE = re.compile(r"[^\n\r\u2028\u2029]+")
_HEADING = re.compile(r"\s{0,3}#{1,6}\s")
_RULE = re.compile(r"\s*(?:[-=_*~`]\s*){3,}\w*\s*$")
_TABLE = re.compile(r"\s*\||[^|]*\|[^|]*\|")
_LIST_ITEM = re.compile(r"\s*(?:[-*+•‣▪–]|\d{1,3}[.)]|[a-z]\))\s+(?=\S)")
_CLOSED = re.compile(r"[.!?…:;,\"»”)\]]\s*$")
_ABBREVIATION = re.compile(
    r"\b(?:a\.\s?m|p\.\s?m|approx|aprox|tel|tfno|ext|apdo|máx|mín|max|min|incl|vol|et al|EE\.\s?UU|D)\.\s*$"
)
"""Abbreviations that the library lacks in both languages."""
_WRAPPED = 45
"""Characters. A shorter line that the next one does not visibly continue was not wrapped: it ended."""

_WHOLE_ITEM = 240
"""Characters. Up to here a list item stays whole, since its parts mean little without each other."""

Span = tuple[int, int]


def split_sentences(text: str) -> tuple[Span, ...]:
    """The (start, end) offsets of each sentence, in order and without surrounding whitespace.

    Spans never overlap, and all that is not whitespace or a Markdown rule lies in one. Text of any size;
    linear in it.
    """
    return tuple(span for block in _blocks(text) for span in _sentences(text, block))


def _blocks(text: str) -> Iterator[Span]:
    """Runs of lines that belong together."""
    start = end = 0
    previous = ""
    for match in _LINE.finditer(text):
        line = match.group()
        if _closes(previous, line, text[end : match.start()]):
            yield start, end
            start = match.start()
        end = match.end()
        previous = line
    yield start, end


def _closes(previous: str, line: str, between: str) -> bool:
    if not line.strip() or between.replace("\r\n", "\n").count("\n") > 1:
        return True
    if any(_stands_alone(each) for each in (previous, line)) or _LIST_ITEM.match(line):
        return True
    short = len(previous.rstrip()) < _WRAPPED and not _CLOSED.search(previous)
    return short and not line.lstrip()[0].islower()


def _stands_alone(line: str) -> bool:
    return any(shape.match(line) for shape in (_HEADING, _RULE, _TABLE))


def _sentences(text: str, block: Span) -> Iterator[Span]:
    start, end = _trim(text, block)
    piece = text[start:end]
    if not piece or _RULE.match(piece):
        return
    if _stands_alone(piece) or (_LIST_ITEM.match(piece) and len(piece) <= _WHOLE_ITEM):
        yield start, end
        return
    marker = _LIST_ITEM.match(piece)
    last = start
    for cut in sorted(_boundaries(piece)):
        if not marker or cut > marker.end():
            yield _trim(text, (last, start + cut))
            last = start + cut


def _boundaries(piece: str) -> set[int]:
    english, spanish = (set(accumulate(map(len, segment(language, piece)))) for language in ("en", "es"))
    agreed = {cut for cut in english & spanish if not _ABBREVIATION.search(piece, max(0, cut - 12), cut)}
    return agreed | {len(piece)}


def _trim(text: str, span: Span) -> Span:
    piece = text[slice(*span)]
    start = span[0] + len(piece) - len(piece.lstrip())
    return start, max(start, span[0] + len(piece.rstrip()))
