"""From the bytes that were read to the source they become: pure, apart from the loaders' work."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from agent.contracts import GUILD_WIDE, Day, GuildId, MemberId, Slug, Source, SourceId, SourceKind
from agent.ingest.cleaning import clean_title
from agent.ingest.dates import date_in_name
from agent.ingest.documents import Document
from agent.ingest.formats import load, loader_for
from agent.ingest.origins import Origin
from agent.ingest.report import Choice
from agent.language.detect import detect_language

_SOURCES = uuid.UUID("0d6c1f0a-52d7-5a0e-9f35-4b2a1f7e6c11")
_OPENING_CHARACTERS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command said, for all of its targets."""

    guild: GuildId
    category: Slug | None = None
    visibility: str | None = None
    author: MemberId | None = None
    author_name: str = ""
    refreshing: bool = False
    """Whether what vanished is removed; else it is a mistake of whoever named it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """The bytes of one file or page."""

    uri: str
    data: bytes
    path: Path | None = None
    """None for a page of the web."""
    content_type: str = ""
    charset: str = ""

    @property
    def name(self) -> str:
        """The file's name; of a page, the last part of its path or its host."""
        parts = urlsplit(self.uri)
        raw = self.path.name if self.path else unquote(PurePosixPath(parts.path).name) or parts.netloc
        return clean_title(raw)

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def source_id(guild: GuildId, uri: str) -> SourceId:
    """The same whenever the same uri is ingested: what a killed ingest left is replaced, never doubled."""
    return SourceId(str(uuid.uuid5(_SOURCES, f"{guild}\x1f{uri}")))


def is_unchanged(before: Source, fetched: Fetched, asked: Asked) -> bool:
    """Whether reading it again would make the same source."""
    return (
        before.content_hash == fetched.digest
        and asked.category in (None, before.category)
        and asked.visibility in (None, before.visibility)
    )


def read_document(fetched: Fetched, unpacked_mb: float) -> Document:
    """Raises `IngestError`."""
    loader = loader_for(fetched.name if fetched.path else urlsplit(fetched.uri).path, fetched.content_type)
    origin = Origin(
        name=fetched.name,
        data=fetched.data,
        charset=fetched.charset,
        unpacked_bytes=int(unpacked_mb * 1024 * 1024),
    )
    return load(loader, origin)


def make_source(
    fetched: Fetched,
    document: Document,
    choice: Choice,
    asked: Asked,
    before: Source | None,
    *,
    language: str,
    now: datetime,
) -> Source:
    """The source's record; `language` is the guild's, for a text too short to tell its own."""
    local = fetched.path is not None
    return Source(
        id=before.id if before else source_id(asked.guild, fetched.uri),
        guild=asked.guild,
        uri=fetched.uri,
        kind=SourceKind.FILE if local else SourceKind.URL,
        title=document.title or clean_title(Path(fetched.name).stem if local else fetched.name),
        content_hash=fetched.digest,
        visibility=_visibility(asked, before, document.visibility if local else ""),
        category=choice.category,
        category_probability=choice.probability,
        author=None if document.author else asked.author,
        author_name=document.author or asked.author_name,
        date=document.date or (date_in_name(fetched.name) if local else None),
        language=document.language or detect_language(document.text, language),
        added_at=before.added_at if before else now,
        link=(document.link if local else "") or ("" if local else fetched.uri),
    )


def make_entry(
    guild: GuildId,
    text: str,
    choice: Choice,
    *,
    id_: str,
    on: Day | None,
    author: MemberId,
    author_name: str,
    visibility: str,
    language: str,
    now: datetime,
    link: str,
) -> Source:
    """The record of a remembered fact."""
    return Source(
        id=SourceId(id_),
        guild=guild,
        uri=f"entry:{id_}",
        kind=SourceKind.ENTRY,
        title=opening_words(text),
        content_hash=hashlib.sha256(text.encode()).hexdigest(),
        visibility=visibility,
        category=choice.category,
        category_probability=choice.probability,
        author=author,
        author_name=clean_title(author_name),
        date=on,
        language=detect_language(text, language),
        added_at=now,
        link=link,
    )


def opening_words(text: str) -> str:
    """The title of what has none: its first words, on one line."""
    line = clean_title(text)
    short = line[: _OPENING_CHARACTERS - 1].rsplit(" ", 1)[0] + "…"
    return line if len(line) <= _OPENING_CHARACTERS else short


def _visibility(asked: Asked, before: Source | None, document: str) -> str:
    """The command's; else as narrow as it was: reading a file again never shows it to more people."""
    if asked.visibility:
        return asked.visibility
    if before and before.visibility != GUILD_WIDE:
        return before.visibility
    return document or GUILD_WIDE
