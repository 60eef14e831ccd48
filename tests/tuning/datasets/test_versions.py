from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contracts import EpisodeId, MemberId, PassageId
from agent.serving.served import Task
from tests.tuning.datasets.labels import CATEGORIES, a_label, some_labels
from tuning.datasets.card import card
from tuning.datasets.item import Item, Split, Ties, items_of
from tuning.datasets.splitting import CONNECTS, SHARES, assign, groups
from tuning.datasets.version import DatasetVersion, balanced, build, difference, without
from tuning.labels.label import Label


def _build(labels: Sequence[Label], before: DatasetVersion | None = None) -> DatasetVersion:
    return build(tuple(labels), Task.ROUTE, threads={}, before=before.splits if before else {}, salt="salt")


def _items(labels: Sequence[Label], *, by_author: bool = False) -> tuple[Item, ...]:
    return items_of(tuple(labels), Task.ROUTE, Ties(), by_author=by_author)


def test_the_same_labels_in_any_order_are_the_same_version() -> None:
    labels = some_labels(120)
    one, other = _build(labels), _build(labels[::-1])
    assert one.id == other.id
    assert one.lines() == other.lines()
    assert _build(labels[1:]).id != one.id


def test_each_split_has_its_share_of_each_category() -> None:
    version = _build(some_labels(400))
    for category in CATEGORIES:
        counts = Counter(entry.split for entry in version.entries if entry.item.stratum == category)
        for split, share in SHARES.items():
            assert counts[split] == pytest.approx(share * 100, abs=8)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 8)), min_size=1, max_size=60))
def test_what_shares_a_key_is_never_parted(drawn: list[tuple[int, int]]) -> None:
    labels = [
        a_label(number, group=f"g{group}", member=f"m{member}")
        for number, (group, member) in enumerate(drawn)
    ]
    items = _items(labels, by_author=True)
    splits = assign(items, {}, "salt").splits
    for group in groups(items):
        assert len({splits[item.id] for item in group}) == 1


@given(st.lists(st.integers(0, 40), min_size=1, max_size=80), st.integers(1, 79))
def test_an_item_never_moves_when_data_grows(drawn: list[int], cut: int) -> None:
    labels = [a_label(number, group=f"g{group}") for number, group in enumerate(drawn)]
    first = _build(labels[:cut])
    second = _build(labels, first)
    assert not difference(first, second).moved
    assert not difference(first, second).removed
    groups_of = {entry.item.label.group: entry.split for entry in first.entries}
    for entry in second.entries:
        assert entry.split is groups_of.get(entry.item.label.group, entry.split)


def test_what_connects_two_splits_is_left_out() -> None:
    labels = some_labels(40)
    before = _build(labels)
    apart = {split: before.of(split)[0].label for split in (Split.TRAIN, Split.TEST)}
    between = a_label(99, group=apart[Split.TRAIN].group, member="x")
    threads = {EpisodeId("e99"): "t", apart[Split.TEST].episodes[0]: "t"}
    after = build((*labels, between), Task.ROUTE, threads=threads, before=before.splits, salt="salt")
    assert list(after.left_out.values()) == [CONNECTS]
    assert not difference(before, after).moved
    assert after.id == before.id


def test_questions_that_ask_the_same_in_other_words_stay_together() -> None:
    labels = some_labels(60)
    alike = {label.question: "one" for label in labels[10:18]}
    version = build(labels, Task.ROUTE, threads={}, before={}, salt="salt", alike=alike)
    together = [entry.split for entry in version.entries if entry.item.label.question in alike]
    assert len(together) == 8
    assert len(set(together)) == 1


def test_few_members_are_not_kept_together_and_the_card_says_so() -> None:
    family = [a_label(number, member=f"m{number % 3}") for number in range(60)]
    many = [a_label(number) for number in range(60)]
    assert not _build(family).by_author
    assert "few members asked most" in card(_build(family))
    assert _build(many).by_author
    assert _build(family).of(Split.TEST)


def test_one_lesson_is_one_item_with_the_heaviest_weight() -> None:
    again = a_label(1, weight=0.3, group="other", member="other")
    (item,) = _items([again, a_label(1, weight=0.9)], by_author=True)
    assert item.label.weight == 0.9
    assert {"group:other", "group:group1", "author:other", "author:m1"} == item.keys


def test_labels_of_another_task_are_not_in_it() -> None:
    assert not _build([a_label(1, task=Task.ANSWER)]).entries


def test_who_is_forgotten_is_in_no_version_and_nobody_else_moves() -> None:
    version = _build(some_labels(200))
    rebuilt = without(version, MemberId("m7"))
    assert MemberId("m7") in version.members
    assert MemberId("m7") not in rebuilt.members
    assert not any('"m7"' in line for line in rebuilt.lines())
    change = difference(version, rebuilt)
    assert (len(change.removed), change.added, change.moved) == (4, (), ())
    assert rebuilt.id != version.id


def test_whose_words_an_answer_rests_on_is_forgotten_with_it() -> None:
    told = a_label(1, task=Task.ANSWER, evidence=(PassageId("p1"), PassageId("p2")))
    other = a_label(2, task=Task.ANSWER, evidence=(PassageId("p3"),))
    version = build((told, other), Task.ANSWER, threads={}, before={}, salt="salt")
    rebuilt = without(version, MemberId("nobody"), frozenset({PassageId("p2")}))
    assert [entry.item.label for entry in rebuilt.entries] == [other]
    assert without(version, MemberId("nobody")) == version


def test_rare_categories_weigh_as_much_as_frequent_ones_within_bounds() -> None:
    labels = [a_label(n, category="pool") for n in range(90)] + [a_label(99, category="car")]
    weights = balanced(_items(labels))
    assert sorted(Counter(weights.values()).items()) == [
        (pytest.approx(91 / 2 / 90), 90),
        (pytest.approx(3.0), 1),
    ]


def test_the_card_counts_what_is_there() -> None:
    version = _build(some_labels(40))
    text = card(version)
    assert f"# Dataset {version.id[:12]}" in text
    assert "40 items of 40 members" in text
    assert "| pool | 6 | 1 | 2 | 1 |" in text
    assert "category_by_admin 40" in text
