"""`/anomalies`: what is unusual, looked for once a day, told to the admins where they chose to be told.

What the bot may mend by itself is mended and only listed; the admins are told of what a person must decide,
and of what could not be mended. The buttons carry the anomaly in their ids, so they work after a restart too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Self

import discord
from discord import ui
from discord.ext import commands

from agent.errors import UsageError
from agent.language.counts import Count
from bot.administering import admin_group, audit, change_config, tell
from bot.anomalies import sentence_of
from bot.errors import say, telling_errors
from bot.powers import require_power
from bot.rendering import neutral_line
from bot.rounds import Rounds
from bot.state.config import Power
from bot.texts import Texts
from bot.translating import described, options
from bot.views import BaseView, bot_of
from tuning.anomalies.anomaly import Action, Anomaly, State
from tuning.anomalies.quoting import Quoted, quotes_of
from tuning.anomalies.watch import Watch, action_of

if TYPE_CHECKING:
    from bot.client import Lorekeeper

_ID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_LISTED: Final = timedelta(days=30)
_EVERY: Final = timedelta(days=1)
_FIRST: Final = timedelta(minutes=30)


class Choice(StrEnum):
    """What a button does; part of the ids of buttons that are out there, so never renamed."""

    ACT = "act"
    DISMISS = "dismiss"


class AnomalyButton(
    ui.DynamicItem[ui.Button[ui.View]], template=rf"lk:n:(?P<choice>[a-z]+):(?P<anomaly>{_ID})"
):
    """A button under a message about an anomaly."""

    def __init__(self, choice: Choice, anomaly: str, label: str | None = None) -> None:
        super().__init__(ui.Button(label=label, custom_id=f"lk:n:{choice}:{anomaly}"))
        self.choice = choice
        self.anomaly = anomaly

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(Choice(match["choice"]), match["anomaly"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        cog = bot_of(interaction).get_cog(Anomalies.__name__)
        assert isinstance(cog, Anomalies)
        await telling_errors(interaction, cog.chosen(interaction, self.choice, self.anomaly))


class Anomalies(commands.Cog):
    """Commands, buttons and the schedule."""

    anomalies = admin_group("anomalies")

    def __init__(self, bot: Lorekeeper) -> None:
        self.bot = bot
        self._watch = Watch(bot.installation)
        self._stores = bot.installation.stores
        self.daily = Rounds(bot, self.look, what="anomalies", every=_EVERY, first=_FIRST)

    async def cog_load(self) -> None:
        self.bot.add_dynamic_items(AnomalyButton)
        self.daily.start()

    async def cog_unload(self) -> None:
        self.daily.stop()

    @anomalies.command(name="list", description=described("anomalies.list"))
    async def list_anomalies(self, interaction: discord.Interaction[Lorekeeper]) -> None:
        """The last month, newest first."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        await interaction.response.defer(ephemeral=True, thinking=True)
        known = await self._watch.log.anomalies(guild, since=self.bot.now() - _LISTED)
        lines = [await self._line(each, texts) for each in known]
        await tell(interaction, "\n".join(lines) or texts.anomalies.none)

    @anomalies.command(name="look", description=described("anomalies.look"))
    async def look_now(self, interaction: discord.Interaction[Lorekeeper]) -> None:
        """Do what the schedule does, and say how much was new."""
        _, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        assert interaction.guild is not None
        await interaction.response.defer(ephemeral=True, thinking=True)
        found = await self.look(interaction.guild)
        lines = [texts.anomalies.looked.format(count=Count(len(found)))]
        lines += [await self._line(each, texts) for each in found]
        await tell(interaction, "\n".join(lines))

    @anomalies.command(name="tell", description=described("anomalies.tell"))
    @options("anomalies.tell", "channel")
    async def tell_in(
        self, interaction: discord.Interaction[Lorekeeper], channel: discord.TextChannel | None = None
    ) -> None:
        """Choose where admins are told. Whoever reads that channel reads the sentences that disagree."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        if channel is not None and not channel.permissions_for(channel.guild.me).send_messages:
            raise UsageError(texts.anomalies.cannot_tell.format(channel=channel.mention))
        id_ = channel.id if channel else 0
        await change_config(
            interaction, guild, lambda config: config.with_alerts(id_), "anomalies tell", {"channel": id_}
        )
        said = texts.anomalies.told_in if channel else texts.anomalies.told_nowhere
        await say(interaction, said.format(channel=channel.mention if channel else ""))

    async def look(self, guild: discord.Guild) -> tuple[Anomaly, ...]:
        """Look at one guild, mend what can be mended, tell of the rest. Raises `LorekeeperError`."""
        found = await self._watch.look(self.bot.guild_id(guild.id), self.bot.now())
        await self._tell(guild, [each for each in found if each.open])
        return found

    async def chosen(
        self, interaction: discord.Interaction[Lorekeeper], choice: Choice, anomaly: str
    ) -> None:
        """A button was pressed. Raises `UsageError` when somebody was quicker."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        words, now = texts.anomalies, self.bot.now()
        found = await self._watch.log.anomaly(guild, anomaly)
        if not found.open:
            raise UsageError(words.no_longer_open)
        await interaction.response.defer(ephemeral=True, thinking=True)
        await audit(interaction, guild, f"anomaly {choice}", {"anomaly": found.id, "kind": found.found.kind})
        if choice is Choice.DISMISS:
            changed = await self._watch.log.change(found, State.DISMISSED, now)
            said = words.dismissed
        else:
            changed = await self._watch.act(found, now)
            said = (words.not_acted if changed.open else words.acted).format(note=changed.note)
        if not changed.open and interaction.message is not None:
            await interaction.message.edit(view=None)
        await say(interaction, said)

    async def _tell(self, guild: discord.Guild, anomalies: Iterable[Anomaly]) -> None:
        alerts = (await self.bot.state.config(self.bot.guild_id(guild.id))).alerts
        channel = guild.get_channel(alerts)
        if not isinstance(channel, discord.TextChannel):
            return
        texts = await self.bot.texts_of(guild)
        for anomaly in anomalies:
            await channel.send(await self._notice(anomaly, texts), view=_view(anomaly, texts))

    async def _notice(self, anomaly: Anomaly, texts: Texts) -> str:
        words, kind = texts.anomalies, anomaly.found.kind
        sentence = await sentence_of(self._stores, anomaly, texts.anomalies, neutral_line)
        told = words.notice.format(sentence=sentence, advice=words.advice[kind])
        return "\n".join([told, *map(_quote_line, await quotes_of(self._stores, anomaly))])

    async def _line(self, anomaly: Anomaly, texts: Texts) -> str:
        words = texts.anomalies
        sentence = await sentence_of(self._stores, anomaly, texts.anomalies, neutral_line)
        at, state = discord.utils.format_dt(anomaly.raised_at, "d"), words.states[anomaly.state]
        return words.line.format(
            at=at, state=state, sentence=sentence, note=neutral_line(anomaly.note)
        ).rstrip()


def _quote_line(quoted: Quoted) -> str:
    title = neutral_line(quoted.title)
    return f"> {neutral_line(quoted.text)} ({f'[{title}](<{quoted.link}>)' if quoted.link else title})"


def _view(anomaly: Anomaly, texts: Texts) -> ui.View:
    view = BaseView()
    if action_of(anomaly.found) is not Action.ASK:
        view.add_item(AnomalyButton(Choice.ACT, anomaly.id, texts.anomalies.button_act))
    view.add_item(AnomalyButton(Choice.DISMISS, anomaly.id, texts.anomalies.button_dismiss))
    return view
