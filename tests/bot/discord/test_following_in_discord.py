"""What is new in a channel that was read becomes knowledge by itself, through the real bot."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import discord
import pytest

from agent.contracts import LOCAL_GUILD
from agent.errors import StoreBusyError
from bot.state.records import SyncState
from tests.bot.discord.syncs import BEGIN, Synced
from tests.discord import channels
from tests.discord.past import GeneratedPast, add_past

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _followed(synced: Synced) -> int:
    sync = await synced.cog.history.sync(LOCAL_GUILD, synced.channel("pool").id)
    assert sync is not None
    return sync.followed


async def test_what_is_said_is_taken_in_and_silence_costs_no_request(synced: Synced) -> None:
    synced.past("pool", (synced.ana, "The trunk is blue."))
    await synced.sync("pool")
    await synced.look_again()
    said = await synced.ben.says("pool", "The inflatable flamingos sleep in the greenhouse.")
    other = await synced.ben.says("general", "Nobody asked to read this channel.")
    assert await synced.look(other) == [f"GET /channels/{synced.channel('pool').id}/messages"]
    assert await synced.texts() == sorted(["The trunk is blue.", said.content])
    asked = await synced.ana.asks("pool", "Where do the inflatable flamingos sleep?")
    answer = await synced.stage.answer_to(asked)
    assert "greenhouse" in answer.content
    assert said.jump_url in answer.content

    await synced.look(answer)
    assert await synced.look_again() == []
    assert await synced.texts() == sorted(["The trunk is blue.", said.content]), (
        "a question to the bot and its answer are not learnt from"
    )


async def test_a_conversation_grows_and_its_reply_is_found_in_it(synced: Synced) -> None:
    await synced.sync("pool")
    question = await synced.ana.says("pool", "Does the cover fit?")
    await synced.look(question)
    assert await synced.texts() == ["Does the cover fit?"]
    answer = await synced.ben.replies(question, "It is ten centimetres short.")
    await synced.look(answer)
    assert await synced.texts() == ["Does the cover fit?\n\nIt is ten centimetres short."]


async def test_what_was_said_during_an_absence_is_taken_in(synced: Synced) -> None:
    await synced.sync("pool")
    await synced.stage.stop()
    said = [await synced.ana.says("pool", f"Absence {number}.") for number in range(3)]
    await synced.stage.start()
    await synced.look(said[-1])
    assert await synced.texts() == ["Absence 0.\nAbsence 1.\nAbsence 2."]


async def test_new_threads_and_posts_are_taken_in_for_their_readers(synced: Synced) -> None:
    await synced.sync("pool")
    await synced.sync("help")
    await synced.look_again()
    opened = await synced.ana.opens_thread("pool", "Ladder")
    await synced.ben.says(opened, "The ladder has six steps.")
    hidden = await synced.ana.opens_thread("pool", "Surprise", private=True)
    await synced.ana.invites(hidden, synced.stage.loopback.bot)
    await synced.ana.says(hidden, "The party is in June.")
    post = await synced.ana.posts("help", "Noise at night", "It hums after ten.")
    last = await synced.ben.says(post, "Turn the timer to nine.")
    await synced.look(last)
    pool, forum = synced.channel("pool").id, synced.channel("help").id
    assert {each.title: each.visibility for each in await synced.sources()} == {
        "Ladder": f"channel:{pool}",
        "Surprise": f"channel:{hidden.id}",
        "Noise at night": f"channel:{forum}",
    }
    assert await synced.look_again() == []


@pytest.mark.parametrize("away", [False, True])
async def test_what_was_said_in_a_thread_that_is_closed_is_taken_in(synced: Synced, away: bool) -> None:
    thread = await synced.ana.opens_thread("pool", "Ladder")
    old = await synced.ana.opens_thread("pool", "Closed long ago")
    add_past(old, [(synced.ben.user, "Nothing happens here.")], begin=BEGIN)
    await synced.sync("pool")
    await synced.look_again()
    if away:
        await synced.stage.stop()
    await synced.ben.says(thread, "The ladder has six steps.")
    await synced.admin.archives(thread)
    await synced.admin.archives(old)
    last = await synced.ana.says("general", "Done.")
    if away:
        await synced.stage.start()
    asked = await synced.look(last)
    assert "The ladder has six steps." in await synced.texts()
    listed = [each for each in asked if "/threads/archived/" in each]
    assert len(listed) == (2 if away else 0), "public and private ones, after an absence only"
    assert await synced.look_again() == []
    assert await _followed(synced) >= last.id


@pytest.mark.parametrize("away", [False, True])
async def test_a_thread_that_was_read_by_itself_is_followed_when_it_is_closed(
    synced: Synced, away: bool
) -> None:
    thread = await synced.ana.opens_thread("pool", "Ladder")
    await synced.sync(thread)
    await synced.look_again()
    if away:
        await synced.stage.stop()
    await synced.ben.says(thread, "The ladder has six steps.")
    await synced.admin.archives(thread)
    last = await synced.ana.says("pool", "Nobody asked to read what is beside it.")
    if away:
        await synced.stage.start()
    await synced.look(last)
    assert await synced.texts() == ["The ladder has six steps."]
    assert await synced.look_again() == []


async def test_what_is_left_out_of_a_sync_is_left_out_here(synced: Synced) -> None:
    await synced.sync("pool")
    cleo = synced.stage.loopback.member("cleo")
    await cleo.slash("privacy training", learn="off")
    await cleo.says("pool", "Nobody may learn this.")
    music = synced.stage.loopback.other_bot("Music")
    await music.says("pool", "Now playing: water music")
    await synced.ana.says("pool", "!rank @ana")
    last = await synced.ben.says("pool", "The skimmer is a 2019 model.")
    await synced.look(last)
    assert await synced.texts() == ["The skimmer is a 2019 model."]


async def test_a_silenced_channel_is_followed_without_a_word(synced: Synced) -> None:
    await synced.sync("pool")
    pool = synced.channel("pool")
    given = await synced.admin.slash("channel set", channel=pool, silenced=True)
    await synced.stage.loopback.wait.answered(given)
    before = len(synced.stage.loopback.said_by_bot(pool))
    said = await synced.ana.says("pool", "The gate code changes in May.")
    await synced.look(said)
    assert await synced.texts() == [said.content]
    assert len(synced.stage.loopback.said_by_bot(pool)) == before


async def test_deleted_before_it_is_read_it_is_not_looked_for_again(synced: Synced) -> None:
    await synced.sync("pool")
    said = await synced.ana.says("pool", "A slip of the tongue.")
    await synced.stage.looked_at(said)
    await synced.ana.deletes(said)
    assert len(await synced.look_again()) >= 1
    assert await synced.texts() == []
    assert await synced.look_again() == []


async def test_what_discord_or_a_store_does_not_give_now_comes_with_the_next_look(
    synced: Synced, monkeypatch: pytest.MonkeyPatch
) -> None:
    await synced.sync("pool")
    said = await synced.ana.says("pool", "The drain is round.")

    async def away(*given: Any) -> None:
        raise StoreBusyError("The database is away.", "Start it.")

    with monkeypatch.context() as broken:
        broken.setattr(synced.cog.history, "apply", away)
        await synced.look(said)
    followed = await _followed(synced)
    synced.stage.loopback.faults.fail(r"GET .*/messages", 503, times=10)
    await synced.look_again()
    synced.stage.loopback.faults.clear()
    assert await synced.texts() == []
    assert followed < said.id
    await synced.look_again()
    assert await synced.texts() == ["The drain is round."]
    assert await _followed(synced) >= said.id


async def test_killed_after_a_page_its_conversation_is_made_by_the_next_process(
    synced: Synced, monkeypatch: pytest.MonkeyPatch
) -> None:
    await synced.sync("pool")
    said = await synced.ana.says("pool", "The hose is green.")

    async def dies(*given: Any) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(synced.cog._builder, "make", dies)
    with pytest.raises(asyncio.CancelledError):
        await synced.look(said)
    await synced.stage.stop()
    await synced.stage.start()
    await synced.until_texts("The hose is green.")


async def test_a_channel_that_a_sync_reads_is_left_to_it(
    synced: Synced, monkeypatch: pytest.MonkeyPatch
) -> None:
    await synced.sync("pool")
    gate, read, real = asyncio.Event(), asyncio.Event(), synced.cog.history.apply

    async def waiting(*given: Any) -> None:
        read.set()
        await gate.wait()
        await real(*given)

    monkeypatch.setattr(synced.cog.history, "apply", waiting)
    said = await synced.ana.says("pool", "The rake is bent.")
    shown = await synced.begin("pool")
    await read.wait()
    assert await synced.look(said) == []
    gate.set()
    assert "✅" in await synced.ended(shown)
    assert await synced.texts() == ["The rake is bent."]


async def test_a_sync_that_was_stopped_is_not_gone_on_with(synced: Synced) -> None:
    said = await synced.ana.says("pool", "The steps are slippery.")
    await synced.sync("pool")
    await synced.cog.history.end_sync(LOCAL_GUILD, synced.channel("pool").id, SyncState.CANCELLED)
    later = await synced.ana.says("pool", "And wet.")
    assert await synced.look(later) == []
    assert await synced.texts() == [said.content]


async def test_in_a_huge_channel_only_what_is_new_is_asked_for(synced: Synced) -> None:
    pool, speaker = synced.channel("pool"), synced.ana.user

    def line(number: int) -> tuple[Any, str]:
        return speaker, f"Line {number}."

    count, today = 500_000, datetime(2025, 4, 13, 0, 20, tzinfo=UTC)
    past = GeneratedPast(pool, count, line, begin=today - count * timedelta(minutes=1))
    pool.messages = past
    await synced.sync("pool", since=today.date().isoformat())
    read = sum(text.count("Line") for text in await synced.texts())
    past._count += 150
    known, newest = synced.stage.bot.get_channel(pool.id), past.last()
    assert isinstance(known, discord.TextChannel)
    assert newest is not None
    known.last_message_id = newest.id
    asked = await synced.look_again()
    assert [each for each in asked if each.endswith("/messages")] == [f"GET /channels/{pool.id}/messages"] * 2
    assert sum(text.count("Line") for text in await synced.texts()) == read + 150


async def test_an_edit_and_a_deletion_on_the_way_are_not_lost(
    synced: Synced, monkeypatch: pytest.MonkeyPatch
) -> None:
    await synced.sync("pool")
    kept = await synced.ana.says("pool", "The lamp has twelve volts.")
    gone = await synced.ben.says("pool", "The code is 1234.")
    gate, real = asyncio.Event(), synced.cog.history.apply

    async def waiting(*given: Any) -> None:
        await gate.wait()
        await real(*given)

    monkeypatch.setattr(synced.cog.history, "apply", waiting)
    look = asyncio.create_task(synced.look(gone))
    await synced.stage.until(lambda: synced.cog.following.is_looking(LOCAL_GUILD))
    await synced.ana.edits(kept, "The lamp has twenty-four volts.")
    await synced.ben.deletes(gone)
    await synced.stage.until(lambda: kept.id in synced.cog._edited[LOCAL_GUILD])
    await synced.stage.until(lambda: gone.id in synced.cog._deleted[LOCAL_GUILD])
    gate.set()
    await look
    await synced.cog._remake()
    assert await synced.texts() == ["The lamp has twenty-four volts."]


async def test_a_channel_that_was_deleted_during_an_absence_takes_its_knowledge_along(
    synced: Synced,
) -> None:
    synced.past("pool", (synced.ana, "The net is torn."))
    await synced.sync("pool")
    await synced.stage.stop()
    channels.delete(synced.stage.loopback.world, synced.channel("pool"), synced.admin.user)
    await synced.stage.start()
    await synced.look_again()
    await synced.cog._remake()
    await synced.until_texts()


async def test_who_is_forgotten_is_not_taken_in_by_the_next_look(synced: Synced) -> None:
    await synced.sync("pool")
    said = await synced.ana.says("pool", "Ana wonders about the hammock.")
    await synced.stage.looked_at(said)
    await synced.stage.loopback.wait.until(lambda: synced.stage.loopback.world.commands or None)
    warning = await synced.stage.loopback.wait.answered(await synced.ana.slash("privacy forget"))
    await synced.ana.clicks(warning, "Delete everything")
    await synced.stage.loopback.wait.until(
        lambda: True if warning.content.startswith("Everything of you") else None, what="the report"
    )
    later = await synced.ben.says("pool", "The hammock hangs between the pines.")
    await synced.look(later)
    await synced.cog._remake()
    assert await synced.texts() == ["The hammock hangs between the pines."]
