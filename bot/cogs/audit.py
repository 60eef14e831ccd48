"""`/audit`: what admins changed. Nothing is ever taken out of it; who is forgotten is no longer named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import discord
from discord import app_commands
from discord.ext import commands

from agent.contracts import MemberId
from agent.privacy.protocol import FORGOTTEN
from bot.administering import OFFERED_TO, tell
from bot.powers import require_power
from bot.rendering import neutral_line
from bot.state.config import Power
from bot.state.store import Change
from bot.texts import Texts
from bot.translating import described, options

if TYPE_CHECKING:
    from bot.client import Lorekeeper

_MOST: Final = 100
_MENTIONS: Final[Mapping[str, str]] = {"channel": "<#{}>", "role": "<@&{}>"}
"""Details that Discord shows by their names."""


class Audit(commands.Cog):
    """Reads the audit log."""

    def __init__(self, bot: Lorekeeper) -> None:
        self.bot = bot

    @app_commands.command(description=described("audit"))
    @options("audit", "count", "member")
    @app_commands.guild_only()
    @app_commands.default_permissions(OFFERED_TO)
    async def audit(
        self,
        interaction: discord.Interaction[Lorekeeper],
        count: app_commands.Range[int, 1, _MOST] = 20,
        member: discord.User | None = None,
    ) -> None:
        """The last changes, of one member if one is named."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        by = MemberId(str(member.id)) if member else None
        changes = await self.bot.state.changes(guild, count, by)
        lines = [change_line(change, texts) for change in changes]
        await tell(interaction, "\n".join(lines) or texts.admin.no_changes)


def change_line(change: Change, texts: Texts) -> str:
    """One line of the audit log, with Discord's own marks for times and people."""
    who = texts.admin.nobody if change.member == FORGOTTEN else f"<@{change.member}>"
    details = (f"{key}: {_shown(key, value)}" for key, value in change.detail.items())
    return texts.admin.change.format(
        at=f"<t:{change.at.timestamp():.0f}:f>",
        who=who,
        action=change.action,
        detail=", ".join(details) or "–",
    )


def _shown(key: str, value: Any) -> str:
    if key in _MENTIONS and isinstance(value, int):
        return _MENTIONS[key].format(value)
    if isinstance(value, list):
        return ", ".join(neutral_line(str(each)) for each in value) or "–"
    return "–" if value in (None, "") else neutral_line(str(value))
