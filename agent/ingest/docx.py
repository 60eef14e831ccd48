"""DOCX: paragraphs, headings, lists and tables. A DOCX is a ZIP archive, so it may be a bomb."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from agent.errors import IngestError
from agent.ingest.cleaning import clean_title
from agent.ingest.documents import BlockKind, Document, DocumentBuilder
from agent.ingest.origins import Origin
from agent.language.counts import Count

if TYPE_CHECKING:
    from docx.document import Document as WordDocument
    from docx.table import Table
    from docx.text.paragraph import Paragraph

_ENTRIES = 5_000
_RATIO = 200
"""Real documents shrink to a tenth; a bomb to a thousandth."""
_RATIO_APPLIES_FROM = 5 * 1024 * 1024
_HEADING = re.compile(r"title|heading (\d)")
_TEMPLATE = "python-docx"
"""The author of a file that nobody wrote an author into."""


def load_docx(origin: Origin) -> Document:
    """The dates that the file carries are not taken: they tell when it was saved, not when things were."""
    _refuse_bomb(origin)
    word = _open(origin)
    builder = DocumentBuilder()
    for is_list, run in groupby(word.iter_inner_content(), key=_is_list_item):
        if is_list:
            builder.add(BlockKind.LIST, "\n".join(f"- {_text(item)}" for item in run))
        else:
            for found in run:
                _add(builder, found)
    properties = word.core_properties
    author = properties.author if properties.author != _TEMPLATE else ""
    title = clean_title(properties.title) or builder.top_heading()
    return builder.build(Document(text="", blocks=(), title=title, author=clean_title(author)))


def _add(builder: DocumentBuilder, found: Paragraph | Table) -> None:
    from docx.table import Table

    if isinstance(found, Table):
        builder.add(BlockKind.TABLE, "\n".join(_rows(found)))
    elif match := _HEADING.fullmatch(_style(found)):
        builder.heading(int(match[1] or 0) + 1, found.text)
    else:
        builder.add(BlockKind.PARAGRAPH, found.text)


def _text(found: Paragraph | Table) -> str:
    from docx.table import Table

    return "" if isinstance(found, Table) else found.text


def _rows(table: Table) -> Iterator[str]:
    for row in table.rows:
        # A merged cell is given once for every column that it spans.
        cells = dict.fromkeys(row.cells)
        yield "| " + " | ".join(" ".join(cell.text.split()) for cell in cells) + " |"


def _is_list_item(found: Paragraph | Table) -> bool:
    from docx.table import Table

    return not isinstance(found, Table) and _style(found).startswith("list ")


def _style(paragraph: Paragraph) -> str:
    name = paragraph.style.name if paragraph.style else None
    return (name or "").casefold()


def _refuse_bomb(origin: Origin) -> None:
    """Look at the archive's directory only. Python unpacks no entry beyond the size that stands there."""
    try:
        with zipfile.ZipFile(io.BytesIO(origin.data)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise _damaged(origin.name) from error
    unpacked = sum(entry.file_size for entry in entries)
    too_dense = unpacked > _RATIO_APPLIES_FROM and unpacked > _RATIO * len(origin.data)
    if too_dense or len(entries) > _ENTRIES or unpacked > origin.unpacked_bytes:
        raise IngestError(
            f"{origin.name} would unpack to {unpacked / 1024**2:.0f} MB in "
            f"{Count(len(entries)):# part|# parts}: refused.",
            "If it is honest, raise LOREKEEPER_INGEST_UNPACKED_MB.",
        )


def _open(origin: Origin) -> WordDocument:
    import docx

    try:
        return docx.Document(io.BytesIO(origin.data))
    # lxml's XMLSyntaxError is a SyntaxError; a missing part is a KeyError, another kind of file a ValueError.
    except (zipfile.BadZipFile, KeyError, ValueError, SyntaxError, zlib.error, EOFError) as error:
        raise _damaged(origin.name) from error


def _damaged(name: str) -> IngestError:
    return IngestError(
        f"{name} is not a readable DOCX: it is damaged, encrypted or an older .doc.",
        "Save it anew as .docx, without a password.",
    )
