"""Changing categories, so that a stop half-way is finished by the same command, and doing it twice is once.

Passages move before the catalog says so: while the catalog still has the old category the command can be
given again, and a question that comes in between finds nothing under it and searches wider. They are moved
once more after it, for what was taken in meanwhile. The catalog moves labelled examples and sources in one
transaction and keeps the old slug as a former one; the router follows its revision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agent.catalog.known import require_slug
from agent.catalog.slugs import check_slug, slug_of
from agent.contracts import Category, Example, GuildId, Slug
from agent.errors import UsageError
from agent.runtime import Stores
from bot.topics import Topic


async def rename_category(stores: Stores, guild: GuildId, old: str, new: str) -> int:
    """Give a category another slug. Return how many passages moved.

    Raises `UnknownCategoryError`, and `UsageError` when `new` exists.
    """
    known, former = await _slugs(stores, guild), await stores.catalog.former_slugs(guild)
    slug, target = require_slug(known, old, former), check_slug(new)
    if former.get(Slug(old)) == target:
        return await stores.store.recategorise(guild, Slug(old), target)
    if target in known:
        raise UsageError(f"There is a category {target} already.", "`categories merge` joins the two.")
    moved = await stores.store.recategorise(guild, slug, target)
    await stores.catalog.rename_category(guild, slug, target)
    return moved + await stores.store.recategorise(guild, slug, target)


async def merge_category(stores: Stores, guild: GuildId, old: str, into: str) -> int:
    """Return how many passages moved. Raises `UnknownCategoryError`, `UsageError` for one into itself."""
    known, former = await _slugs(stores, guild), await stores.catalog.former_slugs(guild)
    slug, target = require_slug(known, old, former), require_slug(known, into, former)
    if former.get(Slug(old)) == target:
        return await stores.store.recategorise(guild, Slug(old), target)
    if slug == target:
        raise UsageError(f"{slug} cannot be merged into itself.")
    moved = await stores.store.recategorise(guild, slug, target)
    await stores.catalog.merge_category(guild, slug, target)
    return moved + await stores.store.recategorise(guild, slug, target)


async def remove_category(stores: Stores, guild: GuildId, slug: str) -> int:
    """Return how many passages stay, without a category. Raises `UnknownCategoryError`."""
    known = require_slug(await _slugs(stores, guild), slug)
    moved = await stores.store.recategorise(guild, known, None)
    await stores.catalog.remove_category(guild, known)
    return moved + await stores.store.recategorise(guild, known, None)


async def add_category(stores: Stores, guild: GuildId, name: str, description: str) -> Category:
    """Add a category; its slug is made of the name. Raises `UsageError` when there is one already."""
    category = Category(slug=slug_of(name), name=name.strip(), description=description.strip())
    if category.slug in await _slugs(stores, guild):
        raise UsageError(f"There is a category {category.slug} already.", "Change it with `categories edit`.")
    await stores.catalog.put_category(guild, category)
    return category


async def edit_category(
    stores: Stores, guild: GuildId, slug: str, name: str | None, description: str | None
) -> Category:
    """Change a name, a description or both; the slug stays. Raises `UnknownCategoryError`."""
    known = {each.slug: each for each in await stores.catalog.categories(guild)}
    category = known[require_slug(known.keys(), slug, await stores.catalog.former_slugs(guild))]
    changed = replace(
        category,
        name=category.name if name is None else name.strip(),
        description=category.description if description is None else description.strip(),
    )
    await stores.catalog.put_category(guild, changed)
    return changed


async def add_topics(stores: Stores, guild: GuildId, topics: Sequence[Topic]) -> tuple[Category, ...]:
    """Add those that are not there, and the example questions of all that nobody has labelled.

    Return what was added. Raises `UsageError` for a name that no slug can be made of.
    """
    known = await _slugs(stores, guild)
    wanted = {topic.slug: topic for topic in topics}
    added = [
        Category(slug=slug, name=topic.name, description=topic.about)
        for slug, topic in wanted.items()
        if slug not in known
    ]
    for category in added:
        await stores.catalog.put_category(guild, category)
    labelled = {example.question for example in await stores.catalog.examples(guild)}
    examples = [
        Example(question=question, category=slug, origin="template")
        for slug, topic in wanted.items()
        for question in topic.questions
        if question not in labelled
    ]
    if examples:
        await stores.catalog.put_examples(guild, examples)
    return tuple(added)


async def _slugs(stores: Stores, guild: GuildId) -> set[Slug]:
    return {category.slug for category in await stores.catalog.categories(guild)}
