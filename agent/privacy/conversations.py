"""What members said in the channels whose history is kept, and the conversations that are made of it.

A conversation in which a forgotten member spoke goes from every index and from the catalog; what the others
said there is kept and marked, and the bot makes the conversation anew without them. Their words may stand in
its title too, so nothing of the old one stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, func, or_, select, update

from agent.catalog.protocol import Catalog
from agent.contracts import SourceId
from agent.database import tables
from agent.database.engine import Database
from agent.knowledge.protocol import KnowledgeStore
from agent.privacy.protocol import Removed, Subject, Traces

_TALKS: Final = tables.bot_conversations.c
_MESSAGES: Final = tables.bot_messages.c
_PLACES: Final = tables.bot_places.c
_CHUNK: Final = 500


class ConversationsHolder:
    tables = frozenset({"bot_messages", "bot_places"})

    def __init__(self, database: Database, catalog: Catalog, store: KnowledgeStore) -> None:
        self._database = database
        self._catalog = catalog
        self._store = store

    async def traces(self, who: Subject) -> Traces:
        """The conversations that are called by what the member said or named; and how they are called."""
        theirs = select(_MESSAGES.name).where(_theirs(who)).distinct()
        async with self._database.read() as connection:
            titled = await connection.scalars(select(_TALKS.source).where(_titled(who)))
            return Traces(
                sources=frozenset(map(SourceId, titled)),
                names=frozenset(await connection.scalars(theirs)),
            )

    async def export(self, who: Subject, traces: Traces) -> Mapping[str, Sequence[object]]:
        columns = [column for column in _MESSAGES if column.name not in ("guild", "member")]
        messages = select(*columns).where(_theirs(who)).order_by(_MESSAGES.message)
        named = select(_PLACES.place, _PLACES.title).where(_named(who)).order_by(_PLACES.place)
        async with self._database.read() as connection:
            return {
                "messages": [dict(row) for row in (await connection.execute(messages)).mappings()],
                "threads": [dict(row) for row in (await connection.execute(named)).mappings()],
            }

    async def forget(self, who: Subject, traces: Traces) -> Removed:
        """Everything that is marked loses its source, so that a run after one that was stopped misses none;
        it is made anew in any case.
        """
        marked = update(tables.bot_conversations).where(
            _TALKS.guild == who.guild, or_(_titled(who), _TALKS.conversation.in_(_spoken(who)))
        )
        query = select(_TALKS.source).where(_TALKS.guild == who.guild, _TALKS.stale > 0)
        async with self._database.write() as connection:
            anew = await connection.execute(marked.values(stale=_TALKS.stale + 1))
            gone = await connection.execute(delete(tables.bot_messages).where(_theirs(who)))
            unnamed = update(tables.bot_places).where(_named(who)).values(title="", member=None)
            await connection.execute(unnamed)
            sources = [SourceId(each) for each in await connection.scalars(query)]
        for start in range(0, len(sources), _CHUNK):
            chunk = sources[start : start + _CHUNK]
            await self._store.delete_sources(who.guild, chunk)
            await self._catalog.remove_sources(who.guild, chunk)
        return {"messages in conversations": gone.rowcount, "conversations made anew": anew.rowcount}


def _theirs(who: Subject) -> ColumnElement[bool]:
    return (_MESSAGES.guild == who.guild) & (_MESSAGES.member == who.member)


def _named(who: Subject) -> ColumnElement[bool]:
    return (_PLACES.guild == who.guild) & (_PLACES.member == who.member)


def _spoken(who: Subject) -> Any:
    return select(_MESSAGES.conversation).where(_theirs(who))


def _titled(who: Subject) -> ColumnElement[bool]:
    """Conversations whose title is theirs: a thread's name, or the opening words where there is none."""
    firsts = (
        select(func.min(_MESSAGES.message))
        .where(_MESSAGES.guild == who.guild, _MESSAGES.conversation.in_(_spoken(who)))
        .group_by(_MESSAGES.conversation)
    )
    opened = select(_MESSAGES.conversation).where(_theirs(who), _MESSAGES.message.in_(firsts))
    places = select(_PLACES.place).where(_named(who))
    return (_TALKS.guild == who.guild) & or_(_TALKS.conversation.in_(opened), _TALKS.place.in_(places))
