"""Which loader reads what, by file name on disk and by content type on the web."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

from agent.errors import IngestError
from agent.ingest.documents import Document
from agent.ingest.docx import load_docx
from agent.ingest.html import load_html
from agent.ingest.markdown import load_markdown
from agent.ingest.origins import Loader, Origin
from agent.ingest.pdf import load_pdf
from agent.ingest.plain import load_text
from agent.ingest.rows import load_csv, load_json_lines

_BY_SUFFIX: Mapping[str, Loader] = {
    ".txt": load_text,
    ".text": load_text,
    ".log": load_text,
    ".md": load_markdown,
    ".markdown": load_markdown,
    ".html": load_html,
    ".htm": load_html,
    ".xhtml": load_html,
    ".pdf": load_pdf,
    ".docx": load_docx,
    ".csv": load_csv,
    ".tsv": load_csv,
    ".jsonl": load_json_lines,
    ".ndjson": load_json_lines,
}
_BY_TYPE: Mapping[str, Loader] = {
    "text/html": load_html,
    "application/xhtml+xml": load_html,
    "text/markdown": load_markdown,
    "application/pdf": load_pdf,
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": load_docx,
    "text/csv": load_csv,
    "application/x-ndjson": load_json_lines,
    "application/jsonl": load_json_lines,
}
_SAYS_LITTLE = {"", "text/plain", "application/octet-stream", "binary/octet-stream"}
"""Content types that servers send for whatever they do not know; the name of the file then says more."""


def is_supported(name: str) -> bool:
    return PurePath(name).suffix.casefold() in _BY_SUFFIX


def loader_for(name: str, content_type: str = "") -> Loader:
    """Raises `IngestError` when no loader reads it."""
    by_suffix = _BY_SUFFIX.get(PurePath(name).suffix.casefold())
    loader = _BY_TYPE.get(content_type)
    if loader is None and content_type in _SAYS_LITTLE:
        loader = by_suffix or (load_text if content_type == "text/plain" else None)
    if loader is None:
        what = content_type or PurePath(name).suffix or "no suffix"
        readable = ", ".join(suffix.lstrip(".") for suffix in _BY_SUFFIX)
        raise IngestError(f"{name}: a format that is not read here ({what}).", f"Read are: {readable}.")
    return loader


def load(loader: Loader, origin: Origin) -> Document:
    """The document, which holds at least one block. Raises `IngestError`."""
    document = loader(origin)
    if not document.blocks:
        raise IngestError(f"{origin.name} holds no text.")
    return document
