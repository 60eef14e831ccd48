"""`/setup` page by page: what is kept at once, what is looked at first, and that a restart loses nothing."""

from __future__ import annotations

import pytest

from agent.contracts import GuildId, MemberId
from bot.state.config import GuildConfig
from tests.bot.discord.admins import the_admin
from tests.bot.discord.conftest import Stage
from tests.discord.interactions import Interaction
from tests.discord.members import Member
from tests.discord.model import Guild, Message

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _begun(
    stage: Stage, *, locale: str = "en-US", guild: Guild | None = None
) -> tuple[Member, Message, Guild]:
    """An admin of a guild that knows nothing yet, on the first page."""
    home = guild or stage.loopback.add_guild("New")
    await stage.until(lambda: _is_known(stage, home))
    admin = await the_admin(stage, locale=locale, guild=home)
    (page,) = (await admin.slash("setup")).messages()
    assert page.is_ephemeral
    return admin, page, home


async def _is_known(stage: Stage, home: Guild) -> bool:
    """The bot has joined and made room for what the guild will keep."""
    return GuildId(str(home.id)) in await stage.installation.stores.catalog.guilds()


async def _config(stage: Stage, home: Guild) -> GuildConfig:
    return await stage.bot.state.config(GuildId(str(home.id)))


async def _topics(stage: Stage, home: Guild) -> list[str]:
    found = await stage.installation.stores.catalog.categories(GuildId(str(home.id)))
    return [category.slug for category in found]


async def _shown(stage: Stage, page: Message, text: str) -> None:
    await stage.until(lambda: text in page.content)


async def _turned(stage: Stage, admin: Member, page: Message, number: int, button: str = "Next") -> None:
    """The page after a button was clicked."""
    await admin.clicks(page, button)
    await _shown(stage, page, f"**{number} ")


async def _at_topics(stage: Stage, admin: Member, page: Message) -> None:
    await _turned(stage, admin, page, 2)
    await _turned(stage, admin, page, 3)


async def test_a_guild_is_set_up_from_the_first_page_to_the_last(stage: Stage) -> None:
    admin, page, home = await _begun(stage)
    assert "I speak English" in page.content
    await admin.chooses(page, "Choose a language", "es")
    await _shown(stage, page, "I speak Spanish")

    await _turned(stage, admin, page, 2)
    pool, car = home.channel("pool"), home.channel("car")
    await admin.chooses(page, "Where I answer without a mention", str(pool.id), str(car.id))
    await admin.chooses(page, "Where I never answer", str(home.channel("general").id))
    await admin.chooses(page, "Where I answer without a mention", str(pool.id))

    await _turned(stage, admin, page, 3)
    assert "There are 0 topics now" in page.content
    await admin.chooses(page, "Choose topics to begin with", "household")
    await _shown(stage, page, "Jardín: Bancales")
    assert "with 32 example questions" in page.content
    assert await _topics(stage, home) == []

    await admin.clicks(page, "Add these")
    await _shown(stage, page, "4 of 4")
    assert "every permission" in page.content
    assert "/knowledge add" in page.content
    assert "jardin" in await _topics(stage, home)
    examples = await stage.installation.stores.catalog.examples(GuildId(str(home.id)))
    assert {(each.origin, each.asker, each.teacher) for each in examples} == {("template", None, None)}
    config = await _config(stage, home)
    assert (config.language, config.marked("auto"), config.draft) == ("es", [pool.id], ())
    assert config.marked("silenced") == [home.channel("general").id]


async def test_every_step_is_in_the_audit_log(stage: Stage) -> None:
    admin, page, home = await _begun(stage)
    await admin.chooses(page, "Choose a language", "en")
    await _turned(stage, admin, page, 2)
    await admin.chooses(page, "Where I never answer", str(home.channel("car").id))
    await _turned(stage, admin, page, 3)
    await admin.chooses(page, "Choose topics to begin with", "club")
    await _shown(stage, page, "Training:")
    await admin.clicks(page, "Add these")
    await _shown(stage, page, "4 of 4")
    changes = await stage.bot.state.changes(GuildId(str(home.id)))
    assert [change.action for change in changes[::-1]] == [
        "setup language",
        "setup channels",
        "setup draft",
        "setup topics",
        "setup draft",
    ]
    assert {change.member for change in changes} == {str(admin.id)}


async def test_topics_are_proposed_out_of_channels_that_everybody_sees(stage: Stage) -> None:
    home = stage.loopback.add_guild("Proposing")
    home.channel("pool").topic = "Pump and **filter**"
    home.channel("help").available_tags = [
        {"id": str(at), "name": name, "moderated": False, "emoji_id": None, "emoji_name": None}
        for at, name in enumerate(("Roof", "Boiler"), start=1)
    ]
    await stage.stop()
    await stage.start()
    admin, page, _ = await _begun(stage, guild=home)
    await _at_topics(stage, admin, page)
    await admin.chooses(page, "Choose topics to begin with", "channels")
    await _shown(stage, page, "with 0 example questions")
    assert page.content.splitlines()[-4:] == ["Pool: Pump and filter", "Car", "Roof", "Boiler"]


async def _edits(admin: Member, page: Message, lines: str) -> Interaction:
    opened = await admin.clicks(page, "Edit")
    return await admin.submits(opened, {"One on each line, as name: what it is about": lines})


async def test_a_draft_is_edited_before_it_is_accepted(stage: Stage) -> None:
    admin, page, home = await _begun(stage)
    await _at_topics(stage, admin, page)
    await admin.chooses(page, "Choose topics to begin with", "household")
    await _shown(stage, page, "Garden:")
    refused = await _edits(admin, page, "Pool\n🎉: party")
    assert "No topic can be made of this line" in refused.messages()[0].content
    refused = await _edits(admin, page, "\n".join(f"Topic {at}" for at in range(30)))
    assert "Too many topics to begin with: 30." in refused.messages()[0].content
    await _edits(admin, page, "Garden: Only roses\nBees: Hives and honey")
    await _shown(stage, page, "Garden: Only roses\nBees: Hives and honey")
    # Its example questions stay with the topic that stayed.
    assert "with 4 example questions" in page.content
    await admin.clicks(page, "Add these")
    await _shown(stage, page, "4 of 4")
    assert await _topics(stage, home) == ["bees", "garden"]


async def test_a_restart_loses_no_page(stage: Stage) -> None:
    admin, page, home = await _begun(stage)
    await _at_topics(stage, admin, page)
    await admin.chooses(page, "Choose topics to begin with", "games")
    await _shown(stage, page, "Gameplay:")
    await stage.stop()
    await stage.start()
    await admin.clicks(page, "Add these")
    await _shown(stage, page, "4 of 4")
    assert len(await _topics(stage, home)) == 7


async def test_accepting_again_from_an_older_page_says_that_nothing_is_left(stage: Stage) -> None:
    admin, page, home = await _begun(stage)
    await _at_topics(stage, admin, page)
    await admin.chooses(page, "Choose topics to begin with", "company")
    await _shown(stage, page, "Billing:")
    await stage.bot.state.change_config(
        GuildId(str(home.id)), lambda _: GuildConfig(), by=MemberId("1"), action="elsewhere", detail={}
    )
    refused = await admin.clicks(page, "Add these")
    assert "nothing to add any more" in refused.messages()[0].content
    assert await _topics(stage, home) == []


async def test_a_member_can_neither_begin_nor_go_on(stage: Stage) -> None:
    admin, page, home = await _begun(stage)
    stage.loopback.world.commands[None] = [
        command | {"default_member_permissions": None} for command in stage.loopback.world.commands[None]
    ]
    ana = stage.loopback.member("ana", guild=home)
    refused = (await ana.slash("setup")).messages()
    assert "administering" in refused[0].content
    admin.membership.roles.clear()
    refused = (await admin.clicks(page, "Next")).messages()
    assert "administering" in refused[-1].content


async def test_a_spanish_admin_reads_spanish_pages(stage: Stage) -> None:
    admin, page, _ = await _begun(stage, locale="es-ES")
    assert "1 de 4 · Idioma" in page.content
    await admin.clicks(page, "Siguiente")
    await _shown(stage, page, "2 de 4 · Canales")


async def test_the_last_page_says_what_is_missing(stage: Stage) -> None:
    admin, page, _ = await _begun(stage)
    await _at_topics(stage, admin, page)
    await _turned(stage, admin, page, 4, "Add none")
    assert "There are no topics yet" in page.content
    assert "I know nothing yet" in page.content
