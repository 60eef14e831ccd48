"""PDF: the text of each page; what is quoted from it says the page."""

from __future__ import annotations

import re

from agent.errors import IngestError
from agent.ingest.cleaning import clean_text, clean_title
from agent.ingest.documents import Context, Document, DocumentBuilder
from agent.ingest.origins import Origin
from agent.ingest.plain import plain_blocks

_BROKEN_WORD = re.compile("[\x02\ufffe]\\s*")
"""How PDFium marks a hyphen at the end of a line: the word goes on without it."""


def load_pdf(origin: Origin) -> Document:
    """The date that the file carries is not taken: it tells when it was exported, not when things were."""
    from agent.ingest._community import read_pdf

    pages = read_pdf(origin)
    builder = DocumentBuilder()
    for page in pages:
        text = clean_text(_BROKEN_WORD.sub("", page.text))
        for kind, start, end in plain_blocks(text):
            builder.add(kind, text[start:end], Context(location=f"page {page.number}"))
    title = clean_title(pages[0].title) if pages else ""
    document = builder.build(Document(text="", blocks=(), title=title))
    if not document.text:
        raise IngestError(f"{origin.name} holds no text: its pages are pictures.", "Run OCR over it first.")
    return document
