"""Which places are read because something was said there."""

from __future__ import annotations

import pytest

from bot.history.news import Spot, with_news

_POOL = Spot(place=1, channel=1, newest=50)
_THREAD = Spot(place=2, channel=1, newest=60)
_QUIET = Spot(place=3, channel=3, newest=None)


@pytest.mark.parametrize(
    ("read_to", "since", "reading", "expected"),
    [
        pytest.param({1: 50, 2: 60}, 0, (), (), id="nothing was said"),
        pytest.param({1: 49, 2: 60}, 0, (), (_POOL,), id="something was"),
        pytest.param({1: 70, 2: 60}, 0, (), (), id="what was said last was deleted"),
        pytest.param({1: 50}, 0, (), (_THREAD,), id="a new thread"),
        pytest.param({1: 50}, 60, (), (), id="a thread older than what is read"),
        pytest.param({}, 0, (), (_POOL, _THREAD), id="all is new"),
        pytest.param({}, 0, (1,), (), id="a sync reads the channel with its threads"),
        pytest.param({}, 0, (2,), (_POOL,), id="a sync reads the thread alone"),
    ],
)
def test_only_what_is_new_is_read(
    read_to: dict[int, int], since: int, reading: tuple[int, ...], expected: tuple[Spot, ...]
) -> None:
    assert with_news([_POOL, _THREAD, _QUIET], read_to, since=since, reading=reading) == expected


def test_what_is_told_of_twice_is_read_once() -> None:
    assert with_news([_POOL, _POOL], {}, since=0, reading=()) == (_POOL,)
