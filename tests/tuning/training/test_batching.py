from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.training.batching import common_start, parts, steps

_LENGTHS = [random.Random(3).randint(5, 200) for _ in range(333)]


def _steps(**changed: int) -> list[tuple[tuple[int, ...], ...]]:
    values = {"batch": 16, "micro_tokens": 600, "shared": 100, "seed": 1, "epoch": 0} | changed
    return steps(_LENGTHS, **values)


def test_every_row_is_seen_once_an_epoch_in_steps_of_one_batch() -> None:
    planned = _steps()
    assert sorted(row for step in planned for part in step for row in part) == list(range(len(_LENGTHS)))
    assert sorted(sum(map(len, step)) for step in planned)[1:] == [16] * (len(_LENGTHS) // 16)


def test_the_same_seed_gives_the_same_order_and_another_epoch_another() -> None:
    assert _steps() == _steps()
    assert _steps() != _steps(epoch=1)
    assert _steps() != _steps(seed=2)


def test_rows_of_like_length_share_a_part_so_that_little_is_padding() -> None:
    read = [part for step in _steps() for part in step]
    padded = sum(len(part) * max(_LENGTHS[row] for row in part) for part in read)
    assert padded / sum(_LENGTHS) < 1.15
    assert len({row for part in _steps()[0] for row in part} ^ {row for part in _steps()[1] for row in part})


@given(
    lengths=st.lists(st.integers(1, 300), min_size=1, max_size=40),
    micro=st.integers(50, 500),
    shared=st.integers(0, 100),
)
def test_a_part_never_holds_more_than_it_may_unless_one_row_alone_does(
    lengths: list[int], micro: int, shared: int
) -> None:
    cut = list(parts(range(len(lengths)), lengths, micro, shared))
    assert sorted(row for part in cut for row in part) == list(range(len(lengths)))
    for part in cut:
        assert len(part) == 1 or len(part) * (shared // 8 + max(lengths[row] for row in part)) <= micro


@pytest.mark.parametrize(
    ("rows", "most", "shared"),
    [
        ([[1, 2, 3], [1, 2, 4]], 9, 2),
        ([[1, 2, 3], [1, 2, 3]], 9, 3),
        ([[1, 2, 3], [1, 2, 3]], 2, 2),
        ([[1, 2, 3], [1, 2]], 9, 2),
        ([[1, 2], [3, 4]], 9, 0),
        ([[1, 2], [1, 3], [9]], 9, 0),
        ([], 9, 0),
    ],
)
def test_what_all_rows_begin_with(rows: list[list[int]], most: int, shared: int) -> None:
    assert common_start(rows, most) == shared
