"""Calls to Discord that get through: not too many a second, and again what the network swallowed.

discord.py repeats a 500, 502 or 504 itself. It does not repeat a 503, a connection that breaks under a
request (but for two numbers of errors that Linux does not have), or what a limit refused five times.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

import aiohttp
import discord

from agent.errors import LorekeeperError

_log = logging.getLogger(__name__)

_T = TypeVar("_T")

CALLS_A_SECOND: Final = 45
"""Discord allows 50. discord.py learns of that only by running into it, upon which whatever waits tries again
at once, and runs into it again.
"""
PAUSES: Final = (0.5, 1.5, 4.0, 10.0, 20.0)
"""Seconds after which a call is made again."""
_RATE_LIMITED: Final = 429
_SERVER_ERRORS: Final = 500


class DiscordAwayError(LorekeeperError):
    """Discord, or the way to it, failed again and again."""

    transient = True

    def __init__(self) -> None:
        super().__init__("Discord did not take what I had to say.", "Ask again in a few minutes.")


async def persistently(call: Callable[[], Awaitable[_T]], pauses: Sequence[float] = PAUSES) -> _T:
    """Make a call that does no harm when it is made twice, until it gets through.

    Raises `DiscordAwayError` when it does not, and at once what Discord refuses for good.
    """
    for seconds in (*pauses, None):
        try:
            return await call()
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            if not may_pass(error):
                raise
            if seconds is None:
                raise DiscordAwayError from error
            _log.info("a call to Discord failed and is made again in %g s: %s", seconds, error)
        await asyncio.sleep(seconds)
    raise AssertionError("the last try returns or raises")


class GlobalPace:
    """Lets so many calls begin within any second; the others wait in their order."""

    def __init__(
        self,
        calls: int = CALLS_A_SECOND,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._begun: deque[float] = deque(maxlen=calls)
        self._clock = clock
        self._sleep = sleep
        self._turn = asyncio.Lock()

    async def wait(self) -> None:
        async with self._turn:
            if len(self._begun) == self._begun.maxlen:
                await self._sleep(max(0.0, self._begun[0] + 1.0 - self._clock()))
            self._begun.append(self._clock())


def keep_pace(http: discord.http.HTTPClient, pace: GlobalPace) -> None:
    """Let every call of a client go at a pace. Answers to interactions go another way, and do not count."""
    request = http.request

    async def paced(*arguments: Any, **options: Any) -> Any:
        await pace.wait()
        return await request(*arguments, **options)

    # discord.py has no place for it: it makes its HTTP client itself.
    http.request = paced  # type: ignore[method-assign]


def may_pass(error: BaseException) -> bool:
    """Whether the same call may succeed later. A 429 comes out of discord.py after five tries, or from what
    stands before Discord.
    """
    if isinstance(error, discord.HTTPException):
        return error.status >= _SERVER_ERRORS or error.status == _RATE_LIMITED
    return isinstance(error, aiohttp.ClientError | OSError)
