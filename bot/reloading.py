"""Settings that can change under a running bot, and what has to wait for a restart.

A setting takes effect at once where it is read for each question; stores, models and connections were opened
with theirs. Only names are ever told: an admin of one guild has no business with the owner's addresses.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from agent.settings import Settings

if TYPE_CHECKING:
    from bot.client import Lorekeeper

LIVE: Final = frozenset(
    {
        "answer_mode",
        "answer_threshold",
        "answer_tokens",
        "discord_stop_seconds",
        "evidence_limit",
        "hybrid_alpha",
        "question_characters",
        "repairs",
        "rewrites",
    }
)
"""Settings that are read when they are needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Names of settings, sorted."""

    live: tuple[str, ...]
    """In force from now on."""
    waiting: tuple[str, ...]
    """In force after a restart."""


def differences(running: Settings, read: Settings) -> Changes:
    """What was changed in the environment or in `.env` since the bot started."""
    changed = sorted(name for name in Settings.model_fields if getattr(running, name) != getattr(read, name))
    return Changes(
        live=tuple(name for name in changed if name in LIVE),
        waiting=tuple(name for name in changed if name not in LIVE),
    )


def put_in_force(bot: Lorekeeper, read: Settings) -> Changes:
    """Let the bot go by the settings that it can take over, and say which."""
    changes = differences(bot.settings, read)
    merged = bot.settings.model_copy(update={name: getattr(read, name) for name in changes.live})
    bot.settings = merged
    bot.installation = replace(bot.installation, settings=merged)
    bot.agent.parts = replace(bot.agent.parts, settings=merged)
    return changes
