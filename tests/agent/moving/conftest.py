from pathlib import Path

import pytest

from agent.settings import Settings
from tests.agent.database.backends import BACKENDS
from tests.agent.moving.house import settings_over


@pytest.fixture(params=[f"{one}-{other}" for one in BACKENDS for other in BACKENDS if one != other])
def databases(request: pytest.FixtureRequest, tmp_path: Path, postgres_url: str) -> tuple[Settings, Settings]:
    """Two empty installations, which differ in their database; each pair of kinds in turn."""
    one, two = settings_over(tmp_path / "data"), settings_over(tmp_path / "data", database_url=postgres_url)
    return (one, two) if request.param.startswith("sqlite") else (two, one)
