"""The history of channels becomes knowledge, through the real bot: read, gone on with, followed, removed."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from agent.contracts import LOCAL_GUILD, MemberId, SourceKind
from agent.errors import StoreBusyError
from agent.privacy.privacy import Privacy
from bot.history.grouping import MOST
from bot.state.records import SyncState
from tests.bot.discord.syncs import BEGIN, Synced
from tests.discord import channels
from tests.discord.messages import Upload
from tests.discord.model import Message, Overwrite
from tests.discord.past import add_past
from tests.discord.permissions import Permission

pytestmark = pytest.mark.asyncio(loop_scope="session")

_HOUR = timedelta(hours=1)


async def test_a_channel_is_read_grouped_quoted_and_linked(synced: Synced) -> None:
    first, second = synced.past(
        "pool",
        (synced.ana, "Where do the inflatable flamingos go in winter?"),
        (synced.ben, "The inflatable flamingos go into the blue trunk in the attic."),
    )
    synced.past("pool", (synced.ana, "Unrelated: chlorine tablets are on sale."), hours=5)
    said = await synced.sync("pool")
    assert "3 messages looked at, 2 conversations" in said

    talk, other = await synced.sources()
    assert (talk.title, talk.link) == (first.content, first.jump_url)
    assert talk.visibility == f"channel:{first.channel.id}"
    assert talk.date == BEGIN.date()
    assert other.title.startswith("Unrelated")
    passages = await synced.stage.installation.stores.store.passages_of(LOCAL_GUILD, talk.id)
    assert [(each.author, each.author_name, each.link) for each in passages] == [
        (str(synced.ana.id), "ana", first.jump_url),
        (str(synced.ben.id), "ben", second.jump_url),
    ]
    assert {each.location for each in passages} == {"#pool"}
    asked = await synced.ana.asks("pool", "Where do the inflatable flamingos go in winter?")
    answer = await synced.stage.answer_to(asked)
    assert "blue trunk" in answer.content
    assert f"](<{second.jump_url}>)" in answer.content
    assert "by ben" in answer.content


async def test_what_no_member_stated_is_left_out(synced: Synced) -> None:
    world = synced.stage.loopback.world
    bot, stranger = world.bot, world.add_user("Music", bot=True)
    kept = synced.past("pool", (synced.ana, "The skimmer is a 2019 model."))
    lines = [
        (stranger, "Now playing: water music"),
        (bot, "I am the bot."),
        (synced.ben.user, "!rank @ana"),
        (synced.ben.user, f"{bot.mention} when was the skimmer bought?"),
    ]
    add_past(synced.channel("pool"), lines, begin=BEGIN + timedelta(minutes=5))
    refused = synced.stage.loopback.member("cleo")
    await synced.stage.loopback.wait.until(lambda: world.commands or None)
    await refused.slash("privacy training", learn="off")
    add_past(synced.channel("pool"), [(refused.user, "Nobody may learn this.")], begin=BEGIN + _HOUR)
    await synced.sync("pool")
    assert await synced.texts() == [kept[0].content]


async def test_threads_open_archived_and_private_are_read_for_their_own_readers(synced: Synced) -> None:
    opened = await synced.ana.opens_thread("pool", "Open thread")
    archived = await synced.ana.opens_thread("pool", "Archived thread")
    private = await synced.ana.opens_thread("pool", "Private thread", private=True)
    for number, thread in enumerate((opened, archived, private)):
        add_past(
            thread, [(synced.ben.user, f"Filter fact {number}.")], begin=BEGIN + number * timedelta(days=40)
        )
    await synced.admin.archives(archived)
    await synced.admin.archives(private)
    await synced.sync("pool")

    found = {each.title: each for each in await synced.sources()}
    assert set(found) == {"Open thread", "Archived thread", "Private thread"}
    pool = f"channel:{synced.channel('pool').id}"
    assert found["Open thread"].visibility == found["Archived thread"].visibility == pool
    assert found["Private thread"].visibility == f"channel:{private.id}"
    assert {each.kind for each in found.values()} == {SourceKind.THREAD}


async def test_a_post_is_a_conversation_whose_tag_names_its_topic(synced: Synced) -> None:
    forum = synced.channel("help")
    forum.available_tags = [
        {"id": "7", "name": "pool", "moderated": False, "emoji_id": None, "emoji_name": None},
        {"id": "8", "name": "solved", "moderated": False, "emoji_id": None, "emoji_name": None},
    ]
    channels.change(synced.stage.loopback.world, forum, synced.admin.user, {})
    post = await synced.ana.posts("help", "Noise at night", "It hums after ten.", tags=["pool", "solved"])
    await synced.ben.says(post, "Turn the timer to nine.")
    await synced.sync("help")
    (source,) = await synced.sources()
    assert (source.title, source.category, source.category_probability) == ("Noise at night", "pool", 1.0)
    (passage, _) = await synced.stage.installation.stores.store.passages_of(LOCAL_GUILD, source.id)
    assert passage.location == "#help (pool, solved)"


async def test_what_is_edited_and_deleted_is_followed(synced: Synced) -> None:
    one = await synced.ana.says("pool", "The cover weighs ten kilos.")
    two = await synced.ben.says("pool", "The ladder is made of oak.")
    three = await synced.ana.says("pool", "The lamp has twelve volts.")
    await synced.sync("pool")
    assert len(await synced.texts()) == 1

    await synced.ana.edits(one, "The cover weighs twenty kilos.")
    await synced.until_texts("\n\n".join([one.content, two.content, three.content]))
    assert "twenty" in one.content
    await synced.ben.deletes(two)
    await synced.until_texts(f"{one.content}\n{three.content}")
    await synced.ana.edits(three, "!gone")
    await synced.until_texts(one.content)
    four = await synced.ana.says("pool", "More.")
    await synced.sync("pool")
    await synced.admin.deletes_many("pool", [one, four])
    await synced.until_texts()


async def test_the_next_sync_finds_what_happened_meanwhile(synced: Synced) -> None:
    one, two, three = synced.past(
        "pool", (synced.ana, "Valve one."), (synced.ben, "Valve two."), (synced.ana, "Valve three.")
    )
    await synced.sync("pool")
    one.content = "Valve one is green."
    synced.channel("pool").messages.remove(two)
    (four,) = synced.past("pool", (synced.ben, "Valve four."), hours=9)
    await synced.sync("pool")
    assert await synced.texts() == sorted([four.content, f"{one.content}\n{three.content}"])
    before = await synced.sources()
    assert "0 conversations" in await synced.sync("pool")
    assert await synced.sources() == before


async def test_since_bounds_what_is_read_and_can_be_moved_back(synced: Synced) -> None:
    synced.past("pool", (synced.ana, "Early."))
    synced.past("pool", (synced.ana, "Late."), hours=48)
    await synced.sync("pool", since="2024-05-02")
    assert await synced.texts() == ["Late."]
    await synced.sync("pool", since="2024-05-01")
    assert await synced.texts() == ["Early.", "Late."]


async def test_thousands_of_messages_are_read_gently(synced: Synced) -> None:
    lines = [(synced.ana.user, "ok")] * 3000
    add_past(synced.channel("pool"), lines, begin=BEGIN, apart=timedelta(seconds=30))
    said = await synced.ended(await synced.begin("pool"), within=300.0)
    assert f"3000 messages looked at, {3000 // MOST} conversations" in said
    assert sum(text.count("ok") for text in await synced.texts()) == 3000
    assert not synced.stage.loopback.limits.hits


class _KilledError(BaseException):
    """Ends a task as a kill ends a process: nothing of ours runs any more."""


@pytest.mark.parametrize(
    ("what", "where", "step"),
    [
        ("apply", "before", 2),
        ("apply", "after", 1),
        ("apply", "after", 3),
        ("make", "before", 1),
        ("make", "after", 1),
        ("make", "after", 2),
    ],
)
async def test_killed_anywhere_it_goes_on_without_loss_or_double(
    synced: Synced, monkeypatch: pytest.MonkeyPatch, what: str, where: str, step: int
) -> None:
    """A page is kept, and a source is made, or not; between those a process may die."""
    speakers = (synced.ana.user, synced.ben.user)
    lines = [(speakers[number // 60 % 2], f"Line {number}.") for number in range(240)]
    add_past(synced.channel("pool"), lines, begin=BEGIN, apart=timedelta(seconds=20))
    cog = synced.cog
    target = cog.history if what == "apply" else cog._builder
    real, calls = getattr(target, what), 0

    async def dying(*given: Any, **named: Any) -> None:
        nonlocal calls
        calls += 1
        if calls >= step and where == "before":
            raise _KilledError
        await real(*given, **named)
        if calls >= step:
            raise _KilledError

    monkeypatch.setattr(target, what, dying)
    await synced.begin("pool")
    await synced.stage.until(lambda: calls >= step or not cog._running)
    await synced.stage.stop()
    await synced.stage.start()

    async def done() -> bool:
        sync = await synced.cog.history.sync(LOCAL_GUILD, synced.channel("pool").id)
        return sync is not None and sync.state is SyncState.DONE and not synced.cog._running

    await synced.stage.until(done)
    texts = await synced.texts()
    assert len(texts) == 2
    words = [line for text in texts for line in text.split("\n") if line]
    assert sorted(words) == sorted(line for _, line in lines)


@pytest.fixture
def gate(synced: Synced, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Nothing of a page is kept before it is set."""
    gate, history = asyncio.Event(), synced.cog.history
    real = history.apply

    async def waiting(*given: Any) -> None:
        await gate.wait()
        await real(*given)

    monkeypatch.setattr(history, "apply", waiting)
    return gate


async def test_it_is_stopped_by_its_button_and_goes_on_with_the_command(
    synced: Synced, gate: asyncio.Event
) -> None:
    lines = [(synced.ana.user, f"Number {number}.") for number in range(250)]
    add_past(synced.channel("pool"), lines, begin=BEGIN)
    shown = await synced.begin("pool")
    refused = await synced.ana.clicks(shown, "Stop")
    assert "It needs administering" in (await synced.stage.loopback.wait.answered(refused)).content
    await synced.admin.clicks(shown, "Stop")
    gate.set()
    assert "is stopped" in await synced.ended(shown)
    assert not shown.components
    await synced.sync("pool")
    assert sum(text.count("Number") for text in await synced.texts()) == 250


async def test_a_store_that_is_away_pauses_it(synced: Synced, monkeypatch: pytest.MonkeyPatch) -> None:
    synced.past("pool", (synced.ana, "The drain is round."))
    history, left = synced.cog.history, 1
    real = history.apply

    async def away(*given: Any) -> None:
        nonlocal left
        if left:
            left -= 1
            raise StoreBusyError("The database is away.", "Start it.")
        await real(*given)

    monkeypatch.setattr(history, "apply", away)
    shown = await synced.begin("pool")
    assert "✅" in await synced.ended(shown)
    assert any("paused: The database is away." in version for version in shown.versions)
    assert await synced.texts() == ["The drain is round."]


async def test_a_message_that_is_deleted_before_its_page_is_kept_goes(
    synced: Synced, gate: asyncio.Event
) -> None:
    kept, deleted = synced.past("pool", (synced.ana, "The broom."), (synced.ana, "The secret."))
    shown = await synced.begin("pool")
    await synced.ana.deletes(deleted)
    await synced.stage.until(lambda: deleted.id in synced.cog._deleted[LOCAL_GUILD])
    gate.set()
    await synced.ended(shown)
    await synced.until_texts(kept.content)


async def test_a_deletion_that_a_store_missed_is_made_up_for(
    synced: Synced, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, deleted = synced.past("pool", (synced.ana, "The broom."), (synced.ana, "The secret."))
    await synced.sync("pool")

    async def away(*given: Any) -> None:
        raise StoreBusyError("The database is away.", "Start it.")

    with monkeypatch.context() as broken:
        broken.setattr(synced.cog.history, "remove", away)
        await synced.ana.deletes(deleted)
        await synced.stage.until(lambda: deleted.id in synced.cog._deleted[LOCAL_GUILD])
    await synced.cog._remake()
    assert await synced.texts() == [kept.content]


async def test_a_channel_that_is_deleted_takes_its_knowledge_along(synced: Synced) -> None:
    synced.past("pool", (synced.ana, "The steps are slippery."))
    thread = await synced.ana.opens_thread("pool", "Steps")
    await synced.ben.says(thread, "Use the mat.")
    await synced.sync("pool")
    assert len(await synced.texts()) == 2
    channels.delete(synced.stage.loopback.world, thread, synced.admin.user)
    await synced.until_texts("The steps are slippery.")
    channels.delete(synced.stage.loopback.world, synced.channel("pool"), synced.admin.user)
    await synced.until_texts()


async def test_a_channel_that_is_deleted_in_the_middle_ends_it(synced: Synced, gate: asyncio.Event) -> None:
    lines = [(synced.ana.user, f"Number {number}.") for number in range(150)]
    add_past(synced.channel("pool"), lines, begin=BEGIN)
    shown = await synced.begin("pool")
    channels.delete(synced.stage.loopback.world, synced.channel("pool"), synced.admin.user)
    gate.set()
    told = await synced.ended(shown)
    assert "is removed" in told or "was deleted" in told, "by the event, or by the next page"
    await synced.until_texts()


async def test_a_permission_that_is_taken_away_removes_nothing(synced: Synced) -> None:
    synced.past("pool", (synced.ana, "The hose is green."))
    await synced.sync("pool")
    hidden = Overwrite(
        target=synced.stage.loopback.guild.id, kind=0, deny=int(Permission.READ_MESSAGE_HISTORY)
    )
    shown = await synced.begin("pool")
    await synced.ended(shown)
    channels.overwrite(synced.stage.loopback.world, synced.channel("pool"), synced.admin.user, hidden)
    await asyncio.sleep(0.2)
    told = (await synced.begin("pool")).content
    assert "I may not read" in told
    assert await synced.texts() == ["The hose is green."]


async def test_who_asks_to_be_forgotten_goes_out_of_conversations(synced: Synced) -> None:
    synced.past(
        "pool",
        (synced.ana, "Ana wonders about the hammock."),
        (synced.ben, "The hammock hangs between the pines."),
    )
    await synced.sync("pool")
    await Privacy(synced.stage.installation.stores).forget(LOCAL_GUILD, MemberId(str(synced.ana.id)))
    assert await synced.texts() == []
    await synced.cog._remake()
    assert await synced.texts() == ["The hammock hangs between the pines."]
    assert [each.title for each in await synced.sources()] == ["The hammock hangs between the pines."]
    await synced.sync("pool")
    assert await synced.texts() == ["The hammock hangs between the pines."], (
        "reading again brings nothing back"
    )


async def test_it_is_listed_read_again_and_removed_as_a_whole(synced: Synced) -> None:
    synced.past("pool", (synced.ana, "The net is torn."))
    await synced.sync("pool")
    wait = synced.stage.loopback.wait
    listed = (await wait.answered(await synced.admin.slash("knowledge list"))).content
    pool = synced.channel("pool")
    assert f"{pool.mention}: 1 conversation, " in listed
    offered = await synced.admin.types("knowledge refresh", "source", "all of")
    assert offered == {}
    offered = await synced.admin.types("knowledge refresh", "source", "pool")
    shown = await wait.answered(await synced.admin.slash("knowledge refresh", source=offered["All of #pool"]))
    assert "✅" in await synced.ended(shown)
    removed = await synced.admin.slash("knowledge remove", source=offered["All of #pool"])
    assert "is removed" in (await wait.answered(removed)).content
    await synced.until_texts()


async def test_a_file_that_changed_is_read_again_and_others_are_not(synced: Synced) -> None:
    stage = synced.stage
    await stage.loopback.wait.until(lambda: stage.loopback.world.commands or None)
    path = stage.installation.settings.data_dir / "boathouse.md"
    path.write_text("The boathouse has two keys.")
    report = await stage.installation.ingestor.ingest(LOCAL_GUILD, [path])
    (target,) = report.targets

    async def refreshed() -> str:
        given = await synced.admin.slash("knowledge refresh", source=target.source)
        return (await stage.loopback.wait.answered(given)).content

    assert "1 unchanged, 0 read again" in await refreshed()
    path.write_text("The boathouse has three keys.")
    assert "0 unchanged, 1 read again" in await refreshed()
    path.unlink()
    assert "1 removed" in await refreshed()


async def test_its_message_is_replaced_before_discord_limits_its_edits(synced: Synced) -> None:
    synced.past("pool", (synced.ana, "The rake is bent."))
    synced.stage.loopback.clock.advance(-3600)
    shown = await synced.begin("pool")
    general = synced.channel("general").messages

    def replaced() -> Message | None:
        return next((each for each in general if each.content.startswith("✅")), None)

    told = await synced.stage.loopback.wait.until(replaced, 120.0, "another message")
    await synced.stage.until(lambda: not synced.cog._running)
    assert told is not shown
    assert shown.deleted
    assert not told.components


@pytest.mark.parametrize(
    ("options", "told"),
    [({"since": "yesterday"}, "yesterday is no date"), ({"since": "99999-01-01"}, "is no date")],
)
async def test_what_makes_no_sense_is_told(synced: Synced, options: dict[str, str], told: str) -> None:
    assert told in (await synced.begin("pool", **options)).content


def _file(name: str, content: bytes, content_type: str = "text/plain; charset=utf-8") -> Upload:
    return Upload(filename=name, content=content, content_type=content_type)


async def test_what_stands_in_attached_text_is_kept_as_its_authors_words(synced: Synced) -> None:
    said = await synced.ana.says(
        "pool",
        "The list for the winter:",
        files=[
            _file("winter.txt", "Los flamencos inflables van al baúl azul.".encode()),
            _file("pool.png", b"\x89PNG", "image/png"),
            _file("broken.txt", b"\xff\xfe\x00flamingo"),
            _file("long.txt", b"flamingo " * 20_000),
        ],
    )
    alone = await synced.ben.says(
        "pool", "", files=[_file("keys.md", b"The shed key hangs behind the door.")]
    )
    other = synced.stage.loopback.other_bot()
    await other.says("pool", "", files=[_file("spam.txt", b"Buy flamingos now.")])
    await synced.sync("pool")
    first = "The list for the winter:\n\nwinter.txt\nLos flamencos inflables van al baúl azul."
    second = "keys.md\nThe shed key hangs behind the door."
    assert await synced.texts() == [f"{first}\n\n{second}"]
    (source,) = await synced.sources()
    passages = await synced.stage.installation.stores.store.passages_of(LOCAL_GUILD, source.id)
    assert {(each.author_name, each.link) for each in passages} == {
        ("ana", said.jump_url),
        ("ben", alone.jump_url),
    }

    await synced.ana.edits(said, "The list for the summer:")
    await synced.until_texts(f"{first.replace('winter:', 'summer:')}\n\n{second}")
    await synced.sync("pool")
    assert await synced.texts() == [f"{first.replace('winter:', 'summer:')}\n\n{second}"]
    await synced.ben.deletes(alone)
    await synced.until_texts(first.replace("winter:", "summer:"))


async def test_a_file_that_discord_does_not_give_now_is_asked_for_again(synced: Synced) -> None:
    await synced.ana.says("car", "The oils:", files=[_file("oils.txt", b"5W-30 for the old one.")])
    synced.stage.loopback.faults.fail(r"GET /cdn/attachments/.*", 503)
    await synced.sync("car")
    assert await synced.texts() == ["The oils:\n\noils.txt\n5W-30 for the old one."]
