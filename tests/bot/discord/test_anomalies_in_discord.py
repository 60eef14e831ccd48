"""`/anomalies`: admins choose where they are told, are told once, and settle it by buttons."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from sqlalchemy import delete

from agent.contracts import LOCAL_GUILD, MemberId
from agent.database import tables
from bot.cogs.anomalies import Anomalies
from tests.agent.journal.episodes import an_episode
from tests.bot.discord.admins import said, the_admin, told
from tests.bot.discord.conftest import Stage
from tests.discord.errors import DiscordError
from tests.discord.model import Message
from tuning.anomalies.anomaly import Found, Kind, State
from tuning.anomalies.log import AnomalyLog

pytestmark = pytest.mark.asyncio(loop_scope="session")

ASKER = MemberId("aeronaut")
SENTENCES = ("The hangar heater runs 8 hours a day.", "The hangar heater runs 10 hours a day.")


@pytest_asyncio.fixture(loop_scope="session")
async def disagreeing(stage: Stage) -> AsyncIterator[Stage]:
    """Two entries that were found for one question, and say otherwise."""
    parts = stage.installation
    entries = [
        await parts.ingestor.remember(LOCAL_GUILD, text, on=None, author=ASKER, author_name="", category=None)
        for text in SENTENCES
    ]
    passages = [
        passage.id
        for entry in entries
        for passage in await parts.stores.store.passages_of(LOCAL_GUILD, entry.id)
    ]
    evidence = tuple((passage, 0.5) for passage in passages)
    asked = an_episode(guild=LOCAL_GUILD, member=ASKER, asked_at=datetime.now(UTC), evidence=evidence)
    await parts.stores.journal.record(asked)
    yield stage
    await parts.stores.journal.forget(LOCAL_GUILD, ASKER)
    await parts.ingestor.remove(LOCAL_GUILD, [entry.id for entry in entries])
    async with parts.stores.database.write() as connection:
        await connection.execute(delete(tables.anomaly_events))


def notices(stage: Stage) -> list[Message]:
    messages = stage.loopback.channel("general").messages
    return [each for each in messages if "contradict" in each.content]


async def test_admins_are_told_once_with_both_sentences(disagreeing: Stage) -> None:
    admin = await the_admin(disagreeing)
    general = disagreeing.loopback.channel("general")
    assert "I tell of what is unusual in" in await said(disagreeing, admin, "anomalies tell", channel=general)
    assert "I looked: 1 new." in await said(disagreeing, admin, "anomalies look")
    (notice,) = notices(disagreeing)
    assert all(sentence in notice.content for sentence in SENTENCES)
    assert "I looked: 0 new." in await said(disagreeing, admin, "anomalies look")
    assert len(notices(disagreeing)) == 1


async def test_it_is_dismissed_by_an_admin_also_after_a_restart(disagreeing: Stage) -> None:
    admin, ana = await the_admin(disagreeing), disagreeing.loopback.member("ana")
    await said(disagreeing, admin, "anomalies tell", channel=disagreeing.loopback.channel("general"))
    await said(disagreeing, admin, "anomalies look")
    notice = notices(disagreeing)[-1]
    await disagreeing.stop()
    bot = await disagreeing.start()

    assert "administering" in await told(disagreeing, await ana.clicks(notice, "Dismiss"))
    assert "Dismissed." in await told(disagreeing, await admin.clicks(notice, "Dismiss"))
    assert not notice.components
    (anomaly,) = await AnomalyLog(bot.installation.stores.database).anomalies(LOCAL_GUILD)
    assert anomaly.state is State.DISMISSED
    (change, *_) = await bot.state.changes(LOCAL_GUILD)
    assert (change.action, change.detail["kind"]) == ("anomaly dismiss", "contradiction")
    assert "**dismissed**: Two sources contradict each other" in await said(
        disagreeing, admin, "anomalies list"
    )


async def test_what_could_not_be_mended_is_tried_again(disagreeing: Stage) -> None:
    admin = await the_admin(disagreeing)
    cog = disagreeing.bot.get_cog(Anomalies.__name__)
    guild = disagreeing.bot.get_guild(disagreeing.loopback.guild.id)
    assert isinstance(cog, Anomalies)
    assert guild is not None
    general = disagreeing.loopback.channel("general")
    await said(disagreeing, admin, "anomalies tell", channel=general)
    log = AnomalyLog(disagreeing.installation.stores.database)
    source = (await disagreeing.installation.stores.catalog.sources(LOCAL_GUILD))[0]
    stale = Found(kind=Kind.STALE, subject=source.id, sources=(source.id,))
    (raised,) = await log.raise_(LOCAL_GUILD, [stale], datetime.now(UTC))
    await cog._tell(guild, [await log.change(raised, State.FAILED, datetime.now(UTC), "no network")])
    notice = next(each for each in general.messages if "has changed where" in each.content)

    assert "Done: " in await told(disagreeing, await admin.clicks(notice, "Mend it now"))
    assert (await log.anomaly(LOCAL_GUILD, raised.id)).state is State.ACTED
    assert not notice.components


async def test_nobody_is_told_where_nobody_chose_to_be(disagreeing: Stage) -> None:
    admin = await the_admin(disagreeing, locale="es-ES")
    assert "no aviso a nadie" in (await said(disagreeing, admin, "anomalies tell")).lower()
    assert "He mirado: 1 nueva." in await said(disagreeing, admin, "anomalies look")
    assert not notices(disagreeing)
    assert "Dos fuentes se contradicen en un número" in await said(disagreeing, admin, "anomalies list")


async def test_it_is_for_admins(disagreeing: Stage) -> None:
    await the_admin(disagreeing)
    ana = disagreeing.loopback.member("ana")
    with pytest.raises((LookupError, DiscordError)):
        await ana.slash("anomalies list")
