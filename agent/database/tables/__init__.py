"""The tables of catalog, journal and bot. A change here needs a migration: see schema.py.

Every key begins with the guild, so that no statement can reach across guilds by an id alone. Questions and
URIs may be longer than an index entry of PostgreSQL, so their sha256 stands for them in keys.
"""

from __future__ import annotations

from agent.database.tables.bot import (
    bot_answers,
    bot_audit,
    bot_commands,
    bot_conversations,
    bot_entries,
    bot_guilds,
    bot_homes,
    bot_messages,
    bot_places,
    bot_questions,
    bot_seen,
    bot_syncs,
    bot_values,
)
from agent.database.tables.catalog import categories, examples, former_slugs, guilds, source_texts, sources
from agent.database.tables.columns import Document, Moment, key_of, metadata
from agent.database.tables.journal import (
    consents,
    decisions,
    episodes,
    feedback,
    forgettings,
    journal_positions,
)
from agent.database.tables.learning import (
    adapter_events,
    adapters,
    anomaly_events,
    dataset_items,
    dataset_versions,
    pattern_events,
    serving,
    tuning_events,
    tuning_plans,
)

__all__ = [
    "APPEND_ONLY",
    "Document",
    "Moment",
    "adapter_events",
    "adapters",
    "anomaly_events",
    "bot_answers",
    "bot_audit",
    "bot_commands",
    "bot_conversations",
    "bot_entries",
    "bot_guilds",
    "bot_homes",
    "bot_messages",
    "bot_places",
    "bot_questions",
    "bot_seen",
    "bot_syncs",
    "bot_values",
    "categories",
    "consents",
    "dataset_items",
    "dataset_versions",
    "decisions",
    "episodes",
    "examples",
    "feedback",
    "forgettings",
    "former_slugs",
    "guilds",
    "journal_positions",
    "key_of",
    "metadata",
    "pattern_events",
    "serving",
    "source_texts",
    "sources",
    "tuning_events",
    "tuning_plans",
]

APPEND_ONLY = frozenset(
    {
        table.name
        for table in (
            episodes,
            feedback,
            consents,
            decisions,
            anomaly_events,
            pattern_events,
            adapters,
            adapter_events,
            tuning_events,
            bot_audit,
        )
    }
)
"""Tables whose triggers refuse UPDATE."""
