"""What is kept of the history of channels, on every database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from agent.catalog.sql import SqlCatalog
from agent.contracts import GuildId, MemberId, SourceId
from agent.database.engine import open_database
from bot.history.comparing import Changes
from bot.history.grouping import QUIET
from bot.history.said import Said
from bot.state.history import HistoryState
from bot.state.records import Kept, Place, Stale, Sync, SyncState
from tests.agent.database.backends import BACKENDS, new_address

_HOME, _OTHER = GuildId("1"), GuildId("2")
_ANA, _BEN = MemberId("10"), MemberId("11")
_NONE: dict[int, str] = {}
_PLACE = Place(
    guild=_HOME,
    place=7,
    channel=7,
    thread=False,
    visibility="channel:7",
    location="#pool",
    floor=0,
    read_to=0,
)
_THREAD = replace(_PLACE, place=8, thread=True, title="Filter", member=_ANA)
_SYNC = Sync(guild=_HOME, channel=7, run="r", since=0, report_channel=1, report_message=2)


@pytest.fixture(params=BACKENDS)
async def history(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[HistoryState]:
    opened = await open_database(new_address(request, tmp_path))
    for guild in (_HOME, _OTHER):
        await SqlCatalog(opened).create_guild(guild)
    history = HistoryState(opened)
    for place in (_PLACE, _THREAD, replace(_PLACE, guild=_OTHER)):
        await history.put_place(place)
    yield history
    await opened.close()


def _id(minute: float) -> int:
    return int((10**6 + minute) * 60_000) << 22


def _said(minute: float, member: MemberId = _ANA, *, answers: int | None = None) -> Said:
    return Said(message=_id(minute), member=member, name="name", words=f"at {minute}", answers=answers)


async def _keep(history: HistoryState, *said: Said, key: int | None = None, place: Place = _PLACE) -> Place:
    """Keep a page as one conversation, and what was read with it."""
    opened = said[0].message if key is None else key
    moved = replace(place, read_to=max(place.read_to, said[-1].message))
    changes = Changes(new=said, edited=_NONE)
    await history.apply(moved, changes, [opened] * len(said), {opened: SourceId(f"s{opened}")})
    return moved


async def _stale(history: HistoryState, guild: GuildId = _HOME) -> Sequence[Stale]:
    return await history.stale(guild)


async def test_a_page_is_kept_with_how_far_it_goes_and_twice_is_as_once(history: HistoryState) -> None:
    await history.put_sync(_SYNC)
    for _ in range(2):
        moved = await _keep(history, _said(0), _said(1, _BEN))
    assert await history.place(_HOME, 7) == moved
    assert await history.kept(_PLACE, 0, _id(9)) == {_id(0): "at 0", _id(1): "at 1"}
    assert await history.kept(_PLACE, _id(0), _id(1)) == {_id(1): "at 1"}
    assert await history.kept(replace(_PLACE, guild=_OTHER), 0, _id(9)) == {}
    assert await history.messages_of(_HOME, _id(0)) == (
        Kept(message=_id(0), member=_ANA, name="name", words="at 0"),
        Kept(message=_id(1), member=_BEN, name="name", words="at 1"),
    )
    sync = await history.sync(_HOME, 7)
    assert sync is not None
    assert sync.state is SyncState.RUNNING
    assert await history.syncs(_OTHER) == ()


async def test_rules_find_what_is_near_and_what_is_answered(history: HistoryState) -> None:
    await _keep(history, _said(0), _said(1, _BEN))
    await _keep(history, _said(100, _BEN))
    await _keep(history, _said(100), place=_THREAD)
    quiet = QUIET / 60_000
    near = await history.talks(_PLACE, [_said(100 + quiet)])
    assert [(talk.opened, talk.size, talk.said) for talk in near] == [(_id(100), 1, {_id(100): _BEN})]
    assert await history.talks(_PLACE, [_said(101 + quiet)]) == ()
    (answered,) = await history.talks(_PLACE, [_said(999, answers=_id(1))])
    assert (answered.opened, answered.size, answered.said) == (_id(0), 2, {_id(1): _BEN})
    assert await history.talks(_PLACE, []) == ()


async def test_a_thread_goes_on_where_it_was_opened_last(history: HistoryState) -> None:
    await _keep(history, _said(0), place=_THREAD)
    await _keep(history, _said(5), place=_THREAD)
    await _keep(history, _said(9), key=_id(0), place=_THREAD)
    (talk,) = await history.talks(_THREAD, [_said(10**5)])
    assert talk.opened == _id(5)


async def test_what_changes_while_a_source_is_made_is_still_to_be_done(history: HistoryState) -> None:
    await _keep(history, _said(0), _said(1))
    (found,) = await _stale(history)
    assert (found.conversation, found.place, found.source) == (_id(0), 7, f"s{_id(0)}")
    assert await history.edit(_HOME, _id(1), "changed") == _id(0)
    await history.made(found, empty=False)
    (again,) = await _stale(history)
    await history.made(again, empty=False)
    assert await _stale(history) == ()
    assert await history.edit(_HOME, _id(1), "changed") == _id(0)
    assert await _stale(history) == (), "the same words are no change"
    assert await history.edit(_HOME, _id(2), "unknown") is None
    assert await history.edit(_OTHER, _id(1), "another guild's") is None


async def test_only_conversations_that_ended_are_given_when_asked(history: HistoryState) -> None:
    await _keep(history, _said(0), _said(10))
    await _keep(history, _said(5), place=_THREAD)
    ended = await history.stale(_HOME, upto=_id(9))
    assert [each.conversation for each in ended] == [_id(5)]
    assert [each.conversation for each in await history.stale(_HOME, place=7)] == [_id(0)]


async def test_what_is_removed_leaves_its_conversation_to_be_made_anew(history: HistoryState) -> None:
    await _keep(history, _said(0), _said(1, _BEN))
    (before,) = await _stale(history)
    await history.made(before, empty=False)
    assert await history.remove(_HOME, {_id(1), _id(50)}) == {_id(0)}
    assert await history.remove(_HOME, {_id(1)}) == frozenset()
    assert [each.conversation for each in await _stale(history)] == [_id(0)]
    assert await history.remove_members(_HOME, [_ANA]) == 1
    (empty,) = await _stale(history)
    assert await history.messages_of(_HOME, _id(0)) == ()
    await history.made(empty, empty=True)
    assert await history.conversations(_HOME) == {}


async def test_a_removed_source_is_not_made_again(history: HistoryState) -> None:
    await _keep(history, _said(0))
    await history.remove_conversation(_HOME, SourceId(f"s{_id(0)}"))
    await history.remove_conversation(_HOME, SourceId("unknown"))
    assert await _stale(history) == ()
    assert await history.kept(_PLACE, 0, _id(9)) == {}


async def test_a_channel_goes_with_its_threads_and_nothing_else(history: HistoryState) -> None:
    await history.put_sync(_SYNC)
    other = replace(_PLACE, place=9, channel=9)
    await history.put_place(other)
    for number, place in enumerate((_PLACE, _THREAD, other)):
        await _keep(history, _said(number), place=place)
        await history.made((await history.stale(_HOME, place=place.place))[0], empty=False)
    assert await history.conversations(_HOME) == {7: 2, 9: 1}
    assert await history.remove_place(_HOME, 7)
    assert not await history.remove_place(_HOME, 7)
    assert [each.conversation for each in await _stale(history)] == [_id(0), _id(1)]
    assert await history.conversations(_HOME) == {9: 1}
    assert await history.sync(_HOME, 7) is None
    assert await history.place(_OTHER, 7) is not None


async def test_a_page_that_edits_and_loses_messages_says_so(history: HistoryState) -> None:
    place = await _keep(history, _said(0), _said(1), _said(2))
    (before,) = await _stale(history)
    await history.made(before, empty=False)
    changes = Changes(edited={_id(0): "new words"}, gone=frozenset({_id(2)}))
    await history.apply(replace(place, checked=_id(3)), changes, [], {})
    assert await history.kept(place, 0, _id(9)) == {_id(0): "new words", _id(1): "at 1"}
    assert len(await _stale(history)) == 1
    found = await history.place(_HOME, 7)
    assert found is not None
    assert found.checked == _id(3)


async def test_a_sync_ends_and_its_message_moves(history: HistoryState) -> None:
    await history.put_sync(_SYNC)
    await history.set_report(_HOME, 7, 99)
    await history.end_sync(_HOME, 7, SyncState.DONE)
    assert await history.syncs() == (replace(_SYNC, report_message=99, state=SyncState.DONE),)


async def test_how_far_places_were_read_and_followed(history: HistoryState) -> None:
    await history.put_sync(_SYNC)
    await history.set_read_to(replace(_PLACE, read_to=40))
    assert await history.read_to(_HOME, [7, 8, 9]) == {7: 40, 8: 0}
    assert await history.read_to(_OTHER, [7, 8]) == {7: 0}
    assert await history.read_to(_HOME, []) == {}
    await history.set_followed(_HOME, 7, 50)
    await history.set_followed(_OTHER, 7, 60)
    assert await history.syncs() == (replace(_SYNC, followed=50),)


async def test_a_guild_is_visited_while_something_of_it_is_read_or_to_be_made(history: HistoryState) -> None:
    assert await history.guilds() == frozenset()
    await history.put_sync(_SYNC)
    assert await history.guilds() == {_HOME}
    await _keep(history, _said(0))
    await history.remove_place(_HOME, 7)
    assert await history.syncs() == ()
    assert await history.guilds() == {_HOME}, "its conversation has to go"
    (left,) = await _stale(history)
    await history.made(left, empty=True)
    assert await history.guilds() == frozenset()
