"""Every part that keeps something of members. What is added to the database is added here: a test asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.privacy.bot_tables import BotHolder
from agent.privacy.consents import Consents, ConsentsHolder
from agent.privacy.conversations import ConversationsHolder
from agent.privacy.decisions import DecisionsHolder
from agent.privacy.examples import ExamplesHolder
from agent.privacy.journal import JournalHolder
from agent.privacy.knowledge import KnowledgeHolder
from agent.privacy.logs import LogHolder
from agent.privacy.protocol import Holder, Subject, Traces
from agent.routing.memory import MEMORY_FILE, RoutingMemory

if TYPE_CHECKING:
    from agent.runtime import Stores


@dataclass(frozen=True, slots=True)
class Registry:
    """The holders of one installation, in the order in which they forget. Knowledge comes before the journal:
    once the answers were looked through, none can quote what goes. Conversations come before it: it erases
    what was deleted from the index.
    """

    holders: tuple[Holder, ...]
    _conversations: ConversationsHolder
    _knowledge: KnowledgeHolder
    _examples: ExamplesHolder

    async def traces(self, who: Subject) -> Traces:
        found = await self._knowledge.traces(who) | await self._examples.traces(who)
        return found | await self._conversations.traces(who)


def registry_of(stores: Stores, more: Sequence[Holder] = ()) -> Registry:
    """`more` are those of other rooms: what they derive from the journal goes before it."""
    database, settings = stores.database, stores.settings
    conversations = ConversationsHolder(database, stores.catalog, stores.store)
    knowledge = KnowledgeHolder(stores.catalog, stores.store)
    examples = ExamplesHolder(stores.catalog, RoutingMemory(settings.data_dir / MEMORY_FILE))
    holders: tuple[Holder, ...] = (
        conversations,
        knowledge,
        examples,
        *more,
        DecisionsHolder(database),
        JournalHolder(stores.journal),
        BotHolder(database),
        ConsentsHolder(database, Consents(database, settings)),
        LogHolder(settings),
    )
    return Registry(holders, conversations, knowledge, examples)
