"""A generated past pages as a kept one does."""

from __future__ import annotations

import pytest

from tests.discord.loopback import Loopback
from tests.discord.model import Channel, Timeline
from tests.discord.past import GeneratedPast

_COUNT = 25


@pytest.fixture
def channel() -> Channel:
    loopback = Loopback()
    ana = loopback.member("ana").user
    channel = loopback.guild.channel("pool")
    channel.messages = GeneratedPast(channel, _COUNT, lambda number: (ana, f"No {number}"))
    return channel


def _kept(channel: Channel) -> Timeline:
    """The same messages in memory."""
    kept = Timeline()
    for message in channel.messages.page(_COUNT):
        kept.add(message)
    return kept


@pytest.mark.parametrize("limit", [1, 10, 100])
@pytest.mark.parametrize("anchor", [None, "before", "after"])
@pytest.mark.parametrize("number", [0, 7, _COUNT - 1])
@pytest.mark.parametrize("off", [-1, 0, 1])
def test_a_page_is_that_of_a_kept_past(
    channel: Channel, limit: int, anchor: str | None, number: int, off: int
) -> None:
    kept = _kept(channel)
    anchors = {anchor: [message.id for message in kept][number] + off} if anchor else {}
    expected = [message.id for message in kept.page(limit, **anchors)]
    assert [message.id for message in channel.messages.page(limit, **anchors)] == expected


def test_a_message_is_found_by_its_id_and_the_last_is_known(channel: Channel) -> None:
    kept = _kept(channel)
    assert len(channel.messages) == len(kept) == _COUNT
    last = channel.messages.last()
    assert last is not None
    assert last.content == f"No {_COUNT - 1}"
    found = channel.messages.get(last.id)
    assert found is not None
    assert found.content == last.content
    assert channel.messages.get(last.id + 1) is None
