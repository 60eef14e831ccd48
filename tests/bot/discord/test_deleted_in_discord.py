"""A message that had the bot remember something takes it along when it is deleted."""

from __future__ import annotations

import pytest

from agent.contracts import LOCAL_GUILD
from tests.bot.discord.conftest import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")

_FACT = "the canoe rack was bolted to the garage wall."


async def test_what_a_deleted_message_told_is_forgotten(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    told = await ana.asks("general", f"remember that {_FACT}")
    await stage.answer_to(told)
    catalog = stage.installation.stores.catalog

    async def told_sources() -> list[str]:
        return [each.title for each in await catalog.sources(LOCAL_GUILD) if "canoe" in each.title]

    assert len(await told_sources()) == 1

    await ana.deletes(told)

    async def gone() -> bool:
        return await told_sources() == []

    await stage.until(gone)


async def test_a_deleted_question_takes_nothing_along(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    asked = await ana.asks("general", "When did we replace our pool pump?")
    await stage.answer_to(asked)
    catalog = stage.installation.stores.catalog
    before = await catalog.sources(LOCAL_GUILD)
    other = await ana.asks("general", f"remember that {_FACT}")
    await stage.answer_to(other)

    await ana.deletes(asked)
    await ana.deletes(other)

    async def only_that_went() -> bool:
        return await catalog.sources(LOCAL_GUILD) == before

    await stage.until(only_that_went)
