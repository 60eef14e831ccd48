"""`/patterns`: what an admin is shown, the to-do with its buttons, and the schedule."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import delete

from agent.contracts import (
    LOCAL_GUILD,
    Answer,
    AnswerKind,
    FeedbackKind,
    MemberId,
)
from agent.database import tables
from bot.cogs import patterns
from bot.cogs.patterns import Patterns
from tests.agent.journal.episodes import a_route, an_episode, an_event
from tests.bot.discord.admins import the_admin
from tests.bot.discord.conftest import Stage
from tests.discord.errors import DiscordError
from tests.discord.interactions import Interaction
from tests.discord.members import Member
from tests.discord.model import Message
from tuning.patterns.log import State
from tuning.pictures import Picture, PictureError

pytestmark = pytest.mark.asyncio(loop_scope="session")

MEMBERS = tuple(MemberId(f"zeppelin{number}") for number in range(3))
QUESTION = "when does the zeppelin land?"
DECLINED = Answer(text="I don't know.", kind=AnswerKind.DECLINED)


@pytest_asyncio.fixture(loop_scope="session")
async def recurring(stage: Stage) -> AsyncIterator[Stage]:
    """Three members asked for what nobody wrote down, and corrected a topic."""
    journal = stage.installation.stores.journal
    now = datetime.now(UTC)
    for number, member in enumerate(MEMBERS):
        asked = {"guild": LOCAL_GUILD, "member": member, "asked_at": now - timedelta(days=number + 1)}
        await journal.record(an_episode(question=QUESTION, answer=DECLINED, evidence=(), **asked))
        routed = an_episode(question="how many miles can our airship fly?", route=a_route("cooking"), **asked)
        await journal.record(routed)
        value = {"category": "car"}
        at = routed.asked_at + timedelta(minutes=1)
        await journal.add_feedback(an_event(routed, FeedbackKind.CORRECTION, value, member=member, at=at))
    yield stage
    for member in MEMBERS:
        await journal.forget(LOCAL_GUILD, member)
    async with stage.installation.stores.database.write() as connection:
        await connection.execute(delete(tables.pattern_events))


async def shown(stage: Stage, admin: Member, **given: str) -> tuple[Interaction, Message]:
    """The command, and the message with its picture."""
    command = await admin.slash("patterns", **given)

    def drawn() -> Message | None:
        return next((each for each in command.messages() if each.attachments), None)

    return command, await stage.loopback.wait.until(drawn, 60, "the picture")


async def to_do(stage: Stage, command: Interaction) -> Message:
    def found() -> Message | None:
        return next(
            (each for each in command.messages() if QUESTION in each.content and each.components), None
        )

    return await stage.loopback.wait.until(found, 20, "the to-do")


async def test_an_admin_sees_what_recurs_with_a_picture(recurring: Stage) -> None:
    admin = await the_admin(recurring)
    command, message = await shown(recurring, admin)
    words = "\n".join(each.content for each in command.messages())
    assert "3 corrections by 3 members on 3 days" in words
    assert "go to Cooking instead of Car" in words
    assert "❌ enough labels" in words
    (file,) = message.attachments
    assert file.content.startswith(b"\x89PNG")
    assert all(each.is_ephemeral for each in command.messages())


async def test_it_speaks_the_admins_language(recurring: Stage) -> None:
    admin = await the_admin(recurring, locale="es-ES")
    command, _ = await shown(recurring, admin)
    words = "\n".join(each.content for each in command.messages())
    assert "3 correcciones de 3 miembros en 3 días" in words
    assert "**Por escribir.**" in (await to_do(recurring, command)).content


async def test_what_was_written_down_is_crossed_off_also_after_a_restart(recurring: Stage) -> None:
    admin = await the_admin(recurring)
    command, _ = await shown(recurring, admin)
    listed = await to_do(recurring, command)
    await recurring.stop()
    bot = await recurring.start()

    pressed = await admin.clicks(listed, "1 is written down")
    assert "Thank you." in (await recurring.loopback.wait.answered(pressed)).content
    again = await admin.clicks(listed, "1 is no matter")
    assert "dealt with this already" in (await recurring.loopback.wait.answered(again)).content
    actions = [each.action for each in await bot.state.changes(LOCAL_GUILD)]
    assert actions[0] == "pattern done"
    assert "pattern found" in actions

    after, _ = await shown(recurring, admin)
    assert not any(QUESTION in each.content for each in after.messages())


async def test_one_is_shown_with_each_rule_in_words(recurring: Stage) -> None:
    admin = await the_admin(recurring)
    cog = recurring.bot.get_cog(Patterns.__name__)
    assert isinstance(cog, Patterns)
    guild = recurring.bot.get_guild(recurring.loopback.guild.id)
    assert guild is not None
    seen = await cog.look(guild)
    (one,) = [each for each in seen.detection.candidates if "airship" in each.question]

    command, _ = await shown(recurring, admin, pattern=one.id[:8])
    words = "\n".join(each.content for each in command.messages())
    assert "labels here and" in words
    assert "how many miles can our airship fly?" in words

    unknown = await admin.slash("patterns", pattern="ffff")
    assert "no pattern ffff" in (await recurring.loopback.wait.answered(unknown)).content


async def test_open_patterns_are_offered_while_typing(recurring: Stage) -> None:
    admin = await the_admin(recurring)
    cog = recurring.bot.get_cog(Patterns.__name__)
    guild = recurring.bot.get_guild(recurring.loopback.guild.id)
    assert isinstance(cog, Patterns)
    assert guild is not None
    found = (await cog.look(guild)).detection.candidates
    (gap,) = [each for each in found if each.question == QUESTION]
    name = f"{gap.id[:8]} · somebody should write it down"
    offered = await admin.types("patterns", "pattern", "")
    assert offered[name] == gap.id
    assert set(offered.values()) == {each.id for each in found}
    assert await admin.types("patterns", "pattern", "WRITE it") == {name: gap.id}
    await cog._detector.log.settle(LOCAL_GUILD, gap.id, State.DONE, recurring.bot.now())
    assert name not in await admin.types("patterns", "pattern", "")


async def test_without_a_picture_the_words_come_all_the_same(
    recurring: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(picture: Picture) -> bytes:
        raise PictureError("A picture could not be drawn.")

    monkeypatch.setattr(patterns, "draw", broken)
    command = await (await the_admin(recurring)).slash("patterns")
    answered = await recurring.loopback.wait.answered(command, 60)
    assert not answered.attachments
    await to_do(recurring, command)


async def test_admins_are_told_of_what_is_new_to_do_once(recurring: Stage) -> None:
    channel = recurring.loopback.channel("general")
    await recurring.bot.state.change_config(
        LOCAL_GUILD,
        lambda config: config.with_alerts(channel.id),
        by=MemberId("1"),
        action="anomalies tell",
        detail={},
    )
    cog = recurring.bot.get_cog(Patterns.__name__)
    assert isinstance(cog, Patterns)
    before = len(channel.messages)
    await cog.daily.once()
    await cog.daily.once()
    told = [each.content for each in list(channel.messages)[before:]]
    assert len([each for each in told if "somebody should write it down" in each]) == 1


async def test_a_member_is_not_offered_it(recurring: Stage) -> None:
    await the_admin(recurring)
    with pytest.raises((LookupError, DiscordError)):
        await recurring.loopback.member("ana").slash("patterns")
