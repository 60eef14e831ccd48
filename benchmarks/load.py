"""Many questions at once: what each costs, how many a second, whether a small guild waits for a large one.

`python -m benchmarks.load`, after `make servers`. Questions stand in the same fair queue as in Discord, with
its default number of places. "Own" is all of an answer's time but model calls and the queue. Raw Ollama is
asked just what the agent asked it, call for call, as many at once.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from ollama import AsyncClient

from agent.agent import Agent
from agent.contracts import LOCAL_GUILD, Answered, Asker, GuildId, MemberId, ModelInfo, Question
from agent.models.ollama_models import pull_model
from agent.models.protocol import ChatMessage, ChatModel, ChatOptions
from agent.runtime import Installation, open_installation
from agent.settings import Settings, load_settings
from benchmarks.household import ASKED, read
from benchmarks.report import Goal, Report, Section, publish
from benchmarks.servers import Servers, running
from benchmarks.store import percentiles
from bot.fairness import FairQueue
from bot.sample import HOUSEHOLD, load_sample, sample_categories, sample_examples

AT_ONCE = (1, 10, 50)
CHAT_MODEL = "lorekeeper/smollm2:135m"
ANSWER_TOKENS = 24
"""Of the generated answers: 50 of them are to end in a minute on two cores."""
CONTEXT_TOKENS = 768
EVIDENCE = 3
"""Passages of a generated answer, and what its prompt may hold: two cores read some 180 tokens a second."""
SMALL = GuildId("small")
SMALL_QUESTIONS = 10
STARVED = 3.0
"""A small guild's p95 beside a large one, in times of its p95 beside one other question at a time."""

_CALLS: ContextVar[list[_Call]] = ContextVar("_CALLS")


@dataclass(frozen=True, slots=True)
class _Call:
    messages: Sequence[ChatMessage]
    options: ChatOptions


@dataclass(slots=True)
class _Run:
    """What came of some questions that were asked together."""

    seconds: float = 0.0
    own: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    calls: list[list[_Call]] = field(default_factory=list)
    """The model calls of each question."""

    @property
    def per_second(self) -> float:
        return len(self.whole) / self.seconds


class _Recording:
    """A chat model that keeps what it was asked, by question."""

    def __init__(self, model: ChatModel) -> None:
        self._model = model

    @property
    def info(self) -> ModelInfo:
        return self._model.info

    def chat(
        self, messages: Sequence[ChatMessage], options: ChatOptions = ChatOptions()
    ) -> AsyncGenerator[str, None]:
        _CALLS.get().append(_Call(messages, options))
        return self._model.chat(messages, options)

    async def structured(
        self,
        messages: Sequence[ChatMessage],
        schema: Mapping[str, Any],
        options: ChatOptions = ChatOptions(),
    ) -> Any:
        return await self._model.structured(messages, schema, options)

    async def likelihoods(self, messages: Sequence[ChatMessage], labels: Sequence[str]) -> tuple[float, ...]:
        return await self._model.likelihoods(messages, labels)

    async def close(self) -> None:
        await self._model.close()


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with running(Path(folder) / "servers") as servers:
            on_servers = servers.store("Load") | servers.database()
            setups = {"embedded": {}, "Weaviate and PostgreSQL": on_servers}
            rows: list[dict[str, Any]] = []
            for setup, chosen in setups.items():
                async with _sample(Path(folder) / setup, chosen) as installation:
                    rows += [{"stores": setup} | await _quoting(installation, count) for count in AT_ONCE]
                    if chosen:
                        fairness = await _fairness(installation)
            generated = await _generated(Path(folder) / "generated", servers, on_servers)
    publish(_report(rows, generated, fairness))


@asynccontextmanager
async def _sample(folder: Path, chosen: dict[str, Any]) -> AsyncIterator[Installation]:
    async with open_installation(load_settings(None, data_dir=folder, **chosen)) as installation:
        await load_sample(installation)
        await _ask_together(installation, _questions(10), 1)
        yield installation


async def _quoting(installation: Installation, at_once: int) -> dict[str, Any]:
    run = await _ask_together(installation, _questions(50 + at_once), at_once)
    return {
        "at once": at_once,
        "own p50 / p95, ms": _both(run.own),
        "whole p50 / p95, ms": _both(run.whole),
        "questions a second": f"{run.per_second:.1f}",
    }


async def _generated(folder: Path, servers: Servers, stores: dict[str, Any]) -> list[dict[str, Any]]:
    """Questions that Ollama words an answer to, beside the same calls without us."""
    settings = load_settings(
        None,
        data_dir=folder,
        answer_mode="generated",
        answer_tokens=ANSWER_TOKENS,
        context_tokens=CONTEXT_TOKENS,
        evidence_limit=EVIDENCE,
        **servers.models(CHAT_MODEL),
        **stores,
    )
    await pull_model(settings, CHAT_MODEL, lambda *_: None)
    rows = []
    async with open_installation(settings) as installation:
        await load_sample(installation)
        parts = installation.agent.parts
        recording = replace(installation, agent=Agent(replace(parts, chat=_Recording(parts.chat))))
        await _ask_together(recording, _questions(3), 1)
        for at_once in AT_ONCE:
            run = await _ask_together(recording, _questions(max(10, at_once)), at_once)
            raw = await _raw(settings, run.calls, at_once)
            rows.append(
                {
                    "at once": at_once,
                    "questions": len(run.whole),
                    "model calls": sum(len(calls) for calls in run.calls),
                    "ours, a second": round(run.per_second, 2),
                    "raw, a second": round(len(run.calls) / raw, 2),
                    "share": round(raw / run.seconds, 3),
                }
            )
    return rows


async def _raw(settings: Settings, questions: Sequence[Sequence[_Call]], at_once: int) -> float:
    """Seconds for the same calls straight to Ollama, each question's one after the other."""

    async def ask(client: AsyncClient, calls: Sequence[_Call]) -> None:
        for call in calls:
            parts = await client.chat(
                model=CHAT_MODEL,
                messages=[{"role": each.role, "content": each.content} for each in call.messages],
                options={
                    "num_ctx": settings.context_tokens,
                    "num_predict": call.options.max_tokens,
                    "temperature": call.options.temperature,
                    "seed": call.options.seed,
                    "repeat_penalty": 1.0,
                },
                keep_alive=settings.ollama_keep_alive,
                stream=True,
            )
            async for _ in parts:
                pass

    async with AsyncClient(host=settings.ollama_host) as client:
        return await _together([partial(ask, client, calls) for calls in questions], at_once)


async def _fairness(installation: Installation) -> list[dict[str, Any]]:
    """A guild that asks one question at a time, beside a guild of 50 that ask all the time."""
    catalog = installation.stores.catalog
    await catalog.create_guild(SMALL)
    for category in sample_categories():
        await catalog.put_category(SMALL, category)
    await catalog.put_examples(SMALL, sample_examples())
    await installation.ingestor.ingest(SMALL, [str(HOUSEHOLD / "entries"), str(HOUSEHOLD / "documents")])
    rows = []
    for others, fair in ((0, True), (1, True), (50, True), (50, False)):
        times = percentiles(await _beside(installation, others, fair=fair))
        rows.append(
            {
                "the large guild asks at once": others,
                "queue": "fair" if fair else "first come, first served",
                "p50, ms": round(times["p50"]),
                "p95, ms": round(times["p95"]),
            }
        )
    return rows


async def _beside(installation: Installation, others: int, *, fair: bool) -> list[float]:
    """Milliseconds that each question of the small guild took, its wait included."""
    queue = _queue(installation.settings)

    async def ask_on(member: int) -> None:
        while True:
            for question in _questions(50):
                # All of one guild and member: first come, first served.
                guild, who = (LOCAL_GUILD, MemberId(str(member))) if fair else (SMALL, MemberId("0"))
                await _asked(installation, question, queue, guild, who)

    asking = [asyncio.create_task(ask_on(member)) for member in range(others)]
    await asyncio.sleep(1.0)
    times = []
    for question in _questions(SMALL_QUESTIONS):
        started = time.perf_counter()
        await _asked(installation, replace(question, guild=SMALL), queue, SMALL, MemberId("0"))
        times.append(1000.0 * (time.perf_counter() - started))
    for task in asking:
        task.cancel()
    if asking:
        await asyncio.wait(asking)
    return times


async def _ask_together(installation: Installation, questions: Sequence[Question], at_once: int) -> _Run:
    """Ask as many at once as said, until all are answered; the queue has the places that the bot has."""
    run, queue = _Run(), _queue(installation.settings)

    async def ask(number: int, question: Question) -> None:
        calls: list[_Call] = []
        _CALLS.set(calls)
        started = time.perf_counter()
        answered = await _asked(installation, question, queue, LOCAL_GUILD, MemberId(str(number)))
        run.whole.append(1000.0 * (time.perf_counter() - started))
        run.own.append(answered.episode.timings["own"])
        run.calls.append(calls)

    work = [partial(ask, number, question) for number, question in enumerate(questions)]
    run.seconds = await _together(work, at_once)
    return run


async def _together(work: Sequence[Callable[[], Awaitable[None]]], at_once: int) -> float:
    """Seconds that it took to do all of it, `at_once` at a time."""
    left = iter(work)

    async def go_on() -> None:
        for one in left:
            await asyncio.create_task(_as_coroutine(one))

    started = time.perf_counter()
    await asyncio.gather(*(go_on() for _ in range(at_once)))
    return time.perf_counter() - started


async def _as_coroutine(work: Callable[[], Awaitable[None]]) -> None:
    await work()


async def _asked(
    installation: Installation, question: Question, queue: FairQueue, guild: GuildId, member: MemberId
) -> Answered:
    with queue.enter(guild, member) as ticket:
        await ticket.wait(lambda _: None)
        async for event in installation.agent.ask(replace(question, asker=Asker(member=member))):
            last = event
    if isinstance(last, Answered):
        return last
    raise RuntimeError(f"A question failed: {last}")


def _queue(settings: Settings) -> FairQueue:
    return FairQueue(slots=settings.discord_answers_at_once, capacity=1000, per_member=1000)


def _questions(count: int) -> list[Question]:
    """The household's test questions, over again where there are too few."""
    rows = read("test")
    return [Question(text=rows[n % len(rows)]["question"], asked_at=ASKED) for n in range(count)]


def _both(values: Sequence[float]) -> str:
    return "{p50:.0f} / {p95:.0f}".format(**percentiles(list(values)))


def _report(
    rows: list[dict[str, Any]], generated: list[dict[str, Any]], fairness: list[dict[str, Any]]
) -> Report:
    beside = {(row["the large guild asks at once"], row["queue"]): row["p95, ms"] for row in fairness}
    times = beside[50, "fair"] / beside[1, "fair"]
    return Report(
        name="load",
        title="Many questions at once",
        sections=[
            Section(
                title="Household questions, quoted without a language model",
                columns=list(rows[0]),
                rows=rows,
                note="whole: with the time in the queue, which lets 4 be answered at a time.",
            ),
            Section(
                title="Answers worded by SmolLM2-135M on Ollama, beside the same calls without us",
                columns=list(generated[0]),
                rows=generated,
                note=f"At most {ANSWER_TOKENS} tokens an answer out of a context of {CONTEXT_TOKENS}; "
                "share: our rate as a part of raw Ollama's.",
            ),
            Section(
                title="A small guild that asks one question at a time, beside a large one",
                columns=list(fairness[0]),
                rows=fairness,
            ),
        ],
        goals=[
            Goal(
                text=f"A small guild waits at most {STARVED:g} times as long beside 50 askers as beside one",
                reached=times <= STARVED,
                note=f"{times:.1f} times at p95",
            )
        ],
    )


if __name__ == "__main__":
    asyncio.run(main())
