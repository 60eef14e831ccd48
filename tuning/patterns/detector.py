"""The detector over an installation: reads the stores, asks `detect`, and writes down what changed.

Looking changes nothing and may be done at any time; `watch` is what the schedule calls. Both compute in a
thread. Only questions that somebody remarked on are embedded, and their vectors are kept while the process
lives, so that the next look embeds what is new.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from agent.contracts import Episode, EpisodeId, GuildId, MemberId
from agent.database.tables import key_of
from agent.models.protocol import Embedder, EmbedKind
from agent.serving.served import Task
from tuning.anomalies.watch import disturbances
from tuning.labels.cases import Vectors
from tuning.labels.decisions import Act, standing_decisions
from tuning.labels.gathering import Gathered, gather
from tuning.patterns.detecting import detect
from tuning.patterns.log import Event, PatternLog, changes, has_turned
from tuning.patterns.pattern import Baseline, BaselineKey, Candidate, Detection, History, Training
from tuning.registry.promotion import Promotion
from tuning.registry.store import Registry

if TYPE_CHECKING:
    from agent.runtime import Stores

_KEPT: Final = 20_000
"""Vectors, of 1.5 kB each; when there are more, all are made anew."""

Trainings: TypeAlias = Callable[[GuildId], Awaitable[Mapping[Task, Training]]]
Anomalies: TypeAlias = Callable[[GuildId, datetime], Awaitable[Sequence[str]]]


async def never_trained(guild: GuildId) -> Mapping[Task, Training]:
    """What stands before anything was trained."""
    return {}


async def nothing_unusual(guild: GuildId, now: datetime) -> Sequence[str]:
    """What stands where nobody looks for anomalies."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a look found, and what of it was written down."""

    detection: Detection
    events: tuple[Event, ...]
    turned: tuple[Candidate, ...]
    """Those about which something else is to be done than the last time."""


def detector_of(stores: Stores, embedder: Embedder) -> Detector:
    """The detector that knows what the installation was trained on, and what is unusual in it."""
    registry = Registry(stores.database, stores.settings.data_dir)
    promotion = Promotion(stores.database, registry, stores.assignments)

    async def unusual(guild: GuildId, now: datetime) -> Sequence[str]:
        return await disturbances(stores.database, guild, now)

    return Detector(stores, embedder, trainings=promotion.trainings, anomalies=unusual)


class Detector:
    """Of every guild. Raises `StoreError`, `ModelError`, `UnknownGuildError`."""

    def __init__(
        self,
        stores: Stores,
        embedder: Embedder,
        *,
        trainings: Trainings = never_trained,
        anomalies: Anomalies = nothing_unusual,
    ) -> None:
        self.log = PatternLog(stores.database)
        self._stores = stores
        self._embedder = embedder
        self._trainings = trainings
        self._anomalies = anomalies
        self._vectors: dict[str, np.ndarray[tuple[int], np.dtype[np.float32]]] = {}

    async def look(
        self, guild: GuildId, now: datetime, joined: Mapping[MemberId, datetime] | None = None
    ) -> Detection:
        """Return the candidates of a guild. `joined` says since when members belong to it, where known."""
        history = await self._history(guild, now, joined or {})
        trainings = await self._trainings(guild)
        known = await self.log.known(guild)
        baselines = await self._baselines(guild)
        anomalies = await self._anomalies(guild, now)
        return await asyncio.to_thread(
            detect,
            history,
            now=now.astimezone(self._stores.settings.zone),
            baselines=baselines,
            trainings=trainings,
            known=known,
            anomalies=anomalies,
        )

    async def watch(
        self, guild: GuildId, now: datetime, joined: Mapping[MemberId, datetime] | None = None
    ) -> Seen:
        """Look, and write down what changed since the last time; baselines that could be frozen too."""
        detection = await self.look(guild, now, joined)
        standing = await self.log.standing(guild)
        events = changes(standing, detection.candidates, now)
        held = await self._baselines(guild)
        frozen = [each for key, each in detection.baselines.items() if held.get(key) != each]
        await self.log.add(guild, events, frozen)
        turned = tuple(each for each in detection.candidates if has_turned(standing.get(each.id), each))
        return Seen(detection=detection, events=events, turned=turned)

    async def _baselines(self, guild: GuildId) -> dict[BaselineKey, Baseline]:
        """The last of each: a new champion has one of its own."""
        return {each.key: each for each in await self.log.baselines(guild)}

    async def _history(self, guild: GuildId, now: datetime, joined: Mapping[MemberId, datetime]) -> History:
        gathered = await gather(self._stores, guild, now=now)
        zone = self._stores.settings.zone
        scrubbed = {turn.episode.id: turn.question for case in gathered.cases for turn in case.turns}
        episodes = tuple(
            replace(
                each,
                question=scrubbed.get(each.id, ""),
                asked_at=each.asked_at.astimezone(zone),
            )
            for each in gathered.episodes
        )
        events = tuple(replace(each, at=each.at.astimezone(zone)) for each in gathered.events)
        return History(
            episodes=episodes,
            events=events,
            vectors=await self._vectors_of(episodes, _remarked(gathered) & scrubbed.keys()),
            labels=gathered.derivation.labels,
            joined=joined,
            discarded=_discarded(gathered),
            allows=gathered.allows,
        )

    async def _vectors_of(self, episodes: Sequence[Episode], wanted: frozenset[EpisodeId]) -> Vectors:
        """A row for each episode, of zeros for those that nobody remarked on."""
        if len(self._vectors) > _KEPT:
            self._vectors.clear()
        # By their hashes: who is forgotten must not be remembered here.
        texts = {key_of(each.question): each.question for each in episodes if each.id in wanted}
        new = sorted(texts.keys() - self._vectors.keys())
        if new:
            found = await self._embedder.embed([texts[key] for key in new], EmbedKind.QUERY)
            self._vectors.update(zip(new, found, strict=True))
        vectors = np.zeros((len(episodes), self._embedder.dimension), np.float32)
        for index, episode in enumerate(episodes):
            if episode.id in wanted:
                vectors[index] = self._vectors[key_of(episode.question)]
        return vectors


def _discarded(gathered: Gathered) -> frozenset[tuple[EpisodeId, Task]]:
    return frozenset(
        (each.episode, each.task)
        for each in standing_decisions(gathered.decisions)
        if each.act is Act.DISCARD and each.episode is not None and each.task is not None
    )


def _remarked(gathered: Gathered) -> frozenset[EpisodeId]:
    declined = {each.id for each in gathered.episodes if each.answer is not None and each.answer.declined}
    return frozenset(declined | {event.episode for event in gathered.events})
