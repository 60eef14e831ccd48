"""`/stats`: the picture, the words beside it, and who may see them."""

from __future__ import annotations

import re

import pytest

from bot.cogs import stats
from tests.bot.discord.conftest import Stage
from tests.discord.errors import DiscordError
from tests.discord.members import Member
from tests.discord.model import Message
from tuning.pictures import Picture, PictureError

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _shown(stage: Stage, admin: Member, **given: int) -> Message:
    await stage.loopback.wait.until(lambda: stage.loopback.world.commands or None, what="the commands")
    return await stage.loopback.wait.answered(await admin.slash("stats", **given), 60)


async def test_an_admin_sees_a_picture_with_the_same_in_words(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    answer = await stage.answer_to(await ana.asks("general", "When did we replace our pool pump?"))
    await ana.clicks(answer, "👍")
    shown = await _shown(stage, stage.loopback.admin(), days=1)
    assert shown.is_ephemeral
    # Votes of other tests are counted as well.
    assert re.search(r"\d+% of (1 vote says|\d+ votes say) helpful", shown.content)
    (file,) = shown.attachments
    assert file.content.startswith(b"\x89PNG")
    assert file.description == shown.content


async def test_it_is_told_in_the_admins_language(stage: Stage) -> None:
    pilar = stage.loopback.member("pilar", roles=("Admin",), locale="es-ES")
    assert "Satisfacción: " in (await _shown(stage, pilar)).content


async def test_without_a_picture_the_words_come_all_the_same(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(picture: Picture) -> bytes:
        raise PictureError("A picture could not be drawn.")

    monkeypatch.setattr(stats, "draw", broken)
    shown = await _shown(stage, stage.loopback.admin())
    assert "Questions: " in shown.content
    assert not shown.attachments


async def test_a_member_is_not_offered_it(stage: Stage) -> None:
    await stage.loopback.wait.until(lambda: stage.loopback.world.commands or None, what="the commands")
    with pytest.raises((LookupError, DiscordError)):
        await stage.loopback.member("ana").slash("stats")
