"""What every view and form of the bot has in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import discord

from bot.errors import tell_error

if TYPE_CHECKING:
    from bot.client import Lorekeeper


class BaseView(discord.ui.View):
    """Tells its member of errors. Lives as long as its message: what it holds must survive a restart, so only
    dynamic items and link buttons go in.
    """

    def __init__(self) -> None:
        super().__init__(timeout=None)

    async def on_error(
        self, interaction: discord.Interaction, error: Exception, item: discord.ui.Item[Any], /
    ) -> None:
        await tell_error(interaction, error)


class BaseModal(discord.ui.Modal):
    """Tells its member of errors. A form that a restart took away cannot be sent any more; its button can
    be pressed again.
    """

    async def on_error(  # type: ignore[override]  # Modal's own signature, which View's does not foresee
        self, interaction: discord.Interaction, error: Exception, /
    ) -> None:
        await tell_error(interaction, error)


def bot_of(interaction: discord.Interaction[Any]) -> Lorekeeper:
    """The bot that an interaction came to."""
    from bot.client import Lorekeeper

    assert isinstance(interaction.client, Lorekeeper)
    return interaction.client
