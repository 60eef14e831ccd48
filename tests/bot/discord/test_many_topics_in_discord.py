"""Sixty topics: every list of them can be turned over, and slugs from before a rename are understood."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from agent.contracts import Category, FeedbackKind, GuildId, Slug
from tests.bot.discord.admins import said, the_admin, told
from tests.bot.discord.conftest import Stage
from tests.discord.members import Member
from tests.discord.model import Guild, Message

pytestmark = pytest.mark.asyncio(loop_scope="session")

_WANTED = "topic-59"


@pytest_asyncio.fixture(loop_scope="session")
async def home(stage: Stage) -> AsyncIterator[Guild]:
    """A guild with sixty topics."""
    guild = stage.loopback.add_guild("Wide")
    await stage.until(lambda: stage.bot.get_guild(guild.id) is not None)
    catalog, id_ = stage.installation.stores.catalog, GuildId(str(guild.id))
    await catalog.create_guild(id_)
    for at in range(60):
        await catalog.put_category(id_, Category(slug=Slug(f"topic-{at:02}"), name=f"Topic {at:02}"))
    yield guild
    await catalog.drop_guild(id_)


def _options(listed: Message) -> list[str]:
    return [option["value"] for option in listed.components[0]["components"][0]["options"]]


async def _turn_to(stage: Stage, member: Member, listed: Message, select: str, wanted: str) -> None:
    """Turn a list over until an option is on it."""
    while wanted not in (shown := _options(listed)):
        await member.chooses(listed, select, shown[-1])
        await stage.until(lambda shown=shown: _options(listed) != shown)  # type: ignore[misc]


async def test_a_wrong_topic_is_corrected_to_one_on_the_last_page(stage: Stage, home: Guild) -> None:
    await the_admin(stage, guild=home)
    ana = stage.loopback.member("ana", guild=home)
    answer = await stage.answer_to(await ana.asks("general", "Where is the red box?"))
    listed = (await ana.clicks(answer, "Wrong topic")).messages()[0]
    assert len(_options(listed)) == 24
    await _turn_to(stage, ana, listed, "What is this question about?", _WANTED)
    await ana.chooses(listed, "What is this question about?", _WANTED)
    await stage.until(lambda: "about Topic 59" in listed.content)
    examples = await stage.installation.stores.catalog.examples(GuildId(str(home.id)))
    assert [(each.question, each.category) for each in examples] == [("Where is the red box?", _WANTED)]
    await stage.idle()


async def test_a_message_is_kept_under_a_topic_on_the_last_page(stage: Stage, home: Guild) -> None:
    await the_admin(stage, guild=home)
    ana = stage.loopback.member("ana", guild=home)
    fact = await ana.says("general", "The red box is in the cellar.")
    listed = (await ana.menu("Add to knowledge base", fact)).messages()[0]
    assert _options(listed)[0] == "-"
    await _turn_to(stage, ana, listed, "Choose a topic to keep it", _WANTED)
    await ana.chooses(listed, "Choose a topic to keep it", _WANTED)
    await stage.until(lambda: "Topic 59" in listed.content)


async def test_a_name_that_is_typed_finds_what_no_list_shows(stage: Stage, home: Guild) -> None:
    admin = await the_admin(stage, guild=home)
    assert len(await admin.types("category edit", "topic", "")) == 25
    assert await admin.types("category edit", "topic", "pic 5") == {
        f"Topic {at}": f"topic-{at}" for at in range(50, 60)
    }


async def test_every_topic_is_listed_in_as_many_messages_as_it_takes(stage: Stage, home: Guild) -> None:
    admin = await the_admin(stage, guild=home)
    catalog = stage.installation.stores.catalog
    for category in await catalog.categories(GuildId(str(home.id))):
        long = Category(slug=category.slug, name=category.name, description="x" * 100)
        await catalog.put_category(GuildId(str(home.id)), long)
    given = await admin.slash("category list")
    await stage.until(lambda: any("Topic 59" in message.content for message in given.messages()))
    assert len(given.messages()) > 3
    listed = await told(stage, given)
    assert all(f"Topic {at:02}" in listed for at in range(60))


async def test_a_list_from_before_a_rename_is_understood(stage: Stage, home: Guild) -> None:
    admin = await the_admin(stage, guild=home)
    ana = stage.loopback.member("ana", guild=home)
    answer = await stage.answer_to(await ana.asks("general", "Where is the blue box?"))
    listed = (await ana.clicks(answer, "Wrong topic")).messages()[0]
    old = _options(listed)[0]
    await said(stage, admin, "category rename", topic=old, name="Boxes")
    assert "is Crates now" in await said(stage, admin, "category rename", topic="Boxes", name="Crates")
    await ana.chooses(listed, "What is this question about?", old)
    await stage.until(lambda: "about Crates" in listed.content)
    kept = await stage.bot.state.answer(answer.id)
    assert kept is not None
    events = await stage.bot.agent.parts.journal.feedback(kept.guild, episode=kept.episode)
    assert [each.value for each in events if each.kind is FeedbackKind.CORRECTION] == [{"category": "crates"}]
    await stage.idle()


async def test_a_rename_that_is_given_again_changes_nothing(stage: Stage, home: Guild) -> None:
    admin = await the_admin(stage, guild=home)
    for _ in range(2):
        told = await said(stage, admin, "category rename", topic="topic-08", name="Bees")
        assert "is Bees now; 0 passages moved" in told
    assert "bees" in await _slugs(stage, home)
    assert "topic-08" not in await _slugs(stage, home)


async def _slugs(stage: Stage, home: Guild) -> set[str]:
    found = await stage.installation.stores.catalog.categories(GuildId(str(home.id)))
    return {category.slug for category in found}


async def test_a_topic_is_merged_and_a_channel_that_named_it_follows(stage: Stage, home: Guild) -> None:
    admin = await the_admin(stage, guild=home)
    pool = home.channel("pool")
    await said(stage, admin, "channel set", channel=pool, topic="topic-05")
    assert "Topic 05 is part of Topic 06" in await said(
        stage, admin, "category merge", topic="topic-05", into="topic-06"
    )
    assert "Topic: Topic 06" in await said(stage, admin, "channel list")
    assert "0 passages moved" in await said(stage, admin, "category merge", topic="topic-05", into="topic-06")
    assert "cannot be merged into itself" in await said(
        stage, admin, "category merge", topic="topic-06", into="topic-06"
    )
    ana = stage.loopback.member("ana", guild=home)
    answer = await stage.answer_to(await ana.asks("pool", "Where is the green box?"))
    kept = await stage.bot.state.answer(answer.id)
    assert kept is not None
    episode = await stage.bot.agent.parts.journal.episode(kept.guild, kept.episode)
    assert episode is not None
    assert episode.route is not None
    assert episode.route.categories == ("topic-06",)


async def test_a_channel_whose_topic_was_removed_is_routed_again(stage: Stage, home: Guild) -> None:
    admin = await the_admin(stage, guild=home)
    await said(stage, admin, "channel set", channel=home.channel("car"), topic="topic-07")
    await said(stage, admin, "category remove", topic="topic-07")
    ana = stage.loopback.member("ana", guild=home)
    answer = await stage.answer_to(await ana.asks("car", "Where is the black box?"))
    assert "topic-07" not in answer.content
    assert "There is no category" not in answer.content


async def test_errors_are_in_the_admins_language(stage: Stage, home: Guild) -> None:
    admin = await the_admin(stage, locale="es-ES", guild=home)
    for command, options, expected in (
        ("category add", {"name": "Topic 01", "about": "x"}, "Ya hay un tema Topic 01"),
        ("category add", {"name": "日本", "about": "x"}, "no sale ningún nombre corto"),
        ("category edit", {"topic": "boats", "name": "x"}, "No hay ningún tema boats"),
        ("category edit", {"topic": "topic-01"}, "Indica un nombre"),
        ("category rename", {"topic": "topic-01", "name": "Topic 02"}, "Ya hay un tema Topic 02"),
    ):
        assert expected in await said(stage, admin, command, **options)


async def test_a_template_is_shown_and_added_once(stage: Stage, home: Guild) -> None:
    admin = await the_admin(stage, guild=home)
    assert "**A club or association**: Events, Membership" in await said(stage, admin, "category templates")
    assert "Added: Events, Membership" in await said(stage, admin, "category templates", template="club")
    assert "there already" in await said(stage, admin, "category templates", template="club")
    audited = (await stage.bot.state.changes(GuildId(str(home.id))))[0]
    assert audited.action == "category templates"
