"""`make demo-loop`: a community corrects its bot, which trains by night, proves that it is better, serves."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import pytest

from agent.errors import LorekeeperError
from agent.settings import load_settings
from tests.story.play import Story, staged


def main() -> int:
    try:
        return asyncio.run(_play())
    except KeyboardInterrupt:
        return 130
    except (OSError, LorekeeperError) as error:
        print(error, file=sys.stderr)
        return 1


async def _play() -> int:
    began = time.monotonic()

    def tell(line: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - began), 60)
        print(f"[{minutes:2d}:{seconds:02d}] {line}", flush=True)

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        settings = load_settings(None, data_dir=Path(folder))
        async with staged(settings, patch, tell) as story:
            return await _told(story)


async def _told(story: Story) -> int:
    await story.prepare()
    await story.good_days()
    await story.another_way_to_ask()
    before = await story.answers()
    await story.pattern()
    await story.approval(await story.training())
    after = await story.answers()
    await story.rollback()
    again = await story.answers()
    story.tell(f"Right before the training {before}, after it {after}, after the rollback {again}.")
    return 0 if after > before >= again else 1


if __name__ == "__main__":
    sys.exit(main())
