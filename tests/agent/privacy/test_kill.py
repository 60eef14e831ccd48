"""Killed anywhere while a member is forgotten: after a restart nothing of them is left either."""

import asyncio
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from subprocess import run

import pytest
from sqlalchemy import func, select

from agent.database import tables
from agent.privacy.privacy import ACTION
from tests.agent.knowledge.passages import HOME
from tests.agent.privacy.house import (
    MEMBER,
    WORD,
    files_with,
    opened,
    passages_with,
    plant,
    rows_with,
    settings_over,
)
from tuning.privacy import privacy_of

_FORGET = """
import asyncio, os, signal, sys
from contextlib import asynccontextmanager
from pathlib import Path
from agent.database.engine import Database
from agent.knowledge._tables import Tables
from tests.agent.knowledge.passages import HOME
from tests.agent.privacy.house import MEMBER, opened, settings_over
from tuning.privacy import privacy_of

left, write, erase = [int(sys.argv[2])], Database.write, Tables.erase_deleted

def step():
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)

@asynccontextmanager
async def counted_write(self):
    async with write(self) as connection:
        yield connection
    step()

async def counted_erase(self, version, guild):
    step()
    await erase(self, version, guild)
    step()

async def main():
    async with opened(settings_over(Path(sys.argv[1]))) as stores:
        Database.write, Tables.erase_deleted = counted_write, counted_erase
        await privacy_of(stores).forget(HOME, MEMBER)

asyncio.run(main())
"""
"""Kills itself after so many transactions and halves of the erasing of an index."""


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted") / "data"

    async def make() -> None:
        async with opened(settings_over(folder)) as stores:
            await plant(stores)

    asyncio.run(make())
    return folder


def _killed_after(folder: Path, steps: int) -> int:
    command: Sequence[str] = (sys.executable, "-c", _FORGET, str(folder), str(steps))
    return run(command, check=False, timeout=60).returncode


@pytest.mark.parametrize("steps", [1, 3, 4, 6, 8, 9, 10, 12, 14, 16, 19, 22])
async def test_a_restart_goes_on_where_it_was_killed(planted: Path, tmp_path: Path, steps: int) -> None:
    folder = shutil.copytree(planted, tmp_path / "data")
    assert _killed_after(folder, steps) == -signal.SIGKILL

    async with opened(settings_over(folder)) as stores:
        (report,) = await privacy_of(stores).resume()
        assert await privacy_of(stores).resume() == ()

        assert await rows_with(stores, WORD) == {}
        assert await passages_with(stores, HOME, WORD) == set()
        assert report.removed["changes made nobody's"] <= 2
        async with stores.database.read() as connection:
            lines = select(func.count()).where(tables.bot_audit.c.action == ACTION)
            assert await connection.scalar(lines) == 1
    assert files_with(folder, WORD) == []


def test_left_alone_it_ends(planted: Path, tmp_path: Path) -> None:
    """Else the table above could kill what never would have ended."""
    folder = shutil.copytree(planted, tmp_path / "data")

    assert _killed_after(folder, 40) == 0
    assert files_with(folder, MEMBER) == []
