"""A message that is edited for hours: what is dropped, what comes last, and that an old one is replaced."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import discord

from bot.lasting import LastingMessage
from bot.pacing import Pacing
from bot.views import BaseView


@dataclass
class Paper:
    """A message of a channel, and the channel."""

    id: int = 1
    age: timedelta = timedelta()
    said: list[tuple[str, bool]] = field(default_factory=list)
    """Each text, with whether something was under it."""
    deleted: bool = False
    after: Paper | None = None

    @property
    def channel(self) -> Paper:
        return self

    @property
    def created_at(self) -> datetime:
        return datetime.now(UTC) - self.age

    async def edit(self, *, content: str, view: Any) -> None:
        self.said.append((content, view is not None))

    async def send(self, content: str, *, view: Any = None) -> Paper:
        self.after = Paper(id=self.id + 1, said=[(content, view is not None)])
        return self.after

    async def delete(self) -> None:
        self.deleted = True


def lasting(paper: Paper, moved: list[int]) -> LastingMessage:
    async def tell(message: int) -> None:
        moved.append(message)

    message = cast(discord.PartialMessage, paper)
    return LastingMessage(Pacing(0.0), message, view=BaseView, moved=tell)


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_comes_within_seconds_is_dropped_unless_it_must_be_seen() -> None:
    paper = Paper()
    message = lasting(paper, [])
    for text in ("one", "two", "three"):
        message.show(text, soon=text == "three")
        await settled()
    await message.finish("over")
    assert paper.said == [("one", True), ("three", True), ("over", False)]


async def test_another_message_takes_the_place_of_an_old_one() -> None:
    paper, moved = Paper(age=timedelta(minutes=51)), list[int]()
    message = lasting(paper, moved)
    message.show("how far")
    await settled()
    assert (paper.deleted, moved) == (True, [2])
    assert paper.after is not None
    await message.finish("over")
    assert paper.after.said == [("how far", True), ("over", False)]


async def test_without_a_message_nothing_is_shown() -> None:
    message = LastingMessage(Pacing(0.0), None, view=BaseView, moved=lambda _: settled())
    message.show("how far")
    await message.finish("over")
