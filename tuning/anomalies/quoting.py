"""What an anomaly is about, as people know it: names of topics and sources, and the sentences that disagree.

Read where it stands when it is shown: what was removed or forgotten since is not shown any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.contracts import GUILD_WIDE, Category, Passage, PassageId, Source
from tuning.anomalies.anomaly import Anomaly, Kind

if TYPE_CHECKING:
    from agent.runtime import Stores


@dataclass(frozen=True, slots=True, kw_only=True)
class Quoted:
    title: str
    text: str
    link: str


async def subject_of(stores: Stores, anomaly: Anomaly) -> str:
    """A topic's name, a source's title, or the subject itself. Raises `StoreError`."""
    found = anomaly.found
    if found.kind is Kind.RETRIEVAL:
        return _named(await stores.catalog.categories(anomaly.guild), found.subject)
    if found.kind is Kind.STALE and found.sources:
        return _titled(await stores.catalog.source(anomaly.guild, found.sources[0]), found.subject)
    return found.subject


async def quotes_of(stores: Stores, anomaly: Anomaly) -> tuple[Quoted, ...]:
    """The two sentences of a contradiction, as far as both still stand where every member may read them."""
    if anomaly.found.kind is not Kind.CONTRADICTION:
        return ()
    ids = [PassageId(each) for each in anomaly.found.subject.split()]
    passages = await stores.store.get(anomaly.guild, ids)
    if len(passages) != len(ids):
        return ()
    quoted = [_quoted(each, anomaly, which) for each, which in zip(passages, ("one", "other"), strict=True)]
    return tuple(each for each in quoted if each) if all(quoted) else ()


def _quoted(passage: Passage, anomaly: Anomaly, which: str) -> Quoted | None:
    start, end = (int(anomaly.found.figures[f"{which}_{side}"]) - passage.start for side in ("start", "end"))
    text = passage.text[start:end] if start >= 0 else ""
    if passage.visibility != GUILD_WIDE or not text:
        return None
    return Quoted(title=passage.title, text=text, link=passage.link)


def _named(categories: Sequence[Category], slug: str) -> str:
    return next((each.name for each in categories if each.slug == slug), slug)


def _titled(source: Source | None, subject: str) -> str:
    return source.title if source is not None and source.visibility == GUILD_WIDE else subject
