"""A conversation as a source: whose each passage is, and what makes it another one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from agent.contracts import GuildId, MemberId, SourceKind
from agent.ingest.chunking import TARGET
from agent.ingest.conversations import (
    Conversation,
    Turn,
    conversation_passages,
    conversation_source,
    digest_of,
    document_of,
)
from agent.ingest.report import Choice, ChosenBy

_HOME = GuildId("1")
_ASKS = Turn(
    member=MemberId("10"), name="Ana", text="Where is the key?", link="https://l/1", on=date(2024, 5, 1)
)
_SAYS = Turn(
    member=MemberId("11"), name="Ana", text="Under the mat.", link="https://l/2", on=date(2024, 5, 2)
)
_TALK = Conversation(
    uri="https://l/1",
    kind=SourceKind.CHANNEL,
    title="",
    location="#house",
    visibility="channel:7",
    turns=[_ASKS, _SAYS],
)
_ROUTED = Choice(category=None, probability=0.2, by=ChosenBy.NOBODY)
_NOW = datetime(2026, 11, 22, tzinfo=UTC)


def test_each_passage_is_of_who_said_it_with_their_link_and_day() -> None:
    document = document_of(_TALK)
    source = conversation_source(_HOME, _TALK, document, _ROUTED, None, language="en", now=_NOW)
    made = conversation_passages(_TALK, document, source)
    assert [(each.author, each.author_name, each.link, each.date) for each in made] == [
        ("10", "Ana", "https://l/1", date(2024, 5, 1)),
        ("11", "Ana", "https://l/2", date(2024, 5, 2)),
    ]
    assert all(document.text[each.start : each.end] == each.text for each in made)
    assert {each.visibility for each in made} == {"channel:7"}
    assert (source.title, source.author, source.link) == ("Where is the key?", None, "https://l/1")


def test_a_turn_that_is_cut_stays_its_speakers() -> None:
    long = replace(_SAYS, text="It lies there. " * (TARGET // 5))
    talk = replace(_TALK, turns=[_ASKS, long, _ASKS])
    document = document_of(talk)
    source = conversation_source(_HOME, talk, document, _ROUTED, None, language="en", now=_NOW)
    authors = [each.author for each in conversation_passages(talk, document, source)]
    assert len(authors) > 3
    assert authors == ["10", *["11"] * (len(authors) - 2), "10"]


def test_a_name_that_cannot_be_seen_becomes_the_id() -> None:
    talk = replace(_TALK, turns=[replace(_ASKS, name="\u2066\u2069")])
    document = document_of(talk)
    source = conversation_source(_HOME, talk, document, _ROUTED, None, language="en", now=_NOW)
    (passage,) = conversation_passages(talk, document, source)
    assert (passage.author, passage.author_name) == ("10", "10")


@pytest.mark.parametrize(
    "other",
    [
        replace(_TALK, title="Key"),
        replace(_TALK, location="#home"),
        replace(_TALK, visibility="channel:8"),
        replace(_TALK, turns=[_ASKS]),
        replace(_TALK, turns=[_ASKS, replace(_SAYS, text="Gone.")]),
        replace(_TALK, turns=[_ASKS, replace(_SAYS, name="Ben")]),
    ],
)
def test_what_a_source_is_made_of_is_in_its_hash(other: Conversation) -> None:
    assert digest_of(other) != digest_of(_TALK) == digest_of(replace(_TALK))
