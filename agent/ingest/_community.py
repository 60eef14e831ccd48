"""The one file that knows langchain-community, which is archived: what is taken from it, and what is not.

Taken: `PyPDFium2Parser`, which reads page by page, under the lock that PDFium needs, and closes what it
opens. Refused: `CSVLoader` (no dialects, no dates, every mistake a bare RuntimeError), `TextLoader` (its
encoding guess is wrong on short texts), `UnstructuredMarkdownLoader` and `Docx2txtLoader` (lose headings
and tables), `BSHTMLLoader` (keeps navigation), `WebBaseLoader` and `SitemapLoader` (follow redirects into
private networks, no limits), `DiscordChatLoader` (takes the member's id for the text of the message).
It is imported when the first PDF is read, and not before: it costs half a second.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

from agent.errors import IngestError
from agent.ingest.origins import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    number: int
    """From 1."""
    text: str
    title: str
    """What the file says its title is; the same on every page."""


def read_pdf(origin: Origin) -> tuple[Page, ...]:
    """Raises `IngestError` for a PDF that is broken or wants a password."""
    from pypdfium2 import PdfiumError

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*langchain-community.*", category=DeprecationWarning)
        from langchain_community.document_loaders.parsers.pdf import PyPDFium2Parser
    from langchain_core.documents.base import Blob

    try:
        documents = PyPDFium2Parser(mode="page").parse(Blob.from_data(origin.data))
    except PdfiumError as error:
        raise _unreadable(origin.name, str(error)) from error
    return tuple(
        Page(number=number, text=found.page_content, title=str(found.metadata.get("title", "")))
        for number, found in enumerate(documents, start=1)
    )


def _unreadable(name: str, reason: str) -> IngestError:
    if "password" in reason.casefold() or "security" in reason.casefold():
        return IngestError(f"{name} is encrypted.", "Save a copy of it without a password.")
    return IngestError(f"{name} is not a readable PDF: it is damaged or cut short.", "Fetch it anew.")
