"""`python -m tuning.training.process FOLDER`: do, or go on with, the run that FOLDER/job.json describes.

Low priority, so that the bot answers meanwhile. SIGTERM and SIGINT stop it after the step it is at, with a
checkpoint. How it ended is the exit code (`tuning.training.job.Exit`); why, one line on standard error.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from agent.errors import LorekeeperError
from tuning.training.job import Exit, Job, read_job

_NICENESS = 10


def main() -> Exit:
    if len(sys.argv) != 2:
        print("usage: python -m tuning.training.process FOLDER", file=sys.stderr)
        return Exit.FAILED
    os.nice(_NICENESS)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    folder = Path(sys.argv[1])
    try:
        return _run(folder, read_job(folder), stop)
    except LorekeeperError as error:
        print(f"{error} {error.hint}".strip(), file=sys.stderr)
        return Exit.FAILED


def _run(folder: Path, job: Job, stop: threading.Event) -> Exit:
    # Before torch is loaded, which reads these once.
    os.environ.setdefault("OMP_NUM_THREADS", str(job.threads or os.cpu_count() or 1))
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    from tuning.training.process.running import Run

    return Exit.DONE if Run(folder, job, stop.is_set).train() else Exit.STOPPED


if __name__ == "__main__":
    sys.exit(main())
