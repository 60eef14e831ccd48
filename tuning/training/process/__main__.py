"""`python -m tuning.training.process FOLDER [LOCK]`: do, or go on with, the run of FOLDER/job.json.

Low priority, so that the bot answers meanwhile. SIGTERM and SIGINT stop it after the step it is at, with a
checkpoint. How it ended is the exit code (`tuning.training.job.Exit`); why, one line on standard error.
With LOCK it trains alone, and the end of its standard input stops it too (`tuning.training.leash`).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from agent.errors import LorekeeperError, StoreBusyError
from tuning.training.job import Exit, Job, read_job
from tuning.training.leash import alone, stop_with_starter

_NICENESS = 10


def main() -> Exit:
    if len(sys.argv) not in (2, 3):
        print("usage: python -m tuning.training.process FOLDER [LOCK]", file=sys.stderr)
        return Exit.FAILED
    os.nice(_NICENESS)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    folder, *locks = map(Path, sys.argv[1:])
    try:
        with _leash(locks, stop):
            return _run(folder, read_job(folder), stop)
    except LorekeeperError as error:
        print(f"{error} {error.hint}".strip(), file=sys.stderr)
        return Exit.BUSY if isinstance(error, StoreBusyError) else Exit.FAILED


def _leash(locks: Sequence[Path], stop: threading.Event) -> AbstractContextManager[None]:
    """Of the processes of one run on several cards, the first holds the lock for all."""
    if not locks:
        return nullcontext()
    stop_with_starter(stop)
    first = os.environ.get("LOCAL_RANK", "0") == "0"
    return alone(locks[0]) if first else nullcontext()


def _run(folder: Path, job: Job, stop: threading.Event) -> Exit:
    # Before torch is loaded, which reads these once.
    os.environ.setdefault("OMP_NUM_THREADS", str(job.threads or os.cpu_count() or 1))
    # Threads that spin while they wait for each other take from the bot what it answers with, and on a busy
    # machine from themselves nearly all that they have.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    from tuning.training.process.running import Run

    return Exit.DONE if Run(folder, job, stop.is_set).train() else Exit.STOPPED


if __name__ == "__main__":
    sys.exit(main())
