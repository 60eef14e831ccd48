"""What a network, Discord and a killed process can lose: each question has one reply all the same."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agent.contracts import LOCAL_GUILD, MemberId
from agent.database import tables
from bot import delivery
from bot.cogs import catching_up
from bot.cogs.catching_up import CatchingUp
from bot.state.store import Pending
from tests.bot.discord.conftest import Stage
from tests.discord import messages
from tests.discord.messages import Draft
from tests.discord.model import Message

pytestmark = pytest.mark.asyncio(loop_scope="session")

_PUMP = "When did we replace our pool pump?"
_POST = r"POST /channels/\d+/messages$"
_EDIT = r"PATCH /channels/\d+/messages/"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery.persistently, "__defaults__", ((0.01,) * 5,))
    monkeypatch.setattr(catching_up, "_CATCH_UP_SECONDS", (0.05,) * 5)


async def _ended_once(stage: Stage, question: Message) -> Message:
    answer = await stage.answer_to(question)
    await stage.idle()
    assert stage.loopback.wait.present_replies(question) == [answer]
    return answer


@pytest.mark.parametrize("route", [_POST, _EDIT])
@pytest.mark.parametrize("after", [False, True], ids=["not done", "done"])
async def test_what_the_network_swallows_is_said_again_and_stands_there_once(
    stage: Stage, route: str, after: bool
) -> None:
    stage.loopback.faults.drop(route, times=2, after=after)
    await _ended_once(stage, await stage.loopback.member("ana").asks("general", _PUMP))
    stage.loopback.faults.fail(route, 503, times=2, after=after)
    await _ended_once(stage, await stage.loopback.member("ana").asks("general", _PUMP))


async def test_a_limit_that_refuses_again_and_again_is_no_end(stage: Stage) -> None:
    stage.loopback.faults.fail(_POST, 429, times=3)
    await _ended_once(stage, await stage.loopback.member("ana").asks("general", _PUMP))


async def test_a_failure_is_told_once_discord_is_back(stage: Stage) -> None:
    await stage.stop()
    await stage.start(late_seconds=(0.05,) * 5)
    stage.loopback.faults.fail(_POST, 503, times=14)
    question = await stage.loopback.member("ana").asks("general", _PUMP)
    reply = await stage.loopback.wait.reply_to(question)
    await stage.loopback.wait.until(lambda: reply.content.startswith("⚠️ Discord did not take") or None)
    await stage.idle()
    assert stage.loopback.wait.present_replies(question) == [reply]


async def test_a_history_that_cannot_be_read_is_read_later(stage: Stage) -> None:
    await stage.answer_to(await stage.loopback.member("ana").asks("general", _PUMP))
    await stage.stop()
    missed = await stage.loopback.member("ana").asks("general", "Who replaced it?")
    stage.loopback.faults.fail(r"GET /channels/\d+/messages", 503, times=2)
    await stage.start()
    await _ended_once(stage, missed)


async def test_what_was_begun_goes_on_once_discord_gives_it(stage: Stage) -> None:
    question, waiting = await _killed_after_its_placeholder(stage)
    stage.loopback.faults.fail(rf"GET /channels/\d+/messages/{question.id}", 503, times=2)
    await stage.start()
    assert await _ended_once(stage, question) is waiting


async def test_a_placeholder_that_was_not_written_down_is_found_again(stage: Stage) -> None:
    question, waiting = await _killed_after_its_placeholder(stage)
    await stage.start()
    assert await _ended_once(stage, question) is waiting


async def test_an_answer_that_stands_is_not_made_again(stage: Stage) -> None:
    """Killed before the question was crossed out: another answer in its place would lose its votes."""
    question = await stage.loopback.member("ana").asks("general", _PUMP)
    answer = await _ended_once(stage, question)
    before = await stage.bot.state.answer(answer.id)
    await stage.stop()
    async with stage.installation.stores.database.write() as connection:
        await connection.execute(tables.bot_questions.update().values(done=False))
    await stage.start()

    async def crossed_out() -> bool:
        return not await stage.bot.state.pending()

    await stage.until(crossed_out)
    await stage.idle()
    assert await stage.bot.state.answer(answer.id) == before


async def test_the_first_question_of_a_guild_is_not_missed_either(stage: Stage) -> None:
    await stage.stop()
    missed = await stage.loopback.member("ana").asks("general", _PUMP)
    await stage.start()
    await _ended_once(stage, missed)


async def test_a_connection_cut_while_it_starts_misses_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Discord sends again what this session missed, which is not what was missed before it began."""
    await stage.answer_to(await stage.loopback.member("ana").asks("general", _PUMP))
    await stage.stop()
    missed = await stage.loopback.member("ana").asks("general", "Who replaced it?")
    ready = CatchingUp.on_ready

    async def cut_and_resumed_first(cog: CatchingUp) -> None:
        await cog.on_shard_disconnect(0)
        await cog.on_shard_resumed(0)
        await ready(cog)

    monkeypatch.setattr(CatchingUp, "on_ready", cut_and_resumed_first)
    await stage.start()
    await _ended_once(stage, missed)


async def test_what_is_read_without_a_connection_is_read_again_with_one(stage: Stage) -> None:
    cog = stage.bot.get_cog("CatchingUp")
    assert isinstance(cog, CatchingUp)
    await stage.answer_to(await stage.loopback.member("ana").asks("general", _PUMP))
    await stage.idle()
    await cog.on_shard_disconnect(0)
    assert not await cog._caught_up()
    await cog.on_shard_connect(0)
    assert await cog._caught_up()


async def _killed_after_its_placeholder(stage: Stage) -> tuple[Message, Message]:
    """The question is written down, its placeholder stands there, and the process did not live to know it."""
    await stage.stop()
    ana, channel = stage.loopback.member("ana"), stage.loopback.channel("general")
    question = await ana.asks(channel, _PUMP)
    draft = Draft(
        content="…",
        reply_to=question.id,
        nonce=question.id,
        enforce_nonce=True,
        allowed_mentions={"parse": []},
    )
    waiting = messages.post(stage.loopback.world, channel, stage.loopback.bot, draft)
    pending = Pending(
        guild=LOCAL_GUILD,
        question=question.id,
        channel=channel.id,
        member=MemberId(str(ana.id)),
        placeholder=None,
        asked_at=datetime.now(UTC),
    )
    await stage.bot.state.begin(pending)
    return question, waiting
