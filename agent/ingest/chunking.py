"""A document becomes passages: verbatim slices of its text, each of one place, date and author.

Headings open a passage; paragraphs are merged up to a target size; tables, lists and code stay whole
where they fit; a sentence is split only when it alone is too long. `CHUNKER` names this behaviour: a
change of what a document is cut into must change it, so that indexes are built anew.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from agent.contracts import Passage, PassageId, Slug, Source, SourceKind
from agent.ingest.documents import Block, BlockKind, Context, Document
from agent.ingest.plain import plain_blocks
from agent.language.detect import detect_language
from agent.language.sentences import split_sentences

CHUNKER = "1"
TARGET = 700
"""Characters up to which paragraphs are merged.

With four articles of SQuAD 2.0 as documents and 250 questions, the passage that holds the answer came first
in 79.6 % (400 characters: 72.8 %, 1000: 78.0 %), and stood within the first 2,000 characters found in 95.6 %
(93.2 %, 94.8 %).
"""
LONGEST = 1400
"""Characters of the longest passage: about 400 tokens of e5, which reads 512."""

_NAMESPACE = uuid.UUID("6f1b3c1e-9d0a-5f5c-8a53-0c8d9a4f7b21")
_POSITION = re.compile(r"(?:page|row|line) \d+")
_LINE = re.compile(r"[^\n]+")
_WORDS = re.compile(r"\S+")

Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    start: int
    end: int
    context: Context


def cut(document: Document) -> tuple[Piece, ...]:
    """The pieces of a document, in order, never overlapping; `document.text[start:end]` is never blank."""
    runs = list(_runs(document.blocks))
    with_body = [run for run in runs if any(block.kind is not BlockKind.HEADING for block in run)]
    return tuple(
        Piece(start=start, end=end, context=run[0].context)
        # A heading without a body says nothing alone, unless there is nothing else.
        for run in with_body or runs
        for start, end in _cut_run(document.text, run)
    )


def passages(document: Document, source: Source, categories: dict[str, Slug]) -> tuple[Passage, ...]:
    """The passages of a source. `categories` says which slug stands for a category as a row writes it."""
    seen: Counter[str] = Counter()
    made = []
    for ordinal, piece in enumerate(cut(document)):
        passage = _passage(document, source, piece, ordinal, categories.get(piece.context.category))
        key = embedding_text(passage)
        made.append(replace(passage, id=passage_id(source, key, seen[key])))
        seen[key] += 1
    return tuple(made)


def entry_passage(source: Source, text: str) -> Passage:
    """The one passage of an entry: all of its text."""
    piece = Piece(start=0, end=len(text), context=Context())
    passage = _passage(Document(text=text, blocks=()), source, piece, 0, None)
    return replace(passage, id=passage_id(source, text, 0))


def recut(text: str, source: Source, stored: Sequence[Passage]) -> tuple[Passage, ...]:
    """Cut a source anew from its kept text, without its origin.

    What another chunker stored still says which stretches belong to which place, date, author and category;
    structure inside of those is read from the text, as of a plain file.
    """
    made: list[Passage] = []
    seen: Counter[str] = Counter()
    for _, run in groupby(stored, key=_same_place):
        region = list(run)
        first, last = region[0], region[-1]
        context = Context(location=first.location)
        blocks = [
            Block(kind=kind, start=first.start + start, end=first.start + end, context=context)
            for kind, start, end in plain_blocks(text[first.start : last.end])
        ]
        for start, end in _cut_run(text, blocks):
            piece = replace(first, ordinal=len(made), text=text[start:end], start=start, end=end)
            key = embedding_text(piece)
            made.append(replace(piece, id=passage_id(source, key, seen[key])))
            seen[key] += 1
    return tuple(made)


def _same_place(passage: Passage) -> tuple[object, ...]:
    return (passage.location, passage.date, passage.author_name, passage.category, passage.link)


def passage_id(source: Source, text: str, occurrence: int) -> PassageId:
    """The same for the same text in the same source, wherever it moves; the nth of equal texts differs."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    name = "\x1f".join((source.guild, source.id, digest, str(occurrence)))
    return PassageId(str(uuid.uuid5(_NAMESPACE, name)))


def embedding_text(passage: Passage) -> str:
    """What is embedded for a passage: its title and headings, then its text.

    A paragraph under "Pool › Pump" may name neither. A page or row number says nothing, and the title of an
    entry is its own text.
    """
    place = "" if _POSITION.match(passage.location) else passage.location
    title = "" if passage.kind is SourceKind.ENTRY or place.startswith(passage.title) else passage.title
    missing = [line for line in (title, place) if line and not passage.text.startswith(line)]
    return "\n".join([*missing, passage.text])


def _passage(
    document: Document, source: Source, piece: Piece, ordinal: int, category: Slug | None
) -> Passage:
    context = piece.context
    text = document.text[piece.start : piece.end]
    return Passage(
        id=PassageId(""),
        guild=source.guild,
        source=source.id,
        ordinal=ordinal,
        title=source.title,
        location=context.location,
        text=text,
        start=piece.start,
        end=piece.end,
        kind=source.kind,
        category=category or source.category,
        visibility=source.visibility,
        author=None if context.author else source.author,
        author_name=context.author or source.author_name,
        date=context.date or source.date,
        # A family's notes are in two languages in one file.
        language=detect_language(text, source.language),
        link=context.link or source.link,
    )


def _runs(blocks: Iterable[Block]) -> Iterator[list[Block]]:
    """Neighbouring blocks of one context; a heading begins another run even when its title is the same."""
    run: list[Block] = []
    for block in blocks:
        if run and (block.kind is BlockKind.HEADING or block.context != run[-1].context):
            yield run
            run = []
        run.append(block)
    if run:
        yield run


def _cut_run(text: str, blocks: list[Block]) -> Iterator[Span]:
    """Merge the units of neighbouring blocks up to `TARGET`, a heading with what it opens up to `LONGEST`."""
    open_start = open_end = -1
    limit = TARGET
    for block in blocks:
        for start, end in _units(text, block):
            if open_start >= 0 and end - open_start > limit:
                yield open_start, open_end
                open_start = -1
            open_start, open_end = (open_start if open_start >= 0 else start), end
            limit = LONGEST if block.kind is BlockKind.HEADING else TARGET
    yield open_start, open_end


def _units(text: str, block: Block) -> Iterator[Span]:
    """What of a block may not be split: all of it where it fits, else its lines or sentences."""
    size = block.end - block.start
    whole_to = TARGET if block.kind is BlockKind.PARAGRAPH else LONGEST
    if size <= whole_to:
        yield block.start, block.end
        return
    piece = text[block.start : block.end]
    by_line = block.kind in (BlockKind.TABLE, BlockKind.LIST, BlockKind.CODE)
    spans: Iterable[Span] = _lines(piece) if by_line else split_sentences(piece)
    for start, end in spans:
        if end - start <= LONGEST:
            yield block.start + start, block.start + end
        else:
            yield from _words(text, block.start + start, block.start + end)


def _lines(piece: str) -> Iterator[Span]:
    return (match.span() for match in _LINE.finditer(piece) if match.group().strip())


def _words(text: str, start: int, end: int) -> Iterator[Span]:
    """Split what has no sentence to split at between words, and a word that is too long anywhere."""
    open_start = open_end = -1
    for match in _WORDS.finditer(text, start, end):
        for first in range(match.start(), match.end(), LONGEST):
            last = min(first + LONGEST, match.end())
            if open_start >= 0 and last - open_start > LONGEST:
                yield open_start, open_end
                open_start = first
            elif open_start < 0:
                open_start = first
            open_end = last
    if open_start >= 0:
        yield open_start, open_end
