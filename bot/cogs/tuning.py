"""`/tuning`: what is trained and who serves, decided by admins; and the schedule that drives the loop.

Every minute each guild's loop is looked at: a stable pattern may start a run, and what is tried or serves is
watched. What takes long is one task of this process, which computes in processes of its own; of several
processes over one data folder one is at work at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import discord
from discord import app_commands
from discord.ext import commands

from agent.contracts import GuildId, MemberId, Slug
from agent.errors import LorekeeperError, UsageError
from agent.serving.served import Task
from bot.administering import admin_group, audit, tell
from bot.choosing import MOST_OPTIONS, require_topic, topic_choices
from bot.errors import say
from bot.powers import require_power
from bot.rendering import neutral_line
from bot.rounds import Rounds
from bot.splitter import split
from bot.state.config import Power
from bot.texts import Texts
from bot.texts.tuning import TuningTexts
from bot.translating import described, options
from bot.tuning.buttons import Choice, RunButton, buttons_of, choices_of
from bot.tuning.messages import Messages, files_of
from bot.tuning.reports import examined
from bot.tuning.standing import Standing, assigned_to, standing_of
from bot.tuning.words import (
    hindrance_words,
    outcome_words,
    plan_words,
    progress_words,
    report_words,
    serving_words,
    short,
    status_words,
    task_words,
)
from tuning.loop.aim import Aim
from tuning.loop.opening import open_loop
from tuning.loop.run import Run
from tuning.loop.state import State
from tuning.loop.triggering import Trigger
from tuning.patterns.detector import detector_of
from tuning.registry.adapter import Adapter
from tuning.registry.store import Registry

if TYPE_CHECKING:
    from bot.client import Lorekeeper

_log = logging.getLogger(__name__)

_EVERY: Final = timedelta(minutes=1)
_FIRST: Final = timedelta(minutes=5)
_LONGEST_CHOICE: Final = 100
"""Characters, by Discord."""


class Tuning(commands.Cog):
    """The commands, the buttons and the schedule."""

    tuning = admin_group("tuning")

    def __init__(self, bot: Lorekeeper) -> None:
        self.bot = bot
        self._stores = bot.installation.stores
        self.messages = Messages(bot)
        self.loop = open_loop(self._stores, listener=self.messages)
        self._registry = Registry(self._stores.database, self._stores.settings.data_dir)
        self._trigger = Trigger(self.loop, detector_of(self._stores, bot.installation.embedder))
        self.minutely = Rounds(bot, self.look, what="training runs", every=_EVERY, first=_FIRST)
        self._work: asyncio.Task[None] | None = None
        self._deciding = asyncio.Lock()
        """Held while an admin's word is done, so that of two buttons one counts."""

    async def cog_load(self) -> None:
        self.bot.add_dynamic_items(RunButton)
        self.minutely.start()

    async def cog_unload(self) -> None:
        """Training stops with a checkpoint, from which the next start goes on."""
        self.minutely.stop()
        if self._work is not None:
            self._work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._work

    async def look(self, guild: discord.Guild) -> None:
        """Do for a guild what is due. Raises `LorekeeperError`."""
        id_ = self.bot.guild_id(guild.id)
        await self.messages.look(id_)
        await self.loop.watch(id_)
        await self._trigger.start(id_)
        self.work(id_)

    def work(self, guild: GuildId) -> None:
        """Go on with the guild's run in the background, unless this process is at work already."""
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._do(guild))

    @tuning.command(name="status", description=described("tuning.status"))
    async def status(self, interaction: discord.Interaction[Lorekeeper]) -> None:
        """Who serves, the plan, the last runs, and how far the one at work is."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        await interaction.response.defer(ephemeral=True, thinking=True)
        standing = await self._standing(guild)
        lines = [status_words(standing, texts.tuning, lambda at: discord.utils.format_dt(at, "R"))]
        for run in standing.runs:
            if (progress := self.messages.progress_of(run)) is not None:
                lines.append(progress_words(progress, texts.tuning))
        await tell(interaction, "\n".join(lines))

    @tuning.command(name="run", description=described("tuning.run"))
    @options("tuning.run", "task", "topic")
    async def run(
        self, interaction: discord.Interaction[Lorekeeper], task: Task, topic: str | None = None
    ) -> None:
        """Begin a run and show in this channel how far it is."""
        guild, theirs = await require_power(self.bot, interaction, Power.ADMINISTER)
        assert interaction.guild is not None
        aim = Aim(category=await self._category(guild, topic, theirs))
        refusal = (await standing_of(self._stores, guild)).hindrance(task, by_hand=True, aim=aim)
        if refusal is not None:
            raise UsageError(hindrance_words(refusal, theirs.tuning))
        run = await self.loop.ask(guild, task, aim=aim)
        about = {"topic": aim.category} if aim.category else {}
        await audit(interaction, guild, "tuning run", {"run": run.id, "task": task, **about})
        texts = (await self.bot.texts_of(interaction.guild)).tuning
        said = texts.begun.format(task=task_words(task, aim, texts))
        await interaction.response.send_message(said, view=buttons_of(run, texts))
        await self.messages.show_in(run, await interaction.original_response())
        self.work(guild)

    @tuning.command(name="report", description=described("tuning.report"))
    @options("tuning.report", "adapter")
    async def report(
        self,
        interaction: discord.Interaction[Lorekeeper],
        adapter: app_commands.Range[str, 1, 36] | None = None,
    ) -> None:
        """What the gate looked at, with the model card and the picture; with buttons where it waits."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        await interaction.response.defer(ephemeral=True, thinking=True)
        known = await self._registry.all(guild)
        if adapter is None and not known:
            raise UsageError(texts.tuning.no_report)
        chosen = known[-1] if adapter is None else await self._registry.get(guild, adapter)
        found = await examined(self._stores, guild, chosen.id)
        if found is None:
            raise UsageError(texts.tuning.no_report)
        words = texts.tuning
        named = task_words(chosen.task, Aim(category=chosen.category, tone=chosen.tone), words)
        said = words.adapter.format(task=named, adapter=short(chosen.id))
        said = f"{said}\n{report_words(found.report, found.verdict, words)}"
        run = next((each for each in await self.loop.log.runs(guild) if each.adapter == chosen.id), None)
        given: dict[str, Any] = {"view": buttons_of(run, words)} if run and choices_of(run) else {}
        files = files_of(found, chosen.id)
        await interaction.followup.send(split(said)[0], files=files, ephemeral=True, **given)

    @tuning.command(name="promote", description=described("tuning.promote"))
    @options("tuning.promote", "adapter", "share", "topic")
    async def promote(
        self,
        interaction: discord.Interaction[Lorekeeper],
        adapter: app_commands.Range[str, 1, 36],
        share: app_commands.Range[int, 1, 100] = 100,
        topic: str | None = None,
    ) -> None:
        """Let an adapter serve that passed the gate, or try it."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        await interaction.response.defer(ephemeral=True, thinking=True)
        by = MemberId(str(interaction.user.id))
        category = await self._category(guild, topic, texts)
        promoted = await self.loop.promote(guild, adapter, by, share=share / 100, category=category)
        about = {"topic": category} if category else {}
        done = {"adapter": promoted.id, "share": share / 100, **about}
        await audit(interaction, guild, "tuning promote", done)
        words = texts.tuning
        said = words.promoted if share == 100 else words.on_trial
        await say(interaction, said.format(adapter=short(promoted.id), share=share / 100))

    @tuning.command(name="rollback", description=described("tuning.rollback"))
    @options("tuning.rollback", "task", "topic")
    async def rollback(
        self, interaction: discord.Interaction[Lorekeeper], task: Task, topic: str | None = None
    ) -> None:
        """Let what served before serve again."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        await interaction.response.defer(ephemeral=True, thinking=True)
        category = await self._category(guild, topic, texts)
        serving = await self._stores.assignments.get(guild, task, category)
        if serving.champion is None and serving.challenger is None:
            raise UsageError(texts.tuning.nothing_to_roll_back)
        by = MemberId(str(interaction.user.id))
        taken = await self.loop.rollback(guild, task, by, category=category)
        about = {"topic": category} if category else {}
        await audit(interaction, guild, "tuning rollback", {"task": task, "adapter": taken, **about})
        after = await self._stores.assignments.get(guild, task, category)
        now = serving_words(after, task, texts.tuning, category)
        await say(interaction, texts.tuning.rolled_back.format(now=now))

    @tuning.command(name="schedule", description=described("tuning.schedule"))
    @options("tuning.schedule", "automatic", "begin", "end", "approval", "trial")
    async def schedule(
        self,
        interaction: discord.Interaction[Lorekeeper],
        automatic: bool | None = None,
        begin: app_commands.Range[int, 0, 23] | None = None,
        end: app_commands.Range[int, 0, 23] | None = None,
        approval: bool | None = None,
        trial: app_commands.Range[int, 0, 100] | None = None,
    ) -> None:
        """Change the plan in what is given, and say what it is."""
        await self._change_plan(
            interaction,
            "tuning schedule",
            automatic=automatic,
            quiet_from=begin,
            quiet_to=end,
            approval=approval,
            share=None if trial is None else trial / 100,
        )

    @tuning.command(name="budget", description=described("tuning.budget"))
    @options("tuning.budget", "minutes", "runs")
    async def budget(
        self,
        interaction: discord.Interaction[Lorekeeper],
        minutes: app_commands.Range[int, 0, 10_080] | None = None,
        runs: app_commands.Range[int, 0, 1000] | None = None,
    ) -> None:
        """Change the budget in what is given, and say what it is."""
        await self._change_plan(interaction, "tuning budget", minutes_a_week=minutes, runs_a_week=runs)

    @report.autocomplete("adapter")
    @promote.autocomplete("adapter")
    async def _adapters(
        self, interaction: discord.Interaction[Lorekeeper], current: str
    ) -> list[app_commands.Choice[str]]:
        """Newest first."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        known = reversed(await self._registry.all(guild))
        found = [(_offered(each, texts.tuning), each.id) for each in known]
        return [
            app_commands.Choice(name=name, value=id_)
            for name, id_ in found
            if current.casefold() in name.casefold()
        ][:MOST_OPTIONS]

    @run.autocomplete("topic")
    @promote.autocomplete("topic")
    @rollback.autocomplete("topic")
    async def _topics(
        self, interaction: discord.Interaction[Lorekeeper], current: str
    ) -> list[app_commands.Choice[str]]:
        return await topic_choices(interaction, current)

    async def chosen(self, interaction: discord.Interaction[Lorekeeper], choice: Choice, run: str) -> None:
        """A button was pressed. Raises `UsageError` when somebody was quicker."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        await interaction.response.defer(ephemeral=True, thinking=True)
        async with self._deciding:
            if choice not in choices_of(await self.loop.log.run(guild, run)):
                raise UsageError(texts.tuning.no_longer_open)
            with self.messages.decided_by(interaction.user.mention, run):
                after = await self._decide(guild, run, choice, MemberId(str(interaction.user.id)))
        await audit(interaction, guild, f"tuning {choice}", {"run": run, "adapter": after.adapter})
        await say(interaction, await self._said(after, texts))

    async def _decide(self, guild: GuildId, run: str, choice: Choice, by: MemberId) -> Run:
        match choice:
            case Choice.PROMOTE:
                return await self.loop.approve(guild, run, by, share=1.0)
            case Choice.TRY:
                return await self.loop.approve(guild, run, by)
            case Choice.REFUSE:
                return await self.loop.decline(guild, run, by)
            case Choice.STOP:
                return await self.loop.cancel(guild, run)

    async def _said(self, run: Run, texts: Texts) -> str:
        match run.state:
            case State.REFUSED:
                return texts.tuning.declined
            case State.CANCELLED:
                return texts.tuning.cancelled
            case _:
                share = (await assigned_to(self._stores, run)).share
                return outcome_words(run, share, texts.tuning)

    async def _change_plan(
        self, interaction: discord.Interaction[Lorekeeper], action: str, **given: Any
    ) -> None:
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        changes = {name: value for name, value in given.items() if value is not None}
        if changes:
            await self.loop.plans.put(guild, replace(await self.loop.plans.get(guild), **changes))
            await audit(interaction, guild, action, changes)
        plan = plan_words(await standing_of(self._stores, guild), texts.tuning)
        await say(interaction, texts.tuning.scheduled.format(plan=plan) if changes else plan)

    async def _category(self, guild: GuildId, topic: str | None, texts: Texts) -> Slug | None:
        """Raises `UsageError` when there is no such topic."""
        return (await require_topic(self.bot, guild, topic, texts)).slug if topic else None

    async def _standing(self, guild: GuildId) -> Standing:
        """With notes that are harmless to show."""
        standing = await standing_of(self._stores, guild)
        runs = [replace(run, note=neutral_line(run.note)) for run in standing.runs]
        return replace(standing, runs=runs)

    async def _do(self, guild: GuildId) -> None:
        try:
            run = await self.loop.work(guild)
        except LorekeeperError as error:
            _log.warning("the training run of guild %s stands still: %s", guild, error)
        else:
            if run is not None:
                self.messages.rests(run)


def _offered(adapter: Adapter, texts: TuningTexts) -> str:
    named = task_words(adapter.task, Aim(category=adapter.category, tone=adapter.tone), texts)
    return f"{short(adapter.id)} · {named} · {adapter.made_at:%Y-%m-%d}"[:_LONGEST_CHOICE]
