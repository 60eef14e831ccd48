"""No table is added without somebody saying whose its rows are."""

from agent.database.tables import metadata
from agent.runtime import Stores
from tuning.privacy import privacy_of

OF_NOBODY = {
    "guilds": "revisions",
    "categories": "what admins named",
    "former_slugs": "what admins had named so before",
    "journal_positions": "counts",
    "bot_guilds": "what admins chose: channels and roles",
    "bot_seen": "the last message of a place",
    "bot_conversations": "which messages belong together",
    "bot_syncs": "which channels are read, and how far",
    "bot_values": "kept once for the process",
    "anomaly_events": "kinds, topics, sources and figures",
    "pattern_events": "topics, rules, figures and ids of episodes",
    "serving": "which adapters serve",
    "dataset_versions": "hashes and counts; the words are in their items",
    "adapters": "recipes, digests and figures",
    "tuning_events": "states, ids and figures",
    "tuning_plans": "what admins chose: hours and budgets",
}
"""Tables that hold nothing of any member, and what they hold instead."""

_OF_MEMBERS = {"member", "author", "author_name", "asker", "teacher"}


async def test_every_table_is_answered_for(stores: Stores) -> None:
    assert privacy_of(stores).held_tables | OF_NOBODY.keys() == metadata.tables.keys()


async def test_every_table_with_a_column_of_members_is_held(stores: Stores) -> None:
    with_members = {table.name for table in metadata.tables.values() if _OF_MEMBERS & set(table.c.keys())}

    assert with_members <= privacy_of(stores).held_tables
    assert with_members.isdisjoint(OF_NOBODY)
