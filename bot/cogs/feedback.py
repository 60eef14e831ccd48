"""Feedback on an answer by the buttons under it, with their form and their list of topics.

Buttons and lists are dynamic items that carry the episode in their id, so those of an answer from before a
restart work as well. What is given twice counts once.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias

import discord
from discord import ui
from discord.ext import commands

from agent.contracts import (
    Answered,
    AnswerKind,
    Category,
    EpisodeId,
    FeedbackKind,
    MemberId,
    Question,
    Slug,
)
from agent.ids import id_of
from bot.choosing import likeliest_first, page_chosen, require_topic, topic_options
from bot.cogs.keep import UndoButton
from bot.cogs.reactions import give_vote
from bot.desk import Request
from bot.errors import NotAllowedError, say, telling_errors
from bot.incoming import Placed, question_of
from bot.powers import has_power, role_of
from bot.rendering import neutral_line, neutralise, source_lines
from bot.splitter import split
from bot.state.config import Power
from bot.state.store import AnswerMessage
from bot.surfaces import MessageSurface
from bot.texts import Texts, texts_for
from bot.threads import place_of_question
from bot.views import BaseModal, BaseView, bot_of
from bot.visibility import may_see

if TYPE_CHECKING:
    from bot.client import Lorekeeper

_log = logging.getLogger(__name__)

_ID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_WITHOUT_BUTTONS: Final = frozenset({AnswerKind.SMALL_TALK})
_Answered: TypeAlias = (
    discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread | discord.DMChannel
)
"""Channels in which an answer can stand."""


class Action(StrEnum):
    """What a button does; part of the ids of buttons that are out there, so never renamed."""

    HELPFUL = "up"
    NOT_HELPFUL = "down"
    WRONG_TOPIC = "topic"
    SOURCES = "sources"
    AGAIN = "again"
    DISMISS = "dismiss"


_LOOKS: Final[Mapping[Action, tuple[str, int]]] = {
    Action.HELPFUL: ("👍", 0),
    Action.NOT_HELPFUL: ("👎", 0),
    Action.WRONG_TOPIC: ("🏷️", 0),
    Action.SOURCES: ("📚", 0),
    Action.AGAIN: ("🔁", 1),
    Action.DISMISS: ("🗑️", 1),
}
"""Emoji and row."""


def answer_view(answered: Answered, texts: Texts, again: bool) -> ui.View | None:
    """The buttons under an answer; small talk has none, a remembered fact can be taken back. `again`: the
    question can be asked again, which that of a command cannot.
    """
    answer, episode = answered.answer, answered.episode.id
    if answer.kind in _WITHOUT_BUTTONS:
        return None
    view = BaseView()
    if answer.entry is not None:
        view.add_item(UndoButton(answer.entry, answered.episode.member, texts.button_undo))
        return view
    labels = _labels(texts)
    for action in Action:
        if (action is Action.SOURCES and not answer.quotes) or (action is Action.AGAIN and not again):
            continue
        view.add_item(AnswerButton(action, episode, labels[action]))
    return view


def _labels(texts: Texts) -> Mapping[Action, str]:
    return {
        Action.HELPFUL: texts.button_helpful,
        Action.NOT_HELPFUL: texts.button_not_helpful,
        Action.WRONG_TOPIC: texts.button_wrong_topic,
        Action.SOURCES: texts.button_sources,
        Action.AGAIN: texts.button_again,
        Action.DISMISS: texts.button_dismiss,
    }


class AnswerButton(
    ui.DynamicItem[ui.Button[ui.View]], template=rf"lk:a:(?P<action>[a-z]+):(?P<episode>{_ID})"
):
    """A button under an answer."""

    def __init__(self, action: Action, episode: EpisodeId, label: str | None = None) -> None:
        emoji, row = _LOOKS[action]
        super().__init__(
            ui.Button(
                label=label,
                emoji=emoji,
                row=row,
                style=discord.ButtonStyle.secondary,
                custom_id=f"lk:a:{action.value}:{episode}",
            )
        )
        self.action = action
        self.episode = episode

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(Action(match["action"]), EpisodeId(match["episode"]))

    async def callback(self, interaction: discord.Interaction) -> None:
        await telling_errors(interaction, _of(interaction).press(interaction, self.action, self.episode))


class TopicSelect(ui.DynamicItem[ui.Select[ui.View]], template=rf"lk:t:(?P<message>\d+):(?P<episode>{_ID})"):
    """The list of topics behind "wrong topic"; `message` is the answer's, as the list stands elsewhere."""

    def __init__(
        self,
        message: int,
        episode: EpisodeId,
        options: list[discord.SelectOption] | None = None,
        placeholder: str | None = None,
    ) -> None:
        super().__init__(
            ui.Select(custom_id=f"lk:t:{message}:{episode}", options=options or [], placeholder=placeholder)
        )
        self.message = message
        self.episode = episode

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(int(match["message"]), EpisodeId(match["episode"]))

    async def callback(self, interaction: discord.Interaction) -> None:
        chosen = self.item.values[0]
        await telling_errors(
            interaction, _of(interaction).choose_topic(interaction, self.message, self.episode, chosen)
        )


class NotHelpfulForm(BaseModal):
    """Why an answer was not helpful, and what would have been right."""

    def __init__(self, episode: EpisodeId, message: int, texts: Texts) -> None:
        super().__init__(title=texts.not_helpful_title)
        self._episode = episode
        self._message = message
        self.reason: ui.Select[Self] = ui.Select(
            options=[discord.SelectOption(label=said, value=name) for name, said in texts.reasons.items()],
            placeholder=texts.not_helpful_reason_hint,
        )
        self.correction: ui.TextInput[Self] = ui.TextInput(
            style=discord.TextStyle.paragraph,
            required=False,
            max_length=1000,
            placeholder=texts.not_helpful_correction_hint,
        )
        self.add_item(ui.Label(text=texts.not_helpful_reason, component=self.reason))
        self.add_item(ui.Label(text=texts.not_helpful_correction, component=self.correction))

    async def on_submit(self, interaction: discord.Interaction, /) -> None:
        await _of(interaction).give_reason(
            interaction, self._message, self._episode, self.reason.values[0], self.correction.value.strip()
        )


class Feedback(commands.Cog):
    """Takes votes, reasons and corrections to the journal."""

    def __init__(self, bot: Lorekeeper) -> None:
        self.bot = bot

    async def cog_load(self) -> None:
        self.bot.add_dynamic_items(AnswerButton, TopicSelect)

    async def press(self, interaction: discord.Interaction, action: Action, episode: EpisodeId) -> None:
        """Do what a button says. The form comes first: Discord takes none after anything else."""
        texts = texts_for(interaction.locale.value)
        assert interaction.message is not None
        if action is Action.NOT_HELPFUL:
            await interaction.response.send_modal(NotHelpfulForm(episode, interaction.message.id, texts))
        answer = await self._require_answer(interaction.message.id, texts)
        member = MemberId(str(interaction.user.id))
        match action:
            case Action.HELPFUL:
                await give_vote(self.bot, answer, member, 1)
                await say(interaction, texts.thanks_helpful)
            case Action.NOT_HELPFUL:
                # Counted already: a form that is closed unsent took nothing back.
                await give_vote(self.bot, answer, member, -1)
            case Action.WRONG_TOPIC:
                await self._offer_topics(interaction, answer, texts)
            case Action.SOURCES:
                await self._show_sources(interaction, answer, texts)
            case Action.AGAIN:
                await self._answer_again(interaction, answer, texts)
            case Action.DISMISS:
                await self._dismiss(interaction, answer, texts)

    async def give_reason(
        self, interaction: discord.Interaction, message: int, episode: EpisodeId, reason: str, correction: str
    ) -> None:
        """Keep what the form said."""
        texts = texts_for(interaction.locale.value)
        answer = await self._require_answer(message, texts)
        clicker = await self._require_member(interaction, answer, texts)
        role = role_of(await self.bot.state.config(answer.guild), clicker)
        # Counted when the form was opened, unless the process was killed just then.
        await give_vote(self.bot, answer, MemberId(str(clicker.id)), -1)
        said = {FeedbackKind.REASON: {"reason": reason}, FeedbackKind.CORRECTION: {"answer": correction}}
        for kind, value in said.items():
            if all(value.values()):
                await self.bot.agent.give_feedback(
                    answer.guild,
                    episode,
                    MemberId(str(clicker.id)),
                    kind,
                    value,
                    role,
                    _id(interaction, kind),
                )
        await say(interaction, texts.thanks_not_helpful)

    async def choose_topic(
        self, interaction: discord.Interaction, message: int, episode: EpisodeId, chosen: str
    ) -> None:
        """Turn the list over, or take the topic that was chosen."""
        page = page_chosen(chosen)
        if page is None:
            await self.correct_topic(interaction, message, episode, chosen)
            return
        texts = texts_for(interaction.locale.value)
        answer = await self._require_answer(message, texts)
        await interaction.response.edit_message(view=await self._topics_page(answer, page, texts))

    async def correct_topic(
        self, interaction: discord.Interaction, message: int, episode: EpisodeId, chosen: str
    ) -> None:
        """Learn the topic at once and answer again, from who may teach; of others write it down."""
        texts = texts_for(interaction.locale.value)
        answer = await self._require_answer(message, texts)
        config = await self.bot.state.config(answer.guild)
        clicker = await self._require_member(interaction, answer, texts)
        member, role = MemberId(str(clicker.id)), role_of(config, clicker)
        event = _id(interaction, FeedbackKind.CORRECTION)
        found = await require_topic(self.bot, answer.guild, chosen, texts)
        topic, name = found.slug, neutral_line(found.name)
        if not has_power(config, clicker, Power.TEACH):
            await self.bot.agent.give_feedback(
                answer.guild, episode, member, FeedbackKind.CORRECTION, {"category": topic}, role, event
            )
            await _replace(interaction, texts.thanks_correction_later.format(name=name))
            return
        await self.bot.agent.correct_category(answer.guild, episode, member, topic, role, event)
        again = answer.question is not None
        said = texts.thanks_correction if again else texts.thanks_correction_learnt
        await _replace(interaction, said.format(name=name))
        await self._ask_again(answer, topic)

    async def _offer_topics(
        self, interaction: discord.Interaction, answer: AnswerMessage, texts: Texts
    ) -> None:
        categories = await self._categories(answer)
        if not categories:
            await say(interaction, texts.no_topics)
            return
        view = await self._topics_page(answer, 0, texts)
        await interaction.response.send_message(texts.choose_topic, view=view, ephemeral=True)

    async def _topics_page(self, answer: AnswerMessage, page: int, texts: Texts) -> ui.View:
        """A page of the topics, with those first that the route thought of."""
        episode = await self.bot.agent.parts.journal.episode(answer.guild, answer.episode)
        ordered = likeliest_first(await self._categories(answer), episode.route if episode else None)
        view = BaseView()
        options = topic_options(ordered, page, texts)
        view.add_item(TopicSelect(answer.message, answer.episode, options, texts.choose_topic))
        return view

    async def _show_sources(
        self, interaction: discord.Interaction, answer: AnswerMessage, texts: Texts
    ) -> None:
        """Show the quotes as they stand in their sources, those that this member may read."""
        member = await self._require_member(interaction, answer, texts)
        parts = self.bot.agent.parts
        episode = await parts.journal.episode(answer.guild, answer.episode)
        quotes = episode.answer.quotes if episode and episode.answer else ()
        passages = await parts.store.get(answer.guild, [quote.passage for quote in quotes])
        seen = may_see(member, None, await self.bot.channels_of(member.guild))
        readable = {passage.id for passage in passages if passage.visibility in seen}
        shown = [quote for quote in quotes if quote.passage in readable]
        if not shown:
            await say(interaction, texts.no_sources)
            return
        lines = [f"\\[{quote.number}] “{neutralise(quote.text, verbatim=True)}”" for quote in shown]
        text = "\n".join([f"**{texts.sources}**", *source_lines(shown, texts), "", *lines])
        await say(interaction, split(text)[0])

    async def _answer_again(
        self, interaction: discord.Interaction, answer: AnswerMessage, texts: Texts
    ) -> None:
        await self._require_own(interaction, answer, texts)
        await interaction.response.defer()
        if not await self._ask_again(answer, None):
            raise NotAllowedError(texts.question_is_gone)

    async def _ask_again(self, answer: AnswerMessage, topic: Slug | None) -> bool:
        """Answer the same question of the same member anew, in the same messages; False when it is gone."""
        guild = await self.bot.reach_guild(answer.guild)
        member = await self.bot.member_of(guild, int(answer.member)) if guild else None
        if guild is None or member is None or answer.question is None:
            return False
        channel = self.bot.get_channel(answer.channel) or await self.bot.fetch_channel(answer.channel)
        assert isinstance(channel, _Answered)
        try:
            message = await place_of_question(channel, answer.question).fetch_message(answer.question)
        except discord.NotFound:
            return False
        config = await self.bot.state.config(answer.guild)
        placed = Placed(message=message, guild=guild, guild_id=answer.guild, member=member, config=config)

        async def build() -> Question:
            question = await question_of(self.bot, placed)
            return replace(question, category=topic) if topic else question

        first, *extra = await self.bot.state.messages_of(answer.guild, answer.episode)
        request = Request(
            guild=answer.guild,
            member=answer.member,
            channel=channel.id,
            message=message.id,
            texts=await self.bot.texts_of(guild),
            question=build,
        )
        surface = MessageSurface(
            self.bot.pacing,
            message,
            channel.get_partial_message(first.message),
            [channel.get_partial_message(each.message) for each in extra],
        )
        self.bot.desk.take(request, surface)
        return True

    async def _dismiss(self, interaction: discord.Interaction, answer: AnswerMessage, texts: Texts) -> None:
        """Delete every message of the answer; the episode stays."""
        await self._require_own(interaction, answer, texts)
        await interaction.response.defer()
        await interaction.delete_original_response()
        channel = self.bot.get_partial_messageable(answer.channel)
        for each in await self.bot.state.messages_of(answer.guild, answer.episode):
            if each.message == answer.message:
                continue
            try:
                await channel.get_partial_message(each.message).delete()
            except discord.NotFound:
                continue

    async def _categories(self, answer: AnswerMessage) -> tuple[Category, ...]:
        return await self.bot.agent.parts.catalog.categories(answer.guild)

    async def _require_answer(self, message: int, texts: Texts) -> AnswerMessage:
        answer = await self.bot.state.answer(message)
        if answer is None:
            raise NotAllowedError(texts.answer_is_gone)
        return answer

    async def _require_member(
        self, interaction: discord.Interaction, answer: AnswerMessage, texts: Texts
    ) -> discord.Member:
        """Who presses, as the member of the answer's guild that they are now."""
        if isinstance(interaction.user, discord.Member):
            return interaction.user
        guild = await self.bot.reach_guild(answer.guild)
        member = await self.bot.member_of(guild, interaction.user.id) if guild else None
        if member is None:
            raise NotAllowedError(texts.answer_is_gone)
        return member

    async def _require_own(
        self, interaction: discord.Interaction, answer: AnswerMessage, texts: Texts
    ) -> None:
        """Who asked may, and who moderates."""
        if str(interaction.user.id) == answer.member or interaction.permissions.manage_messages:
            return
        member = await self._require_member(interaction, answer, texts)
        if not has_power(await self.bot.state.config(answer.guild), member, Power.REVIEW):
            raise NotAllowedError(texts.only_the_asker)


async def _replace(interaction: discord.Interaction, text: str) -> None:
    """Put a text in the place of the list that was chosen from."""
    await interaction.response.edit_message(content=text, view=None)


def _id(interaction: discord.Interaction, kind: FeedbackKind) -> str:
    """What an interaction says is one event, however often it is taken."""
    milliseconds = (interaction.id >> 22) + discord.utils.DISCORD_EPOCH
    return id_of(milliseconds, f"{interaction.id}:{kind.value}")


def _of(interaction: discord.Interaction) -> Feedback:
    cog = bot_of(interaction).get_cog(Feedback.__name__)
    assert isinstance(cog, Feedback)
    return cog
