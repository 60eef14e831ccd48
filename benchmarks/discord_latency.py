"""How soon members of a guild see something, and how soon their model is asked: `python -m
benchmarks.discord_latency`, after `make servers`.

The bot is `lorekeeper run` with the household sample, in a guild of 20 channels, with Discord's rate limits.
It embeds and words its answers with models of Ollama; between the two stands a door that notes when each
request comes and answers at once, so that nobody waits for a model, neither for their own answer nor for
others'. The embedder is the one that routes English questions too, so no model runs in the bot's process.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path
from typing import Any, Final

from agent.models.ollama_models import pull_model
from agent.runtime import open_installation
from agent.settings import load_settings
from benchmarks.discord_bot import (
    LIMITS,
    Replies,
    add_channels,
    both,
    has_buttons,
    lorekeeper,
    milliseconds,
)
from benchmarks.discord_model import Door
from benchmarks.household import read
from benchmarks.load import CHAT_MODEL
from benchmarks.report import Goal, Report, Section, publish
from benchmarks.servers import ollama_alone
from benchmarks.store import percentiles
from bot.sample import load_sample
from tests.discord.loopback import Loopback
from tests.discord.members import Member
from tests.discord.model import Channel, Message

EMBEDDER: Final = "lorekeeper/all-minilm:l6-v2"
ROUNDS: Final = {1: 40, 10: 12, 50: 4}
"""How often so many ask at once."""
CHANNELS: Final = 20
MEMBERS: Final = 100
VISIBLE_MS: Final = 50.0
MODEL_MS: Final = 150.0
"""Goals at the median, with 10 members asking at once."""
_ANSWERED_SECONDS: Final = 60.0
_REST_SECONDS: Final = 0.5


@dataclass(slots=True)
class Times:
    """Milliseconds from the question, of every one that was asked."""

    visible: list[float] = field(default_factory=list)
    model: list[float] = field(default_factory=list)
    """Only of those that had evidence enough for a model to be asked."""
    whole: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Askings:
    """Who asks what where, without end: the next member in the next channel, in words never used before."""

    members: Iterator[Member]
    channels: Iterator[Channel]
    words: Iterator[str]


async def main(rounds: dict[int, int]) -> None:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ollama = await stack.enter_async_context(ollama_alone(folder / "ollama"))
        door = await stack.enter_async_context(Door(ollama.url, instant=True).open())
        loopback = await stack.enter_async_context(Loopback())
        askings = _askings(loopback)
        models = {"chat_model": CHAT_MODEL, "embedder": EMBEDDER}
        await prepare(folder, ollama_host=ollama.url, **models)
        bot = lorekeeper(
            loopback,
            folder,
            discord_local_guild=loopback.guild.id,
            ollama_host=door.url,
            answer_mode="generated",
            **models,
        )
        stack.push_async_callback(bot.kill)
        await bot.start()
        replies = Replies(loopback)
        # Once each, so that the door knows all vectors.
        await measure(replies, door, askings, at_once=4, rounds=len(asked_for()) // 4 + 1)
        rows = []
        medians: dict[int, Times] = {}
        for at_once, repeated in rounds.items():
            before, spent = len(loopback.limits.hits), bot.cpu_ms
            times = await measure(replies, door, askings, at_once=at_once, rounds=repeated)
            medians[at_once] = times
            spent = (bot.cpu_ms - spent) / len(times.visible)
            rows.append(_row(at_once, times, len(loopback.limits.hits) - before, spent))
        await bot.stop()
    loopback.check()
    publish(_report(rows, medians))


async def measure(replies: Replies, door: Door, askings: Askings, *, at_once: int, rounds: int) -> Times:
    """Let so many ask at once, again when all are answered."""
    times = Times()
    for _ in range(rounds):
        asked = [await _ask(askings) for _ in range(at_once)]
        answers = await asyncio.gather(
            *(replies.first(message, has_buttons, _ANSWERED_SECONDS) for message, _ in asked)
        )
        for (message, words), answer in zip(asked, answers, strict=True):
            times.visible.append(milliseconds(message, answer))
            times.whole.append((answer.shown[-1] - message.created).total_seconds() * 1000)
            if (at := door.first_asked(words)) is not None:
                times.model.append((at - message.created).total_seconds() * 1000)
        await asyncio.sleep(_REST_SECONDS)
    return times


async def _ask(askings: Askings) -> tuple[Message, str]:
    words = next(askings.words)
    message = await next(askings.members).asks(next(askings.channels), words)
    # The socket takes each as it comes, not all of them after the last.
    await asyncio.sleep(0)
    return message, words


def _askings(loopback: Loopback) -> Askings:
    channels = add_channels(loopback, loopback.guild, CHANNELS)
    members = [loopback.member(f"member-{number}") for number in range(MEMBERS)]
    return Askings(members=cycle(members), channels=cycle(channels), words=_words())


def asked_for() -> list[str]:
    """The answerable English questions of the sample."""
    rows = read("test")
    return [row["question"] for row in rows if row["answerable"] and row["language"] == "en"]


def _words() -> Iterator[str]:
    """One after the other, each time with another number behind."""
    for number, question in zip(count(1), cycle(asked_for())):
        yield f"{question} ({number})"


async def prepare(folder: Path, **models: str) -> None:
    """Give Ollama its models, and the bot that will run in `folder` the sample."""
    settings = load_settings(None, data_dir=folder, **models)
    for model in (CHAT_MODEL, EMBEDDER):
        await pull_model(settings, model, lambda *_: None)
    async with open_installation(settings) as installation:
        await load_sample(installation)


def _row(at_once: int, times: Times, limited: int, spent: float) -> dict[str, Any]:
    return {
        "members at once": at_once,
        "questions": len(times.visible),
        "first visible reply, ms": both(times.visible),
        "model request, ms": both(times.model),
        "requests at the model": len(times.model),
        "whole answer, ms": both(times.whole),
        "CPU of the bot a question, ms": round(spent),
        "429s": limited,
    }


def _report(rows: Sequence[dict[str, Any]], times: dict[int, Times]) -> Report:
    goals = []
    if 10 in times:
        visible = percentiles(times[10].visible)["p50"]
        model = percentiles(times[10].model)["p50"]
        goals = [
            Goal(
                text=f"With 10 members at once, something visible after {VISIBLE_MS:g} ms at p50",
                reached=visible <= VISIBLE_MS,
                note=f"{visible:.0f} ms",
            ),
            Goal(
                text=f"With 10 members at once, the model asked after {MODEL_MS:g} ms at p50",
                reached=model <= MODEL_MS,
                note=f"{model:.0f} ms",
            ),
        ]
    return Report(
        name="discord_latency",
        title="From a member's message to a reply and to the model",
        sections=[
            Section(
                title=f"Household questions in {CHANNELS} channels; p50 / p95 from MESSAGE_CREATE",
                columns=list(rows[0]),
                rows=rows,
                note="Bot, Discord and members share this machine. Ollama's models answer at once. The bot "
                f"makes 4 answers at a time; whoever waits sees their place. {LIMITS}",
            )
        ],
        goals=goals,
        figures={str(at_once): {"visible": t.visible, "model": t.model} for at_once, t in times.items()},
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rounds, to see that it works")
    quick = parser.parse_args().quick
    asyncio.run(main({at: max(1, n // 10) if quick else n for at, n in ROUNDS.items()}))
