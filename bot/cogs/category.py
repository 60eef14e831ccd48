"""`/category`: the topics of a guild, added, changed, joined and removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import discord
from discord import app_commands
from discord.ext import commands

from agent.catalog.slugs import slug_of
from agent.contracts import GuildId, Slug
from agent.errors import UsageError
from agent.language.counts import Count
from bot.administering import admin_group, audit, tell
from bot.categories import (
    add_category,
    add_topics,
    edit_category,
    merge_category,
    remove_category,
    rename_category,
)
from bot.choosing import require_topic, topic_choices
from bot.errors import say
from bot.powers import require_power
from bot.rendering import neutral_line
from bot.state.config import Power
from bot.templates import Template, topics_of
from bot.texts import Texts
from bot.topics import ABOUT_CHARACTERS, NAME_CHARACTERS
from bot.translating import described, options

if TYPE_CHECKING:
    from bot.client import Lorekeeper

_Name: TypeAlias = app_commands.Range[str, 1, NAME_CHARACTERS]
_About: TypeAlias = app_commands.Range[str, 1, ABOUT_CHARACTERS]


class Category(commands.Cog):
    """Each command can be given again after it was stopped in the middle: it finishes what it began."""

    category = admin_group("category")

    def __init__(self, bot: Lorekeeper) -> None:
        self.bot = bot
        self._stores = bot.installation.stores

    @category.command(name="add", description=described("category.add"))
    @options("category.add", "name", "about")
    async def add(self, interaction: discord.Interaction[Lorekeeper], name: _Name, about: _About) -> None:
        """Add a topic."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        await self._require_free(guild, name, texts)
        added = await add_category(self._stores, guild, name, about)
        await audit(interaction, guild, "category add", {"slug": added.slug})
        await say(interaction, texts.category_added.format(name=neutral_line(added.name)))

    @category.command(name="edit", description=described("category.edit"))
    @options("category.edit", "topic", "name", "about")
    async def edit(
        self,
        interaction: discord.Interaction[Lorekeeper],
        topic: str,
        name: _Name | None = None,
        about: _About | None = None,
    ) -> None:
        """Change what a topic is called or about; its slug stays."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        if name is None and about is None:
            raise UsageError(texts.topics.nothing_to_edit)
        before = await require_topic(self.bot, guild, topic, texts)
        changed = await edit_category(self._stores, guild, before.slug, name, about)
        detail = {"slug": changed.slug, "name": changed.name, "about": changed.description}
        await audit(interaction, guild, "category edit", detail)
        await say(interaction, texts.topics.edited.format(name=_described(changed.name, changed.description)))

    @category.command(name="rename", description=described("category.rename"))
    @options("category.rename", "topic", "name")
    async def rename(self, interaction: discord.Interaction[Lorekeeper], topic: str, name: _Name) -> None:
        """Give a topic another name, and the slug that is made of it."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        before = await require_topic(self.bot, guild, topic, texts)
        slug = _slug(name, texts)
        # The same words again, or only another case or accent, make the same slug.
        if slug != before.slug:
            await self._require_free(guild, name, texts)
        await interaction.response.defer(ephemeral=True, thinking=True)
        moved = await self._renamed(guild, topic, before.slug, slug)
        await edit_category(self._stores, guild, slug, name, None)
        detail = {"slug": before.slug, "now": slug, "passages": moved}
        await audit(interaction, guild, "category rename", detail)
        said = texts.topics.renamed.format(
            old=neutral_line(before.name), new=neutral_line(name), count=Count(moved)
        )
        await say(interaction, said)

    @category.command(name="merge", description=described("category.merge"))
    @options("category.merge", "topic", "into")
    async def merge(self, interaction: discord.Interaction[Lorekeeper], topic: str, into: str) -> None:
        """Move everything of a topic into another one."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        source = await require_topic(self.bot, guild, topic, texts)
        target = await require_topic(self.bot, guild, into, texts)
        # What was merged already is found under its former slug; then only what is left over moves.
        if source.slug == target.slug and topic in (target.slug, target.name):
            raise UsageError(texts.topics.into_itself)
        await interaction.response.defer(ephemeral=True, thinking=True)
        old = source.slug if source.slug != target.slug else Slug(topic)
        moved = await merge_category(self._stores, guild, old, target.slug)
        detail = {"slug": old, "into": target.slug, "passages": moved}
        await audit(interaction, guild, "category merge", detail)
        said = texts.topics.merged.format(
            old=neutral_line(source.name), into=neutral_line(target.name), count=Count(moved)
        )
        await say(interaction, said)

    @category.command(name="remove", description=described("category.remove"))
    @options("category.remove", "topic")
    async def remove(self, interaction: discord.Interaction[Lorekeeper], topic: str) -> None:
        """Remove a topic; what was kept under it stays, without one."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        found = await require_topic(self.bot, guild, topic, texts)
        await interaction.response.defer(ephemeral=True, thinking=True)
        kept = await remove_category(self._stores, guild, found.slug)
        await audit(interaction, guild, "category remove", {"slug": found.slug})
        await say(
            interaction, texts.category_removed.format(name=neutral_line(found.name), count=Count(kept))
        )

    @category.command(name="list", description=described("category.list"))
    async def list_topics(self, interaction: discord.Interaction[Lorekeeper]) -> None:
        """Every topic with what it is about."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        categories = await self._stores.catalog.categories(guild)
        lines = [_described(each.name, each.description) for each in categories]
        await tell(interaction, "\n".join(lines) or texts.no_topics)

    @category.command(name="templates", description=described("category.templates"))
    @options("category.templates", "template")
    async def templates(
        self, interaction: discord.Interaction[Lorekeeper], template: Template | None = None
    ) -> None:
        """Show the templates, or add the topics of one."""
        guild, texts = await require_power(self.bot, interaction, Power.ADMINISTER)
        if template is None:
            lines = [template_line(each, texts) for each in Template]
            await tell(interaction, "\n".join(lines))
            return
        await interaction.response.defer(ephemeral=True, thinking=True)
        assert interaction.guild is not None
        spoken = await self.bot.texts_of(interaction.guild)
        added = await add_topics(self._stores, guild, topics_of(template, spoken.language))
        detail = {"template": template.value, "slugs": [each.slug for each in added]}
        await audit(interaction, guild, "category templates", detail)
        names = ", ".join(neutral_line(each.name) for each in added)
        await tell(interaction, texts.topics.added.format(names=names) if added else texts.topics.all_there)

    @edit.autocomplete("topic")
    @rename.autocomplete("topic")
    @merge.autocomplete("topic")
    @merge.autocomplete("into")
    @remove.autocomplete("topic")
    async def _topics(
        self, interaction: discord.Interaction[Lorekeeper], current: str
    ) -> list[app_commands.Choice[str]]:
        return await topic_choices(interaction, current)

    async def _require_free(self, guild: GuildId, name: str, texts: Texts) -> None:
        slug = _slug(name, texts)
        if slug in {each.slug for each in await self._stores.catalog.categories(guild)}:
            raise UsageError(texts.topics.exists.format(name=neutral_line(name)))

    async def _renamed(self, guild: GuildId, given: str, before: Slug, slug: Slug) -> int:
        """Move what is to be moved, which for a command that is given again is what was left over."""
        if before != slug:
            return await rename_category(self._stores, guild, before, slug)
        former = await self._stores.catalog.former_slugs(guild)
        left = former.get(Slug(given)) == slug
        return await rename_category(self._stores, guild, given, slug) if left else 0


def template_line(template: Template, texts: Texts) -> str:
    """A template with the names of its topics."""
    names = ", ".join(topic.name for topic in topics_of(template, texts.language))
    return texts.topics.template.format(title=texts.topics.templates[template.value], names=names)


def _described(name: str, about: str) -> str:
    return f"**{neutral_line(name)}**: {neutral_line(about)}"


def _slug(name: str, texts: Texts) -> Slug:
    try:
        return slug_of(name)
    except UsageError:
        raise UsageError(texts.topics.no_letters.format(name=neutral_line(name))) from None
