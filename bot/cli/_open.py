"""Opening what a command needs, with the settings of the environment."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.runtime import Installation, Stores


@asynccontextmanager
async def stores() -> AsyncIterator[Stores]:
    """Open what is kept, without models."""
    from agent.runtime import open_stores
    from agent.settings import load_settings

    async with open_stores(load_settings()) as opened:
        yield opened


@asynccontextmanager
async def installation() -> AsyncIterator[Installation]:
    """Open stores and models."""
    from agent.runtime import open_installation
    from agent.settings import load_settings

    async with open_installation(load_settings()) as opened:
        yield opened
