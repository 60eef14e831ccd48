"""How an answer is explained: what is hidden from an admin stays hidden, in every language."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from agent.contracts import (
    Answer,
    AnswerKind,
    CategoryScore,
    Constraints,
    Episode,
    EpisodeId,
    Example,
    Intent,
    MemberId,
    ModelInfo,
    PassageId,
    Route,
    RouteDecision,
    Searched,
    Slug,
)
from bot.diagnosis import explain
from bot.texts import ENGLISH, LANGUAGES
from tests.agent.knowledge.passages import HOME, PUMP

_ANA, _BEN = MemberId("ana"), MemberId("ben")
_NAMES = {Slug("pool"): "Pool"}
_ROUTE = Route(
    scores=(CategoryScore(category=Slug("pool"), probability=0.93, contributions={}),),
    out_of_scope=0.02,
    decision=RouteDecision.SINGLE,
    categories=(Slug("pool"),),
    model_asked=False,
    reason="pool with 93%",
    examples=(Example(question="Whose pump?", category=Slug("pool"), asker=_BEN),),
)
_EPISODE = Episode(
    id=EpisodeId("e1"),
    guild=HOME,
    member=_ANA,
    asked_at=datetime(2026, 11, 22, 12, tzinfo=UTC),
    question="When was the @everyone pump replaced?",
    intent=Intent.ASK,
    language="en",
    route=_ROUTE,
    evidence=((PUMP.id, 0.8125), (PassageId("gone"), 0.5)),
    searched=Searched(
        categories=(Slug("pool"),),
        constraints=Constraints(said=("last year",)),
        widened=True,
        queries=("pump replaced",),
        index_version="v3",
    ),
    answer=Answer(text="In May.", kind=AnswerKind.EXTRACTIVE, reason="evidence 0.4"),
    models=(ModelInfo(name="smol", engine="llama.cpp", digest="abcdef0123456789", adapter="night-7"),),
    timings={"route": 12.4, "retrieve": 8.2, "model": 30.0, "own": 21.0, "total": 51.0},
)


def _explained(episode: Episode = _EPISODE, **options: Any) -> list[str]:
    given = {"readable": {PUMP.id: PUMP}, "votes": {1: 2}, "names": _NAMES, "texts": ENGLISH} | options
    return explain(episode, **given).splitlines()


def test_everything_is_told() -> None:
    assert _explained() == [
        "**When was the @\u2060everyone pump replaced?**",
        "Route: one topic; Pool 93%; out of scope 2%",
        "The language model was not asked about the topic.",
        "Searched: Pool (index `v3`) for “pump replaced”",
        "The search was widened, because the topic held too little.",
        "Limited by: last year",
        "Evidence 0.812: The pool › Pool › Pump `p1`",
        "Evidence 0.500: a passage that you may not read `gone`",
        "Answer: the best sentences themselves, 0 quotes",
        "Recorded reason: evidence 0.4",
        "Model: smol (llama.cpp) `abcdef012345` night-7",
        "Time: 51 ms, the model 30 ms (route 12, retrieve 8)",
        "Votes: 2 helpful, 0 not helpful",
        "Asked <t:1795348800:f>, episode `e1`",
    ]


def test_the_nearest_example_is_shown_unless_somebody_else_asked_it() -> None:
    shown = "Nearest labelled question: Whose pump? → Pool"
    for asker, expected in ((None, True), (_ANA, True), (_BEN, False)):
        example = replace(_ROUTE.examples[0], asker=asker)
        episode = replace(_EPISODE, route=replace(_ROUTE, examples=(example,)))
        assert (shown in _explained(episode)) is expected


def test_a_question_that_ended_in_an_error_says_which() -> None:
    failed = replace(
        _EPISODE, route=None, searched=None, evidence=(), answer=None, models=(), error="Gone.", error_id="ab"
    )
    lines = _explained(failed, votes={})
    assert "Failed: Gone. (error ab)" in lines
    assert not any(line.startswith(("Route", "Searched", "Evidence", "Answer", "Votes")) for line in lines)


def test_a_search_that_found_nothing_says_so() -> None:
    assert "Evidence: none was found" in _explained(replace(_EPISODE, evidence=()))


@pytest.mark.parametrize("kind", AnswerKind)
@pytest.mark.parametrize("decision", RouteDecision)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_and_decision_has_words(language: str, decision: RouteDecision, kind: AnswerKind) -> None:
    words = LANGUAGES[language].diagnosis
    assert words.kinds[kind]
    assert words.decisions[decision]
