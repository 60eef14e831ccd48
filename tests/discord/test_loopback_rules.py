"""What Discord refuses: too long, too many, not allowed, not there. Each refusal by its own code."""

from __future__ import annotations

from typing import Any

import discord
import pytest

from tests.discord import channels
from tests.discord.conftest import Recorder
from tests.discord.errors import DiscordError
from tests.discord.loopback import Loopback
from tests.discord.messages import Upload
from tests.discord.permissions import EVERYONE, Permission, in_channel
from tests.discord.test_loopback_messages import text_channel


@pytest.mark.parametrize(
    ("lost", "act", "code"),
    [
        (Permission.SEND_MESSAGES, "send", 50013),
        (Permission.EMBED_LINKS, "embed", 50013),
        (Permission.ATTACH_FILES, "file", 50013),
        (Permission.ADD_REACTIONS, "react", 50013),
        (Permission.READ_MESSAGE_HISTORY, "fetch", 50013),
        (Permission.MANAGE_MESSAGES, "delete", 50013),
        (Permission.MANAGE_MESSAGES, "clear", 50013),
        (Permission.MANAGE_MESSAGES, "bulk", 50013),
        (Permission.CREATE_PUBLIC_THREADS, "thread", 50013),
        (Permission.CREATE_PRIVATE_THREADS, "private thread", 50013),
        (Permission.SEND_MESSAGES_IN_THREADS, "send in thread", 50013),
        (Permission.SEND_MESSAGES, "typing", 50013),
        (Permission.VIEW_CHANNEL, "send", 50001),
        (Permission.VIEW_CHANNEL, "history", 50001),
        (Permission.READ_MESSAGE_HISTORY, "reply", 160002),
    ],
)
async def test_a_missing_permission_is_refused(
    pointed: Loopback, client: Recorder, lost: Permission, act: str, code: int
) -> None:
    said = await pointed.member("ana").says("general", "hello")
    thread = await pointed.member("ana").opens_thread("general", "a thread")
    channel = text_channel(client, pointed)
    message = channel.get_partial_message(said.id)
    in_thread = discord.PartialMessageable(state=client._connection, id=thread.id)
    rule = channels.overwrite_of({"id": pointed.bot.id, "type": 1, "deny": int(lost)})
    channels.overwrite(pointed.world, pointed.channel("general"), pointed.world.application.owner, rule)
    acts: dict[str, Any] = {
        "send": lambda: channel.send("hello"),
        "embed": lambda: channel.send(embed=discord.Embed(title="x")),
        "file": lambda: channel.send(file=discord.File(__file__)),
        "react": lambda: message.add_reaction("👍"),
        "fetch": lambda: channel.fetch_message(said.id),
        "delete": message.delete,
        "clear": lambda: client.http.clear_reactions(channel.id, said.id),
        "bulk": lambda: client.http.delete_messages(channel.id, [said.id, said.id + 1]),
        "thread": lambda: message.create_thread(name="x"),
        "private thread": lambda: channel.create_thread(name="x"),
        "send in thread": lambda: in_thread.send("hello"),
        "typing": lambda: client.http.send_typing(channel.id),
        "history": lambda: client.http.logs_from(channel.id, 10),
        "reply": lambda: channel.send("yes", reference=discord.MessageReference.from_message(message)),
    }
    with pytest.raises(discord.HTTPException) as refused:
        await acts[act]()
    assert refused.value.code == code


async def test_what_needs_the_powers_of_a_moderator(pointed: Loopback, client: Recorder) -> None:
    pointed.guild.role(pointed.bot.name).permissions &= ~int(Permission.MANAGE_THREADS)
    thread = await client.fetch_channel((await pointed.member("ana").opens_thread("general", "Ana's")).id)
    assert isinstance(thread, discord.Thread)
    channel = text_channel(client, pointed)
    for refused_act in (
        lambda: thread.edit(name="Mine"),
        lambda: thread.edit(locked=True),
        thread.delete,
        lambda: thread.remove_user(discord.Object(pointed.member("ana").id)),
        lambda: channel.edit(name="renamed"),
        channel.delete,
        lambda: channel.set_permissions(channel.guild.default_role, view_channel=False),
        lambda: channel.guild.create_text_channel("another"),
        lambda: client.http.pin_message(channel.id, channel_message(pointed)),
    ):
        with pytest.raises(discord.Forbidden) as refused:
            await refused_act()
        assert refused.value.code == 50013
    with pytest.raises(discord.Forbidden):
        _ = [found async for found in channel.archived_threads(private=True)]


def channel_message(pointed: Loopback) -> int:
    last = pointed.channel("general").messages.last()
    assert last is not None
    return last.id


async def test_an_administrator_bot_may_all_of_it(pointed: Loopback, client: Recorder) -> None:
    pointed.guild.role(pointed.bot.name).permissions |= int(Permission.ADMINISTRATOR)
    channel = text_channel(client, pointed)
    made = await channel.guild.create_text_channel("review", topic="the queue")
    await made.set_permissions(channel.guild.default_role, view_channel=False)
    assert pointed.channel("review").overwrites[pointed.guild.id].deny == int(Permission.VIEW_CHANNEL)
    await made.set_permissions(channel.guild.default_role, overwrite=None)
    await made.edit(name="reviews")
    thread = await made.create_thread(name="A", type=discord.ChannelType.public_thread)
    await thread.edit(name="B", archived=True, locked=True)
    await made.delete()
    names = {place.name for place in pointed.guild.channels.values()}
    assert not names & {"review", "reviews", "A", "B"}


async def test_limits_of_deleting_reacting_and_opening_threads(pointed: Loopback, client: Recorder) -> None:
    said = await pointed.member("ana").says("general", "hello")
    channel = text_channel(client, pointed)
    message = channel.get_partial_message(said.id)
    await message.create_thread(name="once")
    for act, code in (
        (lambda: message.create_thread(name="twice"), 160004),
        (lambda: channel.create_thread(name="x" * 101), 50035),
        (lambda: client.http.delete_messages(channel.id, [said.id]), 50016),
    ):
        with pytest.raises(discord.HTTPException) as refused:
            await act()
        assert refused.value.code == code
    second = await pointed.member("ana").says("general", "hello again")
    pointed.clock.advance(15 * 24 * 3600)
    with pytest.raises(discord.HTTPException) as old:
        await client.http.delete_messages(channel.id, [said.id, second.id])
    assert old.value.code == 50034
    for number in range(20):
        await pointed.member("ana").reacts(said, chr(0x1F600 + number))
    with pytest.raises(DiscordError, match="30010"):
        await pointed.member("ana").reacts(said, "👍")


async def test_a_private_thread_is_joined_by_invitation(pointed: Loopback, client: Recorder) -> None:
    thread = await pointed.member("ana").opens_thread("general", "Between us", private=True)
    known = await client.fetch_channel(thread.id)
    assert isinstance(known, discord.Thread)
    await known.join()
    assert pointed.bot.id in {member.id for member in await known.fetch_members()}
    await known.add_user(discord.Object(pointed.member("ben").id))
    await known.remove_user(discord.Object(pointed.member("ben").id))
    await known.leave()
    await known.edit(archived=True)
    channel = text_channel(client, pointed)
    assert [found.id async for found in channel.archived_threads(private=True)] == [thread.id]
    assert [found async for found in channel.archived_threads(private=True, joined=True)] == []


async def test_without_the_history_permission_history_is_empty(pointed: Loopback, client: Recorder) -> None:
    await pointed.member("ana").says("general", "hello")
    pointed.guild.everyone.permissions &= ~int(Permission.READ_MESSAGE_HISTORY)
    pointed.guild.role(pointed.bot.name).permissions &= ~int(Permission.READ_MESSAGE_HISTORY)
    assert [message async for message in text_channel(client, pointed).history()] == []


async def test_whose_message_may_be_edited(pointed: Loopback, client: Recorder) -> None:
    said = await pointed.member("ana").says("general", "mine")
    with pytest.raises(discord.Forbidden) as refused:
        await text_channel(client, pointed).get_partial_message(said.id).edit(content="yours")
    assert refused.value.code == 50005


async def test_empty_unknown_and_too_large(pointed: Loopback, client: Recorder) -> None:
    channel = text_channel(client, pointed)
    with pytest.raises(discord.HTTPException) as empty:
        await channel.send("   ")
    assert empty.value.code == 50006
    with pytest.raises(discord.HTTPException) as long:
        await channel.send("x" * 2001)
    assert long.value.code == 50035
    with pytest.raises(discord.HTTPException) as unknown:
        await channel.send("yes", reference=discord.MessageReference(message_id=1, channel_id=channel.id))
    assert unknown.value.code == 50035
    lenient = discord.MessageReference(message_id=1, channel_id=channel.id, fail_if_not_exists=False)
    assert (await channel.send("yes", reference=lenient)).reference is None
    with pytest.raises(DiscordError, match="40005"):
        await pointed.member("ana").says(
            "general", "", files=[Upload(filename="big", content=bytes(10485761))]
        )


async def test_a_wrong_token_is_refused(pointed: Loopback, client: Recorder) -> None:
    pointed.world.application.token = "changed"
    with pytest.raises(discord.HTTPException) as refused:
        await text_channel(client, pointed).send("hello")
    assert refused.value.status == 401


PINGS = [
    ("<@{ana}>", None, {"user"}),
    ("@everyone", None, {"everyone"}),
    ("@here", None, {"everyone"}),
    ("<@&{cooks}>", None, {"role"}),
    ("`<@{ana}>` and ```@everyone```", None, set()),
    ("<@{ana}> @everyone <@&{cooks}>", discord.AllowedMentions.none(), set()),
    ("<@{ana}> @everyone", discord.AllowedMentions(everyone=False, users=True, roles=False), {"user"}),
]


@pytest.mark.parametrize(("text", "allowed", "kinds"), PINGS)
async def test_whom_a_message_would_ping_is_noted(
    pointed: Loopback, client: Recorder, text: str, allowed: discord.AllowedMentions | None, kinds: set[str]
) -> None:
    client._connection.allowed_mentions = None
    filled = text.format(ana=pointed.member("ana").id, cooks=pointed.role("Cooks").id)
    await text_channel(client, pointed).send(filled, allowed_mentions=allowed or discord.utils.MISSING)
    assert {ping.kind for ping in pointed.pings} == kinds
    pointed.pings.clear()


async def test_a_reply_and_an_edit_ping_too(pointed: Loopback, client: Recorder) -> None:
    client._connection.allowed_mentions = None
    ana = pointed.member("ana")
    said = await ana.says("general", "hello")
    message = await text_channel(client, pointed).fetch_message(said.id)
    answer = await message.reply("yes", mention_author=True)
    assert [ping.kind for ping in pointed.pings] == ["reply"]
    await answer.edit(content=f"yes {ana.mention}")
    assert [ping.kind for ping in pointed.pings] == ["reply", "user"]
    with pytest.raises(AssertionError, match="pinged"):
        pointed.check()
    pointed.pings.clear()


async def test_an_unknown_route_fails_the_test(pointed: Loopback, client: Recorder) -> None:
    with pytest.raises(discord.NotFound):
        await client.http.request(discord.http.Route("GET", "/guilds/1/widget"))
    assert pointed.world.records.unknown_routes == ["GET /api/v10/guilds/1/widget"]
    with pytest.raises(AssertionError, match="unimplemented"):
        pointed.check()
    pointed.world.records.unknown_routes.clear()


async def test_a_malformed_request_fails_the_test(pointed: Loopback, client: Recorder) -> None:
    with pytest.raises(discord.HTTPException) as refused:
        await client.http.request(discord.http.Route("POST", "/users/@me/channels"), json={"whom": 1})
    assert refused.value.code == 50035
    with pytest.raises(AssertionError, match="malformed"):
        pointed.check()
    pointed.world.records.malformed.clear()


def overwrite(target: int, *, allow: int = 0, deny: int = 0) -> Any:
    return channels.overwrite_of({"id": target, "type": 0, "allow": allow, "deny": deny})


async def test_overwrites_in_their_order(discord_world: Loopback) -> None:
    ana, guild, pool = discord_world.member("ana"), discord_world.guild, discord_world.channel("pool")
    cooks, view = discord_world.role("Cooks"), int(Permission.VIEW_CHANNEL)
    assert in_channel(pool, ana.user) == EVERYONE
    pool.overwrites[guild.id] = overwrite(guild.id, deny=view)
    assert in_channel(pool, ana.user) == Permission(0)
    ana.membership.roles.add(cooks.id)
    pool.overwrites[cooks.id] = overwrite(cooks.id, allow=view)
    assert Permission.VIEW_CHANNEL in in_channel(pool, ana.user)
    pool.overwrites[ana.id] = overwrite(ana.id, deny=view)
    assert in_channel(pool, ana.user) == Permission(0)
    assert Permission.VIEW_CHANNEL in in_channel(pool, discord_world.admin().user)


async def test_a_private_thread_has_its_own_audience(discord_world: Loopback) -> None:
    ana, ben = discord_world.member("ana"), discord_world.member("ben")
    thread = await ana.opens_thread("general", "Between us", private=True)
    assert in_channel(thread, ben.user) == Permission(0)
    assert in_channel(thread, discord_world.admin().user)
    await ana.invites(thread, ben)
    assert in_channel(thread, ben.user)
    with pytest.raises(DiscordError):
        await discord_world.member("eva").says(thread, "let me in")


async def test_nobody_outside_reads_a_direct_message(discord_world: Loopback) -> None:
    ana, ben = discord_world.member("ana"), discord_world.member("ben")
    assert in_channel(ana.direct_channel, ben.user) == Permission(0)
