"""The page in a headless Chromium: a member asks, reads, votes and explains; an admin gives a command."""

from __future__ import annotations

from collections.abc import AsyncIterator

import discord
import pytest
import pytest_asyncio
from discord import app_commands
from playwright.async_api import FilePayload, Page, expect

from tests.discord.chromium import be, needs_chromium, open_page, picture, say
from tests.discord.conftest import Recorder
from tests.discord.fixtures import point_here, running
from tests.discord.household import open_household
from tests.discord.loopback import Loopback

pytestmark = needs_chromium

ANSWER = """It was replaced in **May 2024**.
> The new pump (`VS-200`) went in on 14 May 2024.
1. [pool.md](https://example.org/pool) · category *pool*
```
power: 1.1 kW
```"""


class Why(discord.ui.Modal, title="What was wrong?"):
    reason: discord.ui.Label[Why] = discord.ui.Label(
        text="Reason",
        component=discord.ui.Select(
            options=[discord.SelectOption(label=name) for name in ("Wrong facts", "Outdated")]
        ),
    )
    instead: discord.ui.Label[Why] = discord.ui.Label(
        text="What would have been right?",
        component=discord.ui.TextInput(style=discord.TextStyle.long, required=False),
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        assert isinstance(self.reason.component, discord.ui.Select)
        assert isinstance(self.instead.component, discord.ui.TextInput)
        text = f"Thanks: {self.reason.component.values[0]}, {self.instead.component.value}"
        await interaction.response.send_message(text, ephemeral=True)


class Buttons(discord.ui.View):
    def __init__(self) -> None:
        super().__init__(timeout=None)

    @discord.ui.button(label="Not helpful", emoji="👎", custom_id="no")
    async def no(self, interaction: discord.Interaction, _: discord.ui.Button[Buttons]) -> None:
        await interaction.response.send_modal(Why())

    @discord.ui.select(
        placeholder="Wrong topic", custom_id="topic", options=[discord.SelectOption(label="Car", value="car")]
    )
    async def topic(self, interaction: discord.Interaction, select: discord.ui.Select[Buttons]) -> None:
        await interaction.response.edit_message(content=f"moved to {select.values[0]}", view=None)


class Answering(Recorder):
    """Answers as the bot does, with a fixed text: what is tested here is the page."""

    async def setup_hook(self) -> None:
        category = app_commands.Group(
            name="category",
            description="Categories",
            default_permissions=discord.Permissions(manage_guild=True),
        )

        @category.command(description="Remove a category")
        async def remove(interaction: discord.Interaction, name: str) -> None:
            embed = discord.Embed(title="Removed", description=f"The category **{name}** is gone.")
            await interaction.response.send_message(embed=embed, ephemeral=True)

        @remove.autocomplete("name")
        async def names(_: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
            found = [name for name in ("Pool", "Car", "Cooking") if name.lower().startswith(current.lower())]
            return [app_commands.Choice(name=name, value=name.lower()) for name in found]

        @category.command(description="Give a category to a member")
        async def give(
            interaction: discord.Interaction,
            who: discord.Member,
            where: discord.TextChannel,
            file: discord.Attachment,
            count: app_commands.Range[int, 1, 3] = 1,
            loud: bool = False,
        ) -> None:
            content = (await file.read()).decode()
            text = f"{who.display_name} {where.name} {content} {count} {loud}"
            await interaction.response.send_message(text, ephemeral=True)

        @self.tree.context_menu(name="Suggest a reply")
        async def suggest(interaction: discord.Interaction, message: discord.Message) -> None:
            await interaction.response.send_message(f"About {message.content!r}: yes.", ephemeral=True)

        self.tree.add_command(category)
        await self.tree.sync()

    async def on_message(self, message: discord.Message) -> None:
        if message.author != self.user and self.user in message.mentions:
            answer = await message.reply("searching pool…")
            await answer.edit(content=ANSWER, view=Buttons())
            await message.channel.send(file=discord.File(__file__, "long answer.md"))


@pytest_asyncio.fixture
async def served(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Loopback]:
    async with await open_household() as loopback:
        point_here(loopback.server, monkeypatch)
        async with running(Answering(), loopback):
            yield loopback
    loopback.check()


@pytest_asyncio.fixture
async def page(served: Loopback) -> AsyncIterator[Page]:
    async with open_page(served) as opened:
        yield opened


async def test_a_member_asks_reads_votes_and_explains(page: Page, served: Loopback) -> None:
    await be(page, "Daniel")
    await say(page, "@Lorekeeper when did we replace the pump?")
    answer = page.locator(".message", has_text="It was replaced in").last
    await expect(answer.locator("blockquote")).to_contain_text(
        "The new pump (VS-200) went in on 14 May 2024."
    )
    await expect(answer.locator("a", has_text="pool.md")).to_have_attribute(
        "href", "https://example.org/pool"
    )
    await expect(answer.locator("pre")).to_have_text("power: 1.1 kW")
    await expect(answer.locator(".reply-line")).to_contain_text("Daniel")
    await expect(page.locator(".attachment")).to_contain_text("long answer.md")
    await answer.get_by_role("button", name="Not helpful").click()
    await page.get_by_label("Reason").select_option("Outdated")
    await page.get_by_label("What would have been right?").fill("It was June.")
    await picture(page, "not-helpful")
    await page.get_by_role("button", name="Submit").click()
    thanks = page.locator(".message.ephemeral")
    await expect(thanks).to_contain_text("Thanks: Outdated, It was June.")
    await picture(page, "answer")
    await be(page, "Nora")
    await expect(page.locator(".message", has_text="It was replaced in").last).to_be_visible()
    await expect(thanks).to_have_count(0)
    stored = served.said_by_bot(served.channel("general"))
    assert stored[0].versions == ["searching pool…", ANSWER]


async def test_reactions_selects_and_replies(page: Page, served: Loopback) -> None:
    await say(page, "@Lorekeeper when did we replace the pump?")
    answer = page.locator(".message", has_text="It was replaced in").last
    await answer.hover()
    await answer.get_by_role("button", name="React with 👍").click()
    await expect(answer.locator(".reactions button.mine")).to_have_text("👍 1")
    await answer.locator(".reactions button").click()
    await expect(answer.locator(".reactions")).to_have_count(0)
    await answer.hover()
    await answer.get_by_role("button", name="Reply").click()
    await expect(page.locator("#reply")).to_contain_text("Replying to Lorekeeper")
    await say(page, "and before that?")
    reply = page.locator(".message[data-author=Marta]", has_text="and before that?")
    await expect(reply.locator(".reply-line")).to_contain_text("Lorekeeper: It was replaced in May 2024")
    await answer.locator("select").select_option("car")
    await expect(page.locator(".message", has_text="moved to car")).to_be_visible()


async def test_an_admin_gives_a_command_with_autocomplete(page: Page, served: Loopback) -> None:
    await be(page, "Marta (admin)")
    await page.locator("#text").fill("/cat")
    await page.get_by_role("option", name="/category remove").click()
    await page.get_by_label("name").fill("po")
    await page.get_by_role("button", name="Pool", exact=True).click()
    await picture(page, "command")
    await page.get_by_role("button", name="Run").click()
    await expect(page.locator(".message.ephemeral .embed")).to_contain_text("The category pool is gone.")
    await be(page, "Daniel")
    await page.locator("#text").fill("/cat")
    await expect(page.locator("#palette")).to_be_hidden()


async def test_a_command_with_every_kind_of_option(page: Page) -> None:
    await be(page, "Marta (admin)")
    await page.locator("#text").fill("/category g")
    await page.locator("#text").press("Enter")
    await page.get_by_label("who").select_option("Nora")
    await page.get_by_label("where").select_option("#pool")
    file = FilePayload(name="a.txt", mimeType="text/plain", buffer=b"inside")
    await page.locator("#option-file").set_input_files(files=[file])
    await page.get_by_label("count").fill("2")
    await page.get_by_label("loud").select_option("true")
    await page.get_by_role("button", name="Run").click()
    await expect(page.locator(".message.ephemeral")).to_contain_text("Nora pool inside 2 True")


async def test_files_edits_and_deletions(page: Page) -> None:
    dot = b"<svg xmlns='http://www.w3.org/2000/svg'/>"
    picture_file = FilePayload(name="dot.svg", mimeType="image/svg+xml", buffer=dot)
    await page.locator("#attach").set_input_files(files=[picture_file])
    await expect(page.locator("#files")).to_contain_text("dot.svg")
    await say(page, "a picture")
    mine = page.locator(".message[data-author=Marta]", has_text="a picture")
    await expect(mine.locator(".attachment img")).to_have_attribute("alt", "dot.svg")
    await mine.hover()
    await mine.get_by_role("button", name="Edit").click()
    await page.get_by_label("Message", exact=True).last.fill("another picture")
    await page.get_by_role("button", name="Save").click()
    edited = page.locator(".message", has_text="another picture")
    await expect(edited.locator(".edited")).to_be_visible()
    await edited.hover()
    await edited.get_by_role("button", name="Delete").click()
    await expect(edited).to_have_count(0)


async def test_a_picture_that_arrives_pushes_the_newest_message_not_away(
    page: Page, served: Loopback
) -> None:
    for number in range(20):
        await served.member("Daniel").says("general", f"Line {number}.")
    await expect(page.locator(".message", has_text="Line 19.")).to_be_visible()
    tall = b"<svg xmlns='http://www.w3.org/2000/svg' width='300' height='300'/>"
    picture_file = FilePayload(name="tall.svg", mimeType="image/svg+xml", buffer=tall)
    await page.locator("#attach").set_input_files(files=[picture_file])
    await say(page, "a tall picture")
    await page.wait_for_function(
        """() => {
            const list = document.getElementById("messages");
            const picture = list.querySelector(".attachment img");
            return picture?.height >= 300 && list.scrollHeight - list.scrollTop - list.clientHeight < 5;
        }"""
    )


async def test_times_are_told_as_discord_tells_them(page: Page) -> None:
    await say(page, "since <t:0:R>")
    await expect(page.locator(".message", has_text="since")).to_contain_text("days ago")


async def test_threads_forums_direct_messages_and_menus(page: Page, served: Loopback) -> None:
    await be(page, "Daniel")
    first = page.locator(".message", has_text="¿También entiende español?").first
    await first.hover()
    await first.get_by_role("button", name="Apps").click()
    await page.get_by_role("button", name="Suggest a reply").click()
    await expect(page.locator(".message.ephemeral")).to_contain_text("¿También entiende español?")
    await first.hover()
    await first.get_by_role("button", name="Open a thread").click()
    await page.get_by_label("Name").fill("Spanish")
    await page.get_by_role("button", name="Open", exact=True).click()
    await expect(page.locator("#title")).to_contain_text("#Spanish")
    await say(page, "in here")
    await page.get_by_role("button", name="help").click()
    await page.get_by_text("New post").click()
    await page.get_by_label("Title").fill("Loud pump")
    await page.get_by_label("What is it about?").fill("It howls.")
    await page.get_by_role("button", name="Post", exact=True).click()
    await expect(page.locator(".message", has_text="It howls.")).to_be_visible()
    await page.locator("#channels button", has_text="Lorekeeper").click()
    await say(page, "@Lorekeeper just us")
    await expect(page.locator(".message", has_text="It was replaced in")).to_be_visible()
    assert served.guild.channel("Spanish").messages.last() is not None


async def test_a_private_channel_is_for_its_members(page: Page) -> None:
    await be(page, "Marta (admin)")
    await page.locator("#channels button", has_text="staff").click()
    await expect(page.locator("#title")).to_contain_text("#staff")
    await be(page, "Nora")
    await expect(page.locator("#channels button", has_text="staff")).to_have_count(0)
    await expect(page.locator("#title")).to_contain_text("#general")


async def test_what_is_written_never_becomes_html(page: Page) -> None:
    await say(page, "<img src=x onerror=alert(1)> **bold** <b>not</b> [x](javascript:alert(1))")
    message = page.locator(".message", has_text="not").last
    await expect(message.locator("strong")).to_have_text("bold")
    await expect(message.locator("img, b, a")).to_have_count(0)


async def test_a_bot_that_does_not_answer_is_told(page: Page, served: Loopback) -> None:
    await be(page, "Marta (admin)")
    await page.locator("#text").fill("/cat")
    await page.get_by_role("option", name="/category remove").click()
    await page.get_by_label("name").fill("Pool")
    served.gateway.world.events._listeners.clear()
    await page.get_by_role("button", name="Run").click()
    await expect(page.locator("#trouble")).to_have_text("The application did not respond.", timeout=8000)


async def test_another_site_cannot_act_as_a_member(page: Page) -> None:
    refused = await page.context.request.get(
        page.url + "socket",
        headers={"Origin": "https://evil.example", "Upgrade": "websocket", "Connection": "Upgrade"},
    )
    assert refused.status == 403
