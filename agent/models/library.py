"""The models of this machine: which there are, which are in use, and opening them."""

from __future__ import annotations

import asyncio
import os
import sys

from agent.models.protocol import Embedder
from agent.models.weights import BUNDLED, find_weights
from agent.settings import Settings


async def open_embedder(settings: Settings) -> Embedder:
    """Load the embedder that the settings name. Raises `ModelError`."""
    files = await asyncio.to_thread(find_weights, settings.embedder, settings.data_dir)
    digest = next(weights.digest for weights in BUNDLED if weights.name == settings.embedder)
    from agent.models.e5 import E5Embedder

    return await E5Embedder.open(files[0], digest, thread_count(settings))


def thread_count(settings: Settings) -> int:
    if settings.threads:
        return settings.threads
    # A container may be given fewer cores than the machine has; only Linux can tell.
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
