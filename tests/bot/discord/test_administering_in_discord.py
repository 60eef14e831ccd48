"""`/language`, `/audit`, `/export` and `/reload`."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from agent.contracts import LOCAL_GUILD, Category, Example, MemberId, Slug
from agent.database import tables
from agent.privacy.consents import Consents
from tests.bot.discord.admins import PUMP, said, the_admin
from tests.bot.discord.conftest import Stage
from tests.discord.members import Member

pytestmark = pytest.mark.asyncio(loop_scope="session")

_OF_ADMINS = {
    "channel list",
    "roles list",
    "roles cooldown",
    "category list",
    "category templates",
    "diagnose",
    "setup",
    "language",
    "audit",
    "export",
    "reload",
}


async def test_the_language_of_the_guild_is_chosen_and_given_back(stage: Stage) -> None:
    admin, ana = await the_admin(stage), stage.loopback.member("ana")
    assert "I speak Spanish here" in await said(stage, admin, "language", language="es")
    hello = await stage.loopback.wait.reply_to(await ana.asks("general", ""))
    assert "Pregúntame" in hello.content
    assert "I speak Spanish here" in await said(stage, admin, "language")
    told = await said(stage, admin, "language", language="server")
    assert "the language that the server told Discord, now English" in told
    assert (await stage.bot.state.changes(LOCAL_GUILD))[0].detail == {"language": ""}


async def test_the_audit_log_is_read_newest_first(stage: Stage) -> None:
    admin, other = await the_admin(stage), stage.loopback.admin("Another")
    role, pool = stage.loopback.role("Readers"), stage.loopback.channel("pool")
    await said(stage, admin, "roles give", power="review", role=role)
    await said(stage, other, "channel set", channel=pool, silenced=True)
    lines = (await said(stage, admin, "audit", count=2)).splitlines()
    assert f"<@{other.id}>: **channel set** channel: <#{pool.id}>" in lines[0]
    assert f"<@{admin.id}>: **roles give** power: review, role: <@&{role.id}>" in lines[1]
    only = await said(stage, admin, "audit", member=other.user)
    assert f"<@{other.id}>" in only
    assert f"<@{admin.id}>" not in only
    spanish = await the_admin(stage, locale="es-ES")
    assert "**channel set** (channel:" in await said(stage, spanish, "audit", count=1)


async def test_a_member_may_give_none_of_these_commands(stage: Stage) -> None:
    await the_admin(stage)
    stage.loopback.world.commands[None] = [
        command | {"default_member_permissions": None} for command in stage.loopback.world.commands[None]
    ]
    ana = stage.loopback.member("ana")
    for command in sorted(_OF_ADMINS):
        assert await said(stage, ana, command) == "You may not do that. It needs administering.", command


async def test_discord_offers_them_to_who_manages_the_guild(stage: Stage) -> None:
    await the_admin(stage)
    named = {command["name"]: command for command in stage.loopback.world.commands[None]}
    for name in {command.split()[0] for command in _OF_ADMINS}:
        assert int(named[name]["default_member_permissions"]) == 32, name
        assert named[name]["description_localizations"]["es-ES"], name


async def _exported(stage: Stage, admin: Member) -> tuple[str, dict[str, list[dict[str, Any]]]]:
    given = await admin.slash("export")
    message = (
        await stage.loopback.wait.until(
            lambda: [each for each in given.messages() if each.attachments] or None, what="the export"
        )
    )[0]
    assert message.is_ephemeral
    with zipfile.ZipFile(io.BytesIO(message.attachments[0].content)) as archive:
        rows = {
            name: [json.loads(line) for line in archive.read(name).decode().splitlines()]
            for name in archive.namelist()
        }
    return message.content, rows


async def test_the_export_holds_what_the_admin_may_see(stage: Stage) -> None:
    admin, ana = await the_admin(stage), stage.loopback.member("ana")
    await stage.answer_to(await ana.asks("general", PUMP))
    told, rows = await _exported(stage, admin)
    assert f"{len(rows['sources.jsonl'])} `sources.jsonl`" in told
    asked = [row for row in rows["episodes.jsonl"] if row["question"] == PUMP]
    assert asked
    assert asked[-1]["member"].startswith("member ")
    assert asked[-1]["answer"]["quotes"]
    assert {row["slug"] for row in rows["categories.jsonl"]} >= {"pool", "car"}
    assert all(row["text"] for row in rows["sources.jsonl"])
    assert str(ana.id) not in json.dumps(rows)
    assert (await stage.bot.state.changes(LOCAL_GUILD))[0].action == "export"


async def test_the_export_leaves_out_what_is_private_or_refused(stage: Stage) -> None:
    admin = await the_admin(stage)
    ana, ben = stage.loopback.member("ana"), stage.loopback.member("ben")
    await ana.slash("ask", question="What did the private pump cost?", private=True)
    await stage.answer_to(await ana.direct("Which oil is secret?"))
    await stage.answer_to(await ben.asks("general", "How old is the refused pump?"))
    await stage.idle()
    consents = Consents(stage.installation.stores.database, stage.installation.settings)
    now = stage.installation.agent.parts.clock()
    await consents.set(LOCAL_GUILD, MemberId(str(ben.id)), False, now)
    await stage.installation.stores.catalog.put_examples(
        LOCAL_GUILD,
        [
            Example(
                question="What did the private pump cost?",
                category=Slug("pool"),
                origin="correction",
                asker=MemberId(str(ana.id)),
                teacher=MemberId(str(ana.id)),
            )
        ],
    )
    told, rows = await _exported(stage, admin)
    shown = json.dumps(rows, ensure_ascii=False)
    for hidden in ("private pump", "Which oil is secret", "refused pump"):
        assert hidden not in shown
    assert " left out: asked in private" in told
    await stage.installation.stores.catalog.remove_examples(LOCAL_GUILD, ["What did the private pump cost?"])


async def test_an_export_that_is_too_large_names_the_way_to_save_everything(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = await the_admin(stage)
    monkeypatch.setattr("bot.cogs.export.limit_of", lambda _: 100)
    assert "`lorekeeper backup`" in await said(stage, admin, "export")


async def test_reload_reads_what_was_changed_behind_the_bots_back(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = await the_admin(stage)
    await stage.until(lambda: not stage.bot._background)
    database, catalog = stage.installation.stores.database, stage.installation.stores.catalog
    await said(stage, admin, "language", language="en")
    async with database.write() as connection:
        await connection.execute(
            update(tables.bot_guilds)
            .where(tables.bot_guilds.c.guild == LOCAL_GUILD)
            .values(config={"language": "es"})
        )
    before = stage.bot.settings
    monkeypatch.setattr(
        "bot.cogs.reload.load_settings", lambda: before.model_copy(update={"rewrites": 3, "threads": 7})
    )
    await catalog.put_category(LOCAL_GUILD, Category(slug=Slug("bees"), name="Bees"))
    told = await said(stage, admin, "reload")
    assert "have changed: `language`" in told
    assert "in force now: `LOREKEEPER_REWRITES`" in told
    assert "need a restart: `LOREKEEPER_THREADS`" in told
    assert "commands are the same" in told
    assert stage.bot.agent.parts.settings.rewrites == 3
    assert stage.bot.settings.threads == before.threads
    stage.bot.agent.parts = replace(stage.bot.agent.parts, settings=before)
    await catalog.remove_category(LOCAL_GUILD, Slug("bees"))


async def test_reload_tells_discord_of_the_commands_when_they_changed(stage: Stage) -> None:
    admin = await the_admin(stage)
    await stage.until(lambda: not stage.bot._background)
    stage.bot.tree.remove_command("language")
    assert "Discord was told of the commands" in await said(stage, admin, "reload")
    await stage.until(
        lambda: "language" not in {each["name"] for each in stage.loopback.world.commands[None]}
    )


async def test_reload_leaves_settings_that_are_wrong(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    admin = await the_admin(stage)
    monkeypatch.setenv("LOREKEEPER_REWRITES", "ninety")
    assert "one of them is wrong" in await said(stage, admin, "reload")
