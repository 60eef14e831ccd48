"""Which of Discord's shards this process serves. A guild belongs to the shard `(id >> 22) % count`, direct
messages to the first one; whoever serves that one does what only one process may do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from agent.errors import ConfigurationError

if TYPE_CHECKING:
    from bot.client import Lorekeeper

_RANGE: Final = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardState:
    """How one shard is connected, for those that watch the bot."""

    shard: int
    count: int
    connected: bool
    guilds: int
    latency_ms: float | None
    """Of the last heartbeat; None before the first."""


def chosen_shards(said: str, count: int) -> Mapping[str, Any]:
    """Return what the client is made with: nothing when Discord shall say how many shards there are, and all
    of them are served here. `said` is `0,1` or `0-3`. Raises `ConfigurationError`.
    """
    if not said.strip():
        return {"shard_count": count} if count else {}
    if not count:
        raise ConfigurationError(
            f"The shards {said} are of no known number.", "Say of how many, the same in each process."
        )
    ids = sorted({id_ for part in said.split(",") for id_ in _ids(part.strip(), said)})
    if ids[-1] >= count:
        raise ConfigurationError(
            f"There is no shard {ids[-1]} of {count}.", f"They are counted from 0 to {count - 1}."
        )
    return {"shard_ids": ids, "shard_count": count}


def shard_states(bot: Lorekeeper) -> Sequence[ShardState]:
    """How the shards of this process are connected; none before the first connection."""
    return [
        ShardState(
            shard=id_,
            count=bot.shard_count or 1,
            connected=not shard.is_closed(),
            guilds=sum(guild.shard_id == id_ for guild in bot.guilds),
            latency_ms=round(shard.latency * 1000, 1) if shard.latency < float("inf") else None,
        )
        for id_, shard in bot.shards.items()
    ]


def _ids(part: str, said: str) -> range:
    match = _RANGE.fullmatch(part)
    if match is None or int(match[2] or match[1]) < int(match[1]):
        raise ConfigurationError(f"The shards {said} cannot be read.", "Name them as 0,1 or 0-3.")
    return range(int(match[1]), int(match[2] or match[1]) + 1)
