"""Reports made of tables: who was right about which question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from agent.contracts import GuildId, Slug
from agent.serving.served import Task
from tuning.datasets.item import Split
from tuning.evaluation.results import (
    AnswerArm,
    AnswerScore,
    Arm,
    Predicted,
    Report,
    RoutingArm,
    Scores,
)

CATEGORIES = (Slug("pool"), Slug("car"), Slug("garden"), Slug("kitchen"))


def predicted(
    number: int,
    *,
    hit: bool,
    split: Split = Split.TEST,
    brier: float | None = None,
    milliseconds: float = 10.0,
) -> Predicted:
    """The answer to question `number`, whose category is the number's."""
    right = CATEGORIES[number % 4]
    said = right if hit else CATEGORIES[(number + 1) % 4]
    return Predicted(
        item=f"{split}{number}",
        split=split,
        right=right,
        said=said,
        confidence=0.7,
        chance=0.7 if hit else 0.1,
        brier=(0.2 if hit else 1.2) if brier is None else brier,
        milliseconds=milliseconds,
    )


def routing_arm(arm: Arm, hits: str, golden: str = "1111", **more: Any) -> RoutingArm:
    """`hits` has a 1 for each question that the arm got right, in the order of their numbers."""
    test = [predicted(number, hit=hit == "1", **more) for number, hit in enumerate(hits)]
    gold = [predicted(n, hit=hit == "1", split=Split.GOLDEN, **more) for n, hit in enumerate(golden)]
    return RoutingArm(arm=arm, predicted=(*test, *gold))


def answered(
    number: int,
    mean: float,
    *,
    split: Split = Split.TEST,
    judged: bool = False,
    invention: float | None = None,
    milliseconds: float = 1000.0,
) -> AnswerScore:
    """An answer with this mean score; `invention` is its score for absence of hallucination."""
    told = mean if invention is None else invention
    rest = (3 * mean - told) / 2
    return AnswerScore(
        item=f"{split}{number}",
        split=split,
        category=CATEGORIES[number % 4],
        answerable=True,
        declined=False,
        scores=Scores(relevance=rest, grounding=rest, no_hallucination=told),
        judged=judged,
        words=20,
        milliseconds=milliseconds,
    )


def answer_arm(
    arm: Arm, means: Sequence[float], golden: Sequence[float] = (3.0,) * 4, **more: Any
) -> AnswerArm:
    json_valid = more.pop("json_valid", 10)
    test = [answered(number, mean, **more) for number, mean in enumerate(means)]
    gold = [answered(number, mean, split=Split.GOLDEN, **more) for number, mean in enumerate(golden)]
    return AnswerArm(arm=arm, answers=(*test, *gold), json_asked=10, json_valid=json_valid)


def report(task: Task, arms: Mapping[Arm, Any], *, serving: Arm, **more: Any) -> Report:
    kind = "routing" if task is Task.ROUTE else "answers"
    measured: dict[str, Any] = {kind: tuple(arms.values())}
    return Report(
        guild=GuildId("local"),
        task=task,
        made_at=datetime(2026, 11, 23, 1, 30, tzinfo=UTC),
        dataset="d" * 64,
        challenger="019ab000-0000-7000-8000-000000000001",
        challenger_digest="c" * 64,
        base="smollm2-135m",
        base_digest="b" * 64,
        engine="llama.cpp",
        code="0.0.1",
        seed=0,
        serving=serving,
        **measured,
        **more,
    )
