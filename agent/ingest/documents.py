"""What a loader makes of a file or page: its extracted text, and the structure blocks that stand in it.

The extracted text is what the catalog keeps and what every quote is checked against. Blocks are offsets
into it, so that a passage is always a verbatim slice. Headings are part of the text, tables are written
with `|`, list items with `- ` or their number: the structure can be seen again without the origin.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from agent.contracts import Day
from agent.ingest.cleaning import clean_text, clean_title
from agent.ingest.dates import leading_date

SEPARATOR = "\n\n"
"""What stands between two blocks of the extracted text."""


class BlockKind(StrEnum):
    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST = "list"
    TABLE = "table"
    CODE = "code"
    ROW = "row"
    """A row of a CSV file or an object of JSON lines: a passage by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What holds for a block and its neighbours; blocks of different contexts never share a passage."""

    location: str = ""
    """Where it stands, for people: `Pool › Pump`, `page 3`, `row 12`."""
    date: Day | None = None
    author: str = ""
    category: str = ""
    """As written in the file; not yet a category of the guild."""
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    kind: BlockKind
    start: int
    end: int
    """Character offsets into the document's text."""
    context: Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    text: str
    blocks: tuple[Block, ...]
    title: str = ""
    date: Day | None = None
    author: str = ""
    category: str = ""
    """As written in the file; not yet a category of the guild."""
    visibility: str = ""
    language: str = ""
    link: str = ""


class DocumentBuilder:
    """Collects blocks one after the other and keeps their offsets right.

    A heading that begins with a full date dates what stands under it, to the next heading of its level.
    """

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._blocks: list[Block] = []
        self._length = 0
        self._headings: list[tuple[int, str, Day | None]] = []
        self._levels: list[int] = []

    def heading(self, level: int, text: str) -> None:
        """Open a section; `level` 1 is the highest."""
        title = clean_title(text)
        if not title:
            return
        self._headings = [heading for heading in self._headings if heading[0] < level]
        self._headings.append((level, title, leading_date(title)))
        self._levels.append(level)
        self.add(BlockKind.HEADING, title)

    def add(self, kind: BlockKind, text: str, context: Context | None = None) -> None:
        """Append a block; without `context` it stands under the headings given so far."""
        text = clean_text(text).strip("\n").rstrip()
        if not text.strip():
            return
        start = self._length + (len(SEPARATOR) if self._pieces else 0)
        self._length = start + len(text)
        self._pieces.append(text)
        self._blocks.append(
            Block(kind=kind, start=start, end=self._length, context=context or self._under_headings())
        )

    def top_heading(self) -> str:
        """The heading that the document begins with, when no other is as high: it names the whole.

        The first of several does not: a log whose newest entry comes first would get a new title each time.
        """
        first = self._blocks[0] if self._blocks else None
        if first is None or first.kind is not BlockKind.HEADING:
            return ""
        highest = min(self._levels)
        return self._pieces[0] if self._levels[0] == highest and self._levels.count(highest) == 1 else ""

    def build(self, about: Document | None = None) -> Document:
        """The document, with the title and the like from `about`."""
        blank = about or Document(text="", blocks=())
        return replace(blank, text=SEPARATOR.join(self._pieces), blocks=tuple(self._blocks))

    def _under_headings(self) -> Context:
        dates = [day for _, _, day in self._headings if day]
        path = " › ".join(title for _, title, _ in self._headings)
        return Context(location=path, date=dates[-1] if dates else None)
