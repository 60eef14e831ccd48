"""The slow way: one guild's events in a real journal, read back by what production reads with."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from agent.contracts import Category, ModelInfo, Slug
from agent.models.protocol import EmbedKind
from agent.runtime import Stores, open_stores
from agent.settings import Settings
from benchmarks.guilds.guild import DIMENSIONS, GUILD, Months, Shift, Town, end_of, until
from benchmarks.guilds.members import CATEGORIES
from benchmarks.guilds.ours import look_on
from tuning.anomalies.detectors import look
from tuning.anomalies.gathering import recent_questions, stream_of
from tuning.patterns.detector import Detector
from tuning.patterns.pattern import Candidate
from tuning.patterns.rules import RuleName

_SEED, _PEOPLE, _DAYS = 7, 24, 110
_LOOKED: Final = (50, 70, 90, 109)
_SHIFT: Final = Shift(day=60, searched="car", right="pool", share=0.22)


async def differences() -> tuple[str, ...]:
    """In what the two ways disagree, in words; nothing when they lead to the same."""
    months = Town(_SEED, days=_DAYS, people=_PEOPLE, shift=_SHIFT).live()
    quick = list(look_on(months, _LOOKED))
    found: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        async with open_stores(Settings(data_dir=Path(folder))) as stores:
            await _create(stores)
            embedder = _Known(months)
            detector = Detector(stores, embedder)
            written = (0, 0)
            for day in quick:
                written = await _write(stores, months, day.day, written)
                seen = await detector.watch(GUILD, day.now, months.joined)
                if _facts(seen.detection.candidates) != _facts(day.candidates):
                    found.append(f"other patterns on day {day.day}")
                episodes = await recent_questions(stores.journal, GUILD, day.now)
                stream = await stream_of(stores.journal, GUILD, episodes, day.now, embedder)
                if look(stream, day.now) != day.anomalies:
                    found.append(f"other anomalies on day {day.day}")
    return tuple(found)


def _facts(candidates: Sequence[Candidate]) -> list[tuple[object, ...]]:
    """But for the volume, for which the quick way makes labels only when nothing else is missing."""
    return [
        (
            each.id,
            each.decision.action,
            len(each.remarks),
            tuple(finding.met for finding in each.findings if finding.rule is not RuleName.VOLUME),
        )
        for each in candidates
    ]


async def _create(stores: Stores) -> None:
    await stores.catalog.create_guild(GUILD)
    for slug in CATEGORIES:
        await stores.catalog.put_category(GUILD, Category(slug=Slug(slug), name=slug))


async def _write(stores: Stores, months: Months, day: int, written: tuple[int, int]) -> tuple[int, int]:
    """What happened since as many episodes and events were written, through the door that the bot uses."""
    episodes, events = until(months, end_of(day))
    for episode in episodes[written[0] :]:
        await stores.journal.record(episode)
    for event in events[written[1] :]:
        await stores.journal.add_feedback(event)
    return len(episodes), len(events)


class _Known:
    """An embedder that knows the simulated questions by heart."""

    info = ModelInfo(name="simulated", engine="simulated", digest="0" * 64)
    dimension = DIMENSIONS

    def __init__(self, months: Months) -> None:
        self._vectors: Mapping[str, NDArray[np.float32]] = {
            each.question: months.vectors[each.id] for each in months.episodes
        }

    async def embed(self, texts: Sequence[str], kind: EmbedKind) -> NDArray[np.float32]:
        rows = [self._vectors[text] for text in texts]
        return np.asarray(rows, dtype=np.float32).reshape(len(rows), DIMENSIONS)

    async def close(self) -> None:
        """Nothing was opened."""
