"""A member's own data: shown, exported, deleted, not learnt from."""

from __future__ import annotations

import json

import pytest

from agent.contracts import LOCAL_GUILD, MemberId
from tests.bot.discord.conftest import Stage
from tests.discord.members import Member
from tests.discord.model import Message

pytestmark = pytest.mark.asyncio(loop_scope="session")

_PUMP = "When did we replace our pool pump?"


async def _asked(stage: Stage, member: Member) -> Message:
    await stage.loopback.wait.until(lambda: stage.loopback.world.commands or None, what="the commands")
    return await stage.answer_to(await member.asks("general", _PUMP))


async def _told(stage: Stage, member: Member, command: str, **options: object) -> Message:
    given = await member.slash(command, **options)
    said = await stage.loopback.wait.until(
        lambda: next((each for each in given.messages() if each.content), None), what="an answer"
    )
    assert said.is_ephemeral
    return said


async def test_a_member_sees_and_takes_along_what_is_kept_of_them(stage: Stage) -> None:
    ana, stranger = stage.loopback.member("ana"), stage.loopback.member("zsofia")
    await _asked(stage, ana)
    shown = await _told(stage, ana, "privacy show")
    assert "`episodes`" in shown.content
    file = (await _told(stage, ana, "privacy export")).attachments[0]
    document = json.loads(file.content)
    assert document["member"] == str(ana.id)
    assert _PUMP in json.dumps(document)
    assert "I keep nothing of you here." in (await _told(stage, stranger, "privacy show")).content


async def test_what_a_member_asked_is_deleted_after_they_said_so_twice(stage: Stage) -> None:
    ana, ben = stage.loopback.member("ana"), stage.loopback.member("ben")
    answer = await _asked(stage, ana)
    await _asked(stage, ben)
    await ana.clicks(answer, "👍")
    warning = await _told(stage, ana, "privacy forget")
    assert "cannot be undone" in warning.content
    journal = stage.installation.stores.journal

    async def askers() -> set[MemberId]:
        return {each.member for each in await journal.episodes(LOCAL_GUILD, limit=10_000)}

    assert MemberId(str(ana.id)) in await askers()
    await ana.clicks(warning, "Delete everything")
    await stage.loopback.wait.until(lambda: True if warning.content.startswith("Everything of you") else None)
    assert MemberId(str(ana.id)) not in await askers()
    assert MemberId(str(ben.id)) in await askers()
    assert "`episodes`" not in (await _told(stage, ana, "privacy show")).content
    assert await stage.bot.state.answer(answer.id) is None


async def test_a_member_decides_whether_they_are_learnt_from(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    await _asked(stage, ana)
    assert "do not learn" in (await _told(stage, ana, "privacy training", learn="off")).content
    assert "do not learn" in (await _told(stage, ana, "privacy show")).content
    assert "I may learn" in (await _told(stage, ana, "privacy training", learn="on")).content
