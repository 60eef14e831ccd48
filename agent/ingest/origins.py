"""What a loader is given, and how bytes become text."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Protocol

from agent.errors import IngestError
from agent.ingest.documents import Document

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BINARY = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_BINARY_SHARE = 0.01
_WESTERN_SHARE = 0.3
"""Western European text is mostly ASCII; in other one-byte encodings nearly every letter is not."""
_ASCII = bytes(range(128))
_CONVERT = "Save it as UTF-8 and ingest it again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The bytes of one file or page."""

    name: str
    """For messages: the file's name or the URL, cleaned."""
    data: bytes
    charset: str = ""
    """What the web server said; empty when it said nothing."""
    unpacked_bytes: int = 200 * 1024 * 1024
    """Largest size that an archive format may unpack to."""


class Loader(Protocol):
    """One per format. Raises `IngestError` for whatever it cannot read."""

    def __call__(self, origin: Origin) -> Document: ...


def decode(origin: Origin) -> str:
    """The text of an origin: UTF-8, UTF-16 or 32, what its server said, or Windows Western European.

    A library that guesses was refused: charset-normalizer takes "Cambió" in Latin-1 for Chinese UTF-16. What
    is none of these raises `IngestError`, since a wrong guess would be stored and quoted.
    """
    text = _by_mark(origin)
    if text is None:
        text = _by_guess(origin)
    if len(_BINARY.findall(text)) > _BINARY_SHARE * len(text):
        raise IngestError(f"{origin.name} is not text: it holds binary data.", "Is its file name right?")
    return text


def _by_mark(origin: Origin) -> str | None:
    for mark, encoding in _BOMS:
        if origin.data.startswith(mark):
            try:
                return origin.data.decode(encoding)
            except UnicodeDecodeError as error:
                raise IngestError(f"{origin.name} says it is {encoding}, and is not.", _CONVERT) from error
    try:
        return origin.data.decode(origin.charset) if origin.charset else None
    except (UnicodeDecodeError, LookupError):
        # Servers often name a charset that the page is not in; what it really is can still be told.
        return None


def _by_guess(origin: Origin) -> str:
    data = origin.data
    for encoding in ("utf-8", *_wide_encodings(data)):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    if len(data.translate(None, _ASCII)) > _WESTERN_SHARE * len(data):
        raise IngestError(f"{origin.name} is in an encoding that cannot be told.", _CONVERT)
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError as error:
        raise IngestError(f"{origin.name} is in no encoding that is known here.", _CONVERT) from error


def _wide_encodings(data: bytes) -> tuple[str, ...]:
    """UTF-16 without a mark shows as a zero in every second byte."""
    head = data[:4096]
    for encoding, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        if zeros and zeros.count(0) > 0.7 * len(zeros):
            return (encoding,)
    return ()
