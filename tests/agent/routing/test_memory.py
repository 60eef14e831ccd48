"""The memory forgets what it must, survives a restart, and is never needed."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from agent.contracts import GuildId
from agent.routing.memory import RoutingMemory

HERE, THERE = GuildId("here"), GuildId("there")
ROW = np.array([0.5, -1.0], np.float32)


def test_rows_survive_a_restart(tmp_path: Path) -> None:
    RoutingMemory(tmp_path / "routing.db").remember(HERE, "e5", {"one": ROW, "two": 2 * ROW})
    known = RoutingMemory(tmp_path / "routing.db").recall(HERE, "e5", ["two", "three"])
    assert list(known) == ["two"]
    np.testing.assert_array_equal(known["two"], 2 * ROW)


@pytest.mark.parametrize(
    ("guild", "maker", "given"),
    [(THERE, "e5", ""), (HERE, "MiniLM", ""), (HERE, "e5", "other categories")],
)
def test_rows_are_of_one_guild_maker_and_circumstance(
    tmp_path: Path, guild: GuildId, maker: str, given: str
) -> None:
    memory = RoutingMemory(tmp_path / "routing.db")
    memory.remember(HERE, "e5", {"one": ROW})
    assert memory.recall(guild, maker, ["one"], given) == {}


def test_what_a_guild_no_longer_has_is_forgotten(tmp_path: Path) -> None:
    memory = RoutingMemory(tmp_path / "routing.db")
    for guild in (HERE, THERE):
        memory.remember(guild, "e5", {"kept": ROW, "gone": ROW})
    memory.keep_only(HERE, ["kept"])
    assert set(memory.recall(HERE, "e5", ["kept", "gone"])) == {"kept"}
    assert set(memory.recall(THERE, "e5", ["kept", "gone"])) == {"kept", "gone"}


def test_a_damaged_memory_is_an_empty_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "routing.db"
    path.write_bytes(b"not a database, and long enough to be looked at" * 100)
    memory = RoutingMemory(path)
    with caplog.at_level(logging.WARNING):
        memory.remember(HERE, "e5", {"one": ROW})
        assert memory.recall(HERE, "e5", ["one"]) == {}
    assert "routing.db" in caplog.text
