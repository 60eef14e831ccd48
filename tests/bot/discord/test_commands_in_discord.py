"""Questions by command over a kill: answered where they stand, late if need be, or told to be lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from bot.state.commands import PendingCommands
from tests.bot.discord.conftest import Stage
from tests.bot.discord.occupied import occupied
from tests.discord.interactions import Interaction
from tests.discord.model import Message

pytestmark = pytest.mark.asyncio(loop_scope="session")

_PUMP = "When did we replace our pool pump?"
_TOKEN_SECONDS = 15 * 60 + 1

Kill = Callable[..., Awaitable[Interaction]]


@pytest.fixture
def killed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Kill:
    """Ask by command and kill the bot before it answers: nobody is told anything, and nothing is written."""

    async def nothing(*_: object) -> None:
        return

    async def kill(*, private: bool = False, noted: bool = True) -> Interaction:
        await stage.loopback.wait.until(lambda: stage.loopback.world.commands or None, what="the commands")
        stage.bot.settings = stage.bot.settings.model_copy(update={"discord_stop_seconds": 0.01})
        with occupied(stage):
            asked = await stage.loopback.member("ana").slash("ask", question=_PUMP, private=private)
            await stage.loopback.wait.answered(asked)
            await stage.until(lambda: _is_noted(stage, noted))
            with monkeypatch.context() as patched:
                patched.setattr("bot.desk._say_interrupted", nothing)
                await stage.stop()
        assert len(await stage.bot.state.commands.unfinished()) == 1
        return asked

    return kill


async def _is_noted(stage: Stage, noted: bool) -> bool:
    """Whether the placeholder is written down, which happens a moment after it is to be seen."""
    (command,) = await stage.bot.state.commands.unfinished()
    return (command.placeholder is not None) is noted


async def _answer(stage: Stage, asked: Interaction) -> Message:
    found = await stage.loopback.wait.until(
        lambda: next((message for message in asked.messages() if message.components), None)
    )
    await stage.idle()
    assert await stage.bot.state.commands.unfinished() == ()
    return found


@pytest.mark.parametrize("private", [False, True])
async def test_after_a_kill_a_command_is_answered_where_it_stands(
    private: bool, stage: Stage, killed: Kill
) -> None:
    asked = await killed(private=private)
    await stage.start()
    answer = await _answer(stage, asked)
    assert "Topic: Pool" in answer.content
    assert answer.is_ephemeral is private
    assert len(asked.messages()) == 1


async def test_after_its_token_died_one_that_all_see_is_answered_all_the_same(
    stage: Stage, killed: Kill
) -> None:
    asked = await killed()
    stage.loopback.clock.advance(_TOKEN_SECONDS)
    await stage.start()
    assert "Topic: Pool" in (await _answer(stage, asked)).content


async def test_after_its_token_died_a_private_one_is_told_to_ask_again(stage: Stage, killed: Kill) -> None:
    await killed(private=True)
    stage.loopback.clock.advance(_TOKEN_SECONDS)
    await stage.start()
    told = await stage.loopback.wait.next_in(stage.loopback.member("ana").direct_channel)
    assert "Please ask again." in told.content
    await stage.idle()
    assert await stage.bot.state.commands.unfinished() == ()


async def test_a_kill_before_the_placeholder_was_written_down_leaves_one_answer(
    stage: Stage, killed: Kill, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def not_written(*_: object) -> None:
        return

    with monkeypatch.context() as patched:
        patched.setattr(PendingCommands, "set_placeholder", not_written)
        asked = await killed(noted=False)
    await stage.start()
    assert "Topic: Pool" in (await _answer(stage, asked)).content
    assert len(asked.messages()) == 1


async def test_who_left_meanwhile_is_not_answered(stage: Stage, killed: Kill) -> None:
    asked = await killed()
    del stage.loopback.guild.members[stage.loopback.member("ana").id]
    await stage.start()

    async def let_go() -> bool:
        return not await stage.bot.state.commands.unfinished()

    await stage.until(let_go)
    assert not any(message.components for message in asked.messages())


async def test_a_stop_says_that_the_answer_comes_and_it_does(stage: Stage) -> None:
    await stage.loopback.wait.until(lambda: stage.loopback.world.commands or None, what="the commands")
    stage.bot.settings = stage.bot.settings.model_copy(update={"discord_stop_seconds": 0.01})
    with occupied(stage):
        asked = await stage.loopback.member("ana").slash("ask", question=_PUMP)
        shown = await stage.loopback.wait.answered(asked)
        await stage.until(lambda: _is_noted(stage, True))
        await stage.stop()
    assert shown.content.startswith("⏸️ I am restarting, and will answer")
    await stage.start()
    assert await _answer(stage, asked) is shown
