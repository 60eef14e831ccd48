"""Rate limits on the wire: the headers, the real 429s, what is repeated, and what is answered once only."""

from __future__ import annotations

import time
from dataclasses import replace

import aiohttp
import discord
import pytest

from tests.discord.conftest import Recorder
from tests.discord.limits import Limits, Rule
from tests.discord.loopback import Loopback
from tests.discord.test_loopback_messages import text_channel

HEADERS = ("Limit", "Remaining", "Reset", "Reset-After", "Bucket")


async def post(loopback: Loopback, content: str, channel: str = "general") -> aiohttp.ClientResponse:
    """As a client would that ignores what it is told."""
    url = f"{loopback.server.base_url}/channels/{loopback.channel(channel).id}/messages"
    headers = {"Authorization": f"Bot {loopback.world.application.token}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, json={"content": content}, headers=headers) as got,
    ):
        await got.read()
        return got


async def test_a_bucket_is_announced_and_its_end_is_a_real_429(discord_world: Loopback) -> None:
    discord_world.limits.rules["send"] = Rule(2, 60.0)
    first, second, third = [await post(discord_world, "hello") for _ in range(3)]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in (first, second)] == ["1", "0"]
    assert all(f"X-RateLimit-{name}" in first.headers for name in HEADERS)
    body = await third.json()
    assert (third.status, third.headers["Via"], body["global"]) == (429, "1.1 loopback", False)
    assert third.headers["X-RateLimit-Scope"] == "user"
    assert 0 < body["retry_after"] <= 60
    assert len(discord_world.limits.hits) == 1


async def test_each_channel_has_its_own_bucket(discord_world: Loopback) -> None:
    discord_world.limits.rules["send"] = Rule(1, 60.0)
    assert (await post(discord_world, "hello")).status == 200
    assert (await post(discord_world, "hello")).status == 429
    assert (await post(discord_world, "hello", "pool")).status == 200


async def test_edits_of_different_messages_in_a_channel_share_one_bucket(
    pointed: Loopback, client: Recorder
) -> None:
    pointed.limits.rules["edit"] = Rule(3, 0.4)
    channel = text_channel(client, pointed)
    sent = [await channel.send(str(number)) for number in range(2)]
    started = time.monotonic()
    for number in range(4):
        await sent[number % 2].edit(content=f"edit {number}")
    assert time.monotonic() - started > 0.3


async def test_the_global_limit_stops_everything(discord_world: Loopback) -> None:
    discord_world.limits.overall = Rule(2, 60.0)
    await post(discord_world, "one")
    await post(discord_world, "two", "pool")
    third = await post(discord_world, "three", "car")
    assert (third.status, (await third.json())["global"]) == (429, True)
    assert third.headers["X-RateLimit-Global"] == "true"


async def test_the_client_waits_and_repeats(pointed: Loopback, client: Recorder) -> None:
    channel = text_channel(client, pointed)
    pointed.limits.rules["send"] = Rule(1, 0.2)
    await post(pointed, "someone used it up")
    await channel.send("patient")
    assert [message.content for message in pointed.channel("general").messages][-1] == "patient"
    assert len(pointed.limits.hits) == 1


async def test_a_lost_answer_does_not_post_twice(pointed: Loopback, client: Recorder) -> None:
    pointed.faults.fail("POST /channels/.*/messages", 500, after=True)
    await text_channel(client, pointed).send("once")
    assert [message.content for message in pointed.channel("general").messages] == ["once"]
    assert sum("POST" in line for line in pointed.world.records.requests) == 2


async def test_without_enforce_nonce_it_posts_twice(discord_world: Loopback) -> None:
    await post(discord_world, "twice")
    await post(discord_world, "twice")
    assert len(discord_world.channel("general").messages) == 2


@pytest.mark.parametrize("status", [500, 502])
async def test_a_server_error_is_repeated_by_the_client(
    pointed: Loopback, client: Recorder, status: int
) -> None:
    pointed.faults.fail("POST .*/messages", status)
    await text_channel(client, pointed).send("in the end")
    assert len(pointed.channel("general").messages) == 1


async def test_a_delay_delays_and_a_drop_drops(pointed: Loopback, client: Recorder) -> None:
    channel = text_channel(client, pointed)
    pointed.faults.delay("POST .*/messages", 0.2)
    started = time.monotonic()
    await channel.send("slow")
    assert time.monotonic() - started >= 0.2
    pointed.faults.drop("POST .*/messages")
    with pytest.raises(aiohttp.ClientError):
        await channel.send("lost")
    await channel.send("back")
    assert [message.content for message in pointed.channel("general").messages] == ["slow", "back"]
    pointed.faults.fail("POST .*/messages", 403)
    pointed.faults.clear()
    await channel.send("cleared")


async def test_an_old_message_is_edited_only_so_often(
    pointed: Loopback, client: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.discord.messages.LATE_EDITS", 1)
    sent = await text_channel(client, pointed).send("fresh")
    await sent.edit(content="still fresh")
    pointed.clock.advance(3601)
    await sent.edit(content="old")
    with pytest.raises(discord.HTTPException) as refused:
        await sent.edit(content="too old")
    assert (refused.value.status, refused.value.code) == (429, 30046)


def test_scaling_shortens_the_waits_and_keeps_the_counts() -> None:
    limits = Limits()
    before = dict(limits.rules)
    limits.scaled(0.1)
    assert limits.rules["edit"] == replace(before["edit"], window=before["edit"].window * 0.1)


def test_limits_that_are_off_still_count_down() -> None:
    limits = Limits(rules={"send": Rule(1, 60.0)}, enabled=False)
    verdicts = [limits.take("send", "1", counts_globally=True) for _ in range(3)]
    assert all(verdict.allowed for verdict in verdicts)
    assert limits.hits == []
