"""Looking for a guild's best recipe on the labels that it has now, without letting anything serve."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from agent.contracts import GuildId
from agent.errors import UsageError
from agent.language.counts import Count
from agent.serving.served import Task
from tuning.datasets.building import build_version
from tuning.datasets.item import Split
from tuning.datasets.rows_of import learnable
from tuning.loop.making import job_of
from tuning.loop.plan import Plan
from tuning.loop.tools import tools_of
from tuning.runs.bases import find_base
from tuning.runs.search import Found, Space, Trial, search
from tuning.runs.supervisor import OnProgress

if TYPE_CHECKING:
    from agent.runtime import Stores


async def search_recipe(
    stores: Stores,
    guild: GuildId,
    task: Task,
    plan: Plan,
    space: Space,
    *,
    on_trial: Callable[[Trial], None],
    on_progress: OnProgress,
) -> Found:
    """Try the space around the plan's recipe; a search that was stopped goes on where it was.

    Raises `UsageError` where there is nothing to train on, and whatever `tuning.runs.search.search` raises.
    """
    tools = tools_of(stores)
    version = await build_version(stores, guild, task, stores.clock())
    labels, held_out = (
        len(learnable(version, split, plan.recipe.objective)) for split in (Split.TRAIN, Split.VALIDATION)
    )
    if labels < plan.labels or not held_out:
        raise UsageError(
            f"{Count(labels):There is # label|There are # labels} to train on; {plan.labels} are needed.",
            "`lorekeeper labels list` shows what was learnt so far.",
        )
    folder = _folder(stores.settings.data_dir, guild, version.id)
    base = await find_base(stores.settings, plan.base)
    job = await job_of(tools, guild, version, plan.recipe, base, folder)
    if isinstance(job, Split):
        raise UsageError("None of the labels can be trained on: their sources changed.")
    return await search(
        job, space, folder, on_trial, data_dir=stores.settings.data_dir, on_progress=on_progress
    )


def _folder(data_dir: Path, guild: GuildId, dataset: str) -> Path:
    return data_dir / "tuning" / guild / "searches" / dataset[:12]
