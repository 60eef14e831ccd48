"""The household sample, loaded once a session: as a data folder to copy, and as an open installation."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from agent.runtime import Installation, open_installation
from agent.settings import Settings
from bot.sample import load_sample


def household_settings(folder: Path) -> Settings:
    """The defaults over `folder`, on one thread: threads that wait for each other crawl on a busy machine."""
    return Settings(data_dir=folder, threads=1)


@pytest.fixture(scope="session")
def household_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that nothing has open. Copy it to write to it."""
    folder = tmp_path_factory.mktemp("household")

    async def load() -> None:
        async with open_installation(household_settings(folder)) as installation:
            await load_sample(installation)

    asyncio.run(load())
    return folder


@pytest.fixture
def own_household(household_folder: Path, tmp_path: Path) -> Path:
    """A copy of the data folder for one test."""
    return shutil.copytree(household_folder, tmp_path / "household")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def household(
    household_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Installation]:
    """The installation of a copy, on the session's event loop. Tests that write use a guild of their own."""
    folder = shutil.copytree(household_folder, tmp_path_factory.mktemp("open") / "household")
    async with open_installation(household_settings(folder)) as installation:
        yield installation
