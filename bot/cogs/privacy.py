"""What the bot keeps of a member: shown, handed out as a file, deleted, and not learnt from.

Each command is about the member who gives it, and answers to them alone.
"""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, Self

import discord
from discord import app_commands, ui
from discord.ext import commands

from agent.contracts import GuildId, MemberId
from agent.privacy.consents import Consents
from bot.cogs.sync import SyncChannels
from bot.errors import NotAllowedError, say, telling_errors
from bot.texts import texts_for
from bot.translating import described, options
from bot.views import BaseView, bot_of
from tuning.privacy import privacy_of, stop_learning

if TYPE_CHECKING:
    from bot.client import Lorekeeper

_FILE: Final = "my-data.json"


class ForgetButton(ui.DynamicItem[ui.Button[ui.View]], template=r"lk:f:(?P<member>\d+)"):
    """Confirms that everything of a member is to be deleted; only they can press it."""

    def __init__(self, member: int, label: str | None = None) -> None:
        super().__init__(ui.Button(label=label, style=discord.ButtonStyle.danger, custom_id=f"lk:f:{member}"))
        self.member = member

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(int(match["member"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        cog = bot_of(interaction).get_cog(Privacy.__name__)
        assert isinstance(cog, Privacy)
        await telling_errors(interaction, cog.forget_confirmed(interaction, self.member))


class Privacy(commands.Cog):
    """Commands about one's own data."""

    privacy = app_commands.Group(name="privacy", description=described("privacy"), guild_only=True)

    def __init__(self, bot: Lorekeeper) -> None:
        self.bot = bot
        self._keeping = privacy_of(bot.installation.stores)
        self._consents = Consents(bot.installation.stores.database, bot.settings)

    async def cog_load(self) -> None:
        self.bot.add_dynamic_items(ForgetButton)
        self.bot.in_background(self._go_on())

    @privacy.command(name="show", description=described("privacy.show"))
    async def show(self, interaction: discord.Interaction[Lorekeeper]) -> None:
        """How much of each kind is kept, and whether it is learnt from."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        texts = texts_for(interaction.locale.value)
        guild, member = self._who(interaction)
        document = await self._keeping.export(guild, member, _names(interaction.user))
        counts = {kind: len(rows) for kind, rows in document.items() if isinstance(rows, list) and rows}
        learns = await self._consents.allows(guild, member, self.bot.now())
        kept = texts.kept_of_you.format(counts=_counted(counts)) if counts else texts.nothing_of_yours
        lines = [kept, texts.learns if learns else texts.learns_not]
        await say(interaction, "\n".join(lines))

    @privacy.command(name="export", description=described("privacy.export"))
    async def export(self, interaction: discord.Interaction[Lorekeeper]) -> None:
        """Everything about the member as a file."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        texts = texts_for(interaction.locale.value)
        guild, member = self._who(interaction)
        document = await self._keeping.export(guild, member, _names(interaction.user))
        data = json.dumps(document, ensure_ascii=False, indent=2).encode()
        await interaction.followup.send(
            texts.your_data, file=discord.File(io.BytesIO(data), _FILE), ephemeral=True
        )

    @privacy.command(name="forget", description=described("privacy.forget"))
    async def forget(self, interaction: discord.Interaction[Lorekeeper]) -> None:
        """Ask once more before everything goes."""
        texts = texts_for(interaction.locale.value)
        view = BaseView()
        view.add_item(ForgetButton(interaction.user.id, texts.button_forget))
        await interaction.response.send_message(texts.forget_warning, view=view, ephemeral=True)

    @privacy.command(name="training", description=described("privacy.training"))
    @options("privacy.training", "learn")
    async def training(
        self, interaction: discord.Interaction[Lorekeeper], learn: Literal["on", "off"]
    ) -> None:
        """Let the bot learn from what the member says here, or not."""
        texts = texts_for(interaction.locale.value)
        guild, member = self._who(interaction)
        await self._consents.set(guild, member, learn == "on", self.bot.now())
        if learn == "off":
            await stop_learning(self.bot.installation.stores, guild, member)
        await say(interaction, texts.learns if learn == "on" else texts.learns_not)

    async def forget_confirmed(self, interaction: discord.Interaction[Lorekeeper], member: int) -> None:
        """Delete everything of the member in every guild, and say what went."""
        texts = texts_for(interaction.locale.value)
        if interaction.user.id != member:
            raise NotAllowedError(texts.only_the_asker)
        await interaction.response.edit_message(content=texts.forgetting, view=None)
        who = MemberId(str(member))
        await self._read_what_was_said()
        reports = await self._keeping.forget_everywhere(who, _names(interaction.user))
        removed = sum((Counter(report.removed) for report in reports), Counter[str]())
        gone = _counted(removed)
        counts = texts.removed_of_you.format(counts=gone) if gone else texts.nothing_of_yours
        said = f"{texts.forgotten_all}\n{counts}"
        await interaction.edit_original_response(content=said)

    async def _read_what_was_said(self) -> None:
        """Reading a channel brings back nobody who was forgotten after it was read; so it is read first, also
        what the next look would find.
        """
        history = self.bot.get_cog(SyncChannels.__name__)
        assert isinstance(history, SyncChannels)
        for guild in self.bot.guilds:
            await history.look(guild)

    def _who(self, interaction: discord.Interaction[Lorekeeper]) -> tuple[GuildId, MemberId]:
        assert interaction.guild_id is not None
        return self.bot.guild_id(interaction.guild_id), MemberId(str(interaction.user.id))

    async def _go_on(self) -> None:
        """Forget whom the last process had begun to forget."""
        await self._keeping.resume()


def _names(user: discord.User | discord.Member) -> frozenset[str]:
    """What a member is called in conversations."""
    return frozenset(name for name in (user.name, user.global_name, user.display_name) if name)


def _counted(counts: Mapping[str, int]) -> str:
    """`3 episodes, 1 feedback`, by the names that the export uses."""
    return ", ".join(f"{count} `{kind}`" for kind, count in sorted(counts.items()) if count)
