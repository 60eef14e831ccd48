"""The sample household knowledge base, for the first minute with Lorekeeper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from agent.contracts import LOCAL_GUILD, Category, Example, Slug
from agent.errors import UsageError
from bot.cli._jsonl import read_jsonl
from bot.cli._output import note, progress

if TYPE_CHECKING:
    from agent.runtime import Installation

HOUSEHOLD = Path(__file__).parents[1] / "examples" / "household"


async def load_sample(installation: Installation, folder: Path = HOUSEHOLD) -> None:
    """Load the sample into the terminal's guild, unless the guild has knowledge of its own.

    A load that was interrupted goes on where it was; one that is complete costs a few milliseconds. Raises
    `UsageError` when the folder is not there: the sample comes with the repository, not with the package.
    """
    _require(folder)
    catalog = installation.stores.catalog
    sources = await catalog.sources(LOCAL_GUILD)
    if any(not source.uri.startswith(str(folder)) for source in sources):
        return
    if not sources:
        note("Loading the sample household knowledge base; only the first start does this.")
    for category in sample_categories(folder):
        await catalog.put_category(LOCAL_GUILD, category)
    await catalog.put_examples(LOCAL_GUILD, sample_examples(folder))
    with progress("Reading") as show:
        await installation.ingestor.ingest(
            LOCAL_GUILD, [str(folder / "entries"), str(folder / "documents")], progress=show.ingest
        )


def sample_categories(folder: Path = HOUSEHOLD) -> list[Category]:
    """Return the sample's categories; the Spanish name helps the router, so it is in the description."""
    rows: list[dict[str, Any]] = yaml.safe_load((folder / "categories.yaml").read_text("utf-8"))
    return [
        Category(
            slug=Slug(row["slug"]),
            name=row["name"],
            description=f"{row['description'].strip()} ({row['name_es']})",
        )
        for row in rows
    ]


def sample_examples(folder: Path = HOUSEHOLD) -> list[Example]:
    """Return the labelled questions of the *tune* split; the *test* split stays unseen."""
    rows = read_jsonl(folder / "questions" / "tune.jsonl")
    return [
        Example(question=row["question"], category=Slug(row["category"]), origin="sample")
        for _, row in rows
        if row["category"]
    ]


def _require(folder: Path) -> None:
    if not folder.is_dir():
        raise UsageError(
            f"The sample is not at {folder}.", "Clone the repository, or ingest files of your own."
        )
