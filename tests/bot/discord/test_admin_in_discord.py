"""`/channel` and `/roles`: what they change, who may give them, and that every change is written down."""

from __future__ import annotations

import pytest

from agent.contracts import LOCAL_GUILD
from tests.bot.discord.admins import PUMP, said, the_admin
from tests.bot.discord.conftest import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_channel_is_switched_to_automatic_answers_and_back(stage: Stage) -> None:
    admin, ana = await the_admin(stage), stage.loopback.member("ana")
    pool = stage.loopback.channel("pool")
    assert "without a mention; Topic: Pool" in await said(
        stage, admin, "channel set", channel=pool, auto=True, topic="pool"
    )
    await stage.answer_to(await ana.says("pool", "How often is the filter cleaned?"))
    assert f"<#{pool.id}>" in await said(stage, admin, "channel list")
    assert "when I am mentioned" in await said(stage, admin, "channel reset", channel=pool)
    ignored = await ana.says("pool", PUMP)
    await stage.looked_at(ignored)
    assert stage.loopback.wait.present_replies(ignored) == []
    assert "Nothing was chosen" in await said(stage, admin, "channel list")


async def test_an_unknown_topic_is_refused(stage: Stage) -> None:
    admin = await the_admin(stage)
    assert "There is no topic boats" in await said(stage, admin, "channel set", topic="boats")


async def test_powers_are_given_to_roles_and_taken(stage: Stage) -> None:
    admin = await the_admin(stage)
    role = stage.loopback.role("Keepers")
    assert f"<@&{role.id}>" in await said(stage, admin, "roles give", power="teach", role=role)
    listed = await said(stage, admin, "roles list")
    assert f"**teaching**: <@&{role.id}>" in listed
    assert "**administering**: only who manages the server" in listed
    assert "everybody" in await said(stage, admin, "roles take", power="teach", role=role)


async def test_a_member_with_the_power_may_and_others_may_not(stage: Stage) -> None:
    admin = await the_admin(stage)
    role = stage.loopback.role("Stewards")
    await said(stage, admin, "roles give", power="administer", role=role)
    stage.loopback.world.commands[None] = [
        command | {"default_member_permissions": None} for command in stage.loopback.world.commands[None]
    ]
    steward, ana = stage.loopback.member("sam", roles=("Stewards",)), stage.loopback.member("ana")
    assert "administering" in await said(stage, steward, "roles list")
    assert await said(stage, ana, "roles list") == "You may not do that. It needs administering."


async def test_every_change_is_in_the_audit_log(stage: Stage) -> None:
    admin = await the_admin(stage)
    role = stage.loopback.role("Logged")
    await said(stage, admin, "roles give", power="review", role=role)
    last = (await stage.bot.state.changes(LOCAL_GUILD))[0]
    assert (last.member, last.action) == (str(admin.id), "roles give")
    assert last.detail == {"power": "review", "role": role.id}


async def test_commands_are_told_to_discord_only_when_they_changed(stage: Stage) -> None:
    await the_admin(stage)
    await stage.until(lambda: not stage.bot._background)
    stage.loopback.world.commands.clear()
    await stage.stop()
    await stage.start()
    await stage.until(lambda: not stage.bot._background)
    assert not stage.loopback.world.commands


async def test_how_much_may_be_asked_is_chosen_by_role_and_taken_back(stage: Stage) -> None:
    admin = await the_admin(stage)
    role = stage.loopback.role("Eager")
    told = await said(stage, admin, "roles cooldown", questions=2, seconds=30, role=role)
    assert f"everybody: 6 questions in 60 seconds\n<@&{role.id}>: 2 questions in 30 seconds" in told
    assert "everybody: as much as they like" in await said(stage, admin, "roles cooldown", questions=0)
    assert f"<@&{role.id}>: 2 questions" in await said(stage, admin, "roles list")
    assert f"<@&{role.id}>" not in await said(stage, admin, "roles cooldown", role=role)
    assert "everybody: as much as they like" in await said(stage, admin, "roles cooldown")


async def test_a_cooldown_holds_for_who_is_not_in_a_more_generous_role(stage: Stage) -> None:
    admin = await the_admin(stage)
    role = stage.loopback.role("Generous")
    await said(stage, admin, "roles cooldown", questions=1, seconds=3600)
    await said(stage, admin, "roles cooldown", questions=0, role=role)
    ana, ben = stage.loopback.member("ana"), stage.loopback.member("ben", roles=("Generous",))
    for member in (ana, ben, ben):
        await stage.answer_to(await member.asks("general", PUMP))
    refused = await stage.loopback.wait.reply_to(await ana.asks("general", PUMP))
    assert "You have asked a lot just now" in refused.content
