"""`/patterns`: what recurs that people find wrong, looked for once a day, and what nobody wrote down, as a
to-do whose buttons carry the pattern in their ids, so that they work after a restart.

Every change of a pattern is in the audit log, under the bot's own name. Admins are told of what is new for
them to do where they chose to be told of anomalies.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Self

import discord
from discord import app_commands, ui
from discord.ext import commands

from agent.contracts import GuildId, MemberId
from agent.errors import UsageError
from bot.administering import OFFERED_TO, audit
from bot.choosing import MOST_OPTIONS
from bot.errors import say, telling_errors
from bot.patterns import (
    cleaned,
    details_of,
    gaps,
    line_of,
    names_of,
    one_of,
    picture_of,
    sentence_of,
)
from bot.powers import require_power
from bot.rendering import neutral_line
from bot.rounds import Rounds
from bot.splitter import split
from bot.state.config import Power
from bot.texts import Texts
from bot.translating import described, options
from bot.views import BaseView, bot_of
from tuning.patterns.detector import Seen, detector_of
from tuning.patterns.log import Event, State
from tuning.patterns.pattern import TRAINS, Action, Candidate
from tuning.pictures import PictureError, draw

if TYPE_CHECKING:
    from bot.client import Lorekeeper

_log = logging.getLogger(__name__)

_EVERY: Final = timedelta(days=1)
_FIRST: Final = timedelta(minutes=45)
"""After the anomalies, which patterns ask for."""
_LISTED: Final = 10
_GAPS: Final = 5
"""Discord shows five rows of buttons."""
_ASKED: Final = 3
_MOST_ALT_TEXT: Final = 1024
_TOLD: Final = TRAINS | {Action.KNOWLEDGE_GAP, Action.HUMAN_REVIEW, Action.REINDEX}
"""What is for admins to do, or to know of."""


class SettleButton(
    ui.DynamicItem[ui.Button[ui.View]],
    template=rf"lk:p:(?P<state>{State.DONE}|{State.DISMISSED}):(?P<pattern>[0-9a-f]{{16}})",
):
    """A button of the to-do list."""

    def __init__(self, state: State, pattern: str, label: str | None = None, row: int | None = None) -> None:
        super().__init__(ui.Button(label=label, row=row, custom_id=f"lk:p:{state}:{pattern}"))
        self.state = state
        self.pattern = pattern

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(State(match["state"]), match["pattern"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        cog = bot_of(interaction).get_cog(Patterns.__name__)
        assert isinstance(cog, Patterns)
        await telling_errors(interaction, cog.settle(interaction, self.pattern, self.state))


class Patterns(commands.Cog):
    """The command, the buttons and the schedule."""

    def __init__(self, bot: Lorekeeper) -> None:
        self.bot = bot
        self._stores = bot.installation.stores
        self._detector = detector_of(self._stores, bot.installation.embedder)
        self.daily = Rounds(bot, self._look_and_tell, what="patterns", every=_EVERY, first=_FIRST)

    async def cog_load(self) -> None:
        self.bot.add_dynamic_items(SettleButton)
        self.daily.start()

    async def cog_unload(self) -> None:
        self.daily.stop()

    @app_commands.command(description=described("patterns"))
    @options("patterns", "pattern")
    @app_commands.guild_only()
    @app_commands.default_permissions(OFFERED_TO)
    async def patterns(
        self,
        interaction: discord.Interaction[Lorekeeper],
        pattern: app_commands.Range[str, 1, 16] | None = None,
    ) -> None:
        """List every candidate, or show one; with its picture, and what nobody wrote down."""
        _, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        assert interaction.guild is not None
        await interaction.response.defer(ephemeral=True, thinking=True)
        found = (await self.look(interaction.guild)).detection.candidates
        names = await self._names(interaction.guild, texts)
        if pattern is not None:
            if (only := one_of(found, pattern)) is None:
                raise UsageError(texts.patterns.unknown.format(id=neutral_line(pattern)))
            words = details_of(_harmless(only, names), names, texts.patterns)
            await self._show(interaction, (only,), words, texts)
            return
        lines = [line_of(_harmless(each, names), names, texts.patterns) for each in found[:_LISTED]]
        if len(found) > _LISTED:
            lines.append(texts.patterns.more.format(count=len(found) - _LISTED))
        await self._show(interaction, found, "\n\n".join(lines) or texts.patterns.none, texts)
        if open_gaps := gaps(found)[:_GAPS]:
            said, view = _to_do(open_gaps, names, texts)
            await interaction.followup.send(said, view=view, ephemeral=True)

    @patterns.autocomplete("pattern")
    async def _open(
        self, interaction: discord.Interaction[Lorekeeper], current: str
    ) -> list[app_commands.Choice[str]]:
        """Those that are open, as the last look wrote them down: a look takes longer than one types."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        assert interaction.guild is not None
        names = await self._names(interaction.guild, texts)
        standing = (await self._detector.log.standing(guild)).values()
        newest = sorted((each for each in standing if not each.over), key=lambda each: each.id, reverse=True)
        offered = {each.pattern: _offered(each, names, texts) for each in newest}
        found = [(name, id_) for id_, name in offered.items() if current.casefold() in name.casefold()]
        return [app_commands.Choice(name=name[:100], value=id_) for name, id_ in found[:MOST_OPTIONS]]

    async def look(self, guild: discord.Guild) -> Seen:
        """Look at one guild and write down what changed, in the audit log too. Raises `LorekeeperError`."""
        joined = {MemberId(str(each.id)): each.joined_at for each in guild.members if each.joined_at}
        id_ = self.bot.guild_id(guild.id)
        seen = await self._detector.watch(id_, self.bot.now(), joined)
        for event in seen.events:
            await self._audit(id_, event)
        return seen

    async def _look_and_tell(self, guild: discord.Guild) -> None:
        await self._tell(guild, await self.look(guild))

    async def settle(self, interaction: discord.Interaction[Lorekeeper], pattern: str, state: State) -> None:
        """A button was pressed. Raises `UsageError` when somebody was quicker."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        words = texts.patterns
        standing = (await self._detector.log.standing(guild)).get(pattern)
        if standing is None or standing.over:
            raise UsageError(words.no_longer_open)
        await self._detector.log.settle(guild, pattern, state, self.bot.now())
        await audit(interaction, guild, f"pattern {state}", {"pattern": pattern})
        await say(interaction, words.done if state is State.DONE else words.dismissed)

    async def _show(
        self,
        interaction: discord.Interaction[Lorekeeper],
        shown: Sequence[Candidate],
        words: str,
        texts: Texts,
    ) -> None:
        """The words in as many messages as it takes, the last of them with the picture."""
        *first, last = split(words)
        for part in first:
            await say(interaction, part)
        picture = await self._picture(shown, words, texts)
        if picture is None:
            await say(interaction, last)
        else:
            await interaction.followup.send(last, file=picture, ephemeral=True)

    async def _picture(self, shown: Sequence[Candidate], words: str, texts: Texts) -> discord.File | None:
        if not shown:
            return None
        today = self.bot.now().date()
        try:
            png = await draw(picture_of(shown, today, texts.patterns))
        except PictureError as error:
            _log.warning("patterns are told without their picture: %s", error)
            return None
        return discord.File(io.BytesIO(png), "patterns.png", description=words[:_MOST_ALT_TEXT])

    async def _tell(self, guild: discord.Guild, seen: Seen) -> None:
        """Tell the admins of what became something for them to do."""
        channel = guild.get_channel((await self.bot.state.config(self.bot.guild_id(guild.id))).alerts)
        if not isinstance(channel, discord.TextChannel):
            return
        texts = await self.bot.texts_of(guild)
        names = await self._names(guild, texts)
        for each in seen.turned:
            if each.decision.action in _TOLD:
                said = texts.patterns.notice.format(
                    sentence=sentence_of(_harmless(each, names), names, texts.patterns),
                    action=texts.patterns.actions[each.decision.action],
                )
                await channel.send(said)

    async def _names(self, guild: discord.Guild, texts: Texts) -> Mapping[str, str]:
        categories = await self._stores.catalog.categories(self.bot.guild_id(guild.id))
        return {key: neutral_line(name) for key, name in names_of(categories, texts).items()}

    async def _audit(self, guild: GuildId, event: Event) -> None:
        detail = {
            "pattern": event.pattern,
            "topic": event.facts.category or "",
            "action": event.facts.action,
            "rules": list(event.facts.met),
            "remarks": event.facts.remarks,
            "members": event.facts.members,
        }
        by = MemberId(str(self.bot.me_id))
        await self.bot.state.audit(guild, by=by, action=f"pattern {event.state}", detail=detail)


def _offered(event: Event, names: Mapping[str, str], texts: Texts) -> str:
    """An open pattern without a word of anybody: `3f2a01bc · Pool · a person should look`."""
    topic = names.get(event.facts.category or "", event.facts.category or "")
    return " · ".join(filter(None, [event.pattern[:8], topic, texts.patterns.actions[event.facts.action]]))


def _harmless(candidate: Candidate, names: Mapping[str, str]) -> Candidate:
    """What has a name is called by it."""
    return cleaned(candidate, lambda text: names.get(text) or neutral_line(text))


def _to_do(open_gaps: Sequence[Candidate], names: Mapping[str, str], texts: Texts) -> tuple[str, ui.View]:
    words, view = texts.patterns, BaseView()
    lines = [words.to_do]
    for row, gap in enumerate(_harmless(each, names) for each in open_gaps):
        questions = "\n".join(f"- {each}" for each in gap.questions[:_ASKED])
        sentence = sentence_of(gap, names, words)
        lines.append(words.gap.format(number=row + 1, sentence=sentence, questions=questions))
        for state, label in ((State.DONE, words.button_done), (State.DISMISSED, words.button_dismiss)):
            view.add_item(SettleButton(state, gap.id, label.format(number=row + 1), row))
    return split("\n".join(lines))[0], view
