"""discord.py's own client on the loopback: messages, replies, threads, files, reactions and history."""

from __future__ import annotations

import asyncio
import io

import discord
import pytest

from tests.discord import channels
from tests.discord.conftest import Recorder
from tests.discord.loopback import Loopback
from tests.discord.messages import Upload
from tests.discord.model import MessageKind


def text_channel(client: Recorder, pointed: Loopback, name: str = "general") -> discord.TextChannel:
    channel = client.get_channel(pointed.channel(name).id)
    assert isinstance(channel, discord.TextChannel)
    return channel


async def test_a_mention_reaches_the_client_and_its_reply_reaches_the_member(
    pointed: Loopback, client: Recorder
) -> None:
    asked = await pointed.member("ana").asks("general", "when was the pump replaced?")
    message = await client.hears("message")
    assert client.user in message.mentions
    await message.reply("In May.")
    answer = await pointed.wait.reply_to(asked)
    assert (answer.content, answer.author) == ("In May.", pointed.bot)


async def test_a_reply_carries_the_message_that_it_answers(pointed: Loopback, client: Recorder) -> None:
    ana = pointed.member("ana")
    first = await ana.says("general", "the pump is loud")
    await ana.replies(first, "it is new")
    message = await client.hears("message", 2)
    assert message.reference is not None
    assert isinstance(message.reference.resolved, discord.Message)
    assert message.reference.resolved.content == "the pump is loud"


async def test_a_reply_to_a_deleted_message_says_so(pointed: Loopback, client: Recorder) -> None:
    ana = pointed.member("ana")
    first = await ana.says("general", "the pump is loud")
    second = await ana.replies(first, "it is new")
    await ana.deletes(first)
    fetched = await text_channel(client, pointed).fetch_message(second.id)
    assert fetched.reference is not None
    assert isinstance(fetched.reference.resolved, discord.DeletedReferencedMessage)


async def test_edits_and_deletions_are_told_raw(pointed: Loopback, client: Recorder) -> None:
    ana = pointed.member("ana")
    said = await ana.says("general", "in May")
    await ana.edits(said, "in June")
    edited = await client.hears("raw_message_edit")
    assert edited.data["content"] == "in June"
    await ana.deletes(said)
    gone = await client.hears("raw_message_delete")
    assert gone.message_id == said.id


async def test_direct_messages_go_both_ways(pointed: Loopback, client: Recorder) -> None:
    ana = pointed.member("ana")
    said = await ana.direct("just between us")
    message = await client.hears("message")
    assert isinstance(message.channel, discord.DMChannel)
    await message.channel.send("understood")
    assert (await pointed.wait.next_in(ana.direct_channel, after=said)).content == "understood"


async def test_a_member_who_closed_direct_messages_is_not_reached(
    pointed: Loopback, client: Recorder
) -> None:
    ana = pointed.member("ana")
    ana.user.accepts_direct_messages = False
    user = await client.fetch_user(ana.id)
    with pytest.raises(discord.Forbidden) as refused:
        await user.send("hello")
    assert refused.value.code == 50007


async def test_a_thread_under_a_message_is_known_before_what_is_said_in_it(
    pointed: Loopback, client: Recorder
) -> None:
    ana = pointed.member("ana")
    thread = await ana.opens_thread(await ana.says("general", "pump?"), "The pump")
    await ana.says(thread, "which one?")
    message = await client.hears("message", 3)
    assert isinstance(message.channel, discord.Thread)
    assert message.channel.parent_id == pointed.channel("general").id


async def test_the_bot_opens_a_thread_under_a_message(pointed: Loopback, client: Recorder) -> None:
    said = await pointed.member("ana").says("general", "pump?")
    message = await text_channel(client, pointed).fetch_message(said.id)
    thread = await message.create_thread(name="The pump")
    assert thread.id == said.id
    await thread.send("here")
    assert said.thread is not None
    kinds = [message.kind for message in said.thread.messages]
    assert kinds == [MessageKind.THREAD_STARTER, MessageKind.DEFAULT]


async def test_a_private_thread_is_silent_until_the_bot_is_invited(
    pointed: Loopback, client: Recorder
) -> None:
    pointed.world.guilds[pointed.guild.id].role(pointed.bot.name).permissions &= ~(1 << 34)
    ana = pointed.member("ana")
    thread = await ana.opens_thread("general", "Between us", private=True)
    await ana.says(thread, "before")
    await ana.invites(thread, pointed.bot)
    await ana.says(thread, "after")
    await client.hears("message")
    assert client.contents() == ["after"]


async def test_a_forum_post_is_a_thread_with_its_first_message(pointed: Loopback, client: Recorder) -> None:
    post = await pointed.member("ana").posts("help", "Loud pump", "What now?")
    message = await client.hears("message")
    assert isinstance(message.channel, discord.Thread)
    assert isinstance(message.channel.parent, discord.ForumChannel)
    assert (message.id, message.channel.name) == (post.id, "Loud pump")


async def test_the_bot_posts_in_a_forum(pointed: Loopback, client: Recorder) -> None:
    forum = client.get_channel(pointed.channel("help").id)
    assert isinstance(forum, discord.ForumChannel)
    created = await forum.create_thread(name="Unanswered", content="Nobody knew this.")
    assert created.message.content == "Nobody knew this."
    with pytest.raises(discord.HTTPException) as refused:
        await client.http.send_message(forum.id, params=discord.http.handle_message_parameters("hello"))
    assert refused.value.code == 50008


async def test_archived_threads_are_listed_by_pages(pointed: Loopback, client: Recorder) -> None:
    ana = pointed.member("ana")
    names = [f"thread {number}" for number in range(5)]
    for name in names:
        await ana.archives(await ana.opens_thread("general", name))
    open_thread = await ana.opens_thread("general", "still open")
    channel = text_channel(client, pointed)
    found = [thread.name async for thread in channel.archived_threads(limit=None)]
    assert found == names[::-1]
    page = [thread async for thread in channel.archived_threads(limit=2)]
    rest = [
        thread.name
        async for thread in channel.archived_threads(limit=None, before=page[-1].archive_timestamp)
    ]
    assert rest == names[:3][::-1]
    assert [thread.id for thread in await channel.guild.active_threads()] == [open_thread.id]


async def test_an_archived_thread_opens_by_a_message_and_a_locked_one_does_not(
    pointed: Loopback, client: Recorder
) -> None:
    pointed.guild.role(pointed.bot.name).permissions &= ~(1 << 34)
    ana, admin = pointed.member("ana"), pointed.admin()
    thread = await ana.opens_thread("general", "Old")
    said = await ana.says(thread, "first")
    await ana.archives(thread)
    known = await client.fetch_channel(thread.id)
    assert isinstance(known, discord.Thread)
    with pytest.raises(discord.HTTPException) as refused:
        await (await known.fetch_message(said.id)).add_reaction("👍")
    assert refused.value.code == 50083
    await known.send("wake up")
    assert thread.thread is not None
    assert not thread.thread.archived
    await admin.archives(thread, locked=True)
    with pytest.raises(discord.HTTPException) as locked:
        await known.send("once more")
    assert locked.value.code == 160005


async def test_files_are_uploaded_and_downloaded(pointed: Loopback, client: Recorder) -> None:
    ana = pointed.member("ana")
    await ana.says(
        "general", "look", files=[Upload(filename="pump.txt", content=b"model X", content_type="text/plain")]
    )
    message = await client.hears("message")
    assert await message.attachments[0].read() == b"model X"
    assert message.attachments[0].content_type == "text/plain"
    sent = await message.reply(
        "a file", file=discord.File(io.BytesIO("bäh".encode()), "answer.md", description="long")
    )
    stored = pointed.channel("general").messages.get(sent.id)
    assert stored is not None
    assert stored.attachments[0].content_type == "text/markdown"
    assert [(f.filename, f.content.decode(), f.description) for f in stored.attachments] == [
        ("answer.md", "bäh", "long")
    ]
    assert await sent.attachments[0].read() == "bäh".encode()


async def test_an_edit_keeps_or_drops_files(pointed: Loopback, client: Recorder) -> None:
    channel = text_channel(client, pointed)
    sent = await channel.send("two", files=[discord.File(__file__, "a.py"), discord.File(__file__, "b.py")])
    stored = pointed.channel("general").messages.get(sent.id)
    assert stored is not None
    await sent.edit(content="still two")
    assert [file.filename for file in stored.attachments] == ["a.py", "b.py"]
    await sent.edit(attachments=[sent.attachments[1], discord.File(__file__, "c.py")])
    assert [file.filename for file in stored.attachments] == ["b.py", "c.py"]


async def test_reactions_are_told_with_the_author_of_the_message(pointed: Loopback, client: Recorder) -> None:
    ana = pointed.member("ana")
    sent = await text_channel(client, pointed).send("an answer")
    stored = pointed.channel("general").messages.get(sent.id)
    assert stored is not None
    await ana.reacts(stored, "👍")
    added = await client.hears("raw_reaction_add")
    assert (added.user_id, added.message_author_id, str(added.emoji)) == (ana.id, pointed.bot.id, "👍")
    await ana.reacts(stored, "👍")
    await ana.unreacts(stored, "👍")
    await client.hears("raw_reaction_remove")
    assert len(client.heard["raw_reaction_add"]) == 1
    assert stored.reactions == {}


async def test_the_bot_reacts_and_clears(pointed: Loopback, client: Recorder) -> None:
    said = await pointed.member("ana").says("general", "pump?")
    await pointed.member("ana").reacts(said, "👀")
    message = await text_channel(client, pointed).fetch_message(said.id)
    await message.add_reaction("👍")
    assert [user.name async for user in message.reactions[0].users()] == ["ana"]
    await message.remove_reaction("👍", discord.Object(pointed.bot.id))
    await message.clear_reaction("👀")
    await client.hears("raw_reaction_clear_emoji")
    assert said.reactions == {}
    with pytest.raises(discord.NotFound):
        await message.add_reaction("thumbsup")


async def test_history_is_paged_in_every_direction(pointed: Loopback, client: Recorder) -> None:
    ana = pointed.member("ana")
    said = [await ana.says("general", str(number)) for number in range(250)]
    channel = text_channel(client, pointed)
    newest = [message.content async for message in channel.history(limit=3)]
    assert newest == ["249", "248", "247"]
    everything = [message.content async for message in channel.history(limit=None, oldest_first=True)]
    assert everything == [str(number) for number in range(250)]
    after = [m.content async for m in channel.history(limit=2, after=discord.Object(said[10].id))]
    assert after == ["11", "12"]
    before = [m.content async for m in channel.history(limit=2, before=discord.Object(said[10].id))]
    assert before == ["9", "8"]
    around = [m.content async for m in channel.history(limit=3, around=discord.Object(said[10].id))]
    assert around == ["11", "10", "9"]


async def test_many_messages_are_deleted_at_once(pointed: Loopback, client: Recorder) -> None:
    ana = pointed.member("ana")
    said = [await ana.says("general", str(number)) for number in range(3)]
    channel = text_channel(client, pointed)
    await channel.delete_messages([discord.Object(message.id) for message in said])
    gone = await client.hears("raw_bulk_message_delete")
    assert gone.message_ids == {message.id for message in said}
    with pytest.raises(discord.NotFound) as unknown:
        await channel.fetch_message(said[0].id)
    assert unknown.value.code == 10008


async def test_pins(pointed: Loopback, client: Recorder) -> None:
    pointed.guild.role(pointed.bot.name).permissions |= 1 << 51
    message = await text_channel(client, pointed).send("keep this")
    await message.pin()
    assert [pinned.id async for pinned in message.channel.pins()] == [message.id]
    await message.unpin()
    assert [pinned async for pinned in message.channel.pins()] == []


async def test_the_lists_of_a_guild(pointed: Loopback, client: Recorder) -> None:
    ana = pointed.member("ana", roles=("Admin",))
    guild = client.get_guild(pointed.guild.id)
    assert guild is not None
    names = {channel.name for channel in await guild.fetch_channels()}
    assert {"general", "pool", "car", "help", "staff"} <= names
    member = await guild.fetch_member(ana.id)
    assert member.guild_permissions.administrator
    assert {role.name for role in await guild.fetch_roles()} == {"@everyone", "Admin", "Lorekeeper"}
    assert [found.name for found in await guild.query_members("ana")] == ["ana"]


async def test_channels_come_and_go(pointed: Loopback, client: Recorder) -> None:
    owner = pointed.world.application.owner
    made = channels.create(pointed.world, pointed.guild, owner, "garden")
    await client.hears("guild_channel_create")
    channels.change(pointed.world, made, owner, {"name": "terrace"})
    await client.hears("guild_channel_update")
    channels.delete(pointed.world, made, owner)
    await client.hears("guild_channel_delete")
    with pytest.raises(discord.NotFound) as unknown:
        await client.fetch_channel(made.id)
    assert unknown.value.code == 10003


async def test_typing_is_seen(pointed: Loopback, client: Recorder) -> None:
    async with text_channel(client, pointed).typing():
        assert pointed.channel("general").typing == [pointed.bot.id]


async def test_settled_waits_for_the_end_of_a_stream(pointed: Loopback, client: Recorder) -> None:
    asked = await pointed.member("ana").asks("general", "pump?")
    message = await text_channel(client, pointed).fetch_message(asked.id)
    answer = await message.reply("In")
    await answer.edit(content="In May")
    await answer.edit(content="In May 2024.")
    seen = await pointed.wait.settled(await pointed.wait.reply_to(asked), quiet=0.05)
    assert seen.versions == ["In", "In May", "In May 2024."]
    assert len(seen.shown) == 3
    assert seen.shown == sorted(seen.shown)


async def test_silence_is_waited_for(pointed: Loopback, client: Recorder) -> None:
    channel = pointed.channel("general")
    await pointed.member("ana").says(channel, "pump?")
    await pointed.wait.silence(channel, 0.05)
    await text_channel(client, pointed).send("In May.")
    late = asyncio.create_task(text_channel(client, pointed).send("In May 2024."))
    with pytest.raises(AssertionError, match=r"In May 2024\."):
        await pointed.wait.silence(channel, 5)
    await late


async def test_what_another_bot_or_a_stranger_says(pointed: Loopback, client: Recorder) -> None:
    await pointed.other_bot().says("general", "beep")
    message = await client.hears("message")
    assert message.author.bot
    said = pointed.webhook_says(pointed.channel("general"), "deployed")
    heard = await client.hears("message", 2)
    assert (heard.webhook_id, heard.content) == (said.webhook_id, "deployed")


async def test_a_long_history_is_there_at_once(pointed: Loopback, client: Recorder) -> None:
    pointed.fill(pointed.channel("pool"), pointed.member("ana"), (str(number) for number in range(5000)))
    channel = text_channel(client, pointed, "pool")
    oldest = [message.content async for message in channel.history(limit=250, oldest_first=True)]
    assert oldest == [str(number) for number in range(250)]
    assert client.contents() == []
