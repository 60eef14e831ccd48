"""Every knowledge store that must conform, as a way to make a new, empty one."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from agent.knowledge.lance import open_store
from agent.knowledge.protocol import KnowledgeStore


async def _lance(folder: Path) -> KnowledgeStore:
    return await open_store(folder / "knowledge")


FACTORIES: Final[Mapping[str, Callable[[Path], Awaitable[KnowledgeStore]]]] = {"lance": _lance}
