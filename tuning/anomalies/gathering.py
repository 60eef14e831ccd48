"""What the detectors need, read from where it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from itertools import combinations
from typing import Final

import numpy as np

from agent.contracts import GUILD_WIDE, Episode, EpisodeId, GuildId, Passage, PassageId
from agent.journal.protocol import Journal
from agent.knowledge.protocol import KnowledgeStore
from agent.models.protocol import Embedder, EmbedKind
from tuning.anomalies.anomaly import Found, Kind
from tuning.anomalies.contradictions import Contradiction, contradictions
from tuning.anomalies.detectors import COMPARED
from tuning.anomalies.streams import BEFORE, RECENT, Stream, asked, questions, votes

_PAGE: Final = 500
_ENOUGH: Final = 20
"""Recent questions, with fewer of which nobody can tell whether they are about something else."""
_COMPARED: Final = 5
"""Of the passages that were found for a question, the best."""
_TOLD: Final = 5
"""Contradictions in one look; the others come when these are settled."""


async def recent_questions(journal: Journal, guild: GuildId, now: datetime) -> tuple[Episode, ...]:
    """Those that the detectors compare, oldest first."""
    episodes: list[Episode] = []
    after: EpisodeId | None = None
    while page := await journal.episodes(guild, since=now - RECENT - BEFORE, after=after, limit=_PAGE):
        episodes += page
        after = page[-1].id
    return questions(episodes)


async def stream_of(
    journal: Journal, guild: GuildId, episodes: Sequence[Episode], now: datetime, embedder: Embedder | None
) -> Stream:
    """Raises `StoreError`, `ModelError`."""
    cast = votes(await journal.feedback(guild))
    enough = sum(each.asked_at > now - RECENT for each in episodes) >= _ENOUGH
    vectors = None
    if embedder is not None and enough:
        vectors = await _vectors(embedder, episodes, now)
    return Stream(asked=tuple(map(asked, episodes)), voted=cast, vectors=vectors)


async def _vectors(
    embedder: Embedder, episodes: Sequence[Episode], now: datetime
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Of those that are compared; a question before them has a vector of zeros."""
    recent = sum(each.asked_at > now - RECENT for each in episodes)
    latest = episodes[-(recent + COMPARED) :]
    found = await embedder.embed([each.question for each in latest], EmbedKind.QUERY)
    blank = np.zeros((len(episodes) - len(latest), found.shape[1]), np.float32)
    return np.concatenate([blank, found])


async def contradictory(
    store: KnowledgeStore, guild: GuildId, episodes: Sequence[Episode], now: datetime
) -> tuple[Found, ...]:
    """What contradicts each other among the passages that were found for the same recent question.

    Only what every member may read is compared: admins are told in a channel. Raises `StoreError`.
    """
    together = [
        tuple(passage for passage, _ in episode.evidence[:_COMPARED])
        for episode in episodes
        if episode.asked_at > now - RECENT
    ]
    pairs = sorted({pair for ids in together for pair in combinations(sorted(set(ids)), 2)})
    wanted = sorted({id_ for pair in pairs for id_ in pair})
    known: dict[PassageId, Passage] = {
        passage.id: passage for passage in await store.get(guild, wanted) if passage.visibility == GUILD_WIDE
    }
    readable = [(known[one], known[other]) for one, other in pairs if one in known and other in known]
    found = await asyncio.to_thread(lambda: tuple(contradictions(readable)))
    return tuple(_found(each) for each in found)[:_TOLD]


def _found(said: Contradiction) -> Found:
    return Found(
        kind=Kind.CONTRADICTION,
        subject=f"{said.one.id} {said.other.id}",
        figures={
            "difference": said.difference.value,
            "one_start": said.one_span[0],
            "one_end": said.one_span[1],
            "other_start": said.other_span[0],
            "other_end": said.other_span[1],
        },
        sources=(said.one.source, said.other.source),
    )
