"""`/review`: what waits for a person, one after the other, decided in two clicks.

The message is the reviewer's alone. Its buttons carry the question that they are about and what had been said
of it, so they work after a restart, and a click on what has changed meanwhile decides nothing. Whoever may
review is asked only what they may read.
"""

from __future__ import annotations

import re
from collections import defaultdict
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Self

import discord
from discord import app_commands, ui
from discord.ext import commands

from agent.contracts import EpisodeId, GuildId, MemberId
from agent.errors import UsageError
from agent.serving.served import Task
from bot.errors import say, telling_errors
from bot.powers import require_power
from bot.rendering import neutralise
from bot.reporters import reporters_of
from bot.reviewing import Claims, shown_text
from bot.state.config import Power
from bot.texts import Texts
from bot.translating import described
from bot.views import BaseModal, BaseView, bot_of
from bot.visibility import Place, base_channel, can_read, may_see
from tuning.annotation.exhibit import Exhibit, exhibit_of
from tuning.annotation.item import Item, for_reviewer
from tuning.annotation.reviewing import Look, Reviewing, Verdict
from tuning.labels.decisions import Act
from tuning.labels.store import DecidedMeanwhileError

if TYPE_CHECKING:
    from bot.client import Lorekeeper

_OFFERED_TO: Final = discord.Permissions(manage_messages=True)
"""Moderators, as Discord's default; who has the power is asked when it runs."""
_MOST_TOPICS: Final = 25
_LONGEST_ANSWER: Final = 1500
_LONGEST_QUOTES: Final = 2000
_LONGEST_NOTE: Final = 300
_TASKS: Final = {"r": Task.ROUTE, "a": Task.ANSWER, "x": None}
_LETTERS: Final = {task: letter for letter, task in _TASKS.items()}
_WHAT: Final = r"(?P<task>[rax]):(?P<version>[0-9a-f]{8}):(?P<ref>[\w-]{1,40})"
_NOTHING: Final = "x:00000000:none"
"""What a button is about that is about no question."""


class Move(StrEnum):
    """What a button does; part of the ids of buttons that are out there, so never renamed."""

    ACCEPT = "accept"
    CORRECT = "correct"
    DISCARD = "discard"
    SKIP = "skip"
    UNDO = "undo"


_EMOJI: Final = {
    Move.ACCEPT: "✅",
    Move.CORRECT: "✏️",
    Move.DISCARD: "🗑️",
    Move.SKIP: "⏭️",
    Move.UNDO: "↩️",
}


class ReviewButton(ui.DynamicItem[ui.Button[ui.View]], template=rf"lk:r:(?P<move>[a-z]+):{_WHAT}"):
    """A button under what is to be decided. `what` is `TASK:VERSION:REF`, the ids' own form."""

    def __init__(self, move: Move, what: str, label: str | None = None, *, disabled: bool = False) -> None:
        style = discord.ButtonStyle.success if move is Move.ACCEPT else discord.ButtonStyle.secondary
        super().__init__(
            ui.Button(
                label=label,
                emoji=_EMOJI[move],
                style=style,
                disabled=disabled,
                row=0,
                custom_id=f"lk:r:{move.value}:{what}",
            )
        )
        self.move = move
        self.what = what

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(Move(match["move"]), f"{match['task']}:{match['version']}:{match['ref']}")

    async def callback(self, interaction: discord.Interaction) -> None:
        await telling_errors(interaction, _of(interaction).press(interaction, self.move, self.what))


class ReviewSelect(ui.DynamicItem[ui.Select[ui.View]], template=rf"lk:rt:{_WHAT}"):
    """The topics of which one would be right: choosing is correcting."""

    def __init__(
        self, what: str, options: list[discord.SelectOption] | None = None, placeholder: str | None = None
    ) -> None:
        super().__init__(
            ui.Select(custom_id=f"lk:rt:{what}", options=options or [], placeholder=placeholder, row=1)
        )
        self.what = what

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(f"{match['task']}:{match['version']}:{match['ref']}")

    async def callback(self, interaction: discord.Interaction) -> None:
        work = _of(interaction).correct(interaction, self.what, categories=tuple(self.item.values))
        await telling_errors(interaction, work)


class CorrectionForm(BaseModal):
    """What the answer should be, with its quotes."""

    def __init__(self, what: str, texts: Texts, shown: Exhibit | None) -> None:
        said = texts.review
        super().__init__(title=said.form_title)
        self._what = what
        proposal = shown.item.proposal if shown else ""
        quotes = "\n".join(shown.quotes) if shown else ""
        long = discord.TextStyle.paragraph
        self.answer: ui.TextInput[Self] = ui.TextInput(
            style=long, max_length=_LONGEST_ANSWER, default=proposal[:_LONGEST_ANSWER]
        )
        self.quotes: ui.TextInput[Self] = ui.TextInput(
            style=long,
            required=False,
            max_length=_LONGEST_QUOTES,
            default=quotes[:_LONGEST_QUOTES],
            placeholder=said.form_quotes_hint,
        )
        self.note: ui.TextInput[Self] = ui.TextInput(required=False, max_length=_LONGEST_NOTE)
        self.add_item(ui.Label(text=said.form_answer, component=self.answer))
        self.add_item(ui.Label(text=said.form_quotes, component=self.quotes))
        self.add_item(ui.Label(text=said.form_note, component=self.note))

    async def on_submit(self, interaction: discord.Interaction, /) -> None:
        quotes = tuple(line.strip() for line in self.quotes.value.splitlines() if line.strip())
        await _of(interaction).correct(
            interaction, self._what, answer=self.answer.value, quotes=quotes, note=self.note.value.strip()
        )


class Review(commands.Cog):
    """Shows what waits and stores what is decided."""

    def __init__(self, bot: Lorekeeper) -> None:
        self.bot = bot
        self._claims = Claims()
        self._skipped: dict[tuple[GuildId, MemberId], list[str]] = defaultdict(list)
        self._shown: dict[tuple[GuildId, MemberId], Exhibit] = {}
        """What each reviewer has before them, so that a form can be filled in; lost with a restart."""

    async def cog_load(self) -> None:
        self.bot.add_dynamic_items(ReviewButton, ReviewSelect)

    @app_commands.command(description=described("review"))
    @app_commands.guild_only()
    @app_commands.default_permissions(_OFFERED_TO)
    async def review(self, interaction: discord.Interaction[Lorekeeper]) -> None:
        """Begin with what helps most."""
        guild, texts = await require_power(self.bot, interaction, Power.REVIEW)
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self._show_next(interaction, guild, texts)

    async def press(self, interaction: discord.Interaction[Any], move: Move, what: str) -> None:
        """Do what a button says, and load the next one. A form comes first: Discord takes it only so."""
        guild, texts = await require_power(self.bot, interaction, Power.REVIEW)
        member = MemberId(str(interaction.user.id))
        if move is Move.CORRECT:
            shown = self._shown.get((guild, member))
            same = shown is not None and _what(shown) == what
            await interaction.response.send_modal(CorrectionForm(what, texts, shown if same else None))
            return
        await interaction.response.defer()
        if move is Move.UNDO:
            undone = await self._reviewing(texts).undo(guild, member)
            said = texts.review.undone if undone else texts.review.nothing_to_undo
            await self._show_next(interaction, guild, texts, said, undone.item if undone else "")
        elif move is Move.SKIP:
            await self._skip(guild, texts, member, what)
            await self._show_next(interaction, guild, texts, texts.review.skipped)
        else:
            await self._decide(interaction, guild, texts, what, Verdict(by=member, act=Act(move.value)))

    async def correct(
        self,
        interaction: discord.Interaction[Any],
        what: str,
        *,
        categories: tuple[str, ...] = (),
        answer: str = "",
        quotes: tuple[str, ...] = (),
        note: str = "",
    ) -> None:
        """Store what the reviewer says is right."""
        guild, texts = await require_power(self.bot, interaction, Power.REVIEW)
        await interaction.response.defer()
        verdict = Verdict(
            by=MemberId(str(interaction.user.id)),
            act=Act.CORRECT,
            categories=categories,
            answer=answer,
            quotes=quotes,
            note=note,
        )
        await self._decide(interaction, guild, texts, what, verdict)

    def _reviewing(self, texts: Texts) -> Reviewing:
        stores = self.bot.installation.stores
        return Reviewing(stores, reporters_of(stores, texts))

    async def _skip(self, guild: GuildId, texts: Texts, member: MemberId, what: str) -> None:
        """The others come first; of several that were skipped the one that was skipped first."""
        item = _found(await self._reviewing(texts).look(guild), what)
        if item is not None:
            kept = [each for each in self._skipped[guild, member] if each != item.id]
            self._skipped[guild, member] = [*kept, item.id]

    async def _decide(
        self,
        interaction: discord.Interaction[Any],
        guild: GuildId,
        texts: Texts,
        what: str,
        verdict: Verdict,
    ) -> None:
        """Store the verdict on what the button is about; on what has changed since nothing is decided."""
        said = texts.review
        reviewing = self._reviewing(texts)
        look = await reviewing.look(guild)
        item = _found(look, what)
        if item is None or verdict.by in item.decided_by:
            notice = said.decided_meanwhile
        elif _version(what) != item.version:
            notice = said.changed
        else:
            notice = said.stored[verdict.act]
            shown = await self._exhibit(interaction, look, item, _ref(what))
            try:
                if shown is None:
                    notice = said.decided_meanwhile
                else:
                    await reviewing.decide(look, shown, verdict)
            except DecidedMeanwhileError:
                notice = said.decided_meanwhile
            except UsageError as error:
                # What is wrong with it is the reviewer's to mend: the same one stays before them.
                await say(interaction, neutralise(f"{error} {error.hint}".rstrip()))
                return
        await self._show_next(interaction, guild, texts, notice)

    async def _show_next(
        self,
        interaction: discord.Interaction[Any],
        guild: GuildId,
        texts: Texts,
        notice: str = "",
        first: str = "",
    ) -> None:
        """Put what helps most in the place of what was shown; `first` is what to show before all others."""
        member = MemberId(str(interaction.user.id))
        look = await self._reviewing(texts).look(guild)
        taken = self._claims.of_others(guild, member)
        waiting = for_reviewer(look.items, member, skipped=self._skipped[guild, member], taken=taken)
        waiting = tuple(sorted(waiting, key=lambda each: each.id != first))
        shown = await self._first_readable(interaction, look, waiting)
        if shown is None:
            self._claims.release(guild, member)
            others = sum(item.id in taken for item in look.items)
            text = f"{notice}\n{texts.review.empty.format(others=others)}".strip()
            await interaction.edit_original_response(content=text, view=_undo_view(texts))
            return
        self._claims.take(guild, member, shown.item.id)
        self._shown[guild, member] = shown
        place = waiting.index(shown.item) + 1
        text = shown_text(shown, place, len(waiting), texts.review, notice)
        await interaction.edit_original_response(content=text, view=_view(shown, look, texts))

    async def _first_readable(
        self, interaction: discord.Interaction[Any], look: Look, items: tuple[Item, ...]
    ) -> Exhibit | None:
        for item in items:
            for episode in item.episodes or (None,):
                shown = await self._exhibit(interaction, look, item, episode)
                if shown is not None and shown.decidable:
                    return shown
        return None

    async def _exhibit(
        self,
        interaction: discord.Interaction[Any],
        look: Look,
        item: Item,
        episode: str | None,
    ) -> Exhibit | None:
        """What this reviewer may see of a question; None when they cannot read where it was asked. A report
        says again what was asked in all of its questions.
        """
        assert isinstance(interaction.user, discord.Member)
        shown_id = EpisodeId(episode) if item.task is not None and episode else None
        for each in item.episodes if shown_id is None else (shown_id,):
            if not await self._asked_where_readable(interaction.user, item, each):
                return None
        return await exhibit_of(
            self.bot.installation.stores,
            item,
            shown_id,
            scrub=look.gathered.scrubber.scrub,
            may_see=may_see(interaction.user, None),
        )

    async def _asked_where_readable(self, member: discord.Member, item: Item, episode: EpisodeId) -> bool:
        """A question out of a channel that they cannot read, or out of direct messages, is not theirs to
        see. One that was asked in the terminal stands in no channel.
        """
        places = {each.channel for each in await self.bot.state.messages_of(item.guild, episode)}
        for id_ in places:
            place = await _place(member.guild, id_)
            base = base_channel(place) if place is not None else None
            if base is None or not can_read(member, base):
                return False
            if isinstance(place, discord.Thread) and place.is_private():
                return place.permissions_for(member).manage_threads
        return True


async def _place(guild: discord.Guild, id_: int) -> Place | None:
    """A channel or thread of the guild; one that is archived is not in discord.py's cache. None when it is
    gone, or is no place of this guild, such as direct messages.
    """
    if (known := guild.get_channel_or_thread(id_)) is not None:
        return known
    try:
        return await guild.fetch_channel(id_)
    except (discord.NotFound, discord.Forbidden, discord.InvalidData):
        return None


def _view(shown: Exhibit, look: Look, texts: Texts) -> ui.View:
    what, said, item = _what(shown), texts.review, shown.item
    view = BaseView()
    view.add_item(ReviewButton(Move.ACCEPT, what, said.button_accept, disabled=not _acceptable(item)))
    if item.task is Task.ANSWER:
        view.add_item(ReviewButton(Move.CORRECT, what, said.button_correct))
    view.add_item(ReviewButton(Move.DISCARD, what, said.button_discard))
    view.add_item(ReviewButton(Move.SKIP, what, said.button_skip))
    view.add_item(ReviewButton(Move.UNDO, what, texts.button_undo))
    options = [
        discord.SelectOption(
            label=each.name[:100], value=each.slug, description=each.description[:100] or None
        )
        for each in look.gathered.categories[:_MOST_TOPICS]
    ]
    if item.task is Task.ROUTE and options:
        view.add_item(ReviewSelect(what, options, said.choose_topic))
    return view


def _undo_view(texts: Texts) -> ui.View:
    view = BaseView()
    view.add_item(ReviewButton(Move.UNDO, _NOTHING, texts.button_undo))
    return view


def _acceptable(item: Item) -> bool:
    return item.task is None or bool(item.proposal)


def _what(shown: Exhibit) -> str:
    item = shown.item
    return f"{_LETTERS[item.task]}:{item.version}:{shown.episode or item.id}"


def _found(look: Look, what: str) -> Item | None:
    letter, _, ref = what.split(":")
    task = _TASKS[letter]
    return look.by_id(ref) if task is None else look.item(task, EpisodeId(ref))


def _version(what: str) -> str:
    return what.split(":")[1]


def _ref(what: str) -> str:
    return what.split(":")[2]


def _of(interaction: discord.Interaction[Any]) -> Review:
    cog = bot_of(interaction).get_cog(Review.__name__)
    assert isinstance(cog, Review)
    return cog
