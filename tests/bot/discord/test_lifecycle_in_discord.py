"""Restarts, outages and refusals: every question ends once, and with something that its member sees."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import discord
import pytest
from pydantic import SecretStr

from agent.contracts import Failed, GuildId, MemberId
from agent.errors import ConfigurationError, LorekeeperError, ModelError, StoreBusyError
from agent.guilds import GuildView
from bot.client import PERMISSIONS, Lorekeeper, point_discord_at
from bot.running import _serve, invitation, run_bot
from bot.state.store import AnswerMessage
from tests.bot.discord.conftest import Stage
from tests.discord.model import Message

pytestmark = pytest.mark.asyncio(loop_scope="session")

_PUMP = "When did we replace our pool pump?"


def _occupy(stage: Stage) -> ExitStack:
    """Hold every place where answers are made."""
    places = ExitStack()
    for number in range(stage.installation.settings.discord_answers_at_once):
        places.enter_context(stage.bot.desk.queue.enter(GuildId("1"), MemberId(f"holder {number}")))
    return places


def _replies(stage: Stage, question: Message) -> list[Message]:
    return stage.loopback.wait.present_replies(question)


async def test_who_waits_sees_the_place_in_the_queue(stage: Stage) -> None:
    ana, ben = stage.loopback.member("ana"), stage.loopback.member("ben")
    with _occupy(stage):
        first = await stage.loopback.wait.reply_to(await ana.asks("general", _PUMP))
        second = await stage.loopback.wait.reply_to(await ben.asks("general", _PUMP))
        assert [first.content, second.content] == [
            "⏳ You are number 1 in the queue.",
            "⏳ You are number 2 in the queue.",
        ]
    await stage.final(first)
    await stage.final(second)


async def test_a_stop_hands_over_what_waits_and_the_next_start_answers_it_in_its_place(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    stage.bot.settings = stage.bot.settings.model_copy(update={"discord_stop_seconds": 0.05})
    with _occupy(stage):
        question = await ana.asks("general", _PUMP)
        waiting = await stage.loopback.wait.reply_to(question)
        await stage.stop()
    assert waiting.content.startswith("⏸️ I am restarting")
    await stage.start()
    await stage.final(waiting)
    await stage.idle()
    assert _replies(stage, question) == [waiting]


async def test_a_mention_that_was_missed_is_answered_once(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    await stage.answer_to(await ana.asks("general", _PUMP))
    told = await ana.asks("general", "")
    await stage.loopback.wait.reply_to(told)
    await stage.stop()
    missed = await ana.asks("car", "When was the car serviced?")
    chatter = await ana.says("general", "nothing for the bot")
    await stage.start()
    await stage.answer_to(missed)
    await stage.stop()
    await stage.start()
    last = await ana.asks("general", _PUMP)
    await stage.answer_to(last)
    await stage.idle()
    assert [len(_replies(stage, each)) for each in (told, missed, chatter, last)] == [1, 1, 0, 1]


async def test_a_connection_that_is_made_anew_misses_nothing(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    await stage.answer_to(await ana.asks("general", _PUMP))
    stage.loopback.gateway.ask_reconnect()
    await stage.answer_to(await ana.asks("general", "Who replaced the pool pump?"))


async def test_a_session_that_is_lost_misses_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def at_once(*_: object, **__: object) -> None:
        return

    monkeypatch.setattr(stage.bot, "before_identify_hook", at_once)
    ana = stage.loopback.member("ana")
    await stage.answer_to(await ana.asks("general", _PUMP))
    stage.loopback.gateway.invalidate(resumable=False)
    missed = await ana.asks("car", _PUMP)
    await stage.answer_to(missed)
    await stage.idle()
    assert len(_replies(stage, missed)) == 1


async def test_a_question_that_was_deleted_while_the_bot_was_away_is_let_go(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    stage.bot.settings = stage.bot.settings.model_copy(update={"discord_stop_seconds": 0.05})
    with _occupy(stage):
        question = await ana.asks("general", _PUMP)
        await stage.loopback.wait.reply_to(question)
        await stage.stop()
    await ana.deletes(question)
    await stage.start()

    async def let_go() -> bool:
        return not await stage.bot.state.pending()

    await stage.until(let_go)


async def test_a_store_that_is_away_is_told_and_the_answer_comes_late(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.stop()
    await stage.start(late_seconds=(0.05,) * 20)
    views = stage.installation.agent.parts.views
    away, get = True, views.get

    async def read(guild: GuildId, may_see: frozenset[str]) -> GuildView:
        if away:
            raise StoreBusyError("The store does not answer.", "Wait.")
        return await get(guild, may_see)

    monkeypatch.setattr(views, "get", read)
    reply = await stage.loopback.wait.reply_to(await stage.loopback.member("ana").asks("general", _PUMP))
    await stage.loopback.wait.until(lambda: reply.content.startswith("⏳ The store does not") or None)
    away = False
    await stage.final(reply)
    assert "Topic: Pool" in reply.content


async def test_an_answer_that_cannot_be_written_down_is_shown_once_it_can(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.stop()
    await stage.start(late_seconds=(0.05,) * 20)
    put, failures = stage.bot.state.put_answers, 2

    async def fail_twice(answers: Sequence[AnswerMessage]) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise StoreBusyError("The database does not answer.", "Wait.")
        await put(answers)

    monkeypatch.setattr(stage.bot.state, "put_answers", fail_twice)
    answer = await stage.answer_to(await stage.loopback.member("ana").asks("general", _PUMP))
    assert "Topic: Pool" in answer.content
    assert await stage.bot.state.answer(answer.id) is not None


async def test_where_an_answer_will_stand_is_noted_while_it_is_made(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is as slow as the agent is in being asked, which must not wait for it."""
    asked = asyncio.Event()
    note, stream = stage.bot.state.set_placeholder, stage.bot.desk._stream

    async def noted_later(guild: GuildId, question: int, placeholder: int) -> None:
        await asked.wait()
        await note(guild, question, placeholder)

    async def streamed(*arguments: Any) -> Failed | None:
        asked.set()
        return await stream(*arguments)

    monkeypatch.setattr(stage.bot.state, "set_placeholder", noted_later)
    monkeypatch.setattr(stage.bot.desk, "_stream", streamed)
    question = await stage.loopback.member("ana").asks("general", _PUMP)
    answer = await stage.answer_to(question)
    await stage.idle()
    taken = await stage.bot.state.taken(stage.bot.guild_id(stage.loopback.guild.id), question.id)
    assert taken is not None
    assert (taken.placeholder, taken.done) == (answer.id, True)


async def test_an_error_is_one_line_with_an_id(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> GuildView:
        raise ModelError("The model is broken.", "Install it again.")

    monkeypatch.setattr(stage.installation.agent.parts.views, "get", broken)
    reply = await stage.loopback.wait.reply_to(await stage.loopback.member("ana").asks("general", _PUMP))
    await stage.loopback.wait.until(lambda: reply.content.startswith("⚠️") or None)
    assert "The model is broken. Install it again. (error " in reply.content


async def test_an_error_that_nobody_foresaw_is_told_too(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(stage.bot.desk, "_stream", broken)
    reply = await stage.loopback.wait.reply_to(await stage.loopback.member("ana").asks("general", _PUMP))
    await stage.loopback.wait.until(lambda: reply.content.startswith("⚠️") or None)
    assert "(error " in reply.content


async def test_where_it_may_not_write_the_asker_is_told_in_private(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    stage.loopback.faults.fail(r"POST /channels/\d+/messages", 403)
    await ana.asks("car", _PUMP)
    told = await stage.loopback.wait.next_in(ana.direct_channel)
    assert "#car" in told.content


async def test_a_placeholder_that_is_deleted_ends_the_question(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    with _occupy(stage):
        question = await ana.asks("general", _PUMP)
        waiting = await stage.loopback.wait.reply_to(question)
        await stage.loopback.admin().deletes(waiting)
    await stage.idle()

    async def let_go() -> bool:
        return not await stage.bot.state.pending()

    await stage.until(let_go)
    assert _replies(stage, question) == []


async def test_a_wrong_token_is_one_clear_line(stage: Stage) -> None:
    async with Lorekeeper(stage.installation) as bot:
        with pytest.raises(ConfigurationError, match="refuses DISCORD_TOKEN"):
            await _serve(bot, "wrong")


async def test_a_missing_intent_is_one_clear_line(stage: Stage) -> None:
    stage.loopback.world.application.allowed_intents = 0
    async with Lorekeeper(stage.installation) as bot:
        with pytest.raises(ConfigurationError, match="message content intent is off") as caught:
            await _serve(bot, stage.loopback.world.application.token)
    assert str(stage.loopback.world.application.id) in caught.value.hint


async def test_without_the_intent_it_still_answers_mentions(stage: Stage) -> None:
    await stage.stop()
    stage.loopback.world.application.allowed_intents = 0
    stage.installation.settings.__dict__["discord_message_content"] = False
    await stage.start()
    await stage.answer_to(await stage.loopback.member("ana").asks("general", _PUMP))


async def test_no_network_is_one_clear_line(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, name in ((discord.http.Route, "BASE"), (discord.asset.Asset, "BASE")):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    monkeypatch.setattr(
        discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY
    )
    await stage.stop()
    point_discord_at("http://127.0.0.1:9/api/v10")
    async with Lorekeeper(stage.installation) as bot:
        with pytest.raises(LorekeeperError, match="Discord cannot be reached"):
            await _serve(bot, "token")


async def test_without_a_token_nothing_is_opened(stage: Stage) -> None:
    with pytest.raises(ConfigurationError, match="DISCORD_TOKEN is not set"):
        await run_bot(stage.installation.settings)


async def test_doctor_prints_the_invite_link(stage: Stage) -> None:
    token = stage.loopback.world.application.token
    settings = stage.installation.settings.model_copy(update={"discord_token": SecretStr(token)})
    said = await invitation(settings)
    assert f"client_id={stage.loopback.world.application.id}" in said
    assert f"permissions={PERMISSIONS.value}" in said
