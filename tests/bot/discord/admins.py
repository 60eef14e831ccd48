"""What the tests of admins' commands share."""

from __future__ import annotations

from typing import Any

from tests.bot.discord.conftest import Stage
from tests.discord.interactions import Interaction
from tests.discord.members import Member
from tests.discord.model import Guild

PUMP = "When did we replace our pool pump?"


async def the_admin(stage: Stage, *, locale: str = "en-US", guild: Guild | None = None) -> Member:
    """An admin, once Discord knows the commands."""
    await stage.loopback.wait.until(lambda: stage.loopback.world.commands or None, what="the commands")
    name = "admin" if locale == "en-US" else f"admin-{locale.lower()}"
    return stage.loopback.member(name, guild=guild, roles=("Admin",), locale=locale)


async def told(stage: Stage, given: Interaction) -> str:
    """What an interaction was answered with, to its member alone."""
    said = await stage.loopback.wait.until(
        lambda: [message for message in given.messages() if message.content] or None, what="an answer"
    )
    assert all(message.is_ephemeral for message in said)
    return "\n".join(message.content for message in said)


async def said(stage: Stage, admin: Member, command: str, **options: Any) -> str:
    """What a command answers."""
    return await told(stage, await admin.slash(command, **options))
