"""CSV and JSON lines: every row or object is a passage, with its own date, author and category.

The first row of a CSV file names its columns. Names are known in English and Spanish; what is not known
stays in the text as "column: value", and so does a date that cannot be read.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping

from agent.errors import IngestError
from agent.ingest.cleaning import clean_link, clean_text, clean_title
from agent.ingest.dates import read_date
from agent.ingest.documents import BlockKind, Context, Document, DocumentBuilder
from agent.ingest.origins import Origin, decode

_NAMES = {
    "text": "text fact content note entry texto hecho dato contenido nota entrada",
    "title": "title subject título titulo asunto",
    "date": "date day when fecha día dia cuándo cuando",
    "author": "author by who autor autora quién quien",
    "category": "category topic categoría categoria tema",
    "link": "link url enlace",
}
_FIELD = {name: field for field, names in _NAMES.items() for name in names.split()}
_DAY_FIRST = frozenset({"fecha", "día", "dia", "cuándo", "cuando"})
_SNIFFED = 65_536
_DELIMITERS = ",;\t|"
_CELL_CHARACTERS = 1_000_000


def load_csv(origin: Origin) -> Document:
    text = clean_text(decode(origin))
    csv.field_size_limit(_CELL_CHARACTERS)
    reader = csv.DictReader(io.StringIO(text), delimiter=_delimiter(text), restkey="", strict=False)
    builder = DocumentBuilder()
    try:
        for number, row in enumerate(reader, start=1):
            cells = {name: _cell(value) for name, value in row.items() if value}
            _add_row(builder, cells, f"row {number}")
    except csv.Error as error:
        raise IngestError(f"{origin.name} is not valid CSV near line {reader.line_num}: {error}.") from error
    return builder.build()


def load_json_lines(origin: Origin) -> Document:
    """One bad line fails the file, with its number: half a file would look as if it were whole."""
    builder = DocumentBuilder()
    for number, line in enumerate(clean_text(decode(origin)).split("\n"), start=1):
        if line.strip():
            _add_row(builder, _object(line, f"{origin.name}, line {number}"), f"line {number}")
    return builder.build()


def _object(line: str, where: str) -> dict[str, str]:
    try:
        read = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise IngestError(f"{where}: not valid JSON.", "Write one object on each line.") from error
    if not isinstance(read, dict):
        raise IngestError(f"{where}: not a JSON object.", "Write one object on each line.")
    return {key: _cell(value) for key, value in read.items() if value not in (None, "")}


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_cell(each) for each in value)
    return value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _delimiter(text: str) -> str:
    try:
        return csv.Sniffer().sniff(text[:_SNIFFED], delimiters=_DELIMITERS).delimiter
    except csv.Error:
        # One column has no delimiter to find, and commas may stand in its text.
        first = text.split("\n", 1)[0]
        return max(_DELIMITERS, key=first.count) if any(map(first.count, _DELIMITERS)) else "\t"


def _add_row(builder: DocumentBuilder, cells: Mapping[str, str], location: str) -> None:
    named = {name.strip().casefold(): value for name, value in cells.items()}
    known = {_FIELD[name]: value for name, value in reversed(named.items()) if name in _FIELD}
    day_first = not _DAY_FIRST.isdisjoint(named)
    context = Context(
        location=location,
        date=read_date(known.get("date", ""), day_first=day_first),
        author=clean_title(known.get("author", "")),
        category=clean_title(known.get("category", "")),
        link=clean_link(known.get("link", "")),
    )
    builder.add(BlockKind.ROW, _row_text(cells, known, context), context)


def _row_text(cells: Mapping[str, str], known: Mapping[str, str], context: Context) -> str:
    """The title and the text as they are, then every other column that the context does not hold."""
    lines = [known[field] for field in ("title", "text") if known.get(field)]
    held = {"title", "text", "author", "category"}
    held |= {"date"} if context.date and "text" in known else set()
    held |= {"link"} if context.link else set()
    for name, value in cells.items():
        if value and _FIELD.get(name.strip().casefold(), "") not in held:
            lines.append(f"{name.strip()}: {value}" if name.strip() else value)
    return "\n".join(lines)
