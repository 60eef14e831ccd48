"""Which channels and threads have something new to read, out of what Discord tells by itself: pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A channel or thread as discord.py knows it."""

    place: int
    channel: int
    """Itself, or the channel that its thread belongs to."""
    newest: int | None
    """The id of its last message, whether it was deleted or not; None before the first."""


def with_news(
    spots: Iterable[Spot], read_to: Mapping[int, int], *, since: int, reading: Collection[int]
) -> tuple[Spot, ...]:
    """Those that have messages after what was read of them, each once.

    `since` bounds what is read of a place without a position in `read_to`. What a sync is `reading`, itself
    or with its channel, is left to it.
    """
    found = {spot.place: spot for spot in spots}
    return tuple(
        spot
        for spot in found.values()
        if not {spot.place, spot.channel} & set(reading)
        and (spot.newest or 0) > read_to.get(spot.place, since)
    )
