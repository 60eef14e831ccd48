"""Slash commands, buttons, selects, modals and menus: the acknowledgement, the token, and who sees what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import discord
import pytest
import pytest_asyncio

from tests.discord.errors import DiscordError
from tests.discord.fixtures import running
from tests.discord.hosting import Host, Panel, Vote, Why
from tests.discord.interactions import Answer, acknowledge, edit_answer
from tests.discord.loopback import Loopback
from tests.discord.messages import Changes, Draft, Upload
from tests.discord.model import Message, MessageKind
from tests.discord.permissions import Permission


@pytest_asyncio.fixture
async def host(pointed: Loopback) -> AsyncIterator[Host]:
    hosting = Host()
    async with running(hosting, pointed):
        yield hosting


async def shown(pointed: Loopback, host: Host, view: discord.ui.View) -> Message:
    channel = host.get_channel(pointed.channel("general").id)
    assert isinstance(channel, discord.TextChannel)
    sent = await channel.send("an answer", view=view)
    return pointed.world.message(pointed.channel("general"), sent.id)


async def test_a_slash_command_with_its_answer(pointed: Loopback, host: Host) -> None:
    done = await pointed.member("ana").slash("ask", question="when?")
    answer = await pointed.wait.answered(done)
    assert (answer.content, answer.kind) == ("done", MessageKind.SLASH_ANSWER)
    assert host.options == {"question": "when?", "topic": None}
    assert answer in list(pointed.channel("general").messages)


async def test_every_kind_of_option_is_resolved(pointed: Loopback, host: Host) -> None:
    ana, ben = pointed.member("ana"), pointed.member("ben")
    await ana.slash(
        "everything",
        who=ben.user,
        where_=pointed.channel("pool"),
        role=pointed.role("Gardeners"),
        file=Upload(filename="a.txt", content=b"text"),
        count=3,
    )
    assert host.options["who"].id == ben.id
    assert isinstance(host.options["who"], discord.Member)
    assert host.options["where"].id == pointed.channel("pool").id
    assert host.options["role"].name == "Gardeners"
    assert (host.options["content"], host.options["count"]) == (b"text", 3)


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("nothing", {}),
        ("ask", {}),
        ("ask", {"question": "x", "colour": "red"}),
        ("category", {"name": "Pool"}),
        ("category add", {"name": "Pool"}),
    ],
)
async def test_the_client_does_not_let_a_member_send_that(
    pointed: Loopback, host: Host, command: str, options: dict[str, str]
) -> None:
    with pytest.raises(LookupError):
        await pointed.member("ana").slash(command, **options)


async def test_an_admin_is_offered_what_members_are_not(pointed: Loopback, host: Host) -> None:
    await pointed.admin().slash("category add", name="Pool")
    assert host.options == {"name": "Pool"}
    with pytest.raises(LookupError):
        await pointed.admin().slash("category add", where=pointed.admin().direct_channel, name="Pool")


async def test_autocomplete(pointed: Loopback, host: Host) -> None:
    ana = pointed.member("ana")
    assert await ana.types("ask", "topic", "p", question="when?") == {"Pool": "pool"}
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ana.types("ask", "topic", "many", question="when?"), 0.3)
    assert any("callback -> 400 50035" in error for error in pointed.world.records.errors)


async def test_thinking_gives_way_to_the_answer(pointed: Loopback, host: Host) -> None:
    async def later(interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True)
        await interaction.edit_original_response(content="first")
        await interaction.followup.send("second", ephemeral=True)

    host.act = later
    done = await pointed.member("ana").slash("ask", question="when?")
    assert done.answer is Answer.THINKING
    await pointed.wait.until(lambda: len(done.messages()) == 2)
    assert [message.content for message in done.messages()] == ["first", "second"]
    assert all(message.is_ephemeral and not message.is_thinking for message in done.messages())
    assert done.messages()[0].edited is None
    assert list(pointed.channel("general").messages) == []


async def test_the_first_follow_up_takes_the_place_of_thinking(pointed: Loopback, host: Host) -> None:
    async def later(interaction: discord.Interaction) -> None:
        await interaction.response.defer()
        await interaction.followup.send("the answer", ephemeral=True)

    host.act = later
    answer = await pointed.wait.answered(await pointed.member("ana").slash("ask", question="when?"))
    assert (answer.content, answer.is_ephemeral) == ("the answer", False)


async def test_an_acknowledgement_after_three_seconds_is_too_late(pointed: Loopback, host: Host) -> None:
    async def late(interaction: discord.Interaction) -> None:
        pointed.clock.advance(3.1)
        await interaction.response.send_message("too late")

    host.act = late
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(pointed.member("ana").slash("ask", question="when?"), 0.3)
    assert (await host.failure).code == 10062


async def test_a_second_acknowledgement_is_refused(pointed: Loopback, host: Host) -> None:
    async def twice(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("once")
        adapter = discord.webhook.async_.async_context.get()
        await adapter.create_interaction_response(
            interaction.id,
            interaction.token,
            session=host.http._HTTPClient__session,  # type: ignore[attr-defined]
            params=discord.webhook.async_.interaction_response_params(4, {"content": "twice"}),
        )

    host.act = twice
    done = await pointed.member("ana").slash("ask", question="when?")
    assert (await host.failure).code == 40060
    assert [message.content for message in done.messages()] == ["once"]


async def test_the_token_dies_after_fifteen_minutes(pointed: Loopback, host: Host) -> None:
    async def slow(interaction: discord.Interaction) -> None:
        await interaction.response.defer()
        pointed.clock.advance(15 * 60 + 1)
        await interaction.followup.send("finally")

    host.act = slow
    await pointed.member("ana").slash("ask", question="when?")
    assert ((await host.failure).status, (await host.failure).code) == (401, 50027)


async def test_a_follow_up_before_any_acknowledgement_is_refused(pointed: Loopback, host: Host) -> None:
    async def hasty(interaction: discord.Interaction) -> None:
        await interaction.followup.send("first")

    host.act = hasty
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(pointed.member("ana").slash("ask", question="when?"), 0.3)
    assert (await host.failure).code == 10015


@pytest.mark.parametrize("answer", [Answer.CHOICES, Answer.UPDATE, Answer.DEFER_UPDATE])
async def test_a_command_is_not_answered_like_a_button(pointed: Loopback, host: Host, answer: Answer) -> None:
    done = await pointed.member("ana").slash("ask", question="when?")
    done.answer = None
    with pytest.raises(DiscordError, match="50035"):
        acknowledge(pointed.world, done, answer, {}, Draft(content="changed"))


async def test_a_modal_over_a_limit_is_refused(pointed: Loopback, host: Host) -> None:
    host.act = lambda interaction: interaction.response.send_modal(Why(title="x" * 46))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(pointed.member("ana").slash("ask", question="when?"), 0.3)
    assert (await host.failure).code == 50035


async def test_a_modal_cannot_follow_a_deferral(pointed: Loopback, host: Host) -> None:
    async def deferred(interaction: discord.Interaction) -> None:
        await interaction.response.defer()
        interaction.response._response_type = None
        await interaction.response.send_modal(Why())

    host.act = deferred
    await pointed.member("ana").slash("ask", question="when?")
    assert (await host.failure).code == 40060


async def test_a_button_an_ephemeral_answer_and_its_deletion(pointed: Loopback, host: Host) -> None:
    ana = pointed.member("ana")
    message = await shown(pointed, host, Panel())
    done = await ana.chooses(message, "Topic", "Car")
    assert (await pointed.wait.answered(done)).content == "topic car"
    done = await ana.clicks(message, "Dismiss")
    assert (message.content, message.components) == ("dismissed", [])
    assert done.messages() == []


async def test_a_deleted_message_cannot_be_changed_by_its_button(pointed: Loopback, host: Host) -> None:
    message = await shown(pointed, host, Panel())
    opened = await pointed.member("ana").clicks(message, "Not helpful")
    channel = host.get_channel(pointed.channel("general").id)
    assert isinstance(channel, discord.TextChannel)
    await channel.get_partial_message(message.id).delete()
    with pytest.raises(DiscordError, match="Unknown Message"):
        await pointed.member("ana").clicks(message, "Dismiss")
    sent = await pointed.member("ana").submits(opened, {"Reason": "Other"})
    assert (await pointed.wait.answered(sent)).content == "Other:"
    with pytest.raises(DiscordError, match="Unknown Message"):
        edit_answer(pointed.world, sent, str(message.id), Changes(content="back"))


async def test_a_disabled_button_and_a_member_without_commands(pointed: Loopback, host: Host) -> None:
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Button(label="Helpful", custom_id="yes", disabled=True))
    message = await shown(pointed, host, view)
    with pytest.raises(LookupError, match="disabled"):
        await pointed.member("ana").clicks(message, "Helpful")
    pointed.guild.everyone.permissions &= ~int(Permission.APPLICATION_COMMANDS)
    with pytest.raises(LookupError, match="not offered"):
        await pointed.member("ana").slash("ask", question="when?")


async def test_a_modal_is_filled_by_its_labels(pointed: Loopback, host: Host) -> None:
    ana = pointed.member("ana")
    message = await shown(pointed, host, Panel())
    opened = await ana.clicks(message, "not helpful")
    assert opened.answer is Answer.MODAL
    sent = await ana.submits(opened, {"Reason": "Wrong facts", "What would have been right?": "In May."})
    assert (await pointed.wait.answered(sent)).content == "wrong: In May."
    with pytest.raises(LookupError, match="must be chosen"):
        await ana.submits(opened, {})
    with pytest.raises(LookupError, match="no field"):
        await ana.submits(opened, {"Reason": "Wrong facts", "Mood": "bad"})


async def test_what_a_member_cannot_press(pointed: Loopback, host: Host) -> None:
    ana = pointed.member("ana")
    message = await shown(pointed, host, Panel())
    with pytest.raises(LookupError):
        await ana.clicks(message, "Read more")
    with pytest.raises(LookupError):
        await ana.clicks(message, "Regenerate")
    with pytest.raises(LookupError):
        await ana.chooses(message, "Topic", "Garden")


async def test_a_dynamic_button_works_after_a_restart(pointed: Loopback) -> None:
    view = discord.ui.View(timeout=None)
    view.add_item(Vote(42, "up"))
    first = Host()
    async with running(first, pointed):
        message = await shown(pointed, first, view)
    async with running(Host(), pointed):
        done = await pointed.member("ana").clicks(message, "up")
        assert (await pointed.wait.answered(done)).content == "up for 42"


async def test_an_ephemeral_answer_belongs_to_one_member(pointed: Loopback, host: Host) -> None:
    async def privately(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("for you", view=Panel(), ephemeral=True)

    host.act = privately
    ana, ben = pointed.member("ana"), pointed.member("ben")
    answer = await pointed.wait.answered(await ana.slash("ask", question="when?"))
    with pytest.raises(Exception, match="Unknown Message"):
        await ben.clicks(answer, "Dismiss")
    with pytest.raises(Exception, match="Unknown Message"):
        await ana.reacts(answer, "👍")
    await ana.clicks(answer, "Dismiss")
    assert answer.content == "dismissed"
    channel = host.get_channel(pointed.channel("general").id)
    assert isinstance(channel, discord.TextChannel)
    with pytest.raises(discord.NotFound):
        await channel.fetch_message(answer.id)


async def test_a_message_menu_carries_the_message(pointed: Loopback, host: Host) -> None:
    ana = pointed.member("ana")
    said = await ana.says("general", "The pump is a model X.")
    done = await ana.menu("Add to knowledge base", said)
    assert (await pointed.wait.answered(done)).kind is MessageKind.MENU_ANSWER
    assert host.options["message"].content == "The pump is a model X."


async def test_a_command_in_direct_messages_and_the_locale(pointed: Loopback, host: Host) -> None:
    locales: list[str] = []

    async def note(interaction: discord.Interaction) -> None:
        locales.append(f"{interaction.locale} {interaction.guild_locale}")
        await interaction.response.send_message("ok")

    host.act = note
    eva = pointed.member("eva", locale="es-ES")
    await eva.slash("ask", question="¿cuándo?")
    await eva.slash("ask", where=eva.direct_channel, question="¿cuándo?")
    assert locales == ["es-ES en-US", "es-ES None"]


async def test_an_answer_is_deleted_by_the_bot(pointed: Loopback, host: Host) -> None:
    async def brief(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("gone soon")
        await interaction.delete_original_response()

    host.act = brief
    done = await pointed.member("ana").slash("ask", question="when?")
    await pointed.wait.until(lambda: done.messages() == [])
    assert list(pointed.channel("general").messages) == []
