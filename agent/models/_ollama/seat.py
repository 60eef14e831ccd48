"""One server among several: what is known of it, what it does for us, and whether it has the model loaded.

A model is loaded by a call of its own, which outlives the question that needed it: Ollama drops a half-loaded
model when the call that loads it is cancelled, so that one which takes longer to load than a stage of a
question may last would never be there.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TypeVar

from agent.errors import ModelBusyError, ModelError
from agent.meter import awaiting
from agent.models._ollama.client import ModelFacts, Tag
from agent.models._ollama.config import OllamaConfig
from agent.models._ollama.errors import ServerAwayError, no_such_model
from agent.models._ollama.server import OllamaServer, stop

_log = logging.getLogger(__name__)

_WARM_SECONDS = 60.0
"""So long after an answer, the model is taken to be in memory still."""

_NOT_KEPT = "0"
"""The setting with which a model that was loaded beforehand would be gone before the call."""

_NEVER = float("-inf")

_T = TypeVar("_T")


class Seat:
    """Mutable. Times are seconds of the monotonic clock."""

    def __init__(self, address: str, config: OllamaConfig) -> None:
        self.server = OllamaServer(address, config)
        self.version = ""
        self.facts: ModelFacts | None = None
        """Of what it has under the model's name, when it was last looked at."""
        self.problem: ModelError | None = None
        """Why it cannot be used now."""
        self.looked_at = _NEVER
        self.calls = 0
        """Of ours that it works on."""
        self._config = config
        self._manifest = ""
        self._answered_at = _NEVER
        self._loading: asyncio.Task[None] | None = None
        self._loading_since = _NEVER

    @property
    def cold(self) -> bool:
        """Whether the model may have to be loaded first."""
        return time.monotonic() - self._answered_at > _WARM_SECONDS

    async def look(self) -> None:
        """Ask the server what it is and has. What is wrong becomes its `problem`."""
        try:
            self.version = await self.server.version()
            self.facts = await self._looked_up(await self.server.tag())
            self.problem = None if self.facts else no_such_model(self.server.address, self._config.model)
        except ModelError as error:
            self.problem, self.facts = error, None
        self.looked_at = time.monotonic()

    async def work(
        self, work: Callable[[OllamaServer], AsyncGenerator[_T, None]]
    ) -> AsyncGenerator[_T, None]:
        """Have it do the work. When it proves to be away, that is known from then on."""
        self.calls += 1
        try:
            await self._warm()
            async with aclosing(work(self.server)) as pieces:
                async for piece in pieces:
                    yield piece
            self._answered_at = time.monotonic()
        except ServerAwayError as error:
            _log.warning("%s", error)
            self.problem, self.facts, self.looked_at = error, None, time.monotonic()
            self.forget_loaded()
            raise
        finally:
            self.calls -= 1

    def begin_loading(self) -> asyncio.Task[None]:
        """Load the model in the background, if that is not under way."""
        task, loop = self._loading, asyncio.get_running_loop()
        if task is None or task.done() or task.get_loop() is not loop:
            task = self._loading = loop.create_task(self.server.load())
            task.add_done_callback(_heard)
            self._loading_since = time.monotonic()
        return task

    def forget_loaded(self) -> None:
        """The model that was in memory is not the one, or not there, any longer."""
        self._answered_at = _NEVER

    async def close(self) -> None:
        """Stop every call of it."""
        if self._loading is not None:
            stop(self._loading)
        await self.server.close()

    async def _looked_up(self, tag: Tag | None) -> ModelFacts | None:
        """Facts hold until the manifest is another, which is much cheaper to learn."""
        if tag is None:
            return None
        if tag.digest != self._manifest or self.facts is None:
            self.facts = await self.server.facts()
            self._manifest = tag.digest
        return self.facts

    async def _warm(self) -> None:
        """Have the model in memory. Raises `ModelBusyError` when that takes too long to wait for."""
        if not self.cold or self._config.keep_alive == _NOT_KEPT:
            return
        loading = self.begin_loading()
        with awaiting(f"Ollama at {self.server.address}"):
            done, _ = await asyncio.wait({loading}, timeout=self._config.patience.load)
        if not done:
            seconds = time.monotonic() - self._loading_since
            raise ModelBusyError(
                f"{self._config.model} is still being loaded by Ollama at {self.server.address}, "
                f"for {seconds:.0f} s so far.",
                "It goes on being loaded: ask again in a moment.",
            )
        await loading
        self._answered_at = time.monotonic()


def _heard(task: asyncio.Task[None]) -> None:
    """Whoever needs the model next is told; asyncio need not complain that nobody was."""
    if not task.cancelled():
        task.exception()
