"""`/roles`: which roles may ask, teach, review and administer, and how much each may ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import discord
from discord import app_commands
from discord.ext import commands

from agent.language.counts import Count
from bot.administering import admin_group, change_config, tell
from bot.errors import say
from bot.fairness import LONGEST_SECONDS, Allowance
from bot.powers import require_power
from bot.state.config import GuildConfig, Power
from bot.texts import Texts
from bot.translating import described, options

if TYPE_CHECKING:
    from bot.client import Lorekeeper

_MOST_QUESTIONS: Final = 1000


class Roles(commands.Cog):
    """A power for which no role is named is everybody's or the managers'; see `GuildConfig.has`."""

    roles = admin_group("roles")

    def __init__(self, bot: Lorekeeper) -> None:
        self.bot = bot

    @roles.command(name="give", description=described("roles.give"))
    @options("roles.give", "power", "role")
    async def give_role(
        self, interaction: discord.Interaction[Lorekeeper], power: Power, role: discord.Role
    ) -> None:
        """Give a power to a role."""
        await self._set_role(interaction, power, role, given=True)

    @roles.command(name="take", description=described("roles.take"))
    @options("roles.take", "power", "role")
    async def take_role(
        self, interaction: discord.Interaction[Lorekeeper], power: Power, role: discord.Role
    ) -> None:
        """Take a power from a role."""
        await self._set_role(interaction, power, role, given=False)

    @roles.command(name="cooldown", description=described("roles.cooldown"))
    @options("roles.cooldown", "questions", "seconds", "role")
    async def set_cooldown(
        self,
        interaction: discord.Interaction[Lorekeeper],
        questions: app_commands.Range[int, 0, _MOST_QUESTIONS] | None = None,
        seconds: app_commands.Range[int, 1, int(LONGEST_SECONDS)] = 60,
        role: discord.Role | None = None,
    ) -> None:
        """Say how much may be asked; of a role without a number, take back what was said."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        if questions is None and role is None:
            await tell(interaction, "\n".join(_allowances(await self.bot.state.config(guild), texts)))
            return
        chosen = None if questions is None else Allowance(questions=questions, seconds=float(seconds))
        config = await change_config(
            interaction,
            guild,
            lambda config: config.with_allowance(role.id if role else None, chosen),
            "roles cooldown",
            {"role": role.id if role else None, "questions": questions, "seconds": seconds},
        )
        await tell(interaction, "\n".join(_allowances(config, texts)))

    @roles.command(name="list", description=described("roles.list"))
    async def list_roles(self, interaction: discord.Interaction[Lorekeeper]) -> None:
        """Who may do what, and how much."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        config = await self.bot.state.config(guild)
        lines = [*(_power_line(config, power, texts) for power in Power), *_allowances(config, texts)]
        await tell(interaction, "\n".join(lines))

    async def _set_role(
        self, interaction: discord.Interaction[Lorekeeper], power: Power, role: discord.Role, *, given: bool
    ) -> None:
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)

        def change(config: GuildConfig) -> GuildConfig:
            roles = config.roles.get(power, frozenset())
            return config.with_roles(power, roles | {role.id} if given else roles - {role.id})

        action = f"roles {'give' if given else 'take'}"
        detail = {"power": power.value, "role": role.id}
        config = await change_config(interaction, guild, change, action, detail)
        await say(interaction, _power_line(config, power, texts))


def _power_line(config: GuildConfig, power: Power, texts: Texts) -> str:
    named = config.roles.get(power, frozenset())
    nobody = texts.power_everybody if config.has(power, frozenset(), manages=False) else texts.power_managers
    return f"**{texts.powers[power]}**: {', '.join(f'<@&{role}>' for role in sorted(named)) or nobody}"


def _allowances(config: GuildConfig, texts: Texts) -> list[str]:
    """How much everybody may ask, and then each role for which it was said."""
    by_role = [(f"<@&{role}>", config.allowances[role]) for role in sorted(config.allowances)]
    return [
        f"{who}: {_allowance(allowance, texts)}"
        for who, allowance in [(texts.power_everybody, config.allowance), *by_role]
    ]


def _allowance(allowance: Allowance, texts: Texts) -> str:
    if not allowance.questions:
        return texts.admin.unlimited
    return texts.admin.allowance.format(
        count=Count(allowance.questions), seconds=Count(round(allowance.seconds))
    )
