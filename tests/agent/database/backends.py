"""Every database that catalog and journal must work on: a new, empty one of each by its address."""

from pathlib import Path
from typing import Final

import pytest

BACKENDS: Final = ("sqlite", "postgresql")


def new_address(request: pytest.FixtureRequest, folder: Path) -> str:
    """Return what `open_database` takes, for the backend that the fixture is parametrized with."""
    if request.param == "sqlite":
        return str(folder / "lorekeeper.db")
    address: str = request.getfixturevalue("postgres_url")
    return address
