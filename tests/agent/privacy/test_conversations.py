"""Conversations that a forgotten member spoke in: what others said stays, to be made anew."""

from __future__ import annotations

from sqlalchemy import select

from agent.contracts import SourceId
from agent.database import tables
from agent.privacy.protocol import Subject
from agent.privacy.registry import registry_of
from agent.runtime import Stores
from tests.agent.knowledge.passages import HOME, WORK
from tests.agent.privacy.house import MEMBER, OTHER, plant
from tuning.privacy import privacy_of

_TALK = SourceId(f"chat-{HOME}")


async def _marked(stores: Stores) -> dict[str, int]:
    table = tables.bot_conversations
    async with stores.database.read() as connection:
        rows = await connection.execute(select(table.c.source, table.c.stale))
        return {row.source: row.stale for row in rows}


async def test_what_is_called_by_their_words_is_theirs_in_the_answers_of_others(stores: Stores) -> None:
    await plant(stores)
    registry = registry_of(stores)
    assert _TALK in (await registry.traces(Subject(guild=HOME, member=MEMBER))).sources
    assert _TALK not in (await registry.traces(Subject(guild=HOME, member=OTHER))).sources


async def test_the_others_words_stay_and_the_conversation_is_to_be_made_anew(stores: Stores) -> None:
    await plant(stores)
    await plant(stores, WORK)
    report = await privacy_of(stores).forget(HOME, MEMBER)

    assert report.removed["messages in conversations"] == 1
    assert report.removed["conversations made anew"] == 1
    assert await _marked(stores) == {_TALK: 1, f"chat-{WORK}": 0}
    assert await stores.catalog.source(HOME, _TALK) is None
    for version in await stores.store.versions():
        assert await stores.store.passages_of(HOME, _TALK, version=version.name) == ()
    left = (await privacy_of(stores).export(HOME, OTHER))["messages"]
    assert [message["words"] for message in left] == ["the answer"]
    assert (await privacy_of(stores).export(WORK, MEMBER))["messages"] != []
