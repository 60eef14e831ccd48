"""`python -m tests.tuning.loop.child FOLDER POINT`: drive the run in FOLDER, and die at POINT."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from agent.database.engine import open_database
from tests.tuning.loop.paper import PaperSteps, Told, driven, paper_loop


async def _main(folder: Path, last: str) -> None:
    def die(point: str) -> None:
        if point == last:
            os.kill(os.getpid(), signal.SIGKILL)

    database = await open_database(folder / "lorekeeper.db")
    await driven(paper_loop(database, PaperSteps(folder, die), Told(die)))
    await database.close()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), sys.argv[2]))
