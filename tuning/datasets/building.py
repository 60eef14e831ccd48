"""A dataset version out of what a guild says now.

The same labels are the same version: building again when nothing was said makes nothing new. What somebody
said who does not want to be learnt from any longer leaves the versions before, too.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from agent.contracts import EpisodeId, GuildId
from agent.database import tables
from agent.database.engine import Database
from agent.models.protocol import Embedder
from agent.privacy.consents import Consents
from agent.serving.served import Task
from tuning.datasets.store import DatasetStore
from tuning.datasets.version import DatasetVersion, build
from tuning.labels.gathering import labels_of
from tuning.privacy import stop_learning

if TYPE_CHECKING:
    from agent.runtime import Stores

_ANSWERS: Final = tables.bot_answers.c
_PLACES: Final = tables.bot_places.c


async def build_version(
    stores: Stores, guild: GuildId, task: Task, now: datetime, *, embedder: Embedder | None = None
) -> DatasetVersion:
    """Gather the labels of a guild into a version, and store it unless it is empty.

    With an embedder, questions that say the same in other words are kept together. Raises `StoreError`,
    `ModelError`, `UnknownGuildError`.
    """
    derivation = await labels_of(stores, guild, now=now, embedder=embedder)
    for member in sorted(await Consents(stores.database, stores.settings).refused(guild)):
        await stop_learning(stores, guild, member)
    datasets = DatasetStore(stores.database)
    renamed = await stores.catalog.former_slugs(guild)
    version = build(
        derivation.labels,
        task,
        threads=await _threads(stores.database, guild),
        before=await datasets.splits(guild, task, renamed),
        salt=guild,
    )
    if version.entries:
        await datasets.save(guild, version, at=now)
    return version


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
