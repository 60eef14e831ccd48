"""The whole loop while members go on asking: `python -m benchmarks.tuned_loop [--poisoned]`.

After `make training`. The story of `make demo-loop`, on the embedded default and with the default recipe.
Timed is what the machine needs from the last correction to the adapter that serves everybody: finding the
pattern, the training, the proofs, the examination, the gate. The night that a plan would wait for is turned
over, and the parent who is asked answers at once. All the while a member asks, waits for the answer, rests
for a second and asks the next thing, as one did before; latency is from the message to the final answer in
the loopback Discord, which runs in the bot's process.

With `--poisoned` the parents then put wrong 30 % of all that they had put right, a second adapter is trained
on that, and must not replace the first, which answers meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import chain, cycle
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from agent.contracts import LOCAL_GUILD
from agent.serving.served import Task
from agent.settings import load_settings
from benchmarks.report import Goal, Report, Section, publish
from bot.output import note
from tests.story.play import Story, staged
from tests.story.script import ASKED_AFTER, THINGS, in_a_row, plain
from tuning.datasets.store import DatasetStore
from tuning.datasets.version import DatasetVersion
from tuning.loop.run import Run
from tuning.loop.state import State

MINUTES: Final = 15.0
TIMES: Final = 2.0
"""How many times as long as before the slowest twentieth of the questions may take."""
FLIPPED: Final = 0.3
CALM: Final = 80
"""Questions before and after."""
_REST_SECONDS: Final = 1.0
_GUESTS: Final = 12
"""Who ask in turn, so that nobody asks more than a member may."""
_LOOK_SECONDS: Final = 0.25

BEFORE: Final = "before"
PATTERN: Final = "finding the pattern"
SERVED: Final = "with the adapter"
_SAID: Final[Mapping[State, str]] = {
    State.ASKED: "collecting labels",
    State.DATASET: "preparing",
    State.TRAINING: "training",
    State.EXPORTING: "proving the adapter",
    State.EVALUATING: "examining it",
    State.GATED: "the gate",
    State.APPROVAL: "asking a parent",
}


@dataclass(slots=True)
class Guests:
    """Members who ask one thing after the other, and what each answer took."""

    story: Story
    phase: str = BEFORE
    milliseconds: dict[str, list[float]] = field(default_factory=dict)
    """By the phase in which a question was asked."""
    adapters: list[str] = field(default_factory=list)
    """Digests of those that had a say in an answer."""

    async def ask(self, questions: Iterator[tuple[str, str]]) -> None:
        for name, question in questions:
            phase, began = self.phase, time.perf_counter()
            answer = await self.story.asks(name, question)
            self.milliseconds.setdefault(phase, []).append((time.perf_counter() - began) * 1000)
            models = (await self.story.episode_of(answer)).models
            self.adapters += [model.adapter_digest for model in models if model.adapter_digest]
            await asyncio.sleep(_REST_SECONDS)

    @asynccontextmanager
    async def asking(self, questions: Iterator[tuple[str, str]]) -> AsyncIterator[None]:
        """Ask throughout the block. Raises what kept one from being answered."""
        task = asyncio.create_task(self.ask(questions))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
        if not task.cancelled():
            task.result()


@dataclass(slots=True)
class Course:
    """When each step of a run began."""

    guests: Guests
    began: float = field(default_factory=time.monotonic)
    marks: list[tuple[str, float]] = field(default_factory=list)
    """Step and seconds."""

    def comes_to(self, phase: str) -> None:
        self.guests.phase = phase
        self.marks.append((phase, time.monotonic() - self.began))

    async def follow(self, before: Run | None) -> None:
        """Note the steps of the run after `before`."""
        state: State | None = None
        while True:
            run = await self.guests.story.run()
            if run is not None and (before is None or run.id != before.id) and run.state is not state:
                state = run.state
                if state in _SAID:
                    self.comes_to(_SAID[state])
            await asyncio.sleep(_LOOK_SECONDS)

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.follow(await self.guests.story.run()))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    def seconds(self) -> dict[str, float]:
        """How long each step took; the last mark is where it ended."""
        ends = [at for _, at in self.marks[1:]]
        return {phase: end - at for (phase, at), end in zip(self.marks, ends, strict=False)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Poisoned:
    """What came of the second training."""

    flipped: int
    """Labels that say another topic than before."""
    labels: int
    run: Run
    served: str
    """The digest of the champion afterwards."""
    heard: frozenset[str]
    """Digests of the adapters that had a say meanwhile."""
    right: int
    """New questions that are searched where they belong, afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    guests: Guests
    course: Course
    run: Run
    right: Mapping[str, int]
    """New questions that are searched where they belong, by phase."""
    poisoned: Poisoned | None


async def main(*, poison: bool) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        async with staged(load_settings(None, data_dir=Path(folder)), patch, note) as story:
            played = await play(story, poison=poison)
    publish(_report(played))


async def play(story: Story, *, poison: bool) -> Played:
    await story.prepare()
    await story.good_days()
    await story.another_way_to_ask()
    guests, questions = Guests(story), _questions()
    await guests.ask(_first(questions, CALM))
    right = {BEFORE: await story.answers()}
    course = Course(guests)
    async with guests.asking(questions):
        course.comes_to(PATTERN)
        await story.pattern()
        async with course.followed():
            run = await story.training()
            await story.approval(run)
        course.comes_to(SERVED)
    right[SERVED] = await story.answers()
    await guests.ask(_first(questions, CALM))
    poisoned = await _poison(story, questions) if poison else None
    return Played(guests=guests, course=course, run=run, right=right, poisoned=poisoned)


async def _poison(story: Story, questions: Iterator[tuple[str, str]]) -> Poisoned:
    rng = random.Random(7)
    wrong = rng.sample(story.judged, round(FLIPPED * len(story.judged)))
    for each in wrong:
        others = [topic for topic in THINGS if topic != each.right]
        await story.corrects(each.parent, each.answer, rng.choice(others))
    story.tell(f"The parents put {len(wrong)} of {len(story.judged)} answers into a wrong topic.")
    datasets = DatasetStore(story.stores.database)
    before = await datasets.latest(LOCAL_GUILD, Task.ROUTE)
    guests = Guests(story)
    await story.starts_training()
    async with guests.asking(questions):
        run = await story.settled()
    after = await datasets.get(LOCAL_GUILD, run.dataset)
    assert before is not None
    champion = (await story.stores.assignments.get(LOCAL_GUILD, Task.ROUTE)).champion
    return Poisoned(
        flipped=flipped(before, after),
        labels=len(after.entries),
        run=run,
        served=champion.digest if champion else "",
        heard=frozenset(guests.adapters),
        right=await story.answers(),
    )


def flipped(before: DatasetVersion, after: DatasetVersion) -> int:
    """How many labels were not there before: nothing but a topic has changed in between."""
    known = {entry.item.id for entry in before.entries}
    return sum(entry.item.id not in known for entry in after.entries)


def _questions() -> Iterator[tuple[str, str]]:
    """Members and what they ask, one thing and three things in turn, without end."""
    plainly, in_rows = plain(seed=2), in_a_row(seed=11)[0]
    asked = list(chain.from_iterable(zip(plainly, in_rows, strict=False)))
    names = cycle(f"guest-{number}" for number in range(_GUESTS))
    return zip(names, cycle(each.question for each in asked), strict=False)


def _first(questions: Iterator[tuple[str, str]], count: int) -> Iterator[tuple[str, str]]:
    return (next(questions) for _ in range(count))


def _report(played: Played) -> Report:
    seconds = played.course.seconds()
    whole = sum(seconds.values())
    latencies, before, meanwhile = _latencies(played.guests.milliseconds)
    times = meanwhile / before
    goals = [
        Goal(
            text=f"From the last correction to the promoted champion in under {MINUTES:g} minutes",
            reached=whole < 60 * MINUTES,
            note=f"{whole / 60:.1f} minutes",
        ),
        Goal(
            text="Meanwhile 95 % of the questions are answered in at most twice the time of before",
            reached=times <= TIMES,
            note=f"{before:.0f} ms before, {meanwhile:.0f} ms meanwhile, {times:.2f} times",
        ),
    ]
    sections = [_steps(seconds, played), latencies]
    if played.poisoned is not None:
        goal, section = _refused(played.poisoned, played)
        goals.append(goal)
        sections.append(section)
    return Report(
        name="tuned_loop",
        title="From a correction to a better bot, which answers meanwhile",
        sections=sections,
        goals=goals,
        figures={"seconds": seconds, "milliseconds": played.guests.milliseconds},
    )


def _steps(seconds: Mapping[str, float], played: Played) -> Section:
    figures, right = played.run.figures, played.right
    return Section(
        title="What the machine did",
        columns=("step", "seconds"),
        rows=[{"step": phase, "seconds": round(took, 1)} for phase, took in seconds.items()],
        note=f"Trained on {played.run.labels} labels in {figures['steps']:.0f} steps. Of {ASKED_AFTER} new "
        f"questions of that kind {right[BEFORE]} were searched where they belong before, {right[SERVED]} "
        "with the adapter.",
    )


def _latencies(measured: Mapping[str, Sequence[float]]) -> tuple[Section, float, float]:
    """The table, and the 95th percentiles before and meanwhile."""
    during = [each for phase, took in measured.items() if phase not in (BEFORE, SERVED) for each in took]
    rows = [_latency(phase, took) for phase, took in measured.items() if phase != SERVED]
    rows += [_latency("all of that", during), _latency("afterwards, " + SERVED, measured[SERVED])]
    section = Section(
        title="Questions of members, milliseconds from the message to the final answer",
        columns=("asked", "questions", "p50", "p95", "longest"),
        rows=rows,
    )
    return section, float(np.percentile(measured[BEFORE], 95)), float(np.percentile(during, 95))


def _latency(phase: str, took: Sequence[float]) -> dict[str, Any]:
    p50, p95 = np.percentile(took, (50, 95))
    return {
        "asked": phase,
        "questions": len(took),
        "p50": round(p50),
        "p95": round(p95),
        "longest": round(max(took)),
    }


def _refused(poisoned: Poisoned, played: Played) -> tuple[Goal, Section]:
    run, champion = poisoned.run, played.run
    kept = poisoned.served == champion.digest and poisoned.heard <= {champion.digest}
    goal = Goal(
        text="Trained on labels of which 30 % were flipped, an adapter does not serve; the champion does",
        reached=run.state is State.REFUSED and kept,
        note=run.note,
    )
    row = {
        "labels": poisoned.labels,
        "flipped": f"{poisoned.flipped} ({poisoned.flipped / poisoned.labels:.0%})",
        "the run": str(run.state),
        "answered meanwhile by": "the champion" if kept else "another",
        f"right of {ASKED_AFTER} afterwards": poisoned.right,
    }
    return goal, Section(title="Poisoned labels", columns=tuple(row), rows=[row])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument(
        "--poisoned", action="store_true", help="train a second time, on labels of which 30 %% are flipped"
    )
    asyncio.run(main(poison=parser.parse_args().poisoned))
