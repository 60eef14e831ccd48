"""What joins the parts keeps its promises over all of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from agent.contracts import LOCAL_GUILD, GuildId
from agent.errors import UnknownGuildError
from agent.routing.memory import MEMORY_FILE, RoutingMemory
from agent.runtime import drop_guild, open_stores
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
