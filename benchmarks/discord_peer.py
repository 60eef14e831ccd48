"""Lorekeeper beside llmcord, on the same loopback Discord and the same Ollama model, in the same run.

    python -m benchmarks.discord_peer --llmcord FOLDER [--python FOLDER/venv/bin/python]

After `make servers`. FOLDER is a checkout of github.com/jakobdylanc/llmcord (MIT), and the Python one that
has its requirements: `python -m venv FOLDER/venv && FOLDER/venv/bin/pip install -r FOLDER/requirements.txt`.
Nothing of it is changed: discord.py in its process is pointed at the loopback by a `sitecustomize`.

Both word their answers with the model, of as many tokens. llmcord sends the question alone; Lorekeeper sends
what it found, checks the quotes of what comes back, and words it again when they are wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.discord_bot import (
    LIMITS,
    BotProcess,
    Replies,
    add_channels,
    clean_environment,
    first_words_ms,
    lorekeeper,
    milliseconds,
)
from benchmarks.discord_latency import CHANNELS, asked_for, prepare
from benchmarks.discord_members import is_final
from benchmarks.load import ANSWER_TOKENS, CHAT_MODEL, CONTEXT_TOKENS
from benchmarks.report import Report, Section, publish
from benchmarks.servers import ollama_alone
from bot.output import note
from tests.discord.loopback import Loopback
from tests.discord.members import Member
from tests.discord.model import Channel, Message

ROUNDS: Final = {1: 6, 10: 1}
"""How often so many ask at once."""
_ANSWERED_SECONDS: Final = 240.0
_EDIT: Final = "PATCH /channels/"
_STILL_WRITING: Final = "⚪"
"""What llmcord ends a message with to which more is added."""
_POINTED: Final = """import os

import discord.asset
import discord.gateway
import discord.http
import yarl

discord.http.Route.BASE = os.environ["LOOPBACK_API"]
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(os.environ["LOOPBACK_GATEWAY"])
discord.asset.Asset.BASE = os.environ["LOOPBACK_CDN"]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    name: str
    bot: BotProcess
    is_final: Callable[[Message], bool]


@dataclass(slots=True)
class Seen:
    """What members saw of one bot in some rounds, and what it asked of Discord."""

    reply: list[float] = field(default_factory=list)
    words: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    """Milliseconds."""
    edits: int = 0
    limited: int = 0


async def main(llmcord: Path, python: Path) -> None:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ollama = await stack.enter_async_context(ollama_alone(folder / "ollama"))
        loopback = await stack.enter_async_context(Loopback())
        channels = add_channels(loopback, loopback.guild, CHANNELS)
        members = [loopback.member(f"member-{number}") for number in range(max(ROUNDS))]
        ours, theirs = folder / "lorekeeper", folder / "llmcord"
        for each in (ours, theirs):
            each.mkdir()
        await prepare(ours, ollama_host=ollama.url, chat_model=CHAT_MODEL)
        contestants = (
            Contestant(name="Lorekeeper", bot=_lorekeeper(loopback, ours, ollama.url), is_final=is_final),
            Contestant(
                name="llmcord",
                bot=_llmcord(loopback, theirs, ollama.url, llmcord, python),
                is_final=is_whole_embed,
            ),
        )
        rows, replies = [], Replies(loopback)
        for contestant in contestants:
            stack.push_async_callback(contestant.bot.kill)
            await contestant.bot.start()
            await _asked(contestant, loopback, replies, members[:1], channels, asked_for()[-1:])
            for at_once, rounds in ROUNDS.items():
                note(f"{contestant.name}: {at_once} at once, {rounds} times")
                seen = await _rounds(contestant, loopback, replies, members, channels, at_once, rounds)
                rows.append(_row(contestant.name, at_once, seen))
            await contestant.bot.stop()
    publish(_report(rows))


async def _rounds(
    contestant: Contestant,
    loopback: Loopback,
    replies: Replies,
    members: Sequence[Member],
    channels: Sequence[Channel],
    at_once: int,
    rounds: int,
) -> Seen:
    """Have both bots answer the same: the first questions of the sample, in its order."""
    seen, questions = Seen(), cycle(asked_for())
    edits, hits = _edits(loopback), len(loopback.limits.hits)
    for _ in range(rounds):
        asked = [next(questions) for _ in range(at_once)]
        for question, answer in await _asked(contestant, loopback, replies, members, channels, asked):
            seen.reply.append(milliseconds(question, answer))
            seen.words.append(first_words_ms(question, answer))
            seen.whole.append((answer.edited or answer.created).timestamp() - question.created.timestamp())
    seen.edits, seen.limited = _edits(loopback) - edits, len(loopback.limits.hits) - hits
    return seen


async def _asked(
    contestant: Contestant,
    loopback: Loopback,
    replies: Replies,
    members: Sequence[Member],
    channels: Sequence[Channel],
    questions: Sequence[str],
) -> list[tuple[Message, Message]]:
    """Ask all at once, each in a channel of its own; return them with their final answers."""
    asked = [
        await member.asks(channel, words)
        for member, channel, words in zip(cycle(members), cycle(channels), questions, strict=False)
    ]
    waiting = (replies.first(each, contestant.is_final, _ANSWERED_SECONDS) for each in asked)
    return list(zip(asked, await asyncio.gather(*waiting), strict=True))


def is_whole_embed(reply: Message) -> bool:
    """llmcord's answer stands in an embed, to which nothing more will be added."""
    return bool(reply.embeds) and not reply.embeds[0].get("description", "").endswith(_STILL_WRITING)


def _edits(loopback: Loopback) -> int:
    return sum(request.startswith(_EDIT) for request in loopback.world.records.requests)


def _lorekeeper(loopback: Loopback, folder: Path, ollama: str) -> BotProcess:
    return lorekeeper(
        loopback,
        folder,
        discord_local_guild=loopback.guild.id,
        ollama_host=ollama,
        chat_model=CHAT_MODEL,
        answer_mode="generated",
        answer_tokens=ANSWER_TOKENS,
        context_tokens=CONTEXT_TOKENS,
    )


def _llmcord(loopback: Loopback, folder: Path, ollama: str, checkout: Path, python: Path) -> BotProcess:
    (folder / "sitecustomize.py").write_text(_POINTED, "utf-8")
    # YAML reads JSON.
    config = llmcord_config(loopback.world.application.token, ollama)
    (folder / "config.yaml").write_text(json.dumps(config), "utf-8")
    environment = clean_environment() | {
        "PYTHONPATH": str(folder),
        "LOOPBACK_API": loopback.server.base_url,
        "LOOPBACK_GATEWAY": loopback.server.gateway_url,
        "LOOPBACK_CDN": loopback.server.cdn_url,
    }
    return BotProcess(loopback, folder, [str(python), str(checkout / "llmcord.py")], environment)


def llmcord_config(token: str, ollama: str) -> Mapping[str, Any]:
    """Everybody may ask everywhere; the model by Ollama's own OpenAI interface."""
    anybody: Mapping[str, list[int]] = {"allowed_ids": [], "blocked_ids": []}
    return {
        "bot_token": token,
        "permissions": {"users": {"admin_ids": [], **anybody}, "roles": anybody, "channels": anybody},
        "providers": {"ollama": {"base_url": f"{ollama}/v1"}},
        "models": {f"ollama/{CHAT_MODEL}": {"max_tokens": ANSWER_TOKENS, "temperature": 0}},
        "system_prompt": "Answer in one or two short sentences.",
    }


def _row(name: str, at_once: int, seen: Seen) -> dict[str, Any]:
    return {
        "bot": name,
        "members at once": at_once,
        "questions": len(seen.reply),
        "first text, ms": _spread(seen.reply),
        "first words of the answer, ms": _spread(seen.words),
        "whole answer, s": f"{max(seen.whole):.1f}",
        "edits an answer": round(seen.edits / len(seen.reply), 1),
        "429s": seen.limited,
    }


def _spread(values: Sequence[float]) -> str:
    return f"{median(values):.0f} / {max(values):.0f}"


def _report(rows: Sequence[dict[str, Any]]) -> Report:
    return Report(
        name="discord_peer",
        title="Beside llmcord",
        sections=[
            Section(
                title=f"Household questions, {CHAT_MODEL}, {ANSWER_TOKENS} tokens; median / slowest",
                columns=list(rows[0]),
                rows=rows,
                note="First text: anything at all; Lorekeeper says first that it searches. Whole answer: the "
                "slowest. Lorekeeper makes 4 answers at a time, words them from passages that it sends along "
                f"in a context of {CONTEXT_TOKENS} tokens, checks their quotes and words them again where "
                f"they are wrong; llmcord sends the bare question to the model. {LIMITS}",
            )
        ],
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--llmcord", type=Path, required=True, help="a checkout of llmcord")
    parser.add_argument("--python", type=Path, help="a Python with its requirements; default: venv in it")
    given = parser.parse_args()
    checkout = given.llmcord.resolve()
    asyncio.run(main(checkout, given.python or checkout / "venv" / "bin" / "python"))
