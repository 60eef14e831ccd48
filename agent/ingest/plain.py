"""Plain text: blocks are what blank lines part, and their kind is what their lines look like."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.ingest.cleaning import clean_text
from agent.ingest.documents import BlockKind, Document, DocumentBuilder
from agent.ingest.origins import Origin, decode

_BLOCK = re.compile(r"\S[^\n]*(?:\n[^\S\n]*\S[^\n]*)*")
_ITEM = re.compile(r"\s*(?:[-*+•▪–]|\d{1,3}[.)])\s+\S")
_TABLE = re.compile(r"\s*\|.*\||[^|]*\|[^|]*\|")


def load_text(origin: Origin) -> Document:
    builder = DocumentBuilder()
    text = clean_text(decode(origin))
    for kind, start, end in plain_blocks(text):
        builder.add(kind, text[start:end])
    return builder.build()


def plain_blocks(text: str) -> Iterator[tuple[BlockKind, int, int]]:
    """Kind, start and end of each run of lines without a blank line between."""
    for match in _BLOCK.finditer(text):
        yield _kind(match.group().split("\n")), match.start(), match.end()


def _kind(lines: list[str]) -> BlockKind:
    if len(lines) > 1 and all(_TABLE.match(line) for line in lines):
        return BlockKind.TABLE
    if _ITEM.match(lines[0]) and sum(bool(_ITEM.match(line)) for line in lines) * 2 >= len(lines):
        return BlockKind.LIST
    return BlockKind.PARAGRAPH
