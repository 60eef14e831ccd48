"""The sample household knowledge base, for the first minute with Lorekeeper."""

from __future__ import annotations

from collections.abc import Set
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from agent.contracts import LOCAL_GUILD, Category, Example, Slug
from agent.errors import IngestError, UsageError
from agent.files import write_atomically
from bot.jsonl import read_jsonl
from bot.output import note, progress

if TYPE_CHECKING:
    from agent.ingest.report import IngestReport
    from agent.runtime import Installation
    from agent.settings import Settings

HOUSEHOLD = Path(__file__).parents[1] / "examples" / "household"


async def load_sample(installation: Installation, folder: Path = HOUSEHOLD) -> None:
    """Load the sample into the terminal's guild, unless the guild has knowledge of its own.

    A load that was interrupted goes on where it was; after one that is complete the sample is the owner's:
    what they correct or remove stays so. Raises `UsageError` when the folder is not there, as the sample
    comes with the repository and not with the package, and `IngestError` when it cannot be finished.
    """
    if is_loaded(installation.settings):
        return
    _require(folder)
    catalog = installation.stores.catalog
    categories = sample_categories(folder)
    if await _has_own(installation, folder, {category.slug for category in categories}):
        return
    note("Loading the sample household knowledge base; only the first start does this.")
    for category in categories:
        await catalog.put_category(LOCAL_GUILD, category)
    await catalog.put_examples(LOCAL_GUILD, sample_examples(folder))
    with progress("Reading") as show:
        report = await installation.ingestor.ingest(
            LOCAL_GUILD, [str(folder / "entries"), str(folder / "documents")], progress=show.ingest
        )
    if not report.ok:
        raise _unfinished(report)
    write_atomically(_marker(installation.settings), b"")


def is_loaded(settings: Settings) -> bool:
    """Say whether the whole sample was loaded here once."""
    return _marker(settings).exists()


def sample_categories(folder: Path = HOUSEHOLD) -> list[Category]:
    """Return the categories. Spanish names stay out: in a description they cost English questions theirs."""
    rows: list[dict[str, Any]] = yaml.safe_load((folder / "categories.yaml").read_text("utf-8"))
    return [
        Category(slug=Slug(row["slug"]), name=row["name"], description=row["description"].strip())
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


def _marker(settings: Settings) -> Path:
    """One for each database: what was loaded into SQLite is not in PostgreSQL."""
    url = settings.database_url.get_secret_value()
    return settings.data_dir / (
        f"sample-loaded-{sha256(url.encode()).hexdigest()[:8]}" if url else "sample-loaded"
    )


async def _has_own(installation: Installation, folder: Path, sample: Set[Slug]) -> bool:
    catalog = installation.stores.catalog
    categories = await catalog.categories(LOCAL_GUILD)
    sources = await catalog.sources(LOCAL_GUILD)
    return any(category.slug not in sample for category in categories) or any(
        not Path(source.uri).is_relative_to(folder) for source in sources
    )


def _unfinished(report: IngestReport) -> IngestError:
    wrong = next((target for target in report.targets if target.reason), None)
    if report.stopped or wrong is None:
        return IngestError(report.stopped, report.hint)
    return IngestError(f"{wrong.uri}: {wrong.reason}", wrong.hint)


def _require(folder: Path) -> None:
    if not folder.is_dir():
        raise UsageError(
            f"The sample is not at {folder}.", "Clone the repository, or ingest files of your own."
        )
