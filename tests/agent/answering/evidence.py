"""Short ways to write evidence down in a test."""

from __future__ import annotations

from datetime import date

from agent.contracts import (
    LOCAL_GUILD,
    Constraints,
    Evidence,
    EvidenceItem,
    Passage,
    PassageId,
    Searched,
    Slug,
    SourceId,
    SourceKind,
)

NOTHING_SPECIAL = Searched(
    categories=(), constraints=Constraints(), widened=False, queries=(), index_version="v1"
)


def item(
    text: str,
    *,
    name: str = "p",
    title: str = "",
    location: str = "",
    at: int = 0,
    score: float = 1.0,
    similarity: float = 0.9,
    lexical: float = 1.0,
    kind: SourceKind = SourceKind.FILE,
    category: str | None = None,
    on: date | None = None,
    author_name: str = "",
    link: str = "",
) -> EvidenceItem:
    passage = Passage(
        id=PassageId(name),
        guild=LOCAL_GUILD,
        source=SourceId(f"source-{name}"),
        ordinal=0,
        title=title,
        location=location,
        text=text,
        start=at,
        end=at + len(text),
        kind=kind,
        category=Slug(category) if category else None,
        author_name=author_name,
        date=on,
        link=link,
    )
    return EvidenceItem(passage=passage, score=score, similarity=similarity, lexical=lexical)


def evidence(*items: EvidenceItem, searched: Searched = NOTHING_SPECIAL) -> Evidence:
    return Evidence(items=items, searched=searched)
