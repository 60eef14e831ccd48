"""What the whole agent does when a server of it goes away, at every stage, and when it is back.

The installation is a real one whose server stands behind a proxy. A fault strikes while a stage waits for
that server, or after, and stays until the question or the ingest has ended. Whatever happens, a question
ends with one `Answered` or `Failed`, the latter naming the server; and once the server is back, the same
installation answers again.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
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
    Token,
)
from agent.ingest.report import IngestReport, Outcome, Progress, ProgressCallback
from agent.runtime import Installation
from agent.settings import Settings
from tests.servers.away import BEHIND, Away, Fault
from tests.servers.postgres import PASSWORD

pytestmark = pytest.mark.asyncio(loop_scope="module")

_STAGE_SECONDS: Final = {"PostgreSQL": 4.5, "Weaviate": 60.0, "Ollama": 60.0}
"""Short where it decides when a silent server is given up, long where a model has to load and write."""
At: TypeAlias = Stage | Literal["first token"]
"""When a fault strikes: as a stage begins, or in the middle of what the model writes."""

QUESTIONS: Final[tuple[tuple[str, At, Fault, type[AnswerEvent]], ...]] = (
    ("PostgreSQL", Stage.UNDERSTAND, "stopped", Failed),
    ("PostgreSQL", Stage.UNDERSTAND, "killed", Failed),
    ("PostgreSQL", Stage.UNDERSTAND, "slow", Answered),
    ("PostgreSQL", Stage.UNDERSTAND, "silent", Failed),
    ("PostgreSQL", Stage.UNDERSTAND, "cut", Answered),
    ("PostgreSQL", Stage.ROUTE, "stopped", Failed),
    ("PostgreSQL", Stage.ROUTE, "killed", Failed),
    ("PostgreSQL", Stage.ROUTE, "cut", Answered),
    ("PostgreSQL", Stage.RETRIEVE, "killed", Failed),
    ("PostgreSQL", Stage.RETRIEVE, "cut", Answered),
    ("PostgreSQL", Stage.ANSWER, "stopped", Failed),
    ("PostgreSQL", Stage.ANSWER, "refused", Failed),
    ("PostgreSQL", Stage.RECORD, "stopped", Failed),
    ("PostgreSQL", Stage.RECORD, "killed", Failed),
    ("PostgreSQL", Stage.RECORD, "slow", Answered),
    ("PostgreSQL", Stage.RECORD, "silent", Failed),
    ("PostgreSQL", Stage.RECORD, "cut", Answered),
    ("Weaviate", Stage.UNDERSTAND, "stopped", Failed),
    ("Weaviate", Stage.UNDERSTAND, "slow", Answered),
    ("Weaviate", Stage.ROUTE, "cut", Answered),
    ("Weaviate", Stage.RETRIEVE, "silent", Failed),
    ("Weaviate", Stage.RETRIEVE, "cut", Answered),
    ("Weaviate", Stage.RECORD, "killed", Answered),
    ("Ollama", Stage.UNDERSTAND, "stopped", Failed),
    ("Ollama", Stage.UNDERSTAND, "slow", Answered),
    ("Ollama", Stage.ROUTE, "killed", Failed),
    ("Ollama", Stage.ROUTE, "cut", Answered),
    ("Ollama", Stage.ANSWER, "killed", Failed),
    ("Ollama", Stage.ANSWER, "refused", Failed),
    ("Ollama", Stage.ANSWER, "cut", Answered),
    ("Ollama", "first token", "silent", Failed),
    ("Ollama", "first token", "cut", Answered),
    ("Ollama", Stage.RECORD, "killed", Answered),
)
"""Which server, when, what strikes, and how the question ends."""

Moment: TypeAlias = Literal["read", "embedded", "stored"]
INGESTS: Final[tuple[tuple[str, Moment, Fault], ...]] = (
    ("PostgreSQL", "read", "stopped"),
    ("PostgreSQL", "read", "slow"),
    ("PostgreSQL", "read", "cut"),
    ("PostgreSQL", "embedded", "killed"),
    ("PostgreSQL", "embedded", "silent"),
    ("PostgreSQL", "embedded", "cut"),
    ("PostgreSQL", "stored", "stopped"),
    ("PostgreSQL", "stored", "refused"),
    ("Weaviate", "read", "cut"),
    ("Weaviate", "read", "slow"),
    ("Weaviate", "embedded", "cut"),
    ("Weaviate", "embedded", "killed"),
    ("Ollama", "read", "killed"),
    ("Ollama", "read", "cut"),
    ("Ollama", "stored", "stopped"),
)
"""What strikes when the second of three files is about to be read, is embedded, or has been stored."""

_FACTS: Final = {
    "pool": "We replaced the pool pump on 18 May 2024. The new pump is a Hayward.",
    "car": "The car needs 10W-40 oil. The tyres were changed in March 2025.",
    "kitchen": "The pizza dough rests for 24 hours in the fridge before it is baked.",
}
_PUMP: Final = "When did we replace our pool pump?"
_numbers: Final = itertools.count(1)


TakeAway: TypeAlias = Callable[[str], Awaitable[Away]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def taken_away(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[TakeAway]:
    """Opens an installation by the server that it uses, once; everything else of it is embedded."""
    opened: dict[str, Away] = {}
    async with AsyncExitStack() as stack:

        async def take_away(server: str) -> Away:
            if server not in opened:
                settings = _settings(tmp_path_factory.mktemp("faults"), _STAGE_SECONDS[server])
                away = await stack.enter_async_context(BEHIND[server](request, settings))
                await _take_in(away.installation, LOCAL_GUILD, _write_facts(settings.data_dir / "facts"))
                await away.heal()
                opened[server] = away
            return opened[server]

        yield take_away


def _settings(folder: Path, stage_seconds: float) -> Settings:
    """Of a small prompt and answer, and of no judgement: what an answer is worth is tested elsewhere."""
    return Settings(
        data_dir=folder,
        threads=1,
        stage_seconds=stage_seconds,
        evidence_limit=1,
        answer_threshold=0.0,
        answer_tokens=16,
        repairs=0,
    )


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
    # A question that was asked before needs no model: its vector is remembered.
    question = Question(text=f"{_PUMP} ({next(_numbers)})")
    events: list[AnswerEvent] = []
    async with asyncio.timeout(away.deadline):
        async for event in away.installation.agent.ask(question):
            events.append(event)
            if fault := strike(event):
                await away.strike(fault)
    return events


def _one_end(events: list[AnswerEvent]) -> AnswerEvent:
    ends = [event for event in events if isinstance(event, Answered | Failed)]
    assert ends == events[-1:]
    return ends[0]


def _is_at(event: AnswerEvent, at: At) -> bool:
    if at == "first token":
        return isinstance(event, Token)
    return isinstance(event, StageChanged) and event.stage is at


def _says_who_is_away(away: Away, message: str, hint: str) -> None:
    assert away.named in message
    assert hint
    assert "\n" not in message + hint


@pytest.mark.parametrize(
    ("server", "at", "fault", "ends"),
    QUESTIONS,
    ids=[f"{server}-{fault}-at-{at}" for server, at, fault, _ in QUESTIONS],
)
async def test_a_question_ends_and_the_next_one_is_answered(
    taken_away: TakeAway,
    caplog: pytest.LogCaptureFixture,
    server: str,
    at: At,
    fault: Fault,
    ends: type[AnswerEvent],
) -> None:
    away = await taken_away(server)
    caplog.set_level(logging.DEBUG)
    struck = False

    def strike(event: AnswerEvent) -> Fault | None:
        nonlocal struck
        due = not struck and _is_at(event, at)
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


@pytest.mark.parametrize(
    ("server", "moment", "fault"),
    INGESTS,
    ids=[f"{server}-{fault}-when-{moment}" for server, moment, fault in INGESTS],
)
async def test_an_ingest_says_where_it_stopped_and_goes_on_there(
    taken_away: TakeAway, tmp_path: Path, server: str, moment: Moment, fault: Fault
) -> None:
    away = await taken_away(server)
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
        async with asyncio.timeout(away.deadline):
            report = await _take_in(away.installation, guild, facts, watch)
            await striking
    finally:
        await away.heal()

    if not report.ok:
        _says_who_is_away(away, report.stopped, report.hint)
    again = await _take_in(away.installation, guild, facts)
    assert again.ok, again
    # The first may still be on its way when the second is embedded; what was reported as stored stays so.
    stored = {target.uri for target in report.targets if target.outcome is Outcome.ADDED}
    unchanged = {target.uri for target in again.targets if target.outcome is Outcome.UNCHANGED}
    assert stored <= unchanged
    assert moment != "stored" or str(facts[1]) in unchanged
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
