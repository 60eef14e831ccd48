"""The guilds of the demo: the family of examples/household, an admin and a Spanish speaker among it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.discord.clock import Clock
from tests.discord.loopback import Loopback
from tests.discord.members import Member

ADMIN: Final = "Marta"
_MADE: Final = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
"""A fixed moment gives fixed ids: a bot that is started again knows the guild that it was set up in."""
_FAMILY: Final = (("Daniel", "en-US"), ("Nora", "en-US"), ("Pilar", "es-ES"))
_TOPICS: Final = {
    "general": "Everything about the house. Mention @Lorekeeper to ask.",
    "pool": "Pump, chemicals, winter cover",
    "car": "Services, tyres, insurance",
}


async def open_household(port: int = 0, commands: Path | None = None) -> Loopback:
    """A loopback whose deadlines run, with Marta as admin and three members; not yet served."""
    clock = Clock(running=True)
    with clock.standing_at(_MADE):
        return await _build(Loopback(clock=clock, port=port, commands=commands))


async def _build(loopback: Loopback) -> Loopback:
    for name, topic in _TOPICS.items():
        loopback.channel(name).topic = topic
    marta = loopback.admin(ADMIN)
    family = {name: loopback.member(name, locale=locale) for name, locale in _FAMILY}
    await _talk(marta, family)
    neighbours = loopback.add_guild("Neighbours")
    for name in (ADMIN, *family):
        loopback.member(name, guild=neighbours, roles=("Admin",) if name == ADMIN else ())
    return loopback


async def _talk(marta: Member, family: dict[str, Member]) -> None:
    """A few lines that stand there already."""
    await marta.says("general", "Lorekeeper is here now: mention it and ask about the house.")
    await family["Daniel"].says("pool", "The pump sounds fine again after the cleaning.")
    await family["Pilar"].says("general", "¿También entiende español?")
