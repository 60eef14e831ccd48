"""Traces as a collector receives them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from pydantic import ValidationError

from agent.contracts import Answered
from agent.errors import StoreError
from agent.observing.tracing import endpoint, traced
from agent.runtime import Installation
from agent.settings import Settings
from tests.agent.graph.asking import TroubledStore, agent_with, answered, events_of, failed
from tests.agent.observing.collector import Collector, attributes, collecting
from tests.household import household_settings

pytestmark = pytest.mark.asyncio(loop_scope="session")

PUMP = "When did we replace our pool pump?"


def _tracing(collector: Collector, folder: Path = Path()) -> Settings:
    return Settings(data_dir=folder, traces_url=collector.url)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def asked(household: Installation) -> AsyncIterator[tuple[Answered, Collector]]:
    """One answered question and its trace."""
    with collecting() as collector:
        async with traced(_tracing(collector)):
            # Not asked before in this session: what a question's vector is, is remembered for a while.
            ended = await answered(household.agent, f"{PUMP} Tell me!")
        yield ended, collector


async def test_a_question_is_one_trace(asked: tuple[Answered, Collector]) -> None:
    ended, collector = asked
    (root,) = collector.roots()
    assert root.name == "question"
    assert attributes(root) == {
        "lorekeeper.episode": ended.episode.id,
        "lorekeeper.guild": ended.episode.guild,
    }
    assert {span.trace_id for span in collector.spans} == {root.trace_id}
    assert set(collector.paths) == {"/v1/traces"}


async def test_the_stages_hang_from_the_question_and_calls_from_their_stage(
    asked: tuple[Answered, Collector],
) -> None:
    collector = asked[1]
    (root,) = collector.roots()
    stages = {span.name: span for span in collector.below(root)}
    assert {"understand", "route", "retrieve", "judge", "answer", "verify", "record"} == set(stages)
    inside = {name: {each.name for each in collector.below(span)} for name, span in stages.items()}
    assert "write sqlite" in inside["record"]
    searches = [span for span in collector.spans if span.name == "search lancedb"]
    assert searches
    assert all(_parent(collector, span).name == "retrieve" for span in searches)
    assert attributes(searches[0]) == {"db.system.name": "lancedb", "db.operation.name": "search"}
    (embedded, *_) = (span for span in collector.spans if span.name.startswith("embed "))
    assert _parent(collector, embedded).name in {"route", "retrieve", "judge"}
    assert attributes(embedded)["gen_ai.operation.name"] == "embed"
    assert all(span.end_time_unix_nano >= span.start_time_unix_nano > 0 for span in collector.spans)


def _parent(collector: Collector, span: Span) -> Span:
    return next(each for each in collector.spans if each.span_id == span.parent_span_id)


async def test_it_says_what_sent_it(asked: tuple[Answered, Collector]) -> None:
    for request in asked[1].requests:
        (resource,) = request.resource_spans
        about = {each.key: each.value.string_value for each in resource.resource.attributes}
        assert about["service.name"] == "lorekeeper"
        assert about["service.version"]


async def test_no_word_of_question_or_answer_is_sent(asked: tuple[Answered, Collector]) -> None:
    ended, collector = asked
    sent = b"".join(collector.bodies)
    assert ended.episode.id.encode() in sent
    for private in (PUMP, "pump", ended.answer.text, *(quote.text for quote in ended.answer.quotes)):
        assert private.encode() not in sent


async def test_what_failed_is_marked_by_its_type_and_without_its_message(household: Installation) -> None:
    with collecting() as collector:
        async with traced(_tracing(collector)):
            broken = TroubledStore(household.stores.store, *[StoreError("Nothing about zyxw here.")] * 2)
            await failed(agent_with(household, store=broken), PUMP)
        (root,) = collector.roots()
        assert root.status.code == Status.STATUS_CODE_ERROR
        assert attributes(root)["error.type"] == "StoreError"
        assert "StoreError" in {attributes(span).get("error.type") for span in collector.below(root)}
        assert not any(span.events for span in collector.spans)
        assert b"zyxw" not in b"".join(collector.bodies)


async def test_questions_at_once_are_traces_of_their_own(household: Installation) -> None:
    with collecting() as collector:
        async with traced(_tracing(collector)):
            await asyncio.gather(*(events_of(household.agent, f"{PUMP} {number}") for number in range(3)))
        roots = collector.roots()
        assert len({root.trace_id for root in roots}) == 3
        for root in roots:
            mine = [span for span in collector.spans if span.trace_id == root.trace_id]
            assert {"route", "record"} <= {span.name for span in mine}


async def test_nothing_is_sent_when_it_is_over(household: Installation) -> None:
    with collecting() as collector:
        async with traced(_tracing(collector)):
            pass
        await answered(household.agent, PUMP)
        assert not collector.bodies


async def test_a_collector_that_is_away_or_silent_costs_no_answer_and_ends(
    household: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.observing.tracing._SEND_SECONDS", 0.5)
    with collecting() as collector:
        collector.silent.set()
        for url in (collector.url, "http://127.0.0.1:9"):
            async with asyncio.timeout(60), traced(Settings(data_dir=Path(), traces_url=url)):
                assert "18 May 2024" in (await answered(household.agent, PUMP)).answer.text


@pytest.mark.parametrize(
    ("url", "sent_to"),
    [
        ("http://localhost:4318", "http://localhost:4318/v1/traces"),
        ("http://localhost:4318/", "http://localhost:4318/v1/traces"),
        ("https://collector.test/otlp/v1/traces", "https://collector.test/otlp/v1/traces"),
    ],
)
async def test_an_address_alone_gets_the_usual_path(url: str, sent_to: str) -> None:
    assert endpoint(url) == sent_to


async def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError):
        Settings(traces_url="localhost:4318")


@pytest.mark.parametrize("on", [False, True])
async def test_nothing_leaves_the_machine_unless_traces_are_asked_for(own_household: Path, on: bool) -> None:
    """Variables of other programs and of LangChain do not turn them on."""
    with collecting() as collector:
        settings = household_settings(own_household).model_copy(
            update={"traces_url": collector.url if on else ""}
        )
        ran = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", _ASKS, settings.model_dump_json(exclude_unset=True)],
            env={
                "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
                "LANGSMITH_TRACING": "true",
                "LANGSMITH_ENDPOINT": collector.url,
                "LANGSMITH_API_KEY": "any",
            },
            cwd=Path(__file__).parents[3],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert ran.returncode == 0, ran.stderr[-2000:]
        assert ran.stdout.split() == ["Answered", str(on)]
        assert set(collector.paths) == ({"/v1/traces"} if on else set())


_ASKS = """
import asyncio, sys
from agent.contracts import Question
from agent.runtime import open_installation
from agent.settings import Settings

async def main():
    async with open_installation(Settings.model_validate_json(sys.argv[1])) as installation:
        async for event in installation.agent.ask(Question(text="When did we replace our pool pump?")):
            pass
    print(type(event).__name__, "opentelemetry.exporter" in sys.modules)

asyncio.run(main())
"""
