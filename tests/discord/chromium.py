"""A real headless Chromium on the page: Debian's or the system's, driven through Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.discord.loopback import Loopback
from tests.discord.page.site import Site

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium"
)


@asynccontextmanager
async def open_page(loopback: Loopback) -> AsyncIterator[Page]:
    """The page of a loopback that the bot is connected to; an error in its scripts fails the test."""
    site = Site(loopback)
    await site.start()
    troubles: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 1200, "height": 860})
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
        await page.goto(site.url)
        await expect(page.locator("#connection.on")).to_be_visible()
        yield page
        await browser.close()
    await site.stop()
    assert troubles == []


async def be(page: Page, who: str) -> None:
    """Become another member, by what the list says."""
    await page.locator("#person").select_option(label=who)


async def say(page: Page, text: str) -> None:
    await page.locator("#text").fill(text)
    await page.locator("#text").press("Enter")


async def picture(page: Page, name: str) -> None:
    """Kept where SCREENSHOTS says, for the README."""
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        await page.screenshot(path=Path(folder) / f"{name}.png")
