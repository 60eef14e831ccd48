"""`/setup`: a guild made ready page by page, by whoever administers it.

What is chosen is kept at once, and the topics that are looked at are kept as a draft, so that nothing of it
lives in memory: the pages of before a restart go on working, and `/setup` begins anew whenever it is given.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeAlias

import discord
from discord import app_commands, ui
from discord.ext import commands

from agent.contracts import GuildId
from agent.errors import UsageError
from agent.language.counts import Count
from bot.administering import OFFERED_TO, audit, change_config
from bot.categories import add_topics
from bot.errors import telling_errors
from bot.powers import require_power
from bot.readiness import Found, lines_of
from bot.rendering import neutral_line, neutralise
from bot.state.config import Power
from bot.templates import Template, topics_of
from bot.texts import LANGUAGES, Texts
from bot.topics import MOST_TOPICS, Seen, Topic, as_text, from_text, propose
from bot.translating import described
from bot.views import BaseModal, BaseView, bot_of

if TYPE_CHECKING:
    from bot.client import Lorekeeper

_AUTOMATIC: Final = "auto"
_CHANNELS: Final = "channels"
"""The choice that proposes topics out of the guild's own channels."""
_PREVIEW: Final = 1500
"""Characters of the topics on the page that previews them."""
_FORM: Final = 4000
"""The longest text that a form of Discord takes."""
_MOST_CHANNELS: Final = 25
_TALKED_IN: Final = [
    discord.ChannelType.text,
    discord.ChannelType.forum,
    discord.ChannelType.voice,
    discord.ChannelType.news,
]
_NEEDED_TO_ANSWER: Final = discord.Permissions(
    view_channel=True, send_messages=True, read_message_history=True
)
_Interaction: TypeAlias = discord.Interaction[Any]
_Marked: TypeAlias = Literal["auto", "silenced"]


class Step(StrEnum):
    """What a button leads to; part of the ids of buttons that are out there, so never renamed."""

    LANGUAGE = "language"
    CHANNELS = "channels"
    TOPICS = "topics"
    EDIT = "edit"
    ACCEPT = "accept"
    DONE = "done"


class StepButton(ui.DynamicItem[ui.Button[ui.View]], template=r"lk:s:(?P<step>[a-z]+)"):
    """Leads to another page, or does what it says."""

    def __init__(self, step: Step, label: str | None = None, *, primary: bool = False) -> None:
        style = discord.ButtonStyle.primary if primary else discord.ButtonStyle.secondary
        super().__init__(ui.Button(label=label or step.value, style=style, row=4, custom_id=f"lk:s:{step}"))
        self.step = step

    @classmethod
    async def from_custom_id(
        cls, interaction: _Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(Step(match["step"]))

    async def callback(self, interaction: _Interaction) -> None:
        await telling_errors(interaction, _of(interaction).press(interaction, self.step))


class ChoiceSelect(ui.DynamicItem[ui.Select[ui.View]], template=r"lk:so:(?P<what>language|topics)"):
    """A list of languages, or of what to begin with."""

    def __init__(
        self, what: str, choices: Sequence[discord.SelectOption] = (), hint: str | None = None
    ) -> None:
        super().__init__(ui.Select(custom_id=f"lk:so:{what}", options=list(choices), placeholder=hint))
        self.what = what

    @classmethod
    async def from_custom_id(
        cls, interaction: _Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(match["what"])

    async def callback(self, interaction: _Interaction) -> None:
        cog, chosen = _of(interaction), self.item.values[0]
        choose = cog.choose_language if self.what == "language" else cog.choose_topics
        await telling_errors(interaction, choose(interaction, chosen))


class ChannelsSelect(ui.DynamicItem[ui.ChannelSelect[ui.View]], template=r"lk:sc:(?P<what>auto|silenced)"):
    """The channels in which the bot answers without a mention, or never."""

    def __init__(self, what: _Marked, chosen: Sequence[int] = (), hint: str | None = None) -> None:
        super().__init__(
            ui.ChannelSelect(
                custom_id=f"lk:sc:{what}",
                channel_types=_TALKED_IN,
                placeholder=hint,
                min_values=0,
                max_values=_MOST_CHANNELS,
                default_values=[discord.Object(id_, type=discord.abc.GuildChannel) for id_ in chosen],
            )
        )
        self.what = what

    @classmethod
    async def from_custom_id(
        cls, interaction: _Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls("auto" if match["what"] == "auto" else "silenced")

    async def callback(self, interaction: _Interaction) -> None:
        chosen = frozenset(channel.id for channel in self.item.values)
        await telling_errors(interaction, _of(interaction).choose_channels(interaction, self.what, chosen))


class TopicsForm(BaseModal):
    """The draft as text, one topic a line."""

    def __init__(self, draft: Sequence[Topic], texts: Texts) -> None:
        super().__init__(title=texts.setup.form_title)
        self.lines: ui.TextInput[Self] = ui.TextInput(
            style=discord.TextStyle.paragraph, default=as_text(draft, _FORM), max_length=_FORM
        )
        self.add_item(ui.Label(text=texts.setup.form_lines, component=self.lines))

    async def on_submit(self, interaction: _Interaction, /) -> None:
        await _of(interaction).edit_topics(interaction, self.lines.value)


class Setup(commands.Cog):
    """Each page is made of what is kept, whoever looks at it and after whatever restart."""

    def __init__(self, bot: Lorekeeper) -> None:
        self.bot = bot

    async def cog_load(self) -> None:
        self.bot.add_dynamic_items(StepButton, ChoiceSelect, ChannelsSelect)

    @app_commands.command(description=described("setup"))
    @app_commands.guild_only()
    @app_commands.default_permissions(OFFERED_TO)
    async def setup(self, interaction: discord.Interaction[Lorekeeper]) -> None:
        """Show the first page."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        text, view = await self._language_page(interaction, guild, texts)
        await interaction.response.send_message(text, view=view, ephemeral=True)

    async def press(self, interaction: _Interaction, step: Step) -> None:
        """Show another page, or do what the button says. The form comes first: Discord takes none after
        anything else.
        """
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        if step is Step.EDIT:
            draft = (await self.bot.state.config(guild)).draft
            await interaction.response.send_modal(TopicsForm(draft, texts))
            return
        if step is Step.ACCEPT:
            await self._accept(interaction, guild, texts)
            return
        pages: dict[Step, Callable[[_Interaction, GuildId, Texts], Awaitable[tuple[str, ui.View]]]] = {
            Step.LANGUAGE: self._language_page,
            Step.CHANNELS: self._channels_page,
            Step.TOPICS: self._topics_page,
            Step.DONE: self._done_page,
        }
        text, view = await pages[step](interaction, guild, texts)
        await interaction.response.edit_message(content=text, view=view)

    async def choose_language(self, interaction: _Interaction, chosen: str) -> None:
        """Speak a language from now on."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        language = "" if chosen == _AUTOMATIC else chosen
        await change_config(
            interaction,
            guild,
            lambda config: replace(config, language=language),
            "setup language",
            {"language": language},
        )
        text, view = await self._language_page(interaction, guild, texts)
        await interaction.response.edit_message(content=text, view=view)

    async def choose_channels(self, interaction: _Interaction, what: _Marked, chosen: frozenset[int]) -> None:
        """Answer without a mention in these channels, or never; no longer so in others that were shown."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        shown = frozenset((await self.bot.state.config(guild)).marked(what)[:_MOST_CHANNELS])
        await change_config(
            interaction,
            guild,
            lambda config: config.with_marked(what, shown, chosen),
            "setup channels",
            {what: sorted(chosen)},
        )
        text, view = await self._channels_page(interaction, guild, texts)
        await interaction.response.edit_message(content=text, view=view)

    async def choose_topics(self, interaction: _Interaction, chosen: str) -> None:
        """Show the topics of a template or of the guild's channels, before anything is added."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        assert interaction.guild is not None
        if chosen == _CHANNELS:
            draft = propose(_seen_by_everybody(interaction.guild))
        else:
            spoken = await self.bot.texts_of(interaction.guild)
            draft = topics_of(Template(chosen), spoken.language)
        if not draft:
            raise UsageError(texts.setup.nothing_to_propose)
        await self._keep_draft(interaction, guild, draft, {"from": chosen, "topics": len(draft)})
        await self._show_preview(interaction, draft, texts)

    async def edit_topics(self, interaction: _Interaction, lines: str) -> None:
        """Look at the topics as they were typed."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        draft = from_text(lines, (await self.bot.state.config(guild)).draft)
        if bad := [topic.name for topic in draft if topic.unusable]:
            raise UsageError(texts.setup.bad_line.format(line=neutral_line(bad[0])))
        if not draft or len(draft) > MOST_TOPICS:
            raise UsageError(texts.setup.too_many.format(count=len(draft), most=MOST_TOPICS))
        await self._keep_draft(interaction, guild, draft, {"from": "form", "topics": len(draft)})
        await self._show_preview(interaction, draft, texts)

    async def _keep_draft(
        self, interaction: _Interaction, guild: GuildId, draft: tuple[Topic, ...], detail: dict[str, Any]
    ) -> None:
        await change_config(
            interaction,
            guild,
            lambda config: replace(config, draft=draft),
            "setup draft",
            detail,
        )

    async def _accept(self, interaction: _Interaction, guild: GuildId, texts: Texts) -> None:
        """Add the topics of the draft; pressed again, or after a stop half-way, it adds what is left."""
        draft = (await self.bot.state.config(guild)).draft
        if not draft:
            raise UsageError(texts.setup.nothing_to_accept)
        await interaction.response.defer()
        added = await add_topics(self.bot.installation.stores, guild, draft)
        await audit(interaction, guild, "setup topics", {"slugs": [each.slug for each in added]})
        await self._keep_draft(interaction, guild, (), {"emptied": "accepted"})
        text, view = await self._done_page(interaction, guild, texts)
        await interaction.edit_original_response(content=text, view=view)

    async def _language_page(
        self, interaction: _Interaction, guild: GuildId, texts: Texts
    ) -> tuple[str, ui.View]:
        assert interaction.guild is not None
        chosen = (await self.bot.state.config(guild)).language
        spoken = await self.bot.texts_of(interaction.guild)
        choices = [
            discord.SelectOption(label=texts.admin.languages[each], value=each, default=each == chosen)
            for each in LANGUAGES
        ]
        automatic = discord.SelectOption(label=texts.setup.automatic, value=_AUTOMATIC, default=not chosen)
        view = BaseView()
        view.add_item(ChoiceSelect("language", [*choices, automatic], texts.setup.choose_language))
        view.add_item(StepButton(Step.CHANNELS, texts.setup.button_next, primary=True))
        return texts.setup.language.format(language=texts.admin.languages[spoken.language]), view

    async def _channels_page(
        self, interaction: _Interaction, guild: GuildId, texts: Texts
    ) -> tuple[str, ui.View]:
        config = await self.bot.state.config(guild)
        view = BaseView()
        auto, silenced = (config.marked(what)[:_MOST_CHANNELS] for what in ("auto", "silenced"))
        view.add_item(ChannelsSelect("auto", auto, texts.setup.choose_auto))
        view.add_item(ChannelsSelect("silenced", silenced, texts.setup.choose_silenced))
        view.add_item(StepButton(Step.LANGUAGE, texts.setup.button_back))
        view.add_item(StepButton(Step.TOPICS, texts.setup.button_next, primary=True))
        return texts.setup.channels, view

    async def _topics_page(
        self, interaction: _Interaction, guild: GuildId, texts: Texts
    ) -> tuple[str, ui.View]:
        known = await self.bot.installation.stores.catalog.categories(guild)
        choices = [
            discord.SelectOption(label=texts.topics.templates[each], value=each.value, description=about)
            for each, about in ((each, _about(each, texts)) for each in Template)
        ]
        own = discord.SelectOption(
            label=texts.setup.from_channels, value=_CHANNELS, description=texts.setup.from_channels_about
        )
        view = BaseView()
        view.add_item(ChoiceSelect("topics", [*choices, own], texts.setup.choose_topics))
        view.add_item(StepButton(Step.CHANNELS, texts.setup.button_back))
        view.add_item(StepButton(Step.DONE, texts.setup.button_skip))
        return texts.setup.topics.format(count=Count(len(known))), view

    async def _show_preview(self, interaction: _Interaction, draft: Sequence[Topic], texts: Texts) -> None:
        view = BaseView()
        view.add_item(StepButton(Step.TOPICS, texts.setup.button_back))
        view.add_item(StepButton(Step.EDIT, texts.setup.button_edit))
        view.add_item(StepButton(Step.ACCEPT, texts.setup.button_accept, primary=True))
        questions = sum(len(topic.questions) for topic in draft)
        shown = neutralise(as_text(draft, _PREVIEW), verbatim=True)
        text = f"{texts.setup.preview.format(questions=Count(questions))}\n{shown}"
        await interaction.response.edit_message(content=text, view=view)

    async def _done_page(
        self, interaction: _Interaction, guild: GuildId, texts: Texts
    ) -> tuple[str, ui.View]:
        assert interaction.guild is not None
        found = await self._found(interaction.guild, guild)
        view = BaseView()
        view.add_item(StepButton(Step.TOPICS, texts.setup.button_back))
        return "\n".join([texts.setup.done, *lines_of(found, texts)]), view

    async def _found(self, home: discord.Guild, guild: GuildId) -> Found:
        from bot.client import PERMISSIONS

        auto = (await self.bot.state.config(guild)).marked("auto")
        channels = [channel for id_ in auto if (channel := home.get_channel(id_)) is not None]
        catalog = self.bot.installation.stores.catalog
        missing_in = {
            channel.id: _missing(_NEEDED_TO_ANSWER, channel.permissions_for(home.me)) for channel in channels
        }
        return Found(
            missing=_missing(PERMISSIONS, home.me.guild_permissions),
            missing_in=missing_in,
            reads_messages=self.bot.intents.message_content,
            answers_unasked=bool(auto),
            topics=len(await catalog.categories(guild)),
            sources=len(await catalog.sources(guild)),
        )


def _missing(wanted: discord.Permissions, given: discord.Permissions) -> list[str]:
    """Names of permissions, without those that are only another name of one."""
    return [name for name, on in wanted if on and not getattr(given, name) and name != "read_messages"]


def _seen_by_everybody(guild: discord.Guild) -> list[Seen]:
    """The channels and forums in which members talk and that nobody is kept out of, in their order."""
    channels: list[discord.TextChannel | discord.ForumChannel] = [*guild.text_channels, *guild.forums]
    open_ = [each for each in channels if each.permissions_for(guild.default_role).view_channel]
    return [
        Seen(
            name=channel.name,
            about=channel.topic or "",
            tags=tuple(tag.name for tag in channel.available_tags)
            if isinstance(channel, discord.ForumChannel)
            else (),
        )
        for channel in sorted(open_, key=lambda channel: channel.position)
    ]


def _about(template: Template, texts: Texts) -> str:
    return ", ".join(topic.name for topic in topics_of(template, texts.language))[:100]


def _of(interaction: _Interaction) -> Setup:
    cog = bot_of(interaction).get_cog(Setup.__name__)
    assert isinstance(cog, Setup)
    return cog
