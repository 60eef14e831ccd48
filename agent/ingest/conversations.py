"""A conversation becomes a source: each turn of a speaker is a block, and a passage has one author.

So a quote is one member's, its link leads to where they said it, and what a member asked to have forgotten
goes without the words of the others.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime

from agent.contracts import Day, GuildId, MemberId, Passage, Source, SourceKind
from agent.ingest.chunking import passages
from agent.ingest.cleaning import clean_title
from agent.ingest.documents import BlockKind, Context, Document, DocumentBuilder
from agent.ingest.making import opening_words, source_id
from agent.ingest.report import Choice
from agent.language.detect import detect_language


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one member said without being interrupted."""

    member: MemberId
    name: str
    text: str
    """Never blank."""
    link: str
    """Where it begins."""
    on: Day


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    uri: str
    """Its address, which stays the same when messages of it are deleted."""
    kind: SourceKind
    """`CHANNEL` or `THREAD`."""
    title: str
    """The name of its thread; empty for one that has none, which is called by its opening words."""
    location: str
    """The channel, for people: `#pool`."""
    visibility: str
    turns: Sequence[Turn]
    """Oldest first, at least one."""


def document_of(conversation: Conversation) -> Document:
    """The text of the turns, each a block of its own."""
    builder = DocumentBuilder()
    for turn in conversation.turns:
        # A name with nothing to see would let the passage fall back to the source's author.
        author = clean_title(turn.name) or turn.member
        where = Context(location=conversation.location, date=turn.on, author=author, link=turn.link)
        builder.add(BlockKind.PARAGRAPH, turn.text, where)
    return builder.build()


def conversation_source(
    guild: GuildId,
    conversation: Conversation,
    document: Document,
    choice: Choice,
    before: Source | None,
    *,
    language: str,
    now: datetime,
) -> Source:
    """The source's record; `language` is the guild's. It has no author: its passages have."""
    first = conversation.turns[0]
    return Source(
        id=source_id(guild, conversation.uri),
        guild=guild,
        uri=conversation.uri,
        kind=conversation.kind,
        title=clean_title(conversation.title) or opening_words(first.text),
        content_hash=digest_of(conversation),
        visibility=conversation.visibility,
        category=choice.category,
        category_probability=choice.probability,
        date=first.on,
        language=detect_language(document.text, language),
        added_at=before.added_at if before else now,
        link=first.link,
    )


def digest_of(conversation: Conversation) -> str:
    """The sha256, hex, of everything that the source is made of."""
    lines = [conversation.title, conversation.location, conversation.visibility]
    lines += [repr(astuple(turn)) for turn in conversation.turns]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


def conversation_passages(
    conversation: Conversation, document: Document, source: Source
) -> tuple[Passage, ...]:
    """The passages of a conversation, each of the member whose turn it is cut from."""
    starts = [block.start for block in document.blocks]
    return tuple(
        replace(passage, author=conversation.turns[bisect_right(starts, passage.start) - 1].member)
        for passage in passages(document, source, {})
    )
