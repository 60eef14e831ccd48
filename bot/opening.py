"""Opening what a command needs, with the settings of the environment."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from bot.output import waiting

if TYPE_CHECKING:
    from agent.models.protocol import Embedder
    from agent.runtime import Installation, Stores
    from agent.settings import Settings


def settings() -> Settings:
    """Read the settings and start the log they ask for. Raises `ConfigurationError`, `StoreError`."""
    from agent.settings import load_settings
    from bot.logs import start_logging

    loaded = load_settings()
    start_logging(loaded)
    return loaded


@asynccontextmanager
async def stores() -> AsyncIterator[Stores]:
    """Open what is kept, without models."""
    from agent.runtime import open_stores

    async with open_stores(settings()) as opened:
        yield opened


@asynccontextmanager
async def embedder(loaded: Settings) -> AsyncIterator[Embedder]:
    """Open what an installation fills its index with, without the rest of it."""
    with waiting("Opening the embedder"):
        from agent.models.level import LevelEmbedder
        from agent.models.library import open_embedder

        opened = await open_embedder(loaded)
    try:
        yield await LevelEmbedder.open(opened, loaded.data_dir / "models")
    finally:
        await opened.close()


@asynccontextmanager
async def installation() -> AsyncIterator[Installation]:
    """Open stores and models."""
    async with AsyncExitStack() as stack:
        with waiting("Opening the models"):
            from agent.runtime import open_installation

            opened = await stack.enter_async_context(open_installation(settings()))
        yield opened
