"""`/diagnose`: the named reason, the route, the evidence, versions and times; in the admin's language."""

from __future__ import annotations

import re

import pytest

from agent.contracts import LOCAL_GUILD, EpisodeId, FeedbackKind, MemberId
from agent.errors import ModelError
from tests.bot.discord.admins import PUMP, said, the_admin
from tests.bot.discord.conftest import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_it_names_the_reason_for_silence(stage: Stage) -> None:
    admin, ana = await the_admin(stage), stage.loopback.member("ana")
    ignored = await ana.says("general", PUMP)
    told = await said(stage, admin, "diagnose", message=ignored.jump_url)
    assert "not_addressed" in told
    assert "automatic answers are off here" in told


async def test_it_explains_an_answer_by_it_or_by_its_question(stage: Stage) -> None:
    admin, ana = await the_admin(stage), stage.loopback.member("ana")
    question = await ana.asks("general", PUMP)
    answer = await stage.answer_to(question)
    for message in (question, answer):
        told = await said(stage, admin, "diagnose", message=message.jump_url)
        assert "Answered, because it mentions me (`mentioned`)." in told
        assert re.search(r"Route: .+; Pool \d+%, .*; out of scope \d+%", told)
        assert re.search(r"Evidence \d+\.\d{3}: .+ `[\w/-]+`", told)
        assert re.search(r"Model: .+ `[0-9a-f]{12}`", told)
        assert re.search(r"Time: \d+ ms, the model \d+ ms \(.*retrieve \d+.*\)", told)
        assert re.search(r"index `\w+", told)


async def test_every_line_is_spanish_for_a_spanish_admin(stage: Stage) -> None:
    admin, ana = await the_admin(stage, locale="es-ES"), stage.loopback.member("ana")
    question = await ana.asks("general", PUMP)
    await stage.answer_to(question)
    told = await said(stage, admin, "diagnose", message=question.jump_url)
    lines = [line.split()[0].rstrip(":,") for line in told.splitlines()[2:]]
    assert {"Ruta", "Buscado", "Evidencia", "Respuesta", "Tiempo", "Preguntado"} <= set(lines)
    assert {"Route", "Searched", "Evidence", "Answer", "Model", "Time", "Asked"}.isdisjoint(lines)


async def test_without_a_link_it_is_about_what_was_asked_here_last(stage: Stage) -> None:
    admin, ana = await the_admin(stage), stage.loopback.member("ana")
    await stage.answer_to(await ana.asks("general", "Which oil does the car need?"))
    await stage.answer_to(await ana.asks("general", PUMP))
    await stage.answer_to(await ana.asks("pool", "How often is the filter cleaned?"))
    assert PUMP in await said(stage, admin, "diagnose")
    assert "Nothing was asked in this channel" in await said(stage, admin, "diagnose", where="car")


async def test_what_somebody_else_asked_in_private_is_theirs(stage: Stage) -> None:
    admin, ana = await the_admin(stage), stage.loopback.member("ana")
    await ana.slash("ask", where="car", question="What does our car insurance cost?", private=True)
    await stage.idle()
    assert "Nothing was asked in this channel" in await said(stage, admin, "diagnose", where="car")
    await admin.slash("ask", where="car", question=PUMP, private=True)
    await stage.idle()
    told = await said(stage, admin, "diagnose", where="car")
    assert "(`command`)" in told
    assert PUMP in told


async def test_a_question_that_failed_is_explained(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    admin, ana = await the_admin(stage), stage.loopback.member("ana")

    async def broken(*_: object) -> None:
        raise ModelError("The router is broken.", "Mend it.")

    monkeypatch.setattr(stage.installation.router, "route", broken)
    question = await ana.asks("general", "Who painted the fence?")
    await stage.loopback.wait.reply_to(question)
    await stage.idle()
    told = await said(stage, admin, "diagnose", message=question.jump_url)
    assert "Failed: The router is broken." in told


async def test_a_refused_question_is_told_apart_from_one_that_waits(stage: Stage) -> None:
    admin, ana = await the_admin(stage), stage.loopback.member("ana")
    await said(stage, admin, "roles cooldown", questions=1, seconds=3600)
    await stage.answer_to(await ana.asks("general", PUMP))
    refused = await ana.asks("general", PUMP)
    await stage.loopback.wait.reply_to(refused)
    await stage.idle()
    assert "(`ended`)" in await said(stage, admin, "diagnose", message=refused.jump_url)


async def test_votes_are_counted(stage: Stage) -> None:
    admin, ana = await the_admin(stage), stage.loopback.member("ana")
    answer = await stage.answer_to(await ana.asks("general", PUMP))
    kept = await stage.bot.state.answer(answer.id)
    assert kept is not None
    for member, vote in (("1", 1), ("2", 1), ("3", -1)):
        await stage.bot.agent.give_feedback(
            LOCAL_GUILD, EpisodeId(kept.episode), MemberId(member), FeedbackKind.VOTE, {"vote": vote}
        )
    assert "Votes: 2 helpful, 1 not helpful" in await said(stage, admin, "diagnose", message=answer.jump_url)


async def test_it_opens_no_channel_that_the_admin_cannot_read(stage: Stage) -> None:
    admin = await the_admin(stage)
    elsewhere = stage.loopback.add_guild("Elsewhere")
    eve = stage.loopback.member("eve", guild=elsewhere)
    hidden = await eve.says(elsewhere.channel("general"), "secret")
    for link in (hidden.jump_url, "https://example.org"):
        assert "no link of a message here" in await said(stage, admin, "diagnose", message=link)
