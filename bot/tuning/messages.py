"""What the admins of a guild see of its runs: one message that is edited as a run goes on, and one that asks
them when the gate let an adapter pass.

A run may be moved on by this process, by another one or from the terminal, and each of them may be killed
before it could tell of it. So what was told is written down, and told again where a run stands elsewhere by
now. The audit log has a line for each of these moments that matter, under the bot's own name.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import discord

from agent.contracts import GuildId, MemberId
from agent.errors import LorekeeperError
from bot.lasting import LastingMessage
from bot.rendering import neutral_line
from bot.texts.tuning import TuningTexts
from bot.tuning.buttons import buttons_of
from bot.tuning.notices import Notice, Notices, Place
from bot.tuning.reports import Examined, examined
from bot.tuning.standing import assigned_to
from bot.tuning.words import outcome_words, question_words, short, working_words
from tuning.loop.log import RunLog
from tuning.loop.run import Run, Why
from tuning.loop.state import WORKING, State
from tuning.runs.contracts import Progress

if TYPE_CHECKING:
    from bot.client import Lorekeeper

_log = logging.getLogger(__name__)

_AWAY: Final = (LorekeeperError, discord.HTTPException, aiohttp.ClientError, OSError)
"""What keeps a message from being shown. The run matters more; it is told at the next look."""
_LOOK_SECONDS: Final = 3.0
_AUDITED: Final = frozenset(State) - {*WORKING}


class Messages:
    """A `tuning.loop.loop.Listener`."""

    def __init__(self, bot: Lorekeeper) -> None:
        self._bot = bot
        self._stores = bot.installation.stores
        self._log = RunLog(self._stores.database)
        self._notices = Notices(bot.state)
        self._turns = defaultdict[GuildId, asyncio.Lock](asyncio.Lock)
        self._shown: dict[str, LastingMessage] = {}
        self._progress: dict[str, Progress] = {}
        self._deciders: dict[str, str] = {}

    def progress_of(self, run: Run) -> Progress | None:
        """How far it is, when this process trains it."""
        return self._progress.get(run.id)

    def rests(self, run: Run) -> None:
        """Nothing is trained for it at present."""
        self._progress.pop(run.id, None)

    @contextmanager
    def decided_by(self, mention: str, run: str) -> Iterator[None]:
        """Have the messages of a run name who decides about it within."""
        self._deciders[run] = mention
        try:
            yield
        finally:
            del self._deciders[run]

    async def moved(self, run: Run) -> None:
        self.rests(run)
        guild = self._bot.guild_of(run.guild)
        if guild is None:
            return
        async with self._turns[run.guild]:
            try:
                notice = await self._notices.of(run)
                if notice is None or notice.state is not run.state:
                    await self._tell(guild, run)
            except _AWAY as error:
                _log.warning("run %s is %s, which could not be told: %s", run.id, run.state, error)

    def progressed(self, run: Run, progress: Progress) -> None:
        being_shown = run.id in self._progress
        self._progress[run.id] = progress
        if not being_shown:
            self._bot.in_background(self._follow(run))

    async def look(self, guild: GuildId) -> None:
        """Tell of every run that stands elsewhere than was told. Raises `StoreError`."""
        told = await self._notices.all(guild)
        for run in await self._log.runs(guild):
            notice = told.get(run.id)
            if notice.state is not run.state if notice else run.open:
                await self.moved(run)

    async def show_in(self, run: Run, message: discord.Message) -> None:
        """Show a run in a message that is there already. Raises `StoreError`."""
        await self._notices.change(run, progress=Place(channel=message.channel.id, message=message.id))
        self._shown.pop(run.id, None)

    async def _tell(self, guild: discord.Guild, run: Run) -> None:
        notice = await self._notices.of(run) or Notice(state=State.ASKED)
        texts = (await self._bot.texts_of(guild)).tuning
        shown = replace(run, note=neutral_line(run.note))
        changes: dict[str, Place | None] = {}
        if run.state in WORKING:
            changes = await self._show(guild, shown, notice, texts)
        elif run.state is State.APPROVAL:
            await self._finish(run, notice, working_words(shown, None, texts))
            changes = {"question": await self._ask(guild, shown, notice, texts)}
        else:
            await self._end(guild, shown, notice, texts)
        await self._audit(run)
        # Last of all: what a kill kept from being told is told at the next look.
        if run.open or run.state is State.CHAMPION:
            await self._notices.change(run, state=run.state, **changes)
        else:
            await self._notices.forget(run)

    async def _show(
        self, guild: discord.Guild, run: Run, notice: Notice, texts: TuningTexts
    ) -> dict[str, Place | None]:
        """How far it is; where no message was chosen for that, in one where admins are told of things."""
        said = working_words(run, None, texts)
        if notice.progress is None and (run.why is Why.PATTERN or run.state is not State.ASKED):
            place = await _post(await self._alerts(guild), said, view=buttons_of(run, texts))
            return {"progress": place}
        if (message := self._lasting(run, notice.progress, texts)) is not None:
            message.show(said, soon=True)
        return {}

    async def _follow(self, run: Run) -> None:
        """Show how far the training of a run is, until it is through with it."""
        guild = self._bot.guild_of(run.guild)
        if guild is None:
            return
        texts = (await self._bot.texts_of(guild)).tuning
        while (progress := self._progress.get(run.id)) is not None:
            notice = await self._notices.of(run)
            message = self._lasting(run, notice.progress, texts) if notice else None
            if message is not None and run.id in self._progress:
                message.show(working_words(run, progress, texts))
            await asyncio.sleep(_LOOK_SECONDS)

    async def _ask(self, guild: discord.Guild, run: Run, notice: Notice, texts: TuningTexts) -> Place | None:
        """Ask the admins, with the report and its picture; None where there is no channel for that."""
        found = await examined(self._stores, run.guild, run.adapter)
        return await _post(
            await self._alerts(guild) or self._channel(notice.progress),
            question_words(run, found, texts),
            files=files_of(found, run.adapter),
            view=buttons_of(run, texts),
        )

    async def _end(self, guild: discord.Guild, run: Run, notice: Notice, texts: TuningTexts) -> None:
        """Say what became of it in place of the buttons; that it was taken back in a message of its own."""
        share = (await assigned_to(self._stores, run)).share
        said = outcome_words(run, share, texts)
        if by := self._deciders.get(run.id):
            said = texts.by.format(what=said, member=by)
        await self._finish(run, notice, said)
        if (asked := self._message(notice.question)) is not None:
            found = await examined(self._stores, run.guild, run.adapter)
            await _edit(asked, question_words(run, found, texts, said))
        if run.state is State.ROLLED_BACK:
            await _post(await self._alerts(guild) or self._channel(notice.question or notice.progress), said)

    async def _finish(self, run: Run, notice: Notice, said: str) -> None:
        """The last word of the message that showed how far it is."""
        if (shown := self._shown.pop(run.id, None)) is not None:
            await shown.finish(said)
        elif (message := self._message(notice.progress)) is not None:
            await _edit(message, said)

    def _lasting(self, run: Run, place: Place | None, texts: TuningTexts) -> LastingMessage | None:
        async def moved(message: int) -> None:
            assert place is not None
            await self._notices.change(run, progress=replace(place, message=message))

        if run.id not in self._shown and place is not None:
            self._shown[run.id] = LastingMessage(
                self._bot.pacing, self._message(place), view=lambda: buttons_of(run, texts), moved=moved
            )
        return self._shown.get(run.id)

    def _channel(self, place: Place | None) -> discord.PartialMessageable | None:
        return self._bot.get_partial_messageable(place.channel) if place else None

    def _message(self, place: Place | None) -> discord.PartialMessage | None:
        channel = self._channel(place)
        return channel.get_partial_message(place.message) if place and channel else None

    async def _alerts(self, guild: discord.Guild) -> discord.TextChannel | None:
        """Where admins are told of things, if they chose that."""
        config = await self._bot.state.config(self._bot.guild_id(guild.id))
        channel = guild.get_channel(config.alerts)
        return channel if isinstance(channel, discord.TextChannel) else None

    async def _audit(self, run: Run) -> None:
        if run.state in _AUDITED or (run.state is State.ASKED and run.why is Why.PATTERN):
            detail = {"run": run.id, "task": run.task, "adapter": run.adapter, "note": run.note}
            by = MemberId(str(self._bot.me_id))
            await self._bot.state.audit(run.guild, by=by, action=f"tuning {run.state}", detail=detail)


def files_of(found: Examined | None, adapter: str) -> list[discord.File]:
    """The picture and the model card of an adapter, as far as they are there."""
    return [discord.File(path, f"{short(adapter)}{path.suffix}") for path in found.files] if found else []


async def _post(channel: discord.abc.Messageable | None, said: str, **more: Any) -> Place | None:
    """None where there is no channel, or it may not be written in."""
    if channel is None:
        return None
    try:
        sent = await channel.send(said, **more)
    except (discord.Forbidden, discord.NotFound) as error:
        _log.warning("admins cannot be told of a training run: %s", error)
        return None
    return Place(channel=sent.channel.id, message=sent.id)


async def _edit(message: discord.PartialMessage, said: str) -> None:
    """Somebody may have deleted it meanwhile."""
    try:
        await message.edit(content=said, view=None)
    except discord.NotFound:
        _log.info("message %s is gone", message.id)
