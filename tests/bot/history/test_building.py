"""What a source is made of: turns of one speaker, with their links and days."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from agent.contracts import GuildId, MemberId, SourceId, SourceKind
from agent.ingest.chunking import TARGET
from bot.history.building import conversation_of, turns_of
from bot.state.records import Kept, Place, Stale

_LONG = "x" * (TARGET // 2)
_NEW_YEAR = (1_704_067_200_000 - 1_420_070_400_000) << 22
"""2024-01-01, 00:00 UTC."""


def _kept(*said: tuple[str, str]) -> list[Kept]:
    return [
        Kept(message=_NEW_YEAR + number, member=MemberId(who), name=who, words=words)
        for number, (who, words) in enumerate(said)
    ]


@pytest.mark.parametrize(
    ("said", "turns"),
    [
        ([], []),
        ([("ana", "one"), ("ana", "two"), ("ben", "three"), ("ana", "four")], [2, 1, 1]),
        ([("ana", _LONG), ("ana", _LONG)], [1, 1]),
        ([("ana", "one"), ("ana", 3 * _LONG), ("ana", "two")], [1, 1, 1]),
    ],
    ids=[
        "none",
        "a turn ends with another speaker",
        "and where a passage is full",
        "a long one stands alone",
    ],
)
def test_turns_are_of_one_speaker_and_fit_a_passage(said: list[tuple[str, str]], turns: list[int]) -> None:
    assert [len(turn) for turn in turns_of(_kept(*said))] == turns


@pytest.mark.parametrize(("zone", "day"), [("UTC", date(2024, 1, 1)), ("America/Lima", date(2023, 12, 31))])
def test_a_conversation_keeps_its_address_and_dates_in_the_guilds_zone(zone: str, day: date) -> None:
    place = Place(
        guild=GuildId("1"),
        place=8,
        channel=7,
        thread=True,
        visibility="channel:7",
        location="#pool",
        title="Filter",
        floor=0,
        read_to=0,
    )
    stale = Stale(guild=GuildId("1"), conversation=5, place=8, source=SourceId("s"), stale=1)
    made = conversation_of(stale, _kept(("ana", "one"), ("ana", "two")), place, 3, ZoneInfo(zone))
    assert (made.uri, made.kind, made.title) == (
        "https://discord.com/channels/3/8/5",
        SourceKind.THREAD,
        "Filter",
    )
    (turn,) = made.turns
    assert (turn.text, turn.on) == ("one\ntwo", day)
    assert turn.link == f"https://discord.com/channels/3/8/{_NEW_YEAR}", "the message that opened it is gone"
