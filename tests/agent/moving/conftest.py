import asyncio
import shutil
from pathlib import Path

import pytest

from agent.settings import Settings
from tests.agent.moving.house import furnish, settings_over


@pytest.fixture(scope="session")
def furnished_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("furnished")
    asyncio.run(furnish(settings_over(folder)))
    return folder


@pytest.fixture
def house(furnished_folder: Path, tmp_path: Path) -> Settings:
    """A furnished installation for one test."""
    return settings_over(shutil.copytree(furnished_folder, tmp_path / "house"))


@pytest.fixture(params=["sqlite-postgresql", "postgresql-sqlite"])
def databases(request: pytest.FixtureRequest, tmp_path: Path, postgres_url: str) -> tuple[Settings, Settings]:
    """Two empty installations, which differ in their database; each pair of kinds in turn."""
    one, two = settings_over(tmp_path / "data"), settings_over(tmp_path / "data", database_url=postgres_url)
    return (one, two) if request.param.startswith("sqlite") else (two, one)
