"""Keeping messages, files and pages, and letting them go."""

from __future__ import annotations

import pytest

from agent.contracts import LOCAL_GUILD, MemberId
from bot.state.config import GuildConfig, Power
from tests.bot.discord.conftest import Stage
from tests.discord.members import Member
from tests.discord.messages import Upload
from tests.discord.model import Message

pytestmark = pytest.mark.asyncio(loop_scope="session")

_FACT = "The kayak paddles are stored under the north stairs."
_WHERE = "Where are the kayak paddles stored?"


async def _ready(stage: Stage) -> Member:
    await stage.loopback.wait.until(lambda: stage.loopback.world.commands or None, what="the commands")
    return stage.loopback.member("ana")


async def _kept(stage: Stage, member: Member, message: Message) -> Message:
    """Add a message by its menu, under *home*; return what says so."""
    given = await member.menu("Add to knowledge base", message)
    preview = given.messages()[0]
    assert preview.is_ephemeral
    assert "for everybody here" in preview.content
    await member.chooses(preview, "Choose a topic", "home")
    await stage.loopback.wait.until(lambda: True if preview.content.startswith("Kept under") else None)
    return preview


async def _answer(stage: Stage, member: Member) -> str:
    return (await stage.answer_to(await member.asks("general", _WHERE))).content


async def _said(stage: Stage, admin: Member, command: str, **options: object) -> str:
    given = await admin.slash(command, **options)
    said = await stage.loopback.wait.until(
        lambda: [each for each in given.messages() if each.content] or None, what="an answer"
    )
    return "\n".join(each.content for each in said)


async def test_a_message_is_kept_quoted_with_its_link_and_taken_back(stage: Stage) -> None:
    ana = await _ready(stage)
    said = await stage.loopback.member("ben").says("general", _FACT)
    kept = await _kept(stage, ana, said)
    answer = await _answer(stage, ana)
    assert "north stairs" in answer
    assert f"](<{said.jump_url}>)" in answer
    assert "by ben" in answer
    again = await ana.menu("Add to knowledge base", said)
    assert again.messages()[0].content == "This message is kept already."
    await ana.clicks(kept, "Undo")
    await stage.loopback.wait.until(lambda: True if kept.content == "Forgotten." else None)
    assert "north stairs" not in await _answer(stage, ana)


async def test_an_edited_message_changes_its_entry_and_a_deleted_one_takes_it_along(stage: Stage) -> None:
    ana = await _ready(stage)
    said = await ana.says("general", _FACT)
    await _kept(stage, ana, said)
    await ana.edits(said, "The kayak paddles are stored in the red shed now.")
    first = await stage.bot.state.entry_of(LOCAL_GUILD, said.id)

    async def changed() -> bool:
        entry = await stage.bot.state.entry_of(LOCAL_GUILD, said.id)
        return entry is not None and "red shed" in await stage.installation.stores.catalog.source_text(
            LOCAL_GUILD, entry
        )

    await stage.until(changed)
    assert first is not None
    assert "red shed" in await _answer(stage, ana)
    await ana.deletes(said)

    async def gone() -> bool:
        return await stage.bot.state.entry_of(LOCAL_GUILD, said.id) is None

    await stage.until(gone)
    assert "red shed" not in await _answer(stage, ana)


async def test_who_may_not_teach_keeps_nothing(stage: Stage) -> None:
    ana = await _ready(stage)
    teachers = GuildConfig().with_roles(Power.TEACH, frozenset({1}))
    await stage.bot.state.change_config(
        LOCAL_GUILD, lambda _: teachers, by=MemberId("1"), action="t", detail={}
    )
    given = await ana.menu("Add to knowledge base", await ana.says("general", _FACT))
    assert given.messages()[0].content == "You may not do that. It needs teaching."


async def test_a_file_is_added_listed_and_removed(stage: Stage) -> None:
    await _ready(stage)
    admin = stage.loopback.admin()
    file = Upload(filename="boat rules.md", content=b"# Boat rules\n\nLife vests are worn at all times.")
    told = await _said(stage, admin, "knowledge add", file=file, topic="home")
    assert "added" in told
    assert "Boat rules" in await _said(stage, admin, "knowledge list") or "more" in told
    offered = await admin.types("knowledge remove", "source", "boat rules")
    assert len(offered) == 1
    removed = await _said(stage, admin, "knowledge remove", source=next(iter(offered.values())))
    assert "is removed" in removed
    actions = [change.action for change in await stage.bot.state.changes(LOCAL_GUILD)]
    assert actions[:2] == ["knowledge remove", "knowledge add"]


async def test_nothing_is_added_to_a_topic_that_is_not_there(stage: Stage) -> None:
    await _ready(stage)
    admin = stage.loopback.member("pilar", roles=("Admin",), locale="es-ES")
    file = Upload(filename="boats.md", content=b"# Boats")
    assert "No hay ningún tema barcos" in await _said(
        stage, admin, "knowledge add", file=file, topic="barcos"
    )
    assert "boats" not in await _said(stage, admin, "knowledge list")


async def test_an_address_that_is_none_is_told(stage: Stage) -> None:
    await _ready(stage)
    admin = stage.loopback.admin()
    assert "Give either an address or a file." in await _said(stage, admin, "knowledge add")
    told = await _said(stage, admin, "knowledge add", address="http://127.0.0.1:9/secret")
    assert "failed" in told
