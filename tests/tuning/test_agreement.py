"""Agreement between annotators, against values of the literature and by hand."""

from __future__ import annotations

import pytest

from agent.contracts import MemberId, Slug
from agent.serving.served import Task
from tests.tuning.test_decided_labels import REX, SAL, decision, topic, undo, written
from tests.tuning.test_labels import CAR, DEE, POOL
from tuning.annotation.agreement import Agreement, Rating, agreement, alpha
from tuning.labels.decisions import Act, Decision

_TABLE = ("* * * * * 3 4 1 2 1 1 3 3 * 3", "1 * 2 1 3 3 4 3 * * * * * * *", "* * 2 1 3 4 4 * 2 1 1 3 3 * 4")
"""Wikipedia's example of the coefficient: three coders, fifteen units, nominal 0.691."""


def test_the_published_example_has_its_published_value() -> None:
    ratings: list[Rating] = [
        (MemberId(f"coder {coder}"), f"unit {unit}", value)
        for coder, row in enumerate(_TABLE)
        for unit, value in enumerate(row.split())
        if value != "*"
    ]
    assert alpha(ratings) == pytest.approx(0.691, abs=0.0005)


def both(pairs: list[tuple[Slug, Slug]]) -> list[Decision]:
    made = []
    for number, (one, other) in enumerate(pairs):
        item = f"i{number}"
        made += [topic(f"a{number}", one, REX, item=item), topic(f"b{number}", other, SAL, item=item)]
    return made


def found(decisions: list[Decision]) -> dict[tuple[Task, str], Agreement]:
    return {(each.task, each.of): each for each in agreement(decisions)}


def test_it_is_told_of_all_of_each_category_and_of_each_pair() -> None:
    told = found(both([(POOL, POOL), (CAR, CAR), (POOL, CAR), (CAR, CAR)]))
    assert set(told) == {(Task.ROUTE, of) for of in ("all", "car", "pool", "rex, sal")}
    assert all(each.items == 4 for each in told.values())
    # Observed disagreement 2 of 8; expected 2 * 3 * 5 of 8 * 7.
    expected = 1 - (2 / 8) / (30 / 56)
    assert told[Task.ROUTE, "all"].alpha == pytest.approx(expected)
    assert told[Task.ROUTE, "rex, sal"].alpha == pytest.approx(expected)


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([(POOL, POOL), (CAR, CAR)], 1.0),
        ([(POOL, POOL), (POOL, POOL)], None),
        ([(POOL, CAR)], None),
    ],
)
def test_what_is_not_defined_is_not_a_figure(pairs: list[tuple[Slug, Slug]], expected: float | None) -> None:
    told = found(both(pairs))[Task.ROUTE, "all"]
    assert told.alpha == expected
    assert told.reliable is (expected == 1.0)


def test_only_what_two_decided_without_knowing_of_each_other_counts() -> None:
    alone = topic("d1", POOL, REX, item="i8")
    knowing = [topic("d2", POOL, REX, item="i9"), topic("d3", CAR, SAL, item="i9", seen=("d2",))]
    assert agreement([alone, *knowing]) == ()


def test_of_each_annotator_the_last_decision_counts_that_is_not_undone() -> None:
    changed = topic("c0", CAR, REX, item="i0")
    pairs = both([(POOL, CAR), (POOL, POOL)])
    assert found([*pairs, changed])[Task.ROUTE, "all"].alpha == 1.0
    assert found([*pairs, changed, undo("u", "c0")])[Task.ROUTE, "all"].alpha != 1.0


def test_discarding_is_a_value_and_of_answers_it_counts_what_was_done() -> None:
    made = [
        written("a1", "In “May 2024”.", REX),
        written("b1", "It was in “May 2024”.", SAL),
        decision("a2", REX, Act.DISCARD, task=Task.ANSWER, item="i2"),
        decision("b2", SAL, Act.DISCARD, task=Task.ANSWER, item="i2"),
        decision("c2", DEE, Act.DISCARD, task=Task.ANSWER, item="i2"),
    ]
    told = found(made)
    assert told[Task.ANSWER, "all"].alpha == 1.0
    assert {of for _, of in told} == {"all", "correct", "(discarded)", "rex, sal", "dee, rex", "dee, sal"}
    assert told[Task.ANSWER, "dee, rex"].items == 1
