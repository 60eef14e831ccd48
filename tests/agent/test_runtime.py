"""What joins the parts keeps its promises over all of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from agent.contracts import LOCAL_GUILD, GuildId, Source, SourceId, SourceKind
from agent.errors import ConfigurationError, UnknownGuildError
from agent.knowledge.lance import LanceStore
from agent.knowledge.protocol import IndexVersion
from agent.routing.memory import MEMORY_FILE, RoutingMemory
from agent.runtime import drop_guild, open_installation, open_stores, require_passages
from agent.settings import Settings

CLUB = GuildId("chess-club")


async def test_a_dropped_guild_leaves_nothing_derived_from_its_labels(tmp_path: Path) -> None:
    memory = RoutingMemory(tmp_path / MEMORY_FILE)
    row = np.ones(3, dtype=np.float32)
    async with open_stores(Settings(data_dir=tmp_path)) as stores:
        await stores.catalog.create_guild(CLUB)
        for guild in (CLUB, LOCAL_GUILD):
            memory.remember(guild, "embedder", {"Who won in 1972?": row})
        await drop_guild(stores, CLUB)
        assert await stores.catalog.guilds() == (LOCAL_GUILD,)
    assert memory.recall(CLUB, "embedder", ["Who won in 1972?"]) == {}
    assert list(memory.recall(LOCAL_GUILD, "embedder", ["Who won in 1972?"])) == ["Who won in 1972?"]


async def test_an_unknown_guild_cannot_be_dropped(tmp_path: Path) -> None:
    async with open_stores(Settings(data_dir=tmp_path)) as stores:
        with pytest.raises(UnknownGuildError):
            await drop_guild(stores, CLUB)


@pytest.mark.parametrize(("content_hash", "refused"), [("1f", True), ("", False)])
async def test_a_store_without_any_passage_of_what_the_catalog_lists_is_another_one(
    content_hash: str, refused: bool, tmp_path: Path
) -> None:
    """A source without a content hash is one whose first ingest was interrupted."""
    source = Source(
        id=SourceId("notes"),
        guild=LOCAL_GUILD,
        kind=SourceKind.FILE,
        uri="notes.md",
        title="Notes",
        content_hash=content_hash,
        added_at=datetime(2026, 11, 22, tzinfo=UTC),
    )
    async with open_stores(Settings(data_dir=tmp_path)) as stores:
        await require_passages(stores, await stores.store.versions())
        await stores.catalog.put_source(source, "The pump was replaced.")
        if not refused:
            await require_passages(stores, await stores.store.versions())
            return
        with pytest.raises(ConfigurationError, match="holds no passage, and 1 source is known"):
            await require_passages(stores, await stores.store.versions())


async def test_a_start_asks_once_what_index_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With many index versions on a server, each such question takes longer than a search."""
    settings = Settings(data_dir=tmp_path, threads=1)
    async with open_installation(settings):
        pass
    asked = 0
    versions = LanceStore.versions

    async def counted(store: LanceStore) -> tuple[IndexVersion, ...]:
        nonlocal asked
        asked += 1
        return await versions(store)

    monkeypatch.setattr(LanceStore, "versions", counted)
    async with open_installation(settings):
        assert asked == 1
