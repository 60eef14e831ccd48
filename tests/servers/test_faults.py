"""What the whole agent does when a server of it goes away, at every stage, and when it is back.

The installation is a real one whose server stands behind a proxy. A fault strikes while a stage waits for
that server, or after, and stays until the question or the ingest has ended. Whatever happens, a question
ends with one `Answered` or `Failed`, the latter naming the server; and once the server is back, the same
installation answers again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

import pytest
import pytest_asyncio

from agent.contracts import (
    LOCAL_GUILD,
    Answered,
    AnswerEvent,
    Failed,
    GuildId,
    Question,
    Stage,
    StageChanged,
)
from agent.ingest.report import IngestReport, Outcome, Progress, ProgressCallback
from agent.runtime import Installation, open_installation
from agent.settings import Settings
from tests.servers.postgres import PASSWORD, PostgresServer
from tests.servers.proxy import Proxy, open_proxy
from tests.servers.server import Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

Fault: TypeAlias = Literal["stopped", "killed", "slow", "silent", "refused", "cut"]

_STAGE_SECONDS: Final = 4.5
_QUESTION_SECONDS: Final = 4 * _STAGE_SECONDS
"""Three attempts of the stage that fails, and what it takes to record that it did."""
_ANSWER_SECONDS: Final = 0.02
"""What the proxy adds to each answer, so that a fault strikes while one is awaited."""
_SLOW_SECONDS: Final = 0.1

QUESTIONS: Final[tuple[tuple[Stage, Fault, type[AnswerEvent]], ...]] = (
    (Stage.UNDERSTAND, "stopped", Failed),
    (Stage.UNDERSTAND, "killed", Failed),
    (Stage.UNDERSTAND, "slow", Answered),
    (Stage.UNDERSTAND, "silent", Failed),
    (Stage.UNDERSTAND, "cut", Answered),
    (Stage.ROUTE, "stopped", Failed),
    (Stage.ROUTE, "killed", Failed),
    (Stage.ROUTE, "cut", Answered),
    (Stage.RETRIEVE, "killed", Failed),
    (Stage.RETRIEVE, "cut", Answered),
    (Stage.ANSWER, "stopped", Failed),
    (Stage.ANSWER, "refused", Failed),
    (Stage.RECORD, "stopped", Failed),
    (Stage.RECORD, "killed", Failed),
    (Stage.RECORD, "slow", Answered),
    (Stage.RECORD, "silent", Failed),
    (Stage.RECORD, "cut", Answered),
)
"""At which stage what strikes PostgreSQL, and how the question ends."""

Moment: TypeAlias = Literal["read", "embedded", "stored"]
INGESTS: Final[tuple[tuple[Moment, Fault], ...]] = (
    ("read", "stopped"),
    ("read", "slow"),
    ("read", "cut"),
    ("embedded", "killed"),
    ("embedded", "silent"),
    ("embedded", "cut"),
    ("stored", "stopped"),
    ("stored", "refused"),
)
"""What strikes when the second of three files is about to be read, is embedded, or has been stored."""

_FACTS: Final = {
    "pool": "We replaced the pool pump on 18 May 2024. The new pump is a Hayward.",
    "car": "The car needs 10W-40 oil. The tyres were changed in March 2025.",
    "kitchen": "The pizza dough rests for 24 hours in the fridge before it is baked.",
}
_PUMP: Final = "When did we replace our pool pump?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """An installation, the server that it uses, and the proxies between the two."""

    installation: Installation
    server: Server
    named: str
    """What a failure must say."""
    proxies: tuple[Proxy, ...]

    async def strike(self, fault: Fault) -> None:
        """Blocks the loop while a server stops, so that nothing is answered meanwhile."""
        match fault:
            case "stopped":
                self.server.stop()
            case "killed":
                self.server.kill()
            case "cut":
                await self._cut()
            case "refused":
                self._set(mode="refuse")
                await self._cut()
            case "silent":
                self._set(mode="silent")
            case "slow":
                self._set(delay=_SLOW_SECONDS)

    async def heal(self) -> None:
        self._set()
        if not self.server.running():
            await asyncio.to_thread(self.server.start)

    def _set(
        self, *, mode: Literal["pass", "silent", "refuse"] = "pass", delay: float = _ANSWER_SECONDS
    ) -> None:
        for proxy in self.proxies:
            proxy.mode, proxy.delay = mode, delay

    async def _cut(self) -> None:
        await asyncio.gather(*(proxy.cut() for proxy in self.proxies))


@asynccontextmanager
async def _installation(
    settings: Settings, server: Server, named: str, *proxies: Proxy
) -> AsyncIterator[Away]:
    async with open_installation(settings) as installation:
        await _take_in(installation, LOCAL_GUILD, _write_facts(settings.data_dir / "facts"))
        away = Away(installation=installation, server=server, named=named, proxies=proxies)
        await away.heal()
        yield away


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def away(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Away]:
    address = postgres_server.create_database()
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(open_proxy("127.0.0.1", postgres_server.port))
        settings = Settings(
            data_dir=tmp_path_factory.mktemp("faults"),
            threads=1,
            stage_seconds=_STAGE_SECONDS,
            database_url=address.replace(str(postgres_server.port), str(proxy.port)),
        )
        yield await stack.enter_async_context(
            _installation(settings, postgres_server, "postgresql://", proxy)
        )
    postgres_server.drop_database(address)


def _write_facts(folder: Path) -> tuple[Path, ...]:
    folder.mkdir()
    paths = tuple(folder / f"{topic}.txt" for topic in _FACTS)
    for path, text in zip(paths, _FACTS.values(), strict=True):
        path.write_text(text)
    return paths


async def _take_in(
    installation: Installation,
    guild: GuildId,
    facts: tuple[Path, ...],
    progress: ProgressCallback | None = None,
) -> IngestReport:
    return await installation.ingestor.ingest(guild, facts, progress=progress)


async def _ask(
    away: Away, strike: Callable[[AnswerEvent], Fault | None] = lambda _: None
) -> list[AnswerEvent]:
    events: list[AnswerEvent] = []
    async with asyncio.timeout(_QUESTION_SECONDS):
        async for event in away.installation.agent.ask(Question(text=_PUMP)):
            events.append(event)
            if fault := strike(event):
                await away.strike(fault)
    return events


def _one_end(events: list[AnswerEvent]) -> AnswerEvent:
    ends = [event for event in events if isinstance(event, Answered | Failed)]
    assert ends == events[-1:]
    return ends[0]


def _says_who_is_away(away: Away, message: str, hint: str) -> None:
    assert away.named in message
    assert hint
    assert "\n" not in message + hint


@pytest.mark.parametrize(
    ("stage", "fault", "ends"), QUESTIONS, ids=lambda value: str(getattr(value, "__name__", value))
)
async def test_a_question_ends_and_the_next_one_is_answered(
    away: Away,
    caplog: pytest.LogCaptureFixture,
    stage: Stage,
    fault: Fault,
    ends: type[AnswerEvent],
) -> None:
    caplog.set_level(logging.DEBUG)
    struck = False

    def strike(event: AnswerEvent) -> Fault | None:
        nonlocal struck
        due = not struck and isinstance(event, StageChanged) and event.stage is stage
        struck |= due
        return fault if due else None

    try:
        end = _one_end(await _ask(away, strike))
    finally:
        await away.heal()

    assert struck
    assert isinstance(end, ends), end
    if isinstance(end, Failed):
        _says_who_is_away(away, end.message, end.hint)
        assert end.retryable
    after = _one_end(await _ask(away))
    assert isinstance(after, Answered), after
    assert "18 May 2024" in after.answer.text
    for answered in (each for each in (end, after) if isinstance(each, Answered)):
        assert await away.installation.stores.journal.episode(LOCAL_GUILD, answered.episode.id)
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize(("moment", "fault"), INGESTS)
async def test_an_ingest_says_where_it_stopped_and_goes_on_there(
    away: Away, tmp_path: Path, moment: Moment, fault: Fault
) -> None:
    guild = GuildId(f"{moment} {fault}")
    await away.installation.stores.catalog.create_guild(guild)
    facts = _write_facts(tmp_path / "facts")
    due = asyncio.Event()

    def watch(progress: Progress) -> None:
        if _moment(progress, facts[1]) == moment:
            due.set()

    async def strike() -> None:
        await due.wait()
        await away.strike(fault)

    striking = asyncio.create_task(strike())
    try:
        async with asyncio.timeout(_QUESTION_SECONDS):
            report = await _take_in(away.installation, guild, facts, watch)
            await striking
    finally:
        await away.heal()

    if not report.ok:
        _says_who_is_away(away, report.stopped, report.hint)
    again = await _take_in(away.installation, guild, facts)
    assert again.ok, again
    assert again.targets[0].outcome is Outcome.UNCHANGED
    assert await _stored(away, guild, facts) == list(_FACTS.values())


def _moment(progress: Progress, path: Path) -> Moment | None:
    if progress.uri != str(path):
        return None
    if progress.report:
        return "stored"
    return "embedded" if progress.passages and progress.passages == progress.passages_total else "read"


async def _stored(away: Away, guild: GuildId, facts: tuple[Path, ...]) -> list[str]:
    """The text of each file, as its passages hold it."""
    stores = away.installation.stores
    texts: list[str] = []
    for path in facts:
        source = await stores.catalog.source_by_uri(guild, str(path))
        assert source
        passages = await stores.store.passages_of(guild, source.id)
        texts.append("".join(passage.text for passage in passages))
    return texts
