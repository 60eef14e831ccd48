"""What goes wrong between Discord and the bot during a run, drawn by seed: when, and what."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from benchmarks.discord_bot import BotProcess
from tests.discord.loopback import Loopback

_POST: Final = r"POST /channels/\d+/messages$"
_EDIT: Final = r"PATCH /channels/\d+/messages/"
_HISTORY: Final = r"GET /channels/\d+/messages"
_CALLBACK: Final = r"POST /interactions/"
_DOWN_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    second: float
    fault: str


def plan(seed: int, seconds: float) -> list[Planned]:
    """Every fault as often as `_OFTEN` says, evenly over the run but for a jitter, in an order by seed."""
    chance = random.Random(seed)
    names = [name for name, times in _OFTEN.items() for _ in range(times)]
    chance.shuffle(names)
    step = seconds / len(names)
    return [
        Planned(second=step * (place + chance.uniform(0.1, 0.9)), fault=name)
        for place, name in enumerate(names)
    ]


async def play(name: str, loopback: Loopback, bot: BotProcess) -> None:
    """Let one of them happen; a restart returns when the bot is connected again."""
    await _PLAYED[name](loopback, bot)


async def _terminate(_: Loopback, bot: BotProcess) -> None:
    await bot.stop()
    await asyncio.sleep(_DOWN_SECONDS)
    await bot.start()


async def _kill(_: Loopback, bot: BotProcess) -> None:
    await bot.kill()
    await asyncio.sleep(_DOWN_SECONDS)
    await bot.start()


async def _reconnect(loopback: Loopback, _: BotProcess) -> None:
    loopback.gateway.ask_reconnect()


async def _invalidate(loopback: Loopback, _: BotProcess) -> None:
    loopback.gateway.invalidate(resumable=True)


async def _lose_session(loopback: Loopback, _: BotProcess) -> None:
    loopback.gateway.invalidate(resumable=False)


async def _close(loopback: Loopback, _: BotProcess) -> None:
    await loopback.gateway.close_all(4000)


async def _cut(loopback: Loopback, _: BotProcess) -> None:
    loopback.gateway.cut()


async def _refuse(loopback: Loopback, _: BotProcess) -> None:
    """A 502 is repeated by discord.py, a 503 is not; one of them although the message was posted."""
    loopback.faults.fail(_POST, 502, times=2)
    loopback.faults.fail(_POST, 503, times=2, after=True)
    loopback.faults.fail(_EDIT, 503, times=3)


async def _drop(loopback: Loopback, _: BotProcess) -> None:
    loopback.faults.drop(_POST, times=2, after=True)
    loopback.faults.drop(_EDIT, times=2)
    loopback.faults.drop(_CALLBACK, times=1)


async def _hide_history(loopback: Loopback, _: BotProcess) -> None:
    loopback.faults.fail(_HISTORY, 503, times=3)


async def _limit(loopback: Loopback, _: BotProcess) -> None:
    """As what stands before Discord refuses: without a word when to come again."""
    loopback.faults.fail(_POST, 429, times=2)
    loopback.faults.fail(_EDIT, 429, times=2)


_PLAYED: Final[Mapping[str, Callable[[Loopback, BotProcess], Awaitable[None]]]] = {
    "SIGTERM and a start": _terminate,
    "kill -9 and a start": _kill,
    "op 7": _reconnect,
    "op 9, to resume": _invalidate,
    "op 9, session lost": _lose_session,
    "close 4000": _close,
    "connection cut": _cut,
    "502 and 503": _refuse,
    "requests dropped": _drop,
    "history refused": _hide_history,
    "429 without a time": _limit,
}
_OFTEN: Final[Mapping[str, int]] = {
    "SIGTERM and a start": 3,
    "kill -9 and a start": 3,
    "op 7": 2,
    "op 9, to resume": 2,
    "op 9, session lost": 2,
    "close 4000": 2,
    "connection cut": 3,
    "502 and 503": 4,
    "requests dropped": 4,
    "history refused": 2,
    "429 without a time": 2,
}
