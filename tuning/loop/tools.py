"""What the steps of a run work with, made once for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from agent.contracts import GuildId, Slug
from agent.errors import ModelBrokenError
from agent.settings import Settings
from tuning.datasets.store import DatasetStore
from tuning.loop.log import RunLog
from tuning.loop.run import Run
from tuning.patterns.log import PatternLog
from tuning.registry.promotion import Promotion
from tuning.registry.store import Registry
from tuning.runs.bases import BaseModel, find_base

if TYPE_CHECKING:
    from agent.runtime import Stores


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    stores: Stores
    datasets: DatasetStore
    registry: Registry
    promotion: Promotion
    patterns: PatternLog
    log: RunLog

    @property
    def settings(self) -> Settings:
        return self.stores.settings

    @property
    def data_dir(self) -> Path:
        return self.stores.settings.data_dir

    def clock(self) -> datetime:
        return self.stores.clock()

    def folder(self, run: Run) -> Path:
        return run.folder(self.data_dir)


def tools_of(stores: Stores) -> Tools:
    database = stores.database
    registry = Registry(database, stores.settings.data_dir)
    return Tools(
        stores=stores,
        datasets=DatasetStore(database),
        registry=registry,
        promotion=Promotion(database, registry, stores.assignments),
        patterns=PatternLog(database),
        log=RunLog(database),
    )


def reports_folder(data_dir: Path, guild: GuildId) -> Path:
    """Where the reports of a guild's adapters lie, each as `<adapter id>` with .json, .md and .png."""
    return data_dir / "tuning" / guild / "reports"


async def category_now(tools: Tools, run: Run) -> Slug | None:
    """The category that a run is for, as it is called now."""
    category = run.aim.category
    if category is None:
        return None
    return (await tools.stores.catalog.former_slugs(run.guild)).get(category, category)


async def same_base(tools: Tools, run: Run) -> BaseModel:
    """Return the base, as long as it is the one that the run began with. Raises `ModelBrokenError`."""
    base = await find_base(tools.settings, run.plan.base)
    if base.digest != run.base_digest:
        raise ModelBrokenError(
            f"The chat model is another one than when the run began: {base.name}.",
            "Start a new run; an adapter serves on no other model than it was trained on.",
        )
    return base
