"""1,000 questions from 100 members in 5 guilds while the bot is stopped, killed and cut off: `python -m
benchmarks.discord_thousand`.

Counted are: questions without exactly one reply that answers or says why not; votes that a member may take
for counted and the journal does not have; texts, quotes and evidence of another guild. A second part asks
1,000 more of one process that nothing happens to, for its memory.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any, Final

from agent.contracts import EpisodeId, MemberId
from agent.runtime import Stores, open_installation, open_stores
from agent.settings import load_settings
from benchmarks.discord_bot import LIMITS, BotProcess, Replies, has_buttons, lorekeeper
from benchmarks.discord_counts import Outcome, foreign, lost_votes, outcome, unasked_votes
from benchmarks.discord_faults import plan, play
from benchmarks.discord_members import MARKERS, Asking, Crowd, People, askings, people_of, teach
from benchmarks.report import Goal, Report, Section, publish
from bot.fairness import Allowance
from bot.output import note
from bot.state.store import BotState
from tests.discord.clock import Clock
from tests.discord.loopback import Loopback

SECONDS: Final = 300.0
"""Over which the questions of the first part come, and the faults."""
WARM_UP: Final = 50
AT_ONCE: Final = 20
"""Members of the second part who ask as soon as they are answered."""
GROWTH_MB: Final = 50.0
_SETTLED_SECONDS: Final = 120.0
"""Within which the votes of the last absence must stand: thumbs are read slowly, not to be in the way."""


@dataclass(slots=True)
class Counts:
    """What a run came to; `lost` and `crossed` are to be empty."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    """Votes, texts, quotes and passages that were looked at."""
    lost: list[str] = field(default_factory=list)
    """Votes."""
    crossed: list[str] = field(default_factory=list)
    """Texts and passages."""
    limited: int = 0
    """429s."""
    processes: int = 0


async def main(questions: int, seconds: float, seed: int) -> None:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        loopback = await stack.enter_async_context(Loopback(clock=Clock(running=True)))
        towns = people_of(loopback)
        await _teach(folder, towns)
        bot = lorekeeper(loopback, folder / "data")
        stack.push_async_callback(bot.kill)
        crowd = Crowd(Replies(loopback))
        played = await _with_faults(loopback, bot, crowd, askings(seed, towns, questions, seconds), seed)
        async with open_stores(load_settings(None, data_dir=folder / "data")) as stores:
            await _settled(stores, crowd)
            await bot.stop()
            counts = await count(stores, loopback, crowd, towns)
            counts.limited, counts.processes = len(loopback.limits.hits), bot.starts
            await _lift_cooldowns(stores, towns)
        memory = await _memory(bot, Crowd(crowd.replies), askings(seed + 1, towns, questions, 0.0))
    loopback.check()
    publish(_report(counts, crowd, played, memory))


async def _teach(folder: Path, towns: Sequence[People]) -> None:
    async with open_installation(load_settings(None, data_dir=folder / "data")) as installation:
        for number, town in enumerate(towns):
            await teach(installation, town, number, folder / town.marker)


async def _with_faults(
    loopback: Loopback, bot: BotProcess, crowd: Crowd, asked: Sequence[Asking], seed: int
) -> Counter[str]:
    """Let every question be asked at its time, while faults happen; return how often each did."""
    played = Counter[str]()
    await bot.start()
    started = time.monotonic()
    lives = [asyncio.create_task(_live(crowd, asking, started)) for asking in asked]
    for planned in plan(seed, asked[-1].second):
        await asyncio.sleep(max(0.0, started + planned.second - time.monotonic()))
        note(f"{time.monotonic() - started:5.0f} s: {planned.fault}; {len(crowd.questions)} questions asked")
        await play(planned.fault, loopback, bot)
        played[planned.fault] += 1
    await asyncio.gather(*lives)
    return played


async def _settled(stores: Stores, crowd: Crowd) -> None:
    """Wait until every vote stands, but not for ever."""
    deadline = time.monotonic() + _SETTLED_SECONDS
    while time.monotonic() < deadline:
        counts = Counts()
        await _count_votes(stores, crowd, counts)
        if not counts.lost:
            return
        await asyncio.sleep(1.0)


async def _live(crowd: Crowd, asking: Asking, started: float) -> None:
    await asyncio.sleep(max(0.0, started + asking.second - time.monotonic()))
    await crowd.live(asking)


async def count(stores: Stores, loopback: Loopback, crowd: Crowd, towns: Sequence[People]) -> Counts:
    """Compare what members saw and did with what the stores hold."""
    counts = Counts()
    for question in crowd.questions:
        shown = [(reply.content, has_buttons(reply)) for reply in crowd.replies.to[question.id]]
        counts.outcomes[outcome(shown)] += 1
    await _count_votes(stores, crowd, counts)
    for town in towns:
        for channel in town.channels:
            for text in chain.from_iterable(said.versions for said in loopback.said_by_bot(channel)):
                _look(counts, "texts", text, town.marker)
        await _count_passages(stores, town, counts)
    return counts


async def _count_votes(stores: Stores, crowd: Crowd, counts: Counts) -> None:
    state = BotState(stores.database)
    for answer, accepted in crowd.votes.items():
        row = await state.answer(answer)
        votes = await stores.journal.votes(row.guild, row.episode) if row else {}
        standing = {str(member): vote for member, vote in votes.items()}
        counts.checked["votes"] += len(accepted)
        wrong = lost_votes(accepted, standing) + unasked_votes(accepted, standing)
        counts.lost += [f"of {member} on {answer}: {accepted} is {standing}" for member in wrong]


async def _count_passages(stores: Stores, town: People, counts: Counts) -> None:
    """Of every episode of a guild: what was quoted, and every passage that was found for it."""
    after: EpisodeId | None = None
    while episodes := await stores.journal.episodes(town.id, after=after):
        after = episodes[-1].id
        for episode in episodes:
            for quote in episode.answer.quotes if episode.answer else ():
                _look(counts, "quotes", f"{quote.text} {quote.title}", town.marker)
            ids = [passage for passage, _ in episode.evidence]
            passages = await stores.store.get(town.id, ids)
            for passage in passages:
                _look(counts, "passages of evidence", passage.text, town.marker)
            if len(passages) != len(set(ids)):
                counts.crossed.append(f"evidence of {town.marker} is not its own: {episode.id}")


def _look(counts: Counts, kind: str, text: str, marker: str) -> None:
    counts.checked[kind] += 1
    counts.crossed += [f"{found} in {marker}: {text[:80]}" for found in foreign(text, marker, MARKERS)]


async def _lift_cooldowns(stores: Stores, towns: Sequence[People]) -> None:
    """The second part asks as fast as it is answered."""
    state, unlimited = BotState(stores.database), Allowance(questions=0, seconds=60.0)
    for town in towns:
        await state.change_config(
            town.id,
            lambda config: replace(config, allowance=unlimited),
            by=MemberId("benchmark"),
            action="cooldown",
            detail={},
        )


async def _memory(bot: BotProcess, crowd: Crowd, asked: Sequence[Asking]) -> Mapping[str, Any]:
    """Resident memory of one process after a warm-up, and after all the questions."""
    await bot.start()
    await _as_fast_as_answered(crowd, asked[:WARM_UP])
    before = bot.memory_mb
    started = time.monotonic()
    await _as_fast_as_answered(crowd, asked)
    seconds = time.monotonic() - started
    after = bot.memory_mb
    await bot.stop()
    return {
        "questions": len(asked),
        "a second": round(len(asked) / seconds, 1),
        "before, MB": round(before, 1),
        "after, MB": round(after, 1),
        "growth, MB": round(after - before, 1),
    }


async def _as_fast_as_answered(crowd: Crowd, asked: Sequence[Asking]) -> None:
    left = iter(asked)

    async def go_on() -> None:
        for asking in left:
            await crowd.live(asking)

    await asyncio.gather(*(go_on() for _ in range(AT_ONCE)))


def _report(
    counts: Counts,
    crowd: Crowd,
    played: Mapping[str, int],
    memory: Mapping[str, Any],
) -> Report:
    bad = counts.outcomes[Outcome.LOST] + counts.outcomes[Outcome.DOUBLE]
    rows = [{"what": f"questions {each}", "count": counts.outcomes[each]} for each in Outcome]
    rows += [{"what": f"votes given by {way}", "count": times} for way, times in sorted(crowd.given.items())]
    rows += [{"what": f"{kind} compared", "count": times} for kind, times in sorted(counts.checked.items())]
    rows += [
        {"what": "votes lost or changed", "count": len(counts.lost)},
        {"what": "texts, quotes and passages of another guild", "count": len(counts.crossed)},
        {"what": "clicks that Discord called failed, and that were tried again", "count": crowd.failed},
        {"what": "429s", "count": counts.limited},
        {"what": "processes", "count": counts.processes},
    ]
    return Report(
        name="discord_thousand",
        title="A thousand questions while the bot is stopped, killed and cut off",
        sections=[
            Section(
                title=f"{len(crowd.questions)} questions of {len(MARKERS)} guilds, with faults",
                columns=["what", "count"],
                rows=rows,
                note=LIMITS,
            ),
            Section(
                title="What went wrong meanwhile, by seed",
                columns=["fault", "times"],
                rows=[{"fault": fault, "times": times} for fault, times in sorted(played.items())],
            ),
            Section(
                title="Resident memory of one process, after a warm-up and after the questions",
                columns=list(memory),
                rows=[memory],
            ),
        ],
        goals=[
            Goal(
                text="Every question is answered exactly once or told why not",
                reached=not bad,
                note=f"{bad} not",
            ),
            Goal(text="No vote is lost", reached=not counts.lost, note="; ".join(counts.lost[:3])),
            Goal(
                text="No passage of another guild is seen",
                reached=not counts.crossed,
                note="; ".join(counts.crossed[:3]),
            ),
            Goal(
                text=f"Memory grows by less than {GROWTH_MB:g} MB",
                reached=memory["growth, MB"] < GROWTH_MB,
                note=f"{memory['growth, MB']} MB",
            ),
        ],
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=1000, help="of each part (default: 1000)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="that the first part lasts")
    parser.add_argument("--seed", type=int, default=5)
    given = parser.parse_args()
    asyncio.run(main(given.questions, given.seconds, given.seed))
