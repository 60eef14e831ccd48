"""Several processes for one bot: each serves its own guilds, over one database, also after one was killed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent.errors import ConfigurationError
from bot.shards import chosen_shards
from tests.agent.database.backends import BACKENDS
from tests.bot.discord.processes import START_SECONDS, bot_process, line_of, stopped
from tests.discord.loopback import Loopback
from tests.discord.members import Member
from tests.discord.model import Guild, Message

_PUMP = "When did we replace our pool pump?"


@pytest.mark.parametrize(
    ("said", "count", "options"),
    [
        ("", 0, {}),
        (" ", 3, {"shard_count": 3}),
        ("0", 1, {"shard_ids": [0], "shard_count": 1}),
        ("3, 1", 4, {"shard_ids": [1, 3], "shard_count": 4}),
        ("0-2,4", 5, {"shard_ids": [0, 1, 2, 4], "shard_count": 5}),
        ("1,1-2", 3, {"shard_ids": [1, 2], "shard_count": 3}),
    ],
)
def test_shards_are_named_one_by_one_or_from_to(said: str, count: int, options: Mapping[str, Any]) -> None:
    assert chosen_shards(said, count) == options


@pytest.mark.parametrize(
    ("said", "count", "told"),
    [
        ("0", 0, "of no known number"),
        ("2", 2, "There is no shard 2 of 2"),
        ("0-9", 4, "There is no shard 9 of 4"),
        ("one", 2, "cannot be read"),
        ("1-0", 2, "cannot be read"),
        ("0,", 2, "cannot be read"),
        ("-1", 2, "cannot be read"),
    ],
)
def test_what_names_no_shards_is_one_clear_line(said: str, count: int, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        chosen_shards(said, count)


def _guild_of_shard(loopback: Loopback, shard: int) -> Guild:
    while True:
        guild = loopback.add_guild(f"Shard {shard}")
        if (guild.id >> 22) % 2 == shard:
            return guild


async def _answer(loopback: Loopback, question: Message) -> Message:
    reply = await loopback.wait.reply_to(question, START_SECONDS)
    await loopback.wait.until(lambda: reply.components or None, START_SECONDS, "an answer")
    return reply


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


@pytest.fixture(params=BACKENDS)
def database(request: pytest.FixtureRequest, own_household: Path) -> dict[str, str]:
    """Where the sample's catalog and journal are, as a bot process is told in its environment."""
    if request.param == "sqlite":
        return {}
    url: str = request.getfixturevalue("postgres_url")
    moving = [sys.executable, "-m", "bot", "move", "--to", "postgresql", "--url", url]
    of = os.environ | {"LOREKEEPER_DATA_DIR": str(own_household), "LOREKEEPER_THREADS": "1"}
    subprocess.run(moving, env=of, check=True, capture_output=True)
    return {"DATABASE_URL": url}


async def test_two_processes_serve_a_shard_each(own_household: Path, database: dict[str, str]) -> None:
    async with Loopback() as loopback:
        first, second = _guild_of_shard(loopback, 0), _guild_of_shard(loopback, 1)
        ana, ben = loopback.member("ana", guild=first), loopback.member("ben", guild=second)
        shared = {
            "LOREKEEPER_DISCORD_LOCAL_GUILD": str(second.id),
            "LOREKEEPER_DISCORD_ANSWERS_AT_ONCE": "1",
            **database,
        }
        of = ("--shard-count", "2")
        async with bot_process(loopback, own_household, "--shards", "0", *of, **shared) as zero:
            assert ", shards 0 of 2." in await line_of(zero)
            port = str(_free_port())
            async with bot_process(
                loopback, own_household, "--shards", "1", *of, **shared, LOREKEEPER_HEALTH_PORT=port
            ) as one:
                assert ", shards 1 of 2." in await line_of(one)
                await _see_shard_one(port)
                asked = [await ana.asks(first.channel("general"), _PUMP)]
                asked.append(await ben.asks(second.channel("general"), _PUMP))
                for question in asked:
                    await _answer(loopback, question)
                asked.append(await ben.direct("Who replaced the pool pump?"))
                assert "Topic: Pool" in (await _answer(loopback, asked[-1])).content
                command, interrupted = await _killed_while_it_is_asked(loopback, one, ben)
            missed = await ben.asks(second.channel("car"), "When was the car serviced?")
            asked += [*interrupted, missed, await ana.asks(first.channel("car"), _PUMP)]
            async with bot_process(loopback, own_household, "--shards", "1", *of, **shared) as again:
                for question in asked:
                    await _answer(loopback, question)
                await loopback.wait.until(
                    lambda: any(message.components for message in command.messages()) or None, START_SECONDS
                )
                await stopped(again)
            await stopped(zero)
        assert [len(loopback.wait.present_replies(question)) for question in asked] == [1] * len(asked)
        told = [request for request in loopback.world.records.requests if request.endswith("/commands")]
        assert [request.partition(" ")[0] for request in told] == ["PUT"]
    loopback.check()


async def _see_shard_one(port: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        body = (await client.get(f"http://127.0.0.1:{port}/readyz")).json()
    (shard,) = body["shards"]
    assert (shard["shard"], shard["count"], shard["connected"]) == (1, 2, True)
    assert shard["guilds"] >= 1


async def _killed_while_it_is_asked(
    loopback: Loopback, process: Any, ben: Member
) -> tuple[Any, list[Message]]:
    """Three questions and a command at once, of a process that answers one at a time, and then a kill -9."""
    waiting = [await ben.asks(ben.guild.channel("pool"), f"{_PUMP} ({number})") for number in range(3)]
    command = await ben.slash("ask", where=ben.guild.channel("pool"), question=_PUMP)
    process.kill()
    await process.wait()
    return command, waiting
