"""What `make demo-discord` shows: the real bot with the household's knowledge, used in a real browser."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Page, expect

from tests.discord.__main__ import bot_environment
from tests.discord.chromium import be, needs_chromium, open_page, picture, say
from tests.discord.household import open_household
from tests.discord.loopback import Loopback

pytestmark = needs_chromium

_START = 120.0
_ANSWER_MS = 60_000
"""Real models on a busy machine."""


@pytest_asyncio.fixture
async def demo(own_household: Path, tmp_path: Path) -> AsyncIterator[Loopback]:
    """The loopback with the bot's process connected and its commands registered."""
    async with await open_household(commands=tmp_path / "commands.json") as loopback:
        own = {"LOREKEEPER_DATA_DIR": str(own_household), "LOREKEEPER_THREADS": "1"}
        environment = {**os.environ, **own, **bot_environment(loopback)}
        bot = await asyncio.create_subprocess_exec(sys.executable, "-m", "bot", "run", env=environment)
        try:
            await _until_ready(loopback, bot)
            yield loopback
        finally:
            if bot.returncode is None:
                bot.terminate()
            status = await bot.wait()
    assert status == 0
    loopback.check()


async def _until_ready(loopback: Loopback, bot: asyncio.subprocess.Process) -> None:
    """Connected and with its commands registered; a bot that ends before is not waited for."""

    def up() -> bool:
        return loopback.gateway.connected and bool(loopback.world.commands)

    ready = asyncio.create_task(loopback.wait.until(up, _START, "the bot to be ready"))
    ended = asyncio.create_task(bot.wait())
    await asyncio.wait({ready, ended}, return_when=asyncio.FIRST_COMPLETED)
    assert not ended.done(), "the bot ended instead of connecting"
    ended.cancel()
    await ready


async def test_a_member_asks_and_corrects_and_an_admin_gives_a_command(demo: Loopback) -> None:
    async with open_page(demo) as page:
        await _asks_and_corrects(page)
        await _gives_a_command(page)
        await be(page, "Pilar · es-ES")
        await page.locator("#text").fill("/ask")
        await expect(page.locator("#palette")).to_contain_text("pregunta")


async def _asks_and_corrects(page: Page) -> None:
    await be(page, "Daniel")
    await say(page, "@Lorekeeper When did we replace our pool pump?")
    answer = page.locator(".message[data-author=Lorekeeper]").last
    await expect(answer).to_contain_text(
        "18 May 2024 Tom Petrakis replaced the pool pump", timeout=_ANSWER_MS
    )
    await expect(answer).to_contain_text("Pool")
    await answer.get_by_role("button", name="Not helpful").click()
    await page.get_by_label("Reason").select_option("It is outdated")
    await page.get_by_label("What would have been right?").fill("It was replaced again in 2026.")
    await picture(page, "demo-not-helpful")
    await page.get_by_role("button", name="Submit").click()
    await expect(page.locator(".message.ephemeral")).to_contain_text("Thank you", timeout=_ANSWER_MS)
    await picture(page, "demo-answer")


async def _gives_a_command(page: Page) -> None:
    await page.locator("#text").fill("/category list")
    await expect(page.locator("#palette")).to_be_hidden()
    await be(page, "Marta (admin)")
    await page.locator("#text").fill("/category list")
    await page.get_by_role("option", name="/category list").click()
    await page.get_by_role("button", name="Run").click()
    await expect(page.locator(".message.ephemeral")).to_contain_text("The swimming pool", timeout=_ANSWER_MS)
    await picture(page, "demo-command")
