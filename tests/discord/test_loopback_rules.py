"""What Discord refuses: too long, too many, not allowed, not there. Each refusal by its own code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import discord
import pytest

from tests.discord import channels
from tests.discord.commands import check_commands
from tests.discord.conftest import Recorder
from tests.discord.errors import DiscordError
from tests.discord.loopback import Loopback
from tests.discord.messages import Upload
from tests.discord.model import Json
from tests.discord.permissions import EVERYONE, Permission, in_channel
from tests.discord.test_loopback_messages import text_channel
from tests.discord.validation import check_choices, check_message, check_modal


def button(**changes: Any) -> Json:
    return {"type": 2, "style": 1, "label": "ok", "custom_id": "ok"} | changes


def row(*components: Json) -> Json:
    return {"type": 1, "components": list(components)}


def select(**changes: Any) -> Json:
    options = [{"label": "a", "value": "a"}]
    return {"type": 3, "custom_id": "s", "options": options} | changes


def text_input(**changes: Any) -> Json:
    return row({"type": 4, "custom_id": "t", "label": "Text", "style": 1} | changes)


GOOD_MESSAGES: list[Json] = [
    {"content": "x" * 2000},
    {"embeds": [{"title": "x" * 256, "description": "x" * 4096}]},
    {"embeds": [{"fields": [{"name": "x" * 256, "value": "x"}] * 20}]},
    {"components": [row(*[button(custom_id=f"{r}{c}") for c in range(5)]) for r in range(5)]},
    {"components": [row(button(custom_id="x" * 100, label="x" * 80))]},
    {"components": [row(select(options=[{"label": str(n), "value": str(n)} for n in range(25)]))]},
    {"flags": 1 << 15, "components": [{"type": 17, "components": [{"type": 10, "content": "text"}]}]},
]

BAD_MESSAGES: list[Json] = [
    {"content": "x" * 2001},
    {"nonce": "x" * 26},
    {"embeds": [{"title": "x"}] * 11},
    {"embeds": [{"title": "x" * 257}]},
    {"embeds": [{"description": "x" * 4097}]},
    {"embeds": [{"footer": {"text": "x" * 2049}}]},
    {"embeds": [{"author": {"name": "x" * 257}}]},
    {"embeds": [{"fields": [{"name": "n", "value": "v"}] * 26}]},
    {"embeds": [{"fields": [{"name": "n" * 257, "value": "v"}]}]},
    {"embeds": [{"fields": [{"name": "n", "value": "v" * 1025}]}]},
    {"embeds": [{"fields": [{"name": "n", "value": ""}]}]},
    {"embeds": [{"description": "x" * 4000}, {"description": "x" * 2001}]},
    {"components": [row(button(custom_id=str(n))) for n in range(6)]},
    {"components": [row(*[button(custom_id=str(n)) for n in range(6)])]},
    {"components": [row()]},
    {"components": [button()]},
    {"components": [row(button(custom_id="x" * 101))]},
    {"components": [row(button(custom_id=""))]},
    {"components": [row(button(label="x" * 81))]},
    {"components": [row(button(label=""))]},
    {"components": [row(button(), button())]},
    {"components": [row(button(style=5, url="https://example.org"))]},
    {"components": [row({"type": 2, "style": 5, "label": "x", "url": "javascript:alert(1)"})]},
    {"components": [row(select(), button())]},
    {"components": [row(select(custom_id="x" * 101))]},
    {"components": [row(select(placeholder="x" * 151))]},
    {"components": [row(select(options=[]))]},
    {"components": [row(select(options=[{"label": str(n), "value": str(n)} for n in range(26)]))]},
    {"components": [row(select(options=[{"label": "x" * 101, "value": "a"}]))]},
    {"components": [row(select(options=[{"label": "a", "value": "a"}, {"label": "b", "value": "a"}]))]},
    {"components": [row(select(max_values=2))]},
    {"flags": 1 << 15, "content": "text", "components": [{"type": 10, "content": "text"}]},
    {"flags": 1 << 15, "components": [{"type": 10, "content": "x" * 4001}]},
    {"flags": 1 << 15, "components": [{"type": 10, "content": "x"}] * 41},
]


@pytest.mark.parametrize("body", GOOD_MESSAGES)
def test_what_just_fits_passes(body: Json) -> None:
    check_message(body, 10)


@pytest.mark.parametrize("body", BAD_MESSAGES)
def test_what_is_over_a_limit_is_refused(body: Json) -> None:
    with pytest.raises(DiscordError) as refused:
        check_message(body, 0)
    assert (refused.value.status, refused.value.code) == (400, 50035)
    assert refused.value.errors


def test_eleven_files_are_refused() -> None:
    with pytest.raises(DiscordError):
        check_message({"content": "files"}, 11)


@pytest.mark.parametrize(
    "modal",
    [
        {"title": "x" * 46, "custom_id": "m", "components": [text_input()]},
        {"title": "", "custom_id": "m", "components": [text_input()]},
        {"title": "t", "custom_id": "x" * 101, "components": [text_input()]},
        {"title": "t", "custom_id": "m", "components": []},
        {"title": "t", "custom_id": "m", "components": [text_input(custom_id=str(n)) for n in range(6)]},
        {"title": "t", "custom_id": "m", "components": [text_input(label="x" * 46)]},
        {"title": "t", "custom_id": "m", "components": [text_input(placeholder="x" * 101)]},
        {"title": "t", "custom_id": "m", "components": [text_input(value="x" * 4001)]},
        {"title": "t", "custom_id": "m", "components": [text_input(max_length=4001)]},
        {"title": "t", "custom_id": "m", "components": [text_input(), text_input()]},
        {
            "title": "t",
            "custom_id": "m",
            "components": [{"type": 18, "label": "x" * 46, "component": select()}],
        },
    ],
)
def test_a_modal_over_a_limit_is_refused(modal: Json) -> None:
    with pytest.raises(DiscordError, match="50035"):
        check_modal(modal)


@pytest.mark.parametrize(
    "choices",
    [
        [{"name": str(n), "value": str(n)} for n in range(26)],
        [{"name": "x" * 101, "value": "a"}],
        [{"name": "a", "value": "x" * 101}],
        [{"name": "", "value": "a"}],
    ],
)
def test_choices_over_a_limit_are_refused(choices: list[Json]) -> None:
    with pytest.raises(DiscordError, match="50035"):
        check_choices(choices)


def command(**changes: Any) -> Json:
    return {"type": 1, "name": "ask", "description": "ask"} | changes


def option(**changes: Any) -> Json:
    return {"type": 3, "name": "text", "description": "text"} | changes


@pytest.mark.parametrize(
    "commands",
    [
        [command()],
        [command(name="búsqueda"), {"type": 3, "name": "Add to Knowledge"}],
        [command(options=[option(required=True), option(name="more")])],
        [command(options=[option(type=2, options=[option(type=1, options=[option()])])])],
        [command(name=f"c{n}") for n in range(100)],
    ],
)
def test_good_commands_register(commands: list[Json]) -> None:
    check_commands(commands)


@pytest.mark.parametrize(
    "commands",
    [
        [command(name="Ask")],
        [command(name="ask me")],
        [command(name="x" * 33)],
        [command(description="")],
        [command(description="x" * 101)],
        [command(), command()],
        [command(name=f"c{n}") for n in range(101)],
        [{"type": 3, "name": f"menu {n}"} for n in range(6)],
        [{"type": 3, "name": "menu", "description": "no"}],
        [{"type": 3, "name": "x" * 33}],
        [command(name_localizations={"es-ES": "Con Espacio"})],
        [command(description_localizations={"es-ES": "x" * 101})],
        [command(options=[option(name=f"o{n}") for n in range(26)])],
        [command(options=[option(name="more"), option(required=True)])],
        [command(options=[option(), option()])],
        [command(options=[option(type=12)])],
        [command(options=[option(choices=[{"name": "a", "value": "a"}] * 26)])],
        [command(options=[option(choices=[{"name": "x" * 101, "value": "a"}])])],
        [command(options=[option(autocomplete=True, choices=[{"name": "a", "value": "a"}])])],
        [command(options=[option(type=2, options=[option(type=2, options=[option(type=1)])])])],
        [command(options=[option(name=f"o{n}", description="x" * 100, choices=LONG) for n in range(5)])]
        if (LONG := [{"name": "x" * 100, "value": str(n)} for n in range(17)])
        else [],
    ],
)
def test_bad_commands_are_refused(commands: list[Json]) -> None:
    with pytest.raises(DiscordError) as refused:
        check_commands(commands)
    assert refused.value.status == 400


async def test_commands_keep_their_ids_and_only_new_ones_count_to_the_day(discord_world: Loopback) -> None:
    registry = discord_world.server.registry
    first = registry.replace(None, [command()])
    again = registry.replace(None, [command(description="better")])
    assert first[0]["id"] == again[0]["id"]
    for number in range(99):
        registry.replace(None, [command(name=f"a{number}"), command(name=f"b{number}")])
    with pytest.raises(DiscordError, match="30034"):
        registry.replace(None, [command(name="x"), command(name="y")])


def test_commands_outlive_the_server_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "commands.json"
    first = Loopback(commands=file).server.registry.replace(None, [command()])
    second = Loopback(commands=file)
    assert second.world.commands == {None: first}


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
