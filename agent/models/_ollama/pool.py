"""The servers of OLLAMA_HOST as one: health, spread by load, failover.

A server is used when it answers, is new enough and has the very model (by digest) that the others have. A
call that fails before its first piece goes to the next server; one that fails later is an error that says so.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import TypeVar

from agent.errors import ModelBusyError, ModelError, ModelMissingError
from agent.models._ollama.client import ModelFacts
from agent.models._ollama.config import OllamaConfig
from agent.models._ollama.errors import ServerFullError, other_model
from agent.models._ollama.seat import Seat
from agent.models._ollama.server import OllamaServer, stop

_log = logging.getLogger(__name__)

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 2.0

_T = TypeVar("_T")


class OllamaPool:
    """Raises `ModelError` and its children only."""

    def __init__(self, config: OllamaConfig) -> None:
        self._config = config
        self._seats = [Seat(address, config) for address in config.addresses]
        self._last = self._seats[0]
        self._looking: set[asyncio.Task[None]] = set()
        self._facts: ModelFacts | None = None

    @classmethod
    async def open(cls, config: OllamaConfig) -> OllamaPool:
        """Look at every server. Raises when none can be used, naming each and why."""
        pool = cls(config)
        try:
            await pool._look(pool._seats)
            pool._usable()
        except ModelError:
            await pool.close()
            raise
        return pool

    @property
    def facts(self) -> ModelFacts:
        """Of the model that answers now. They change when it was pulled anew on every server that has it."""
        assert self._facts is not None
        return self._facts

    @property
    def version(self) -> str:
        """Of the server that answered last."""
        return self._last.version

    @property
    def seats(self) -> Sequence[Seat]:
        """Every server, in the order of OLLAMA_HOST."""
        return self._seats

    def begin_loading(self) -> None:
        """Let the server that would answer now load the model, and do not wait for it."""
        self._best()[0].begin_loading()

    async def load(self) -> None:
        """Let every server that can be used load the model now, and wait until they have."""
        await asyncio.gather(*(seat.begin_loading() for seat in self._usable()))

    async def call(self, work: Callable[[OllamaServer], Awaitable[_T]]) -> _T:
        """Have one server do the work."""

        async def once(server: OllamaServer) -> AsyncGenerator[_T, None]:
            yield await work(server)

        async with aclosing(self.stream(once)) as results:
            return await anext(results)

    async def stream(
        self, work: Callable[[OllamaServer], AsyncGenerator[_T, None]]
    ) -> AsyncGenerator[_T, None]:
        """Have one server do the work piece by piece. Those that are full are asked again for a while."""
        give_up, pause = time.monotonic() + self._config.patience.busy, _FIRST_PAUSE
        while True:
            await self._refresh()
            for seat in self._best():
                begun = False
                try:
                    async with aclosing(seat.work(work)) as pieces:
                        async for piece in pieces:
                            begun, self._last = True, seat
                            yield piece
                    return
                except (ModelBusyError, ModelMissingError) as error:
                    if begun:
                        raise _interrupted(error) from error
                    failure = error
            if not isinstance(failure, ServerFullError) or time.monotonic() + pause > give_up:
                self._usable()
                raise failure
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def close(self) -> None:
        """Stop every call."""
        for task in self._looking:
            stop(task)
        for seat in self._seats:
            await seat.close()

    def _best(self) -> list[Seat]:
        """The servers that can be used: first those that have the model loaded, and least to do."""
        return sorted(self._usable(), key=lambda seat: (seat.cold, seat.calls))

    def _usable(self) -> list[Seat]:
        usable = [seat for seat in self._seats if seat.problem is None]
        if usable:
            return usable
        problems = [seat.problem for seat in self._seats if seat.problem is not None]
        # One that is away for a moment makes the whole a matter of a moment.
        kind = next((each for each in problems if isinstance(each, ModelBusyError)), problems[0])
        raise type(kind)(" ".join(str(each) for each in problems), kind.hint)

    async def _refresh(self) -> None:
        due = time.monotonic() - self._config.patience.recheck
        stale = [seat for seat in self._seats if seat.looked_at <= due]
        well = [seat for seat in stale if seat.problem is None]
        if well:
            await self._look(well)
        if all(seat.problem for seat in self._seats):
            await self._look(self._seats)
        elif len(well) < len(stale):
            # One that is away may keep us waiting, which must not cost a question that others can answer.
            self._look_later([seat for seat in stale if seat not in well])

    def _look_later(self, seats: Sequence[Seat]) -> None:
        for seat in seats:
            seat.looked_at = time.monotonic()
        looking = asyncio.create_task(self._look(seats))
        self._looking.add(looking)
        looking.add_done_callback(self._looking.discard)

    async def _look(self, seats: Sequence[Seat]) -> None:
        await asyncio.gather(*(seat.look() for seat in seats))
        having = [(seat, seat.facts) for seat in self._seats if seat.facts is not None]
        if having and (self._facts is None or self._facts.digest not in {each.digest for _, each in having}):
            self._adopt(having[0][1])
        for seat, facts in having:
            agrees = facts.digest == self.facts.digest
            seat.problem = None if agrees else other_model(seat.server.address, self._config.model)

    def _adopt(self, facts: ModelFacts) -> None:
        """Take this model for the one, as no server has the one of before."""
        if self._facts is not None:
            old, new = self._facts.digest[:12], facts.digest[:12]
            _log.warning("%s was pulled anew: it was %s and is %s", self._config.model, old, new)
        self._facts = facts
        for seat in self._seats:
            seat.forget_loaded()


def _interrupted(error: ModelError) -> ModelBusyError:
    return ModelBusyError(f"A reply was cut off in the middle. {error}", error.hint)
