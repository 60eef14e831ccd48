"""The metrics count what happens, by labels that cannot grow without end."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

import pytest
from prometheus_client import Metric

from agent import errors
from agent.contracts import AnswerKind, FeedbackKind, GuildId, MemberId, ModelInfo, Question, Stage
from agent.errors import LorekeeperError, ModelBusyError, ModelError, StoreBusyError, StoreError
from agent.ingest.web import GoneError
from agent.knowledge.metered import MeteredStore
from agent.knowledge.protocol import KnowledgeStore
from agent.models.metered import MeteredChatModel, MeteredEmbedder
from agent.models.protocol import ChatMessage, ChatModel, ChatOptions, Embedder, EmbedKind
from agent.observing.metrics import (
    CAP,
    CAPPED,
    CLOSED,
    REGISTRY,
    Call,
    Cap,
    Operation,
    Outcome,
    Queue,
    Where,
    count_error,
    watch_queue,
)
from agent.observing.seams import model_call
from agent.runtime import Installation
from tests.agent.graph.asking import (
    ASKED_AT,
    ScriptedChat,
    TroubledStore,
    agent_with,
    answered,
    events_of,
    failed,
    new_guild,
)

PUMP = "When did we replace our pool pump?"


def _metrics() -> Iterator[Metric]:
    """Ours; `process_` ones have no labels and are the library's."""
    return (family for family in REGISTRY.collect() if family.name.startswith("lorekeeper_"))


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


class Change:
    """How much a sample has grown since this was made."""

    def __init__(self, name: str, **labels: str) -> None:
        self._name, self._labels = name, labels
        self._before = value(name, **labels)

    def __call__(self) -> float:
        return value(self._name, **self._labels) - self._before


def test_names_follow_the_conventions_of_prometheus() -> None:
    for family in _metrics():
        assert re.fullmatch(r"lorekeeper(_[a-z]+)+", family.name), family.name
        assert family.documentation.endswith(".")
        if family.type == "histogram":
            assert family.name.endswith("_seconds")
        assert not family.name.endswith("_total")  # the library adds it to counters
        assert family.type != "counter" or f"{family.name}_total" in REGISTRY._names_to_collectors


def test_every_label_is_closed_or_capped() -> None:
    for collector in set(REGISTRY._names_to_collectors.values()):
        for label in getattr(collector, "_labelnames", ()):
            assert (label in CLOSED) != (label in CAPPED), label
    assert not {"guild", "member", "user", "question", "episode", "channel", "source"} & (
        set(CLOSED) | CAPPED
    )


def test_the_closed_sets_are_small() -> None:
    assert max(len(values) for values in CLOSED.values()) <= 32
    assert all(re.fullmatch(r"[A-Za-z_]+", each) for values in CLOSED.values() for each in values)


def test_a_hundred_models_are_32_and_others() -> None:
    cap = Cap()
    seen = {cap("ollama", f"model-{number}") for number in range(100)}
    assert len(seen) == CAP + 1
    assert cap("ollama", "model-3") == ("ollama", "model-3")
    assert cap("ollama", "model-99") == ("other", "other")


@pytest.mark.asyncio(loop_scope="session")
async def test_questions_of_every_kind_stay_within_the_closed_sets(household: Installation) -> None:
    guild = await new_guild(household, "counted", "pool")
    for text in (PUMP, "thanks!", "remember that the ladder is in the attic", "Summarize this.", ""):
        await events_of(household.agent, text, guild=guild)
    for family in _metrics():
        for sample in family.samples:
            for label, found in sample.labels.items():
                if label in CLOSED:
                    assert found in CLOSED[label], (sample.name, label, found)
            assert str(guild) not in sample.labels.values()


@pytest.mark.asyncio(loop_scope="session")
async def test_an_answered_question_is_counted_with_its_stages_and_stores(household: Installation) -> None:
    asked = Change("lorekeeper_questions_total", outcome="extractive")
    took = Change("lorekeeper_question_seconds_sum")
    own = Change("lorekeeper_question_own_seconds_sum")
    stages = {stage: Change("lorekeeper_stage_seconds_count", stage=stage.value) for stage in Stage}
    searches = Change("lorekeeper_store_seconds_count", store="lancedb", operation="search")
    writes = Change("lorekeeper_store_seconds_count", store="sqlite", operation="write")
    reads = Change("lorekeeper_store_seconds_count", store="sqlite", operation="read")
    ended = await answered(household.agent, PUMP)
    assert ended.route is not None
    assert asked() == 1
    assert ended.episode.timings["total"] / 1000 <= took() < ended.episode.timings["total"] / 1000 + 5
    assert 0 < own() <= took()
    ran = {stage.value for stage, change in stages.items() if change()}
    assert ran == {"understand", "route", "retrieve", "judge", "answer", "verify", "record"}
    assert searches() >= 1
    assert writes() == 1
    assert reads() >= 1
    assert value("lorekeeper_questions_running") == 0


@pytest.mark.parametrize(
    ("question", "outcome"),
    [
        ("Who won the 1998 world cup final of ice hockey on the moon?", AnswerKind.DECLINED),
        ("thank you!", AnswerKind.SMALL_TALK),
        ("", Outcome.MISUSED),
    ],
)
@pytest.mark.asyncio(loop_scope="session")
async def test_each_end_is_counted_as_what_it_was(
    household: Installation, question: str, outcome: str
) -> None:
    ended = Change("lorekeeper_questions_total", outcome=str(outcome))
    await events_of(household.agent, question)
    assert ended() == 1


@pytest.mark.asyncio(loop_scope="session")
async def test_a_question_that_nobody_waits_for_is_cancelled_and_no_error(household: Installation) -> None:
    ended = Change("lorekeeper_questions_total", outcome="cancelled")
    failures = [Change("lorekeeper_errors_total", type="other", where=where) for where in Where]
    events = household.agent.ask(Question(text=PUMP, asked_at=ASKED_AT))
    async with aclosing(cast(Any, events)):
        async for _ in events:
            break
    assert ended() == 1
    assert not any(change() for change in failures)


@pytest.mark.asyncio(loop_scope="session")
async def test_an_error_is_counted_where_it_passed_also_when_a_second_attempt_succeeds(
    household: Installation,
) -> None:
    name = "lorekeeper_errors_total"
    stage, question = (
        Change(name, type="StoreBusyError", where="retrieve"),
        Change(name, type="StoreBusyError", where="question"),
    )
    store = TroubledStore(household.stores.store, StoreBusyError("Busy."))
    await answered(agent_with(household, store=store), PUMP)
    assert (stage(), question()) == (1, 0)
    lost = [StoreError("Gone."), StoreError("Gone.")]
    final = Change(name, type="StoreError", where="question")
    await failed(agent_with(household, store=TroubledStore(household.stores.store, *lost)), PUMP)
    assert final() == 1


@pytest.mark.asyncio(loop_scope="session")
async def test_a_stage_that_takes_too_long_is_a_deadline(household: Installation) -> None:
    late = Change("lorekeeper_errors_total", type="DeadlineError", where="question")
    store = TroubledStore(household.stores.store, seconds=30)
    await failed(agent_with(household, settings={"stage_seconds": 0.5}, store=store), PUMP)
    assert late() == 1


@pytest.mark.parametrize(
    ("kind", "counted"),
    [
        (ModelError, "ModelError"),
        (GoneError, "FetchError"),  # a child that one file made for itself counts as its parent
        (KeyError, "other"),
        (asyncio.CancelledError, None),
        (GeneratorExit, None),
    ],
)
def test_errors_are_counted_by_the_types_that_people_hear_of(
    kind: type[BaseException], counted: str | None
) -> None:
    changes = {name: Change("lorekeeper_errors_total", type=name, where="model") for name in CLOSED["type"]}
    count_error(kind, Where.MODEL.value)
    assert {name for name, change in changes.items() if change()} == ({counted} if counted else set())


@pytest.mark.asyncio(loop_scope="session")
async def test_a_file_that_cannot_be_read_is_counted(household: Installation, tmp_path: Path) -> None:
    guild = await new_guild(household, "unreadable")
    unreadable = Change("lorekeeper_errors_total", type="IngestError", where="ingest")
    broken = tmp_path / "manual.pdf"
    broken.write_bytes(b"%PDF-1.7 and no more")
    report = await household.ingestor.ingest(guild, [broken])
    assert not report.ok
    assert unreadable() == 1


def test_every_error_of_the_tree_has_its_own_count() -> None:
    tree = {
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and kind.__module__ == errors.__name__
    }
    assert all(issubclass(kind, LorekeeperError) for kind in tree)
    assert {kind.__name__ for kind in tree} | {"other"} == CLOSED["type"]


async def test_a_reply_is_counted_with_its_tokens_and_its_first_one(chat_model: ChatModel) -> None:
    about = {"engine": chat_model.info.engine, "model": chat_model.info.name}
    calls = Change("lorekeeper_model_seconds_count", call="chat", **about)
    first = Change("lorekeeper_model_first_token_seconds_count", **about)
    read = Change("lorekeeper_model_tokens_total", direction="read", **about)
    written = Change("lorekeeper_model_tokens_total", direction="written", **about)
    messages = [ChatMessage(role="user", content="Say hello to the whole wide world.")]
    pieces = [piece async for piece in MeteredChatModel(chat_model).chat(messages, ChatOptions(max_tokens=7))]
    assert pieces
    assert (calls(), first(), written()) == (1, 1, 7)
    assert read() > len(messages[0].content.split())
    assert value("lorekeeper_model_calls_running", **about) == 0


async def test_a_model_that_fails_is_counted(chat_model: ChatModel) -> None:
    class Busy(ScriptedChat):
        async def likelihoods(self, *_: Any) -> tuple[float, ...]:
            raise ModelBusyError("Loading.")

    busy = Change("lorekeeper_errors_total", type="ModelBusyError", where="model")
    with pytest.raises(ModelBusyError):
        await MeteredChatModel(cast(Any, Busy(chat_model, ""))).likelihoods([], ["A"])
    assert busy() == 1


async def test_a_vector_that_is_remembered_is_no_second_call(embedder: Embedder) -> None:
    about = {"engine": embedder.info.engine, "model": embedder.info.name}
    calls = Change("lorekeeper_model_seconds_count", call="embed", **about)
    texts = Change("lorekeeper_embedded_texts_total", **about)
    metered = MeteredEmbedder(embedder)
    await asyncio.gather(*(metered.embed(["How old is it?"], EmbedKind.QUERY) for _ in range(3)))
    await metered.embed(["one", "two"], EmbedKind.PASSAGE)
    assert (calls(), texts()) == (2, 3)


@pytest.mark.asyncio(loop_scope="session")
async def test_feedback_and_votes_are_counted_once_they_are_durable(household: Installation) -> None:
    ended = await answered(household.agent, PUMP)
    events = Change("lorekeeper_feedback_total", kind="vote")
    votes = {vote: Change("lorekeeper_votes_total", vote=vote) for vote in CLOSED["vote"]}

    async def vote(guild: GuildId, number: int) -> None:
        await household.agent.give_feedback(
            guild, ended.episode.id, MemberId("m"), FeedbackKind.VOTE, {"vote": number}
        )

    for number in (1, -1, 0, 1):
        await vote(ended.episode.guild, number)
    with pytest.raises(errors.UsageError):
        await vote(GuildId("another"), 1)
    assert events() == 4
    assert {name: change() for name, change in votes.items()} == {"up": 2, "down": 1, "withdrawn": 1}


def test_a_queue_is_asked_when_the_metrics_are_read() -> None:
    waiting = [1, 2, 3]
    watch_queue(Queue.QUESTIONS, lambda: len(waiting))
    assert value("lorekeeper_queue_depth", queue="questions") == 3
    waiting.clear()
    assert value("lorekeeper_queue_depth", queue="questions") == 0


async def test_calls_that_run_or_wait_are_seen() -> None:
    info = ModelInfo(name="small", engine="test", digest="")
    with model_call(info, Call.EMBED), model_call(info, Call.EMBED):
        assert value("lorekeeper_model_calls_running", engine="test", model="small") == 2
    assert value("lorekeeper_model_calls_running", engine="test", model="small") == 0


def test_every_operation_of_a_store_has_a_name_and_goes_through_the_meter() -> None:
    methods = {name for name in vars(KnowledgeStore) if not name.startswith("_")} - {"close"}
    assert methods | {"read", "write"} == set(Operation)
    assert methods <= set(vars(MeteredStore))


def test_the_build_is_named() -> None:
    (family,) = (family for family in _metrics() if family.name == "lorekeeper_build")
    (sample,) = family.samples
    assert set(sample.labels) == {"version", "python"}
