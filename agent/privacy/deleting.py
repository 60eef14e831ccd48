"""What was deleted where it came from is deleted here: a message, a page, a file, by where it stood."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from agent.contracts import GuildId

if TYPE_CHECKING:
    from agent.runtime import Stores


async def remove_addresses(stores: Stores, guild: GuildId, addresses: Collection[str]) -> int:
    """Remove the sources that stand at these URIs or open by these links, with passages in every index.

    Return how many there were. Stopped in the middle, doing it again removes the rest: the passages go first,
    and the record by which they are found goes last. Raises `UnknownGuildError`, `StoreError`.
    """
    sources = [
        source.id
        for source in await stores.catalog.sources(guild)
        if source.uri in addresses or source.link in addresses
    ]
    if not sources:
        return 0
    await stores.store.delete_sources(guild, sources)
    return await stores.catalog.remove_sources(guild, sources)
