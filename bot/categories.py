"""Moving and removing a category, so that a stop half-way is finished by the same command.

Passages move before the catalog says so: while the catalog still has the old category the command can be
given again, and a question that comes in between finds nothing under it and searches wider.
"""

from __future__ import annotations

from agent.catalog.known import require_slug
from agent.catalog.slugs import check_slug, slug_of
from agent.contracts import Category, GuildId, Slug
from agent.errors import UsageError
from agent.runtime import Stores


async def rename_category(stores: Stores, guild: GuildId, old: str, new: str) -> int:
    """Return how many passages moved. Raises `UnknownCategoryError`, and `UsageError` when `new` exists."""
    known = await _slugs(stores, guild)
    slug, target = require_slug(known, old), check_slug(new)
    if target in known:
        raise UsageError(f"There is a category {target} already.", "`categories merge` joins the two.")
    moved = await stores.store.recategorise(guild, slug, target)
    await stores.catalog.rename_category(guild, slug, target)
    return moved


async def merge_category(stores: Stores, guild: GuildId, old: str, into: str) -> int:
    """Return how many passages moved. Raises `UnknownCategoryError`, `UsageError` for one into itself."""
    known = await _slugs(stores, guild)
    slug, target = require_slug(known, old), require_slug(known, into)
    if slug == target:
        raise UsageError(f"{slug} cannot be merged into itself.")
    moved = await stores.store.recategorise(guild, slug, target)
    await stores.catalog.merge_category(guild, slug, target)
    return moved


async def remove_category(stores: Stores, guild: GuildId, slug: str) -> int:
    """Return how many passages stay, without a category. Raises `UnknownCategoryError`."""
    known = require_slug(await _slugs(stores, guild), slug)
    moved = await stores.store.recategorise(guild, known, None)
    await stores.catalog.remove_category(guild, known)
    return moved


async def add_category(stores: Stores, guild: GuildId, name: str, description: str) -> Category:
    """Add a category; its slug is made of the name. Raises `UsageError` when there is one already."""
    category = Category(slug=slug_of(name), name=name.strip(), description=description.strip())
    if category.slug in await _slugs(stores, guild):
        raise UsageError(f"There is a category {category.slug} already.", "Change it with `categories edit`.")
    await stores.catalog.put_category(guild, category)
    return category


async def _slugs(stores: Stores, guild: GuildId) -> set[Slug]:
    return {category.slug for category in await stores.catalog.categories(guild)}
