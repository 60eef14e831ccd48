"""What was said before a question: what messages carry is named, and a thread is summed up."""

from __future__ import annotations

from typing import Any

import pytest

from bot.conversation import conversation_before
from tests.bot.discord.conftest import Stage
from tests.discord.messages import Upload

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_images_and_files_are_named_and_not_opened(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    files = [
        Upload(filename="pump.png", content=b"\x89PNG", content_type="image/png"),
        Upload(filename="manual.pdf", content=b"%PDF", content_type="application/pdf"),
    ]
    shown = await ana.says("general", "Look:", files=files)
    asked = await ana.replies(shown, "What is that?", ping=False)
    channel: Any = await stage.bot.fetch_channel(asked.channel.id)
    message = await channel.fetch_message(asked.id)
    (turn,) = await conversation_before(message, stage.bot.me_id, 500)
    assert turn.text == "Look: [image: pump.png] [file: manual.pdf]"
    assert not [each for each in stage.loopback.world.records.requests if "/attachments/" in each]


async def test_a_thread_is_summed_up_and_nothing_beside_it(stage: Stage) -> None:
    ana, ben = stage.loopback.member("ana"), stage.loopback.member("ben")
    await ana.says("car", "The garage door squeaks and needs oil before the winter.")
    thread = await ana.opens_thread("car", "Brakes")
    said = await ana.says(thread, "The brake pads were replaced on Monday by Motor Haus for 240 dollars.")
    await ben.says(thread, "The brake fluid is due in the spring, they said.")
    summary = await stage.answer_to(await ben.asks(thread, "summarize this thread"))
    assert "brake" in summary.content
    assert said.jump_url in summary.content
    assert "garage door" not in summary.content
