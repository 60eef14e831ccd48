"""Training in this process, which saves loading torch for each run."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.tuning.training.runs import train
from tuning.runs.contracts import Outcome
from tuning.runs.following import outcome_of
from tuning.runs.supervisor import OnProgress, is_done
from tuning.training.job import metrics, read_job


async def in_this_process(folder: Path, on_progress: OnProgress, *, data_dir: Path) -> Outcome:
    """As `tuning.runs.supervisor.train`."""
    if not is_done(folder):
        assert await asyncio.to_thread(train, folder, read_job(folder))
    return outcome_of(metrics(folder), done=True)
