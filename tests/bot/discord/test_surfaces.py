"""Answers of several messages, over the socket: what is written down before what is shown."""

from __future__ import annotations

from collections.abc import Sequence

import discord
import pytest

from bot.splitter import Layout, TextFile
from bot.surfaces import MessageSurface
from bot.views import BaseView
from tests.bot.discord.conftest import Stage
from tests.discord.model import Message

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _surface(stage: Stage, question: Message) -> MessageSurface:
    channel = await stage.bot.fetch_channel(question.channel.id)
    assert isinstance(channel, discord.TextChannel)
    return MessageSurface(stage.bot.pacing, await channel.fetch_message(question.id))


def _view() -> BaseView:
    view = BaseView()
    view.add_item(discord.ui.Button(label="Open", url="https://example.org"))
    return view


async def test_a_long_answer_gets_its_buttons_last_and_after_its_rows(stage: Stage) -> None:
    question = await stage.loopback.member("ana").says("general", "a long story, please")
    surface = await _surface(stage, question)
    recorded: list[int] = []

    async def record(messages: Sequence[int]) -> None:
        said = stage.loopback.said_by_bot(question.channel)
        assert [message.id for message in said] == list(messages)
        assert not any(message.components for message in said)
        recorded.extend(messages)

    await surface.open("…")
    layout = Layout(messages=("one", "two", "three"), files=(TextFile(name="code-1.py", text="x = 1\n"),))
    await surface.finish(layout, _view(), record)
    said = stage.loopback.said_by_bot(question.channel)
    assert [message.content for message in said] == ["one", "two", "three"]
    assert [bool(message.components) for message in said] == [False, False, True]
    assert [[file.filename for file in message.attachments] for message in said] == [[], [], ["code-1.py"]]
    assert recorded == [message.id for message in said]


async def test_streaming_ends_with_the_final_text_and_never_goes_back(stage: Stage) -> None:
    question = await stage.loopback.member("ana").says("general", "stream, please")
    surface = await _surface(stage, question)

    async def record(_: Sequence[int]) -> None:
        return

    await surface.open("…")
    for length in range(1, 30):
        surface.show("word " * length)
    surface.show("x" * 3000)
    await surface.finish(Layout(messages=("the end",)), None, record)
    surface.show("too late")
    reply = await stage.loopback.wait.settled(stage.loopback.wait.present_replies(question)[0])
    assert reply.content == "the end"
    assert all(len(version) <= 2000 for version in reply.versions)
    assert len(reply.versions) < 30
