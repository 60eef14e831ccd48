"""Which category a source gets.

In order: the command; the front matter (of a row: its column); the folder's name; what a person chose
when it was ingested before; the router, with its probability. A category that a local file names and the
guild has not is created, since its owner wrote it there; a page from the web never creates one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agent.catalog.known import require_slug
from agent.catalog.slugs import slug_of
from agent.contracts import Category, Route, RouteDecision, Slug, Source
from agent.errors import IngestError, UsageError
from agent.ingest.documents import Document
from agent.ingest.report import Choice, ChosenBy

_NEW_OF_ONE_FILE = 20
"""More unknown categories than this in one file are a column that means something else."""
_FOLDERS_UP = 3
_ROUTED_CHARACTERS = 500
_ROUTER_MOST = 0.9999
"""1.0 is a person's; a router that is as sure is still not one."""


def known_category(name: str, categories: Sequence[Category]) -> Slug | None:
    """The category with this slug or name, whatever its case."""
    wanted = name.strip().casefold()
    slugs = {wanted, _slug(name)} - {""}
    names = (each.slug for each in categories if each.slug in slugs or each.name.casefold() == wanted)
    return next(names, None)


def required_category(name: str, categories: Sequence[Category]) -> Slug:
    """Raises `UnknownCategoryError`, which names the nearest."""
    return known_category(name, categories) or require_slug([each.slug for each in categories], name)


def new_categories(document: Document, categories: Sequence[Category]) -> tuple[Category, ...]:
    """Those that the document names and the guild has not. Raises `IngestError` for too many of them."""
    new: dict[str, Category] = {}
    for name in (document.category, *(block.context.category for block in document.blocks)):
        slug = _slug(name)
        if slug and not known_category(name, categories):
            new.setdefault(slug, Category(slug=Slug(slug), name=name))
    if len(new) > _NEW_OF_ONE_FILE:
        raise IngestError(
            f"It names too many categories that do not exist: {len(new)}.",
            "Is that column really the category?",
        )
    return tuple(new.values())


def _slug(name: str) -> str:
    """Empty for a name that has no Latin letter or digit: it can be no category here."""
    try:
        return slug_of(name)
    except UsageError:
        return ""


def row_categories(document: Document, categories: Sequence[Category]) -> dict[str, Slug]:
    """Which slug stands for each category that a row names."""
    named = {block.context.category for block in document.blocks} - {""}
    found = {name: known_category(name, categories) for name in named}
    return {name: slug for name, slug in found.items() if slug}


def chosen_by_person(
    command: Slug | None,
    document: Document,
    path: Path | None,
    before: Source | None,
    categories: Sequence[Category],
) -> Choice | None:
    """The first choice of a person, or None: then the router is asked."""
    folders = path.parts[:-1][: -_FOLDERS_UP - 1 : -1] if path else ()
    by_folder = next(filter(None, (known_category(folder, categories) for folder in folders)), None)
    earlier = before.category if before and before.category_probability >= 1.0 else None
    candidates = (
        (ChosenBy.COMMAND, command),
        (ChosenBy.DOCUMENT, known_category(document.category, categories)),
        (ChosenBy.FOLDER, by_folder),
        (ChosenBy.BEFORE, earlier),
    )
    for by, slug in candidates:
        if slug:
            return Choice(category=slug, probability=1.0, by=by)
    return None


def routed_text(title: str, text: str) -> str:
    """What the router is shown of a source, in place of a question."""
    return f"{title}\n{text[:_ROUTED_CHARACTERS]}"


def chosen_by_router(route: Route) -> Choice:
    """No category when the router would not search in one alone."""
    best = route.scores[0] if route.scores else None
    sure = route.decision in (RouteDecision.SINGLE, RouteDecision.UNION)
    probability = min(best.probability, _ROUTER_MOST) if best else 0.0
    if best and sure:
        return Choice(category=best.category, probability=probability, by=ChosenBy.ROUTER)
    return Choice(category=None, probability=probability, by=ChosenBy.NOBODY)
