"""What the whole agent costs: its own time per question, start-up to the first prompt, memory of `chat`.

`python -m benchmarks.cost`: the household sample, with synthetic passages beside it up to each size, in the
same guild and categories; the sample's *test* questions are asked. "Own" is all but model calls: the
graph, the search, the journal. Start-up and memory are those of a real `lorekeeper chat` in a terminal.
"""

from __future__ import annotations

import asyncio
import os
import pty
import select
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from agent.contracts import LOCAL_GUILD, Answered, Question, Slug
from agent.runtime import Installation, open_installation
from agent.settings import load_settings
from benchmarks.household import ASKED, read
from benchmarks.report import Goal, Report, Section, publish
from benchmarks.store import SOURCE_PASSAGES, Corpus
from bot.sample import load_sample, sample_categories

SIZES = (1_000, 10_000, 100_000)
GOAL_OWN_MS, GOAL_START_S, GOAL_MEMORY_MB = 15.0, 3.0, 700.0
STARTS = 5


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(None, data_dir=Path(folder))
        rows: list[dict[str, Any]] = []
        async with open_installation(settings) as installation:
            await load_sample(installation)
        starts, memory = _chat(Path(folder))
        async with open_installation(settings) as installation:
            corpus, sources = Corpus(), 0
            for size in SIZES:
                sources = await _fill(installation, corpus, sources, size)
                rows.append(await _ask(installation, size))
        _, large = _chat(Path(folder), starts=1)
    publish(_report(rows, starts, {"the sample": memory, f"{SIZES[-1]:,} passages": large}))


async def _fill(installation: Installation, corpus: Corpus, sources: int, size: int) -> int:
    """Add synthetic sources until the guild has `size` passages; return how many there are."""
    store = installation.stores.store
    slugs = [category.slug for category in sample_categories()]
    while await store.count(LOCAL_GUILD) + SOURCE_PASSAGES <= size:
        passages, vectors = corpus.source(sources)
        slug = Slug(slugs[sources % len(slugs)])
        here = [replace(passage, guild=LOCAL_GUILD, category=slug) for passage in passages]
        by_id = {passage.id: vector for passage, vector in zip(here, vectors, strict=True)}
        await store.put_source(LOCAL_GUILD, here[0].source, here, by_id)
        sources += 1
    await store.optimize()
    return sources


async def _ask(installation: Installation, size: int) -> dict[str, Any]:
    timings: list[dict[str, float]] = []
    for row in read("test"):
        question = Question(text=row["question"], asked_at=ASKED)
        async for event in installation.agent.ask(question):
            if isinstance(event, Answered):
                timings.append(dict(event.episode.timings))
    # The first questions open files and fill caches; a bot that has run for a minute has done that.
    own, total = (np.array([each[name] for each in timings[10:]]) for name in ("own", "total"))
    return {
        "passages": size,
        "own p50 ms": round(float(np.percentile(own, 50)), 1),
        "own p95 ms": round(float(np.percentile(own, 95)), 1),
        "whole p50 ms": round(float(np.percentile(total, 50)), 1),
        "whole p95 ms": round(float(np.percentile(total, 95)), 1),
    }


def _chat(data_dir: Path, starts: int = STARTS) -> tuple[list[float], float]:
    """Seconds from start to prompt, warm, and resident megabytes after the first answer."""
    seconds: list[float] = []
    memory = 0.0
    for _ in range(starts + 1):
        began = time.perf_counter()
        process, terminal = _spawn(data_dir)
        _until(terminal, "Ctrl-D ends.", ">")
        seconds.append(time.perf_counter() - began)
        os.write(terminal, b"When did we replace our pool pump?\n")
        _until(terminal, "Sources:", ">")
        memory = max(memory, _resident_mb(process.pid))
        os.write(terminal, b"\x04")
        process.wait(timeout=60)
        os.close(terminal)
    return seconds[1:], memory


def _spawn(data_dir: Path) -> tuple[subprocess.Popen[bytes], int]:
    ours, theirs = pty.openpty()
    environment = os.environ | {"LOREKEEPER_DATA_DIR": str(data_dir), "TERM": "xterm"}
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "chat"], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    return process, ours


def _until(terminal: int, *wanted: str, seconds: float = 120) -> None:
    """Read until each of `wanted` has appeared, one after the other."""
    seen, at = "", 0
    end = time.monotonic() + seconds
    for text in wanted:
        while (found := seen.find(text, at)) < 0:
            ready, _, _ = select.select([terminal], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise TimeoutError(f"{text!r} did not appear in: {seen[-500:]!r}")
            seen += os.read(terminal, 65536).decode("utf-8", "replace")
        at = found + len(text)


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def _report(rows: list[dict[str, Any]], starts: list[float], memory: dict[str, float]) -> Report:
    start = float(np.median(starts))
    own = next(row["own p50 ms"] for row in rows if row["passages"] == 10_000)
    other = [
        {"what": "start to first prompt, warm, median", "figure": f"{start:.2f} s of {len(starts)} starts"},
        *(
            {"what": f"resident memory of `chat` after an answer, {what}", "figure": f"{used:.0f} MB"}
            for what, used in memory.items()
        ),
    ]
    return Report(
        name="cost",
        title="What the agent costs",
        sections=[
            Section(title="time of a question by size of the guild", columns=list(rows[0]), rows=rows),
            Section(title="start-up and memory", columns=["what", "figure"], rows=other),
        ],
        goals=[
            Goal(
                text=f"own time p50 under {GOAL_OWN_MS:.0f} ms at 10k passages",
                reached=own < GOAL_OWN_MS,
                note=f"{own} ms",
            ),
            Goal(
                text=f"start-up to first prompt under {GOAL_START_S:.0f} s warm",
                reached=start < GOAL_START_S,
                note=f"{start:.2f} s",
            ),
            Goal(
                text=f"resident memory of chat under {GOAL_MEMORY_MB:.0f} MB",
                reached=memory["the sample"] < GOAL_MEMORY_MB,
                note=", ".join(f"{used:.0f} MB with {what}" for what, used in memory.items()),
            ),
        ],
        figures={"starts_s": starts},
    )


if __name__ == "__main__":
    asyncio.run(main())
