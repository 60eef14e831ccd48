"""A dataset version out of what a guild says now.

The same labels are the same version: building again when nothing was said makes nothing new. What somebody
said who does not want to be learnt from any longer leaves the versions before, too.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from agent.contracts import EpisodeId, GuildId, Slug
from agent.database import tables
from agent.database.engine import Database
from agent.models.level import LevelEmbedder
from agent.models.library import open_embedder
from agent.models.protocol import Embedder, EmbedKind
from agent.privacy.consents import Consents
from agent.serving.served import Task
from agent.settings import Settings
from tuning.datasets.evidence import read_evidence
from tuning.datasets.store import DatasetStore
from tuning.datasets.version import DatasetVersion, build
from tuning.labels.gathering import labels_of
from tuning.labels.grouping import group_id, grouped
from tuning.labels.label import Label
from tuning.privacy import stop_learning

if TYPE_CHECKING:
    from agent.runtime import Stores

_ANSWERS: Final = tables.bot_answers.c
_PLACES: Final = tables.bot_places.c


async def build_version(
    stores: Stores,
    guild: GuildId,
    task: Task,
    now: datetime,
    *,
    category: Slug | None = None,
    embedder: Embedder | None = None,
) -> DatasetVersion:
    """Gather the labels of a guild into a version, and store it unless it is empty.

    With a category it has only answers whose evidence is of that, each in the split in which it is elsewhere.
    The embedder tells which questions ask the same in other words; it is a level one, and the installation's
    unless one is given. Raises `StoreError`, `ModelError`, `ConfigurationError`, `UnknownGuildError`.
    """
    derivation = await labels_of(stores, guild, now=now)
    for member in sorted(await Consents(stores.database, stores.settings).refused(guild)):
        await stop_learning(stores, guild, member)
    datasets = DatasetStore(stores.database)
    renamed = await stores.catalog.former_slugs(guild)
    labels = tuple(label for label in derivation.labels if label.task is task)
    if category is not None:
        labels = await _about(stores, guild, labels, category)
    questions = sorted({label.question for label in labels})
    version = build(
        labels,
        task,
        threads=await _threads(stores.database, guild),
        before=await datasets.splits(guild, task, renamed),
        salt=guild,
        alike=await _alike(questions, embedder, stores.settings),
    )
    if version.entries:
        await datasets.save(guild, version, at=now)
    return version


async def _about(
    stores: Stores, guild: GuildId, labels: tuple[Label, ...], category: Slug
) -> tuple[Label, ...]:
    evidences = await read_evidence(stores, guild, labels)
    found = ((label, evidences.of(label)) for label in labels)
    return tuple(label for label, evidence in found if evidence and evidence.category == category)


async def _alike(questions: Sequence[str], embedder: Embedder | None, settings: Settings) -> dict[str, str]:
    """A name for all that ask the same, by question.

    Their labels are not made one, as a guild has few: they are only never parted.
    """
    if len(questions) < 2:
        return {}
    async with AsyncExitStack() as stack:
        if embedder is None:
            raw = await open_embedder(settings)
            stack.push_async_callback(raw.close)
            embedder = await LevelEmbedder.open(raw, settings.data_dir / "models")
        vectors = await embedder.embed(questions, EmbedKind.QUERY)
    leaders = await asyncio.to_thread(grouped, questions, vectors)
    names = {question: group_id(questions[first]) for question, first in zip(questions, leaders, strict=True)}
    counts = Counter(names.values())
    return {question: name for question, name in names.items() if counts[name] > 1}


async def _threads(database: Database, guild: GuildId) -> dict[EpisodeId, str]:
    """The thread of each question that was asked in one: one that the bot opened under a question, which has
    that message's id, or one whose history is read.
    """
    opened = select(_ANSWERS.question).where(_ANSWERS.guild == guild, _ANSWERS.question.is_not(None))
    read = select(_PLACES.place).where(_PLACES.guild == guild, _PLACES.thread)
    in_one = _ANSWERS.channel.in_(opened) | _ANSWERS.channel.in_(read)
    query = select(_ANSWERS.episode, _ANSWERS.channel).where(_ANSWERS.guild == guild, in_one)
    async with database.read() as connection:
        rows = await connection.execute(query.distinct())
        return {EpisodeId(row.episode): str(row.channel) for row in rows}
