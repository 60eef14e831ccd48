"""The draw of the benchmark of tuned routers, from a made file of BANKING77's shape."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from benchmarks.tuned_router_data import ASKED, HELD_BACK, LABELS, TOPICS, categories, questions
from tuning.datasets.item import Split

INTENTS = 77
"""Of BANKING77."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    intents = [intent for topic in TOPICS.values() for intent in topic]
    _write(
        tmp_path / "train.csv",
        ((f"{intent}, asked the {n}th time", intent) for intent in intents for n in range(40)),
    )
    _write(
        tmp_path / "test.csv",
        ((f"{intent}, tested the {n}th time", intent) for intent in intents for n in range(10)),
    )
    return tmp_path


def _write(path: Path, rows: Iterable[tuple[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "category"))
        writer.writerows(rows)


def test_twenty_topics_hold_every_intent_once() -> None:
    intents = [intent for topic in TOPICS.values() for intent in topic]
    assert len(categories()) == 20
    assert len(intents) == len(set(intents)) == INTENTS


def test_every_topic_has_its_labels_and_the_questions_come_from_the_other_file(folder: Path) -> None:
    drawn = questions(folder, seed=7)
    by_split = {split: Counter(each.right for each in drawn if each.split is split) for split in Split}
    assert set(by_split[Split.VALIDATION].values()) == {HELD_BACK}
    assert set(by_split[Split.TRAIN].values()) == {LABELS - HELD_BACK}
    assert len(by_split[Split.TRAIN]) == len(by_split[Split.VALIDATION]) == 20
    tested = [each for each in drawn if each.split is Split.TEST]
    assert len(tested) == ASKED
    assert all(("tested" in each.text) is (each.split is Split.TEST) for each in drawn)
    topics = {topic.slug: TOPICS[topic.name] for topic in categories()}
    assert all(each.text.split(",")[0] in topics[each.right] for each in drawn)


def test_a_seed_draws_the_same_and_another_others(folder: Path) -> None:
    assert questions(folder, seed=7) == questions(folder, seed=7) != questions(folder, seed=8)
