"""Every database that catalog and journal must work on, as a way to make a new, empty one."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from agent.database.engine import Database, open_database


async def _sqlite(folder: Path) -> Database:
    return await open_database(folder / "lorekeeper.db")


FACTORIES: Final[Mapping[str, Callable[[Path], Awaitable[Database]]]] = {"sqlite": _sqlite}
