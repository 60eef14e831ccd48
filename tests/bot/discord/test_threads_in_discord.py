"""Threads that answers open: their names, how one talks in them, and what happens when they are closed."""

from __future__ import annotations

import pytest

from agent.contracts import LOCAL_GUILD, MemberId
from bot.state.config import ChannelConfig, GuildConfig
from bot.threads import thread_title
from tests.bot.discord.conftest import Stage
from tests.bot.discord.occupied import occupied
from tests.discord import channels, threads
from tests.discord.model import Channel, Message, Overwrite
from tests.discord.permissions import Permission

_PUMP = "When did we replace our pool pump?"


@pytest.mark.parametrize(
    ("question", "title"),
    [
        (_PUMP, _PUMP),
        ("  two\nlines\tand a tab ", "two lines and a tab"),
        ("@everyone where is the pump?", "everyone where is the pump?"),
        ("ask <@123> or <@&45> in <#6> <:pump:7>", "ask or in"),
        ("see https://example.org/a?b=c about it", "see about it"),
        ("x" * 100, "x" * 100),
        ("x" * 101, "x" * 99 + "…"),
        ("word " * 30, "word " * 18 + "word…"),
        ("<@1>", ""),
        ("", ""),
    ],
)
def test_a_title_is_one_harmless_line_that_discord_takes(question: str, title: str) -> None:
    assert thread_title(question) == title
    assert len(title) <= 100


async def _switched_on(stage: Stage) -> None:
    channel = stage.loopback.channel("pool")
    config = GuildConfig().with_channel(channel.id, ChannelConfig(threads=True))
    await stage.bot.state.change_config(
        LOCAL_GUILD, lambda _: config, by=MemberId("1"), action="t", detail={}
    )


async def _thread_of(stage: Stage, question: Message) -> Channel:
    return await stage.loopback.wait.until(lambda: question.thread, what="a thread under the question")


def _said(stage: Stage, thread: Channel) -> list[Message]:
    """By the bot; that a thread begins at its question Discord says in the bot's name."""
    return [said for said in stage.loopback.said_by_bot(thread) if said.content]


async def _placeholder(stage: Stage, thread: Channel) -> Message:
    return await stage.loopback.wait.until(lambda: next(iter(_said(stage, thread)), None))


async def _answered(stage: Stage, thread: Channel) -> Message:
    return await stage.final(await _placeholder(stage, thread))


def _forbid(stage: Stage, permission: Permission) -> None:
    bot, pool = stage.loopback.bot, stage.loopback.channel("pool")
    pool.overwrites[bot.id] = Overwrite(target=bot.id, kind=1, deny=int(permission))


@pytest.mark.asyncio(loop_scope="session")
class TestInDiscord:
    async def test_an_admin_switches_it_on_and_answers_open_threads(self, stage: Stage) -> None:
        admin, ana = stage.loopback.admin(), stage.loopback.member("ana")
        await stage.loopback.wait.until(lambda: stage.loopback.world.commands or None, what="the commands")
        pool = stage.loopback.channel("pool")
        said = await stage.loopback.wait.answered(
            await admin.slash("channel set", channel=pool, threads=True)
        )
        assert "in a thread under each question" in said.content
        question = await ana.asks("pool", _PUMP)
        thread = await _thread_of(stage, question)
        answer = await _answered(stage, thread)
        assert thread.name == _PUMP
        assert "Topic: Pool" in answer.content
        assert stage.loopback.said_by_bot(pool) == []

    async def test_in_it_one_asks_on_without_a_mention(self, stage: Stage) -> None:
        await _switched_on(stage)
        ana, ben = stage.loopback.member("ana"), stage.loopback.member("ben")
        thread = await _thread_of(stage, await ana.asks("pool", _PUMP))
        first = await _answered(stage, thread)
        second = await stage.answer_to(await ben.says(thread, "And who did it?"))
        assert second.channel is thread
        assert "Topic: Pool" in second.content
        assert first is not second

    async def test_elsewhere_it_replies_as_ever(self, stage: Stage) -> None:
        await _switched_on(stage)
        question = await stage.loopback.member("ana").asks("general", _PUMP)
        await stage.answer_to(question)
        assert question.thread is None

    async def test_without_the_permission_it_answers_in_the_channel(self, stage: Stage) -> None:
        await _switched_on(stage)
        _forbid(stage, Permission.CREATE_PUBLIC_THREADS)
        question = await stage.loopback.member("ana").asks("pool", _PUMP)
        await stage.answer_to(question)
        assert question.thread is None

    async def test_a_thread_that_may_not_be_written_in_gives_way_to_the_channel(self, stage: Stage) -> None:
        await _switched_on(stage)
        _forbid(stage, Permission.SEND_MESSAGES_IN_THREADS)
        await stage.answer_to(await stage.loopback.member("ana").asks("pool", _PUMP))

    async def test_a_thread_that_a_member_opened_meanwhile_is_used(self, stage: Stage) -> None:
        await _switched_on(stage)
        ana = stage.loopback.member("ana")
        await stage.stop()
        question = await ana.asks("pool", _PUMP)
        thread = await ana.opens_thread(question, "Mine")
        await stage.start()
        await _switched_on(stage)
        assert (await _answered(stage, thread)).channel is thread

    async def test_one_that_is_archived_meanwhile_is_opened_again(self, stage: Stage) -> None:
        await _switched_on(stage)
        with occupied(stage):
            thread = await _thread_of(stage, await stage.loopback.member("ana").asks("pool", _PUMP))
            waiting = await _placeholder(stage, thread)
            await stage.loopback.admin().archives(thread)
        assert "Topic: Pool" in (await stage.final(waiting)).content
        assert thread.thread is not None
        assert not thread.thread.archived

    @pytest.mark.parametrize("how", ["locked", "deleted"])
    async def test_one_that_is_closed_meanwhile_gives_way_to_the_channel(
        self, how: str, stage: Stage
    ) -> None:
        await _switched_on(stage)
        admin = stage.loopback.admin()
        with occupied(stage):
            question = await stage.loopback.member("ana").asks("pool", _PUMP)
            thread = await _thread_of(stage, question)
            await _placeholder(stage, thread)
            if how == "locked":
                await admin.archives(thread, locked=True)
            else:
                channels.delete(stage.loopback.world, thread, admin.user)
        answer = await stage.answer_to(question)
        assert answer.channel is question.channel
        row = await stage.bot.state.answer(answer.id)
        assert row is not None
        assert row.channel == question.channel.id

    async def test_buttons_work_in_it(self, stage: Stage) -> None:
        await _switched_on(stage)
        ana = stage.loopback.member("ana")
        thread = await _thread_of(stage, await ana.asks("pool", _PUMP))
        answer = await _answered(stage, thread)
        before = answer.button("👍")["custom_id"]
        await ana.clicks(answer, "🔁")
        await stage.loopback.wait.until(
            lambda: (answer.components and answer.button("👍")["custom_id"] != before) or None
        )
        assert _said(stage, thread) == [answer]
        await ana.clicks(answer, "🗑️")
        await stage.loopback.wait.until(lambda: not _said(stage, thread) or None)

    async def test_a_restart_goes_on_in_the_thread(self, stage: Stage) -> None:
        await _switched_on(stage)
        stage.bot.settings = stage.bot.settings.model_copy(update={"discord_stop_seconds": 0.05})
        with occupied(stage):
            question = await stage.loopback.member("ana").asks("pool", _PUMP)
            thread = await _thread_of(stage, question)
            waiting = await _placeholder(stage, thread)
            await stage.stop()
        assert waiting.content.startswith("⏸️ I am restarting")
        await stage.start()
        assert "Topic: Pool" in (await stage.final(waiting)).content
        assert threads.archived(question.channel, thread.kind, None, 10)[0] == []
