"""The choices between stages and inside them: pure functions, tables of what they decide."""

from __future__ import annotations

from typing import cast

import pytest
from langgraph.errors import NodeTimeoutError

from agent.agent import failure_of
from agent.contracts import (
    EvidenceItem,
    Intent,
    ModelInfo,
    RouteDecision,
    Slug,
)
from agent.errors import DeadlineError, ModelBusyError, ModelMissingError, StoreBusyError, UsageError
from agent.graph import by_evidence, by_intent, by_verification, is_transient
from agent.meter import union_length
from agent.models.choosing import BUNDLED_CHAT_MODEL, generates
from agent.nodes.judge import needed_probability
from agent.nodes.retrieve import merge, narrowed, route_agrees
from agent.nodes.rewrite import keywords
from agent.nodes.route import given_route
from agent.nodes.small_talk import greeting
from agent.settings import Settings
from agent.state import State
from tests.agent.answering.evidence import item


@pytest.mark.parametrize(
    ("intent", "stages"),
    [
        (Intent.ASK, ["route", "prefetch"]),
        (Intent.SUGGEST, ["route", "prefetch"]),
        (Intent.REMEMBER, ["remember"]),
        (Intent.SUMMARIZE, ["summarize"]),
        (Intent.SMALL_TALK, ["small_talk"]),
    ],
)
def test_the_intent_picks_the_way(intent: Intent, stages: list[str]) -> None:
    assert by_intent(cast(State, {"intent": intent})) == stages


@pytest.mark.parametrize(
    ("state", "stage"),
    [
        ({"sufficient": True, "intent": Intent.ASK}, "answer"),
        ({"sufficient": True, "intent": Intent.SUGGEST}, "suggest"),
        ({"sufficient": False, "intent": Intent.ASK}, "rewrite"),
        ({"sufficient": False, "intent": Intent.ASK, "answer": "declined"}, "record"),
    ],
)
def test_too_little_evidence_is_searched_again_then_declined(state: dict[str, object], stage: str) -> None:
    assert by_evidence(cast(State, state)) == stage


@pytest.mark.parametrize(("state", "stage"), [({}, "repair"), ({"answer": "done"}, "record")])
def test_a_draft_is_repaired_until_there_is_an_answer(state: dict[str, object], stage: str) -> None:
    assert by_verification(cast(State, state)) == stage


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (StoreBusyError("busy"), True),
        (ModelBusyError("loading"), True),
        (DeadlineError("slow"), True),
        (ModelMissingError("not there"), False),
        (UsageError("empty"), False),
        (ConnectionError("not ours"), False),
        (ValueError("a bug"), False),
    ],
)
def test_only_what_may_pass_is_tried_again(error: Exception, again: bool) -> None:
    assert is_transient(error) is again


@pytest.mark.parametrize(
    ("threshold", "decision", "dates_dropped", "needed"),
    [
        (0.5, RouteDecision.SINGLE, False, 0.5),
        (0.5, RouteDecision.UNFILTERED, False, 0.5),
        (0.5, RouteDecision.OUT_OF_SCOPE, False, 0.75),
        (0.5, RouteDecision.SINGLE, True, 0.75),
        (0.9, RouteDecision.OUT_OF_SCOPE, True, 0.95),
        (0.0, RouteDecision.UNION, False, 0.0),
    ],
)
def test_doubtful_questions_need_more_evidence(
    threshold: float, decision: RouteDecision, dates_dropped: bool, needed: float
) -> None:
    assert needed_probability(threshold, decision, dates_dropped=dates_dropped) == pytest.approx(needed)


@pytest.mark.parametrize(
    ("mode", "model", "parameters", "writes"),
    [
        ("auto", BUNDLED_CHAT_MODEL, 0, False),
        ("auto", "my-model", 0, True),
        ("auto", "smollm2:135m", 134_515_008, False),
        ("auto", "qwen3:0.6b", 751_632_384, False),
        ("auto", "llama3.2:1b", 1_235_814_432, True),
        ("extractive", "llama3.1:8b", 8_030_261_312, False),
        ("generated", BUNDLED_CHAT_MODEL, 0, True),
        ("generated", "smollm2:135m", 134_515_008, True),
    ],
)
def test_a_small_model_does_not_write_answers_unless_told_to(
    mode: str, model: str, parameters: int, writes: bool
) -> None:
    settings = Settings(answer_mode=mode)  # type: ignore[arg-type]
    info = ModelInfo(name=model, engine="x", digest="0", parameters=parameters)
    assert generates(settings, info) is writes


@pytest.mark.parametrize(("mode", "writes"), [("auto", True), ("generated", True), ("extractive", False)])
def test_a_small_model_that_was_tuned_to_answer_writes(mode: str, writes: bool) -> None:
    settings = Settings(answer_mode=mode)  # type: ignore[arg-type]
    info = ModelInfo(name=BUNDLED_CHAT_MODEL, engine="x", digest="0", adapter="a1", adapter_digest="1")
    assert generates(settings, info) is writes


def _items(*texts: str) -> tuple[EvidenceItem, ...]:
    return tuple(item(text, name=text) for text in texts)


def test_two_rankings_are_interleaved_and_each_passage_stands_once() -> None:
    merged = merge(_items("a", "b", "c"), _items("b", "d"), limit=3)
    assert [each.passage.text for each in merged] == ["a", "b", "d"]


def _found(*categories: str) -> tuple[EvidenceItem, ...]:
    return tuple(item(slug, name=f"p{rank}", category=slug) for rank, slug in enumerate(categories))


@pytest.mark.parametrize(
    ("categories", "unfiltered", "agrees"),
    [
        ((), _found("pool"), False),
        (("pool",), (), True),
        (("pool",), _found("pool", "car"), True),
        (("pool",), _found("car", "pool"), False),
        (("pool", "car"), _found("car"), True),
    ],
)
def test_the_best_passage_of_all_must_lie_within_the_route(
    categories: tuple[Slug, ...], unfiltered: tuple[EvidenceItem, ...], agrees: bool
) -> None:
    assert route_agrees(categories, unfiltered) is agrees


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("When did we replace our pool pump?", "replace pool pump?"),
        ("¿Cuándo cambiamos la bomba de la piscina?", "cambiamos bomba piscina?"),
        ("what is it", "what is it"),
    ],
)
def test_a_rewritten_query_keeps_the_words_that_carry_it(text: str, kept: str) -> None:
    assert keywords(text) == kept


def test_a_given_category_is_searched_alone() -> None:
    route = given_route(Slug("pool"))
    assert route.decision is RouteDecision.GIVEN
    assert route.categories == ("pool",)
    assert not route.model_asked


def test_small_talk_names_some_topics_in_the_members_language() -> None:
    assert "about Pool, Cars" in greeting(("Pool", "Cars"), "en")
    assert "sobre Pool" in greeting(("Pool",), "es")
    assert "Ask me a question," in greeting((), "fr")


@pytest.mark.parametrize(
    ("intervals", "length"),
    [
        ([], 0.0),
        ([(0, 1), (2, 3)], 2.0),
        ([(0, 4), (1, 2)], 4.0),
        ([(1, 3), (0, 2)], 3.0),
    ],
)
def test_overlapping_model_calls_count_once(intervals: list[tuple[float, float]], length: float) -> None:
    assert union_length(intervals) == length


@pytest.mark.parametrize(
    ("error", "message", "retryable"),
    [
        (StoreBusyError("The store is busy.", "Wait."), "The store is busy.", True),
        (UsageError("Empty."), "Empty.", False),
        (NodeTimeoutError("route", 3.1, kind="run", run_timeout=3.0), "“route” took longer than 3", True),
        (KeyError("secret detail"), "Something went wrong inside Lorekeeper.", False),
    ],
)
def test_every_failure_becomes_one_line(error: Exception, message: str, retryable: bool) -> None:
    failure = failure_of(error, "ab12")
    assert message in failure.message
    assert "secret" not in failure.message + failure.hint
    assert (failure.retryable, failure.error_id) == (retryable, "ab12")


def test_what_was_found_everywhere_is_narrowed_in_its_order() -> None:
    found = _found("car", "pool", "home", "pool")
    assert [each.passage.id for each in narrowed(found, (Slug("pool"), Slug("car")))] == ["p0", "p1", "p3"]
