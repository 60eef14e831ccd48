"""A passage from a channel is shown to those who can read that channel, and to nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import discord
import pytest
import pytest_asyncio

from agent.contracts import GUILD_WIDE, LOCAL_GUILD, MemberId, Slug, Source
from bot.visibility import channel_visibility, covers, may_see, member_visibility, visibility_of_entry
from tests.bot.discord.conftest import Stage
from tests.discord import channels
from tests.discord.members import Member
from tests.discord.model import Channel, Overwrite
from tests.discord.permissions import Permission

pytestmark = pytest.mark.asyncio(loop_scope="session")

_ALARM = "Which word disarms the alarm of the boathouse?"


@pytest_asyncio.fixture(loop_scope="session")
async def secret(stage: Stage) -> AsyncIterator[Source]:
    """A fact that was told in #staff, which admins alone can read, and the bot among them."""
    staff, admin = stage.loopback.channel("staff"), stage.loopback.admin()
    shown = Overwrite(target=stage.loopback.bot.id, kind=1, allow=int(Permission.VIEW_CHANNEL))
    channels.overwrite(stage.loopback.world, staff, admin.user, shown)
    source = await stage.installation.ingestor.remember(
        LOCAL_GUILD,
        "The word that disarms the alarm of the boathouse is Cormorant.",
        on=None,
        author=MemberId("1"),
        author_name="Daniel",
        category=Slug("home"),
        visibility=channel_visibility(staff.id),
    )
    yield source
    await stage.installation.ingestor.remove(LOCAL_GUILD, [source.id])


def _guild(stage: Stage) -> discord.Guild:
    guild = stage.bot.get_guild(stage.loopback.guild.id)
    assert guild is not None
    return guild


async def _seen(stage: Stage, member: Member, place: Channel | None) -> frozenset[str]:
    guild = _guild(stage)
    found = await guild.fetch_member(member.id)
    where = await stage.bot.fetch_channel(place.id) if place else None
    assert where is None or isinstance(where, discord.abc.GuildChannel | discord.Thread)
    return may_see(found, where)


async def test_a_channel_is_quoted_to_its_readers_in_it_and_to_nobody_elsewhere(
    stage: Stage, secret: Source
) -> None:
    admin, ana = stage.loopback.admin(), stage.loopback.member("ana")
    assert "Cormorant" in (await stage.answer_to(await admin.asks("staff", _ALARM))).content
    for question in (await ana.asks("general", _ALARM), await admin.asks("general", _ALARM)):
        assert "Cormorant" not in (await stage.answer_to(question)).content
    assert "Cormorant" not in (await stage.answer_to(await ana.direct(_ALARM))).content
    assert "Cormorant" in (await stage.answer_to(await admin.direct(_ALARM))).content


async def test_the_sources_button_shows_what_its_presser_may_read(stage: Stage, secret: Source) -> None:
    admin, ana = stage.loopback.admin(), stage.loopback.member("ana")
    private = await admin.slash("ask", question=_ALARM, private=True)
    answer = await stage.loopback.wait.until(
        lambda: next((message for message in private.messages() if message.components), None)
    )
    assert "Cormorant" in answer.content
    shown = await admin.clicks(answer, "📚")
    assert "Cormorant" in shown.messages()[0].content
    row = await stage.bot.state.answer(answer.id)
    assert row is not None
    open_answer = await stage.answer_to(await ana.asks("general", "When did we replace our pool pump?"))
    other = await stage.bot.state.answer(open_answer.id)
    assert other is not None
    await stage.bot.state.put_answers([replace(other, episode=row.episode)])
    hidden = await ana.clicks(open_answer, "📚")
    assert "Cormorant" not in hidden.messages()[0].content


async def test_a_role_that_is_taken_away_takes_the_channel_with_it(stage: Stage) -> None:
    staff = channel_visibility(stage.loopback.channel("staff").id)
    ben = stage.loopback.member("ben", roles=("Admin",))
    assert staff in await _seen(stage, ben, None)
    channels.set_roles(stage.loopback.world, stage.loopback.guild, ben.user, set())
    assert staff not in await _seen(stage, ben, None)


async def test_a_direct_message_goes_by_the_roles_of_this_moment(stage: Stage, secret: Source) -> None:
    ben = stage.loopback.member("ben", roles=("Admin",))
    await stage.answer_to(await ben.asks("general", "When did we replace our pool pump?"))
    assert "Cormorant" in (await stage.answer_to(await ben.direct(_ALARM))).content
    channels.set_roles(stage.loopback.world, stage.loopback.guild, ben.user, set())
    assert "Cormorant" not in (await stage.answer_to(await ben.direct(_ALARM))).content


async def test_overwrites_of_one_member_count(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    pool = stage.loopback.channel("pool")
    assert channel_visibility(pool.id) in await _seen(stage, ana, stage.loopback.channel("general"))
    hidden = Overwrite(target=ana.id, kind=1, deny=int(Permission.VIEW_CHANNEL))
    channels.overwrite(stage.loopback.world, pool, stage.loopback.admin().user, hidden)
    await stage.until(lambda: _denies(_guild(stage), pool.id))
    assert channel_visibility(pool.id) not in await _seen(stage, ana, stage.loopback.channel("general"))
    # Whoever else reads #general: Ana does too, so nobody is shown #pool there.
    ben = stage.loopback.member("ben")
    assert channel_visibility(pool.id) not in await _seen(stage, ben, stage.loopback.channel("general"))
    assert channel_visibility(pool.id) in await _seen(stage, ben, None)


async def test_threads_go_by_their_channel_and_private_ones_by_themselves(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    general = stage.loopback.channel("general")
    public = await ana.opens_thread("general", "Open")
    assert channel_visibility(general.id) in await _seen(stage, ana, public)
    private = await ana.opens_thread("general", "Closed", private=True)
    await ana.invites(private, stage.loopback.bot)
    await stage.until(lambda: _guild(stage).get_thread(private.id) is not None)
    seen = await _seen(stage, ana, private)
    assert {channel_visibility(private.id), channel_visibility(general.id)} <= seen
    assert channel_visibility(private.id) not in await _seen(stage, ana, general)
    ben = stage.loopback.member("ben")
    assert channel_visibility(private.id) not in await _seen(stage, ben, None)


async def test_alone_a_member_sees_their_own_entries_too(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    assert {GUILD_WIDE, member_visibility(ana.id)} <= await _seen(stage, ana, None)
    assert member_visibility(ana.id) not in await _seen(stage, ana, stage.loopback.channel("general"))


async def test_what_is_told_in_a_closed_place_is_for_its_readers(stage: Stage) -> None:
    guild = _guild(stage)
    general = guild.get_channel(stage.loopback.channel("general").id)
    staff = guild.get_channel(stage.loopback.channel("staff").id)
    assert general is not None
    assert staff is not None
    assert visibility_of_entry(general) == GUILD_WIDE
    assert visibility_of_entry(staff) == channel_visibility(staff.id)
    assert covers(staff, general)
    assert not covers(general, staff)


def _denies(guild: discord.Guild, channel: int) -> bool:
    found = guild.get_channel(channel)
    return found is not None and bool(found.overwrites)
