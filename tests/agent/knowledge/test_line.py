"""In what order the writes of a guild are committed, and what becomes of those that fail."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from agent.contracts import SourceId
from agent.errors import StoreBusyError
from agent.knowledge._weaviate.lease import Lease
from agent.knowledge._weaviate.ledger import GuildState, Retired
from agent.knowledge._weaviate.line import Line, Write

ONE, TWO, THREE = (SourceId(name) for name in ("one", "two", "three"))
NOW = 1000.0


class _Turns:
    """A lease that nobody else wants."""

    number = 1

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[int]:
        yield self.number

    def now(self) -> float:
        return NOW


class _Ledger:
    """Keeps what is stored; a write of it takes until `slow` is set, and fails while `away`."""

    def __init__(self) -> None:
        self.state = GuildState(version="v1")
        self.writes = 0
        self.read = 0
        self.away = False
        self.slow = asyncio.Event()
        self.slow.set()

    async def clean(self, known: GuildState | None) -> GuildState:
        self.read += known is None
        return known or self.state

    async def store(self, state: GuildState) -> None:
        await self.slow.wait()
        if self.away:
            raise StoreBusyError("It is away.")
        self.writes += 1
        self.state = state


@pytest.fixture
def turns() -> _Turns:
    return _Turns()


@pytest.fixture
def ledger() -> _Ledger:
    return _Ledger()


@pytest.fixture
def line(turns: _Turns, ledger: _Ledger) -> Line:
    return Line(cast(Lease, turns), clean=ledger.clean, store=ledger.store)


async def _put(line: Line, source: SourceId, sent: asyncio.Event | None = None) -> Write:
    """One passage, which is on its way until `sent`."""
    async with line.beside(source) as write:
        if sent:
            await sent.wait()
        await line.commit(write, Counter(), 1)
    return write


async def _soon() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_write_waits_for_those_before_it_and_is_taken_along(line: Line, ledger: _Ledger) -> None:
    sent = asyncio.Event()
    first = asyncio.create_task(_put(line, ONE, sent))
    await _soon()
    others = [asyncio.create_task(_put(line, source)) for source in (TWO, THREE)]
    await _soon()
    assert (ledger.state.revision, ledger.writes) == (0, 0)

    sent.set()
    writes = await asyncio.gather(first, *others)
    assert [write.generation for write in writes] == [1, 2, 3]
    assert (ledger.state.revision, ledger.state.passages, ledger.writes) == (3, 3, 1)


async def test_what_ends_while_the_ledger_is_written_goes_with_the_next_write_of_it(
    line: Line, ledger: _Ledger
) -> None:
    ledger.slow.clear()
    puts = [asyncio.create_task(_put(line, ONE))]
    await _soon()
    puts += [asyncio.create_task(_put(line, source)) for source in (TWO, THREE)]
    await _soon()
    ledger.slow.set()
    await asyncio.gather(*puts)
    assert (ledger.state.revision, ledger.writes) == (3, 2)


async def test_a_write_that_fails_is_passed_over_and_never_searched(line: Line, ledger: _Ledger) -> None:
    sent = asyncio.Event()
    first = asyncio.create_task(_put(line, ONE, sent))
    await _soon()
    second = asyncio.create_task(_put(line, TWO))
    await _soon()
    first.cancel()
    await second
    assert ledger.state.passages == 1
    assert ledger.state.retired == (Retired(generation=1, since=NOW),)
    assert [ledger.state.holds(generation) for generation in (1, 2)] == [False, True]


async def test_after_a_failure_the_guild_is_read_and_cleaned_anew(line: Line, ledger: _Ledger) -> None:
    await _put(line, ONE)
    ledger.away = True
    with pytest.raises(StoreBusyError):
        await _put(line, TWO)
    ledger.away = False
    assert ledger.read == 1
    write = await _put(line, TWO)
    assert (ledger.read, write.generation, ledger.state.passages) == (2, 2, 2)
    await _put(line, ONE)
    assert ledger.read == 2


async def test_who_waits_for_one_that_fails_to_write_the_ledger_tries_itself(
    line: Line, ledger: _Ledger
) -> None:
    ledger.slow.clear()
    first = asyncio.create_task(_put(line, ONE))
    await _soon()
    second = asyncio.create_task(_put(line, TWO))
    await _soon()
    first.cancel()
    await _soon()
    ledger.slow.set()
    await second
    assert (ledger.state.revision, ledger.state.passages) == (2, 2)


async def test_nothing_new_begins_beside_a_failure_until_the_rest_has_ended(
    line: Line, ledger: _Ledger
) -> None:
    sent = asyncio.Event()
    living = asyncio.create_task(_put(line, ONE, sent))
    failing = asyncio.create_task(_put(line, TWO, asyncio.Event()))
    await _soon()
    failing.cancel()
    await _soon()
    again = asyncio.create_task(_put(line, TWO))
    await _soon()
    assert not again.done()
    sent.set()
    await living
    write = await again
    assert (write.generation, write.state.passages, ledger.read) == (3, 1, 2)


async def test_writes_of_one_source_take_turns(line: Line) -> None:
    sent = asyncio.Event()
    first = asyncio.create_task(_put(line, ONE, sent))
    second = asyncio.create_task(_put(line, ONE))
    await _soon()
    sent.set()
    await first
    assert (await second).state.revision == 1


async def test_who_is_alone_has_nobody_beside_it(line: Line) -> None:
    sent, done = asyncio.Event(), asyncio.Event()
    inside: list[str] = []

    async def alone() -> None:
        async with line.alone() as state:
            inside.append(f"alone at {state.revision}")
            await done.wait()
            line.keep(state)

    first = asyncio.create_task(_put(line, ONE, sent))
    await _soon()
    lonely = asyncio.create_task(alone())
    await _soon()
    last = asyncio.create_task(_put(line, TWO))
    await _soon()
    assert inside == []
    sent.set()
    await first
    await _soon()
    assert inside == ["alone at 1"]
    assert not last.done()
    done.set()
    await asyncio.gather(lonely, last)


async def test_in_another_turn_the_guild_is_read_anew(line: Line, ledger: _Ledger, turns: _Turns) -> None:
    await _put(line, ONE)
    ledger.state = GuildState(version="v1", revision=7, passages=5)
    turns.number = 2
    assert (await _put(line, TWO)).generation == 8
