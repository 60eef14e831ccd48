"""Choosing a topic: what is offered while its name is typed, lists of any number of them, and which is meant.

Discord shows 25 options of a list. Longer lists are turned over: an option of its own leads on, and what it
leads to is worked out again when it is chosen, so that a list from before a restart works as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from discord import Interaction, SelectOption, app_commands

from agent.contracts import Category, GuildId, Route, Slug
from agent.errors import UsageError
from bot.rendering import neutral_line
from bot.texts import Texts

if TYPE_CHECKING:
    from bot.client import Lorekeeper

MOST_OPTIONS: Final = 25
"""Discord shows no more, in a list as while a name is typed."""
_ON_A_PAGE: Final = MOST_OPTIONS - 2
"""The other two turn the page."""
_PAGE: Final = "page:"
"""How the value of such an option begins; no slug has a colon."""
_LONGEST: Final = 100
"""Characters of a label or a description."""


async def topic_choices(interaction: Interaction[Lorekeeper], current: str) -> list[app_commands.Choice[str]]:
    """The guild's categories whose name or slug holds what was typed."""
    if interaction.guild_id is None:
        return []
    bot = interaction.client
    categories = await bot.installation.stores.catalog.categories(bot.guild_id(interaction.guild_id))
    wanted = current.casefold()
    found = [each for each in categories if wanted in each.name.casefold() or wanted in each.slug]
    return [app_commands.Choice(name=each.name[:_LONGEST], value=each.slug) for each in found[:MOST_OPTIONS]]


async def require_topic(bot: Lorekeeper, guild: GuildId, given: str, texts: Texts) -> Category:
    """The category that a member means. Raises `UsageError` in their language."""
    catalog = bot.installation.stores.catalog
    found = find_topic(await catalog.categories(guild), await catalog.former_slugs(guild), given)
    if found is None:
        raise UsageError(texts.topics.unknown.format(name=neutral_line(given)))
    return found


def find_topic(categories: Sequence[Category], former: Mapping[Slug, Slug], given: str) -> Category | None:
    """The category of this slug, or of the slug that it had before, or of this name."""
    by_slug = {each.slug: each for each in categories}
    slug = Slug(given)
    found = by_slug.get(slug) or by_slug.get(former.get(slug, slug))
    named = (each for each in categories if each.name.casefold() == given.strip().casefold())
    return found or next(named, None)


def likeliest_first(categories: Sequence[Category], route: Route | None) -> list[Category]:
    """The categories by what the route gave them, the others by name."""
    chances = {score.category: score.probability for score in route.scores} if route else {}
    return sorted(categories, key=lambda each: (-chances.get(each.slug, 0.0), each.name.casefold()))


def topic_options(
    categories: Sequence[Category], page: int, texts: Texts, first: Sequence[SelectOption] = ()
) -> list[SelectOption]:
    """One page of a list of categories, counted from 0, after the options that come `first`. A page that is
    no longer there is the last one.
    """
    every = [*first, *map(_option, categories)]
    if len(every) <= MOST_OPTIONS:
        return every
    last = (len(every) - 1) // _ON_A_PAGE
    page = min(page, last)
    shown = every[page * _ON_A_PAGE : (page + 1) * _ON_A_PAGE]
    if page > 0:
        shown.insert(0, SelectOption(label=texts.topics.page_back, value=f"{_PAGE}{page - 1}", emoji="◀️"))
    if page < last:
        shown.append(SelectOption(label=texts.topics.page_on, value=f"{_PAGE}{page + 1}", emoji="▶️"))
    return shown


def page_chosen(value: str) -> int | None:
    """The page that an option leads to; None for one that stands for itself."""
    return int(value.removeprefix(_PAGE)) if value.startswith(_PAGE) else None


def _option(category: Category) -> SelectOption:
    return SelectOption(
        label=category.name[:_LONGEST],
        value=category.slug,
        description=category.description[:_LONGEST] or None,
    )
