"""HTML: trafilatura drops the navigation and keeps headings, tables, lists and code, as Markdown.

selectolax was refused: it is faster, but keeps menus, footers and cookie notices unless it is told the
selectors of every site.
"""

from __future__ import annotations

import re
from dataclasses import replace

from agent.errors import IngestError
from agent.ingest.cleaning import clean_text, clean_title
from agent.ingest.dates import read_date
from agent.ingest.documents import Document
from agent.ingest.markdown import document_from_markdown
from agent.ingest.origins import Origin, decode

_CHARSET = re.compile(rb"<meta[^>]{0,200}charset=[\"']?\s*([\w-]{1,40})", re.IGNORECASE)
_HEAD_BYTES = 4096


def load_html(origin: Origin) -> Document:
    """Only a date that the page states is taken; trafilatura's guesses from its text are not asked for."""
    from trafilatura import extract
    from trafilatura.metadata import extract_metadata

    declared = _CHARSET.search(origin.data[:_HEAD_BYTES])
    charset = origin.charset or (declared.group(1).decode("ascii") if declared else "")
    # lxml refuses text that declares an encoding, as an XHTML page does in its first line.
    page = re.sub(r"\A\s*<\?xml[^>]*\?>", "", clean_text(decode(replace(origin, charset=charset))))
    text = extract(page, output_format="markdown", include_comments=False, include_tables=True)
    if not text:
        raise IngestError(f"{origin.name} holds no text that could be found.", "Is it made by a script?")
    found = extract_metadata(page, date_config={"extensive_search": False, "original_date": True})
    about = Document(
        text="",
        blocks=(),
        title=clean_title(found.title or ""),
        date=read_date(found.date or ""),
        author=clean_title(found.author or ""),
        language=(found.language or "")[:2],
    )
    return document_from_markdown(text, about)
