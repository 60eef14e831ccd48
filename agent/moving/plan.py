"""From the words of the command to the two ends of a move, and to the lines for .env afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from pydantic import SecretStr

from agent.errors import UsageError
from agent.moving.ends import Ends, Part, place_of, without_password
from agent.settings import Settings, variable


class Place(StrEnum):
    """The back ends that a person can name."""

    WEAVIATE = "weaviate"
    LANCEDB = "lancedb"
    POSTGRESQL = "postgresql"
    SQLITE = "sqlite"


_PARTS: Final = {
    Place.WEAVIATE: Part.KNOWLEDGE,
    Place.LANCEDB: Part.KNOWLEDGE,
    Place.POSTGRESQL: Part.DATABASE,
    Place.SQLITE: Part.DATABASE,
}
_EXAMPLES: Final = {
    Place.WEAVIATE: "http://localhost:8080",
    Place.POSTGRESQL: "postgresql://USER:PASSWORD@HOST/DATABASE",
}


def places(names: Sequence[str]) -> tuple[Place, ...]:
    """Raises `UsageError` for a name that is none."""
    if unknown := [name for name in names if name not in set(Place)]:
        raise UsageError(f"There is no {unknown[0]} to move to.", f"There are: {', '.join(Place)}.")
    return tuple(map(Place, names))


def planned(settings: Settings, to: Sequence[Place], urls: Sequence[str], api_key: str) -> Ends:
    """Return the ends of a move from what `settings` name. Raises `UsageError`.

    `urls` are the addresses of the servers in `to`, in any order; `api_key` is Weaviate's.
    """
    parts = [_PARTS[place] for place in to]
    if len(set(parts)) < len(parts):
        raise UsageError(f"{' and '.join(to)} keep the same.", "Choose one of them.")
    addresses = _addresses(to, urls)
    target = settings
    for place in to:
        target = target.model_copy(update=_changes(place, addresses.get(place, ""), api_key))
    for place in to:
        here, there = (place_of(_PARTS[place], side) for side in (settings, target))
        if here == there:
            raise UsageError(f"The settings use {here} already.", "Name another --to, or another --url.")
    return Ends(source=settings, target=target, parts=frozenset(parts))


def env_lines(ends: Ends) -> tuple[str, ...]:
    """Return what has to stand in .env for the target to be used, with `***` for what is secret."""
    lines = []
    if Part.KNOWLEDGE in ends.parts:
        lines.append(f"{variable('weaviate_url')}={ends.target.weaviate_url}")
        if ends.target.weaviate_api_key.get_secret_value():
            lines.append(f"{variable('weaviate_api_key')}=***")
    if Part.DATABASE in ends.parts:
        lines.append(
            f"{variable('database_url')}={without_password(ends.target.database_url.get_secret_value())}"
        )
    return tuple(lines)


def _addresses(to: Sequence[Place], urls: Sequence[str]) -> dict[Place, str]:
    """Which server each URL is the address of, by its scheme."""
    found: dict[Place, str] = {}
    for url in urls:
        place = Place.POSTGRESQL if url.startswith("postgres") else Place.WEAVIATE
        if place not in to or place in found:
            raise UsageError(
                f"--url {without_password(url)} is an address of {place}, which is not asked for once.",
                f"Add `--to {place}`, or take one --url away.",
            )
        found[place] = url
    for place, example in _EXAMPLES.items():
        if place in to and place not in found:
            raise UsageError(f"Where is {place}?", f"Add --url, such as `--url {example}`.")
    return found


def _changes(place: Place, url: str, api_key: str) -> dict[str, object]:
    if _PARTS[place] is Part.DATABASE:
        return {"database_url": SecretStr(url)}
    return {"weaviate_url": url, "weaviate_api_key": SecretStr(api_key if url else "")}
