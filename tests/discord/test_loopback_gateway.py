"""The gateway: intents, shards, resuming, and every close code that a client must handle."""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import discord
import pytest
import pytest_asyncio

from tests.discord import channels
from tests.discord.conftest import Recorder, ShardedRecorder
from tests.discord.fixtures import running
from tests.discord.gateway import Op
from tests.discord.loopback import Loopback
from tests.discord.permissions import Permission

INTENTS = 1 << 0 | 1 << 9 | 1 << 15


class Raw:
    """A websocket without discord.py: it sends what a client should not."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def send(self, op: int, data: Any = None) -> None:
        await self._socket.send_str(json.dumps({"op": op, "d": data}))

    async def text(self, text: str) -> None:
        await self._socket.send_str(text)

    async def frame(self, op: int, name: str | None = None) -> Any:
        """The next frame of that kind."""
        while True:
            frame = await self._socket.receive_json(timeout=5)
            if frame["op"] == op and name in (None, frame.get("t")):
                return frame

    async def closed(self) -> int | None:
        """The close code, after whatever came before it."""
        async for _ in self._socket:
            continue
        return self._socket.close_code

    async def close(self, code: int) -> None:
        await self._socket.close(code=code)

    async def identify(self, loopback: Loopback, **changes: Any) -> None:
        await self.send(
            Op.IDENTIFY, {"token": loopback.world.application.token, "intents": INTENTS, **changes}
        )


@pytest_asyncio.fixture
async def raw(discord_world: Loopback) -> AsyncIterator[Raw]:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(discord_world.server.gateway_url + "/?v=10&encoding=json") as socket,
    ):
        yield Raw(socket)


async def test_frames_are_one_compressed_stream_where_asked_for(discord_world: Loopback) -> None:
    """discord.py asks for zstd where that is installed, and reads the plain text that it gets instead."""
    url = discord_world.server.gateway_url + "/?v=10&encoding=json&compress=zlib-stream"
    inflate = zlib.decompressobj()
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        hello = json.loads(inflate.decompress(await socket.receive_bytes()))
        await Raw(socket).identify(discord_world)
        ready = json.loads(inflate.decompress(await socket.receive_bytes()))
    assert (hello["op"], ready["t"]) == (Op.HELLO, "READY")


async def test_a_heartbeat_is_acknowledged_and_its_absence_closes(discord_world: Loopback, raw: Raw) -> None:
    await raw.send(Op.HEARTBEAT)
    assert (await raw.frame(Op.HEARTBEAT_ACK))["d"] is None
    discord_world.gateway.heartbeat_seconds = 0.02
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(discord_world.server.gateway_url) as socket,
    ):
        assert await Raw(socket).closed() == 4009


async def test_the_client_beats_in_time(pointed: Loopback) -> None:
    pointed.gateway.heartbeat_seconds = 0.2
    async with running(Recorder(), pointed):
        (connection,) = pointed.gateway.connections
        await pointed.wait.until(lambda: connection.heartbeats >= 4, 5, "four heartbeats")
    assert pointed.gateway.identifies == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"token": "wrong"}, 4004),
        ({"shard": [2, 2]}, 4010),
        ({"intents": 1 << 30}, 4013),
        ({"intents": INTENTS | 1 << 1}, 4014),
    ],
)
async def test_a_wrong_identify_is_closed(
    discord_world: Loopback, raw: Raw, changes: dict[str, Any], code: int
) -> None:
    await raw.identify(discord_world, **changes)
    assert await raw.closed() == code


async def test_what_breaks_the_protocol_is_closed(discord_world: Loopback, raw: Raw) -> None:
    await raw.identify(discord_world)
    await raw.frame(Op.DISPATCH, "READY")
    await raw.identify(discord_world)
    assert await raw.closed() == 4005


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("not json", 4002),
        ('{"op": 99}', 4001),
        ('{"op": 3, "d": {}}', 4003),
        (json.dumps({"op": 1, "d": "x" * 5000}), 4002),
    ],
)
async def test_a_bad_frame_is_closed(discord_world: Loopback, raw: Raw, text: str, code: int) -> None:
    await raw.text(text)
    assert await raw.closed() == code


async def test_too_many_frames_are_closed(raw: Raw) -> None:
    for _ in range(121):
        await raw.send(Op.HEARTBEAT)
    assert await raw.closed() == 4008


async def test_an_old_version_and_a_heartbeat_from_the_future_are_closed(
    discord_world: Loopback, raw: Raw
) -> None:
    await raw.identify(discord_world)
    await raw.frame(Op.DISPATCH, "READY")
    await raw.send(Op.HEARTBEAT, 999)
    assert await raw.closed() == 4007
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(discord_world.server.gateway_url + "?v=8") as socket,
    ):
        assert await Raw(socket).closed() == 4012


async def test_a_large_bot_must_shard(discord_world: Loopback, raw: Raw) -> None:
    discord_world.gateway.requires_sharding = True
    await raw.identify(discord_world)
    assert await raw.closed() == 4011


async def test_missing_privileges_and_a_bad_token_end_the_client(pointed: Loopback) -> None:
    pointed.world.application.allowed_intents = 0
    with pytest.raises(discord.PrivilegedIntentsRequired):
        async with running(Recorder(), pointed):
            pytest.fail("it should not become ready")
    pointed.world.application.token = "another"
    bad = Recorder()
    with pytest.raises(discord.LoginFailure):
        await bad.login("loopback-token")
    await bad.close()


async def test_a_cut_socket_resumes_and_misses_nothing(pointed: Loopback, client: Recorder) -> None:
    ana = pointed.member("ana")
    await ana.says("general", "before")
    await client.hears("message")
    pointed.gateway.cut()
    await ana.says("general", "meanwhile")
    await client.hears("resumed")
    await ana.says("general", "after")
    await client.hears("message", 3)
    assert client.contents() == ["before", "meanwhile", "after"]
    assert (pointed.gateway.identifies, pointed.gateway.resumes) == (1, 1)


async def test_a_closed_socket_resumes(pointed: Loopback, client: Recorder) -> None:
    await pointed.gateway.close_all(4000)
    await client.hears("resumed")
    assert (pointed.gateway.identifies, pointed.gateway.resumes) == (1, 1)


async def test_a_request_to_reconnect_resumes(pointed: Loopback, client: Recorder) -> None:
    pointed.gateway.ask_reconnect()
    await client.hears("resumed")
    (resume,) = pointed.gateway.frames(Op.RESUME)
    assert resume["session_id"] in pointed.gateway.sessions


async def test_an_invalid_session_that_may_resume_does(pointed: Loopback, client: Recorder) -> None:
    pointed.gateway.invalidate(resumable=True)
    await client.hears("resumed")
    assert pointed.gateway.identifies == 1


@pytest.fixture
def no_identify_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """discord.py waits 5 s before it identifies again."""

    async def at_once(*_: object, **__: object) -> None:
        return None

    monkeypatch.setattr(discord.Client, "before_identify_hook", at_once)


@pytest.mark.usefixtures("no_identify_pause")
async def test_an_invalid_session_begins_anew(pointed: Loopback, client: Recorder) -> None:
    pointed.gateway.invalidate(resumable=False)
    await pointed.wait.until(lambda: pointed.gateway.identifies == 2)
    await pointed.member("ana").says("general", "after")
    await client.hears("message")


@pytest.mark.usefixtures("no_identify_pause")
async def test_a_forgotten_session_is_refused_at_resume(pointed: Loopback, client: Recorder) -> None:
    (session,) = pointed.gateway.sessions.values()
    session.resumable = False
    pointed.gateway.ask_reconnect()
    await pointed.wait.until(lambda: pointed.gateway.identifies == 2)
    assert pointed.gateway.resumes == 0


@pytest.mark.parametrize(("code", "left"), [(1000, 0), (1001, 0), (4000, 1)])
async def test_a_goodbye_ends_the_session(discord_world: Loopback, raw: Raw, code: int, left: int) -> None:
    await raw.identify(discord_world)
    await raw.frame(Op.DISPATCH, "READY")
    await raw.close(code)
    await discord_world.wait.until(lambda: not discord_world.gateway.connections)
    assert len(discord_world.gateway.sessions) == left


async def test_a_new_session_replaces_one_that_nobody_serves(pointed: Loopback) -> None:
    for _ in range(2):
        async with running(Recorder(), pointed):
            pass
    assert len(pointed.gateway.sessions) == 1


async def test_an_outage_of_everything_is_survived(pointed: Loopback, client: Recorder) -> None:
    async with pointed.server.outage():
        await pointed.member("ana").says("general", "while away")
        assert client.contents() == []
    await client.hears("message")
    assert client.contents() == ["while away"]


async def test_without_the_reaction_intent_no_reaction_comes(pointed: Loopback) -> None:
    intents = discord.Intents(guilds=True, guild_messages=True, message_content=True)
    recorder = Recorder(intents)
    ana = pointed.member("ana")
    async with running(recorder, pointed):
        said = await ana.says("general", "pump")
        await ana.reacts(said, "👍")
        await ana.direct("hello")
        await ana.says("general", "the end")
        await recorder.hears("message", 2)
    assert "raw_reaction_add" not in recorder.heard
    assert recorder.contents() == ["pump", "the end"]


async def test_without_the_content_intent_only_what_concerns_the_bot_is_readable(pointed: Loopback) -> None:
    pointed.world.application.allowed_intents = 0
    recorder = Recorder(discord.Intents.default())
    ana = pointed.member("ana")
    async with running(recorder, pointed):
        hidden = await ana.says("general", "not for you")
        await ana.asks("general", "for you")
        await ana.replies(hidden, f"{pointed.bot.mention} and this")
        await ana.direct("between us")
        await recorder.hears("message", 4)
        channel = recorder.get_channel(pointed.channel("general").id)
        assert isinstance(channel, discord.TextChannel)
        await channel.send("mine")
        await recorder.hears("message", 5)
        over_rest = [message.content async for message in channel.history(oldest_first=True)]
    mention = pointed.bot.mention
    assert recorder.contents() == ["", f"{mention} for you", f"{mention} and this", "between us", "mine"]
    assert recorder.heard["message"][2].reference.resolved.content == ""
    assert over_rest == ["", f"{mention} for you", f"{mention} and this", "mine"]


async def test_what_the_bot_cannot_see_is_not_told(pointed: Loopback, client: Recorder) -> None:
    await pointed.admin().says("staff", "secret")
    await pointed.member("ana").says("general", "open")
    await client.hears("message")
    assert client.contents() == ["open"]


async def test_permissions_changed_while_connected_take_effect(pointed: Loopback, client: Recorder) -> None:
    owner = pointed.world.application.owner
    ana = pointed.member("ana")
    role = pointed.guild.role(pointed.bot.name)
    rule = channels.overwrite_of({"id": role.id, "type": 0, "deny": int(Permission.VIEW_CHANNEL)})
    channels.overwrite(pointed.world, pointed.channel("pool"), owner, rule)
    await ana.says("pool", "unheard")
    channels.remove_overwrite(pointed.world, pointed.channel("pool"), owner, role.id)
    await ana.says("pool", "heard")
    await client.hears("message")
    assert client.contents() == ["heard"]
    assert len(client.heard["guild_channel_update"]) == 2


async def test_member_events_need_their_intent(pointed: Loopback) -> None:
    pointed.world.application.allowed_intents |= 1 << 1
    intents = discord.Intents.all()
    intents.presences = False
    everyone, few = Recorder(intents), Recorder()
    async with running(everyone, pointed), running(few, pointed):
        channels.set_roles(
            pointed.world, pointed.guild, pointed.member("ana").user, {pointed.role("Cooks").id}
        )
        await everyone.hears("member_update")
        await few.hears("guild_role_create")
        channels.set_roles(pointed.world, pointed.guild, pointed.bot, {pointed.role("Cooks").id})
        await everyone.hears("member_update", 2)
        await few.hears("member_update")
    assert len(few.heard["member_update"]) == 1
    guild = everyone.get_guild(pointed.guild.id)
    assert guild is not None
    assert {member.name for member in guild.members} == {"owner", "lorekeeper", "ana"}


async def test_roles_change_and_go(pointed: Loopback, client: Recorder) -> None:
    world, cooks, ana = pointed.world, pointed.role("Cooks"), pointed.member("ana")
    channels.set_roles(world, pointed.guild, ana.user, {cooks.id})
    channels.set_role_permissions(world, pointed.guild, cooks, Permission.MANAGE_MESSAGES)
    await client.hears("guild_role_update")
    said = await ana.says("general", "with a role")
    message = await client.hears("message")
    assert message.author.guild_permissions.manage_messages
    channels.delete_role(world, pointed.guild, cooks)
    await client.hears("guild_role_delete")
    assert ana.membership.roles == set()
    assert said.author is ana.user


async def test_the_list_of_members_needs_its_intent(pointed: Loopback, raw: Raw, client: Recorder) -> None:
    guild = client.get_guild(pointed.guild.id)
    assert guild is not None
    with pytest.raises(discord.Forbidden):
        await client.http.get_members(guild.id, 10, None)
    await raw.identify(pointed)
    await raw.frame(Op.DISPATCH, "READY")
    await raw.send(Op.REQUEST_MEMBERS, {"guild_id": str(guild.id), "query": "", "limit": 0})
    assert await raw.closed() == 4014


async def test_guilds_come_go_and_have_outages(pointed: Loopback, client: Recorder) -> None:
    other = pointed.add_guild("Other")
    await client.hears("guild_join")
    channels.set_available(pointed.world, other, available=False)
    await client.hears("guild_unavailable")
    channels.set_available(pointed.world, other, available=True)
    await client.hears("guild_available")
    channels.leave_guild(pointed.world, other, pointed.bot)
    await client.hears("guild_remove")
    with pytest.raises(discord.Forbidden) as refused:
        await client.fetch_guild(other.id)
    assert refused.value.code == 50001


@pytest.mark.usefixtures("no_identify_pause")
async def test_two_shards_hear_each_its_own_guilds(pointed: Loopback) -> None:
    pointed.world.recommended_shards = 2
    while {(guild.id >> 22) % 2 for guild in pointed.world.guilds.values()} != {0, 1}:
        pointed.add_guild("Next door")
    intents = discord.Intents.default()
    intents.message_content = True
    client = ShardedRecorder(intents)
    async with running(client, pointed):
        assert {session.shard for session in pointed.gateway.sessions.values()} == {(0, 2), (1, 2)}
        for guild in pointed.world.guilds.values():
            await pointed.member("ana", guild=guild).says("general", str((guild.id >> 22) % 2))
        await pointed.member("ana").direct("direct")
        await client.hears("message", len(pointed.world.guilds) + 1)
    heard = [(m.guild.shard_id if m.guild else None, m.content) for m in client.heard["message"]]
    shards = [(guild.id >> 22) % 2 for guild in pointed.world.guilds.values()]
    assert sorted(map(str, heard)) == sorted(map(str, [(s, str(s)) for s in shards] + [(None, "direct")]))
