"""The admins' commands: what they change, who may give them, and what they tell."""

from __future__ import annotations

import pytest

from agent.contracts import LOCAL_GUILD
from tests.bot.discord.conftest import Stage
from tests.discord.members import Member

pytestmark = pytest.mark.asyncio(loop_scope="session")

_PUMP = "When did we replace our pool pump?"


async def _admin(stage: Stage) -> Member:
    await stage.loopback.wait.until(lambda: stage.loopback.world.commands or None, what="the commands")
    return stage.loopback.admin()


async def _said(stage: Stage, admin: Member, command: str, **options: object) -> str:
    given = await admin.slash(command, **options)
    said = await stage.loopback.wait.until(
        lambda: [message for message in given.messages() if message.content] or None, what="an answer"
    )
    assert all(message.is_ephemeral for message in said)
    return "\n".join(message.content for message in said)


async def test_a_channel_is_switched_to_automatic_answers_and_back(stage: Stage) -> None:
    admin, ana = await _admin(stage), stage.loopback.member("ana")
    pool = stage.loopback.channel("pool")
    assert "without a mention; Topic: Pool" in await _said(
        stage, admin, "channel set", channel=pool, auto=True, topic="pool"
    )
    await stage.answer_to(await ana.says("pool", "How often is the filter cleaned?"))
    assert f"<#{pool.id}>" in await _said(stage, admin, "channel list")
    assert "when I am mentioned" in await _said(stage, admin, "channel reset", channel=pool)
    ignored = await ana.says("pool", _PUMP)
    await stage.looked_at(ignored)
    assert stage.loopback.wait.present_replies(ignored) == []
    assert "Nothing was chosen" in await _said(stage, admin, "channel list")


async def test_an_unknown_topic_is_refused(stage: Stage) -> None:
    admin = await _admin(stage)
    assert "There is no topic boats" in await _said(stage, admin, "channel set", topic="boats")


async def test_powers_are_given_to_roles_and_taken(stage: Stage) -> None:
    admin = await _admin(stage)
    role = stage.loopback.role("Keepers")
    assert f"<@&{role.id}>" in await _said(stage, admin, "roles give", power="teach", role=role)
    listed = await _said(stage, admin, "roles list")
    assert f"**teaching**: <@&{role.id}>" in listed
    assert "**administering**: only who manages the server" in listed
    assert "everybody" in await _said(stage, admin, "roles take", power="teach", role=role)


async def test_a_member_with_the_power_may_and_others_may_not(stage: Stage) -> None:
    admin = await _admin(stage)
    role = stage.loopback.role("Stewards")
    await _said(stage, admin, "roles give", power="administer", role=role)
    stage.loopback.world.commands[None] = [
        command | {"default_member_permissions": None} for command in stage.loopback.world.commands[None]
    ]
    steward, ana = stage.loopback.member("sam", roles=("Stewards",)), stage.loopback.member("ana")
    assert "administering" in await _said(stage, steward, "roles list")
    assert await _said(stage, ana, "roles list") == "You may not do that. It needs administering."


async def test_every_change_is_in_the_audit_log(stage: Stage) -> None:
    admin = await _admin(stage)
    role = stage.loopback.role("Logged")
    await _said(stage, admin, "roles give", power="review", role=role)
    last = (await stage.bot.state.changes(LOCAL_GUILD))[0]
    assert (last.member, last.action) == (str(admin.id), "roles give")
    assert last.detail == {"power": "review", "role": role.id}


async def test_topics_are_added_listed_and_removed(stage: Stage) -> None:
    admin = await _admin(stage)
    assert "Bee_keeping".replace("_", "\\_") in await _said(
        stage, admin, "category add", name="Bee_keeping", about="Hives and honey."
    )
    assert "Hives and honey." in await _said(stage, admin, "category list")
    offered = await admin.types("category remove", "topic", "bee")
    assert list(offered) == ["Bee_keeping"]
    assert "0 passages" in await _said(stage, admin, "category remove", topic=next(iter(offered.values())))


async def test_diagnose_names_the_reason_for_silence(stage: Stage) -> None:
    admin, ana = await _admin(stage), stage.loopback.member("ana")
    said = await ana.says("general", _PUMP)
    told = await _said(stage, admin, "diagnose", message=said.jump_url)
    assert "not_addressed" in told
    assert "automatic answers are off here" in told


async def test_diagnose_explains_an_answer_by_it_or_by_its_question(stage: Stage) -> None:
    admin, ana = await _admin(stage), stage.loopback.member("ana")
    question = await ana.asks("general", _PUMP)
    answer = await stage.answer_to(question)
    for message in (question, answer):
        told = await _said(stage, admin, "diagnose", message=message.jump_url)
        assert "route: " in told
        assert "pool" in told
        assert "evidence: " in told


async def test_diagnose_opens_no_channel_that_the_admin_cannot_read(stage: Stage) -> None:
    await _admin(stage)
    admin = stage.loopback.admin()
    elsewhere = stage.loopback.add_guild("Elsewhere")
    eve = stage.loopback.member("eve", guild=elsewhere)
    said = await eve.says(elsewhere.channel("general"), "secret")
    assert "no link of a message here" in await _said(stage, admin, "diagnose", message=said.jump_url)
    assert "no link of a message here" in await _said(stage, admin, "diagnose", message="https://example.org")


async def test_commands_are_told_to_discord_only_when_they_changed(stage: Stage) -> None:
    await _admin(stage)
    await stage.until(lambda: not stage.bot._background)
    stage.loopback.world.commands.clear()
    await stage.stop()
    await stage.start()
    await stage.until(lambda: not stage.bot._background)
    assert not stage.loopback.world.commands
