"""A client with one of everything that a member can act on, whose answers each test chooses."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import discord
from discord import app_commands

from tests.discord.conftest import Recorder

Act = Callable[[discord.Interaction], Awaitable[Any]]


class Vote(
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]],
    template=r"vote:(?P<answer>\d+):(?P<value>up|down)$",
):
    """Its state is in the custom_id, so it works after any restart."""

    def __init__(self, answer: int, value: str) -> None:
        button: discord.ui.Button[discord.ui.View] = discord.ui.Button(
            label=value, custom_id=f"vote:{answer}:{value}"
        )
        super().__init__(button)
        self.answer, self.value = answer, value

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Vote:
        return cls(int(match["answer"]), match["value"])

    async def callback(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"{self.value} for {self.answer}", ephemeral=True)


class Why(discord.ui.Modal, title="What was wrong?"):
    reason: discord.ui.Label[Why] = discord.ui.Label(
        text="Reason",
        component=discord.ui.Select(
            options=[
                discord.SelectOption(label="Wrong facts", value="wrong"),
                discord.SelectOption(label="Other"),
            ]
        ),
    )
    instead: discord.ui.Label[Why] = discord.ui.Label(
        text="What would have been right?", component=discord.ui.TextInput(required=False)
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        assert isinstance(self.reason.component, discord.ui.Select)
        assert isinstance(self.instead.component, discord.ui.TextInput)
        text = f"{self.reason.component.values[0]}: {self.instead.component.value}"
        await interaction.response.send_message(text, ephemeral=True)


class Panel(discord.ui.View):
    """A button that opens the modal, a select, and a button that changes the message itself."""

    def __init__(self) -> None:
        super().__init__(timeout=None)
        self.add_item(discord.ui.Button(label="Read more", url="https://example.org/more"))

    @discord.ui.button(label="Not helpful", custom_id="not-helpful")
    async def not_helpful(self, interaction: discord.Interaction, _: discord.ui.Button[Panel]) -> None:
        await interaction.response.send_modal(Why())

    @discord.ui.button(label="Dismiss", custom_id="dismiss")
    async def dismiss(self, interaction: discord.Interaction, _: discord.ui.Button[Panel]) -> None:
        await interaction.response.edit_message(content="dismissed", view=None)

    @discord.ui.select(
        placeholder="Topic",
        custom_id="topic",
        options=[
            discord.SelectOption(label="Pool", value="pool"),
            discord.SelectOption(label="Car", value="car"),
        ],
    )
    async def topic(self, interaction: discord.Interaction, select: discord.ui.Select[Panel]) -> None:
        await interaction.response.defer()
        await interaction.followup.send(f"topic {select.values[0]}", ephemeral=True)


class Host(Recorder):
    """Commands whose answer each test chooses by setting `act`."""

    def __init__(self) -> None:
        super().__init__()
        self.act: Act = lambda interaction: interaction.response.send_message("done")
        self.options: dict[str, Any] = {}
        self.failure: asyncio.Future[discord.HTTPException] = asyncio.get_running_loop().create_future()
        self._declare()

    async def setup_hook(self) -> None:
        self.add_dynamic_items(Vote)
        await self.tree.sync()

    async def perform(self, interaction: discord.Interaction, **options: Any) -> None:
        self.options = options
        try:
            await self.act(interaction)
        except discord.HTTPException as error:
            self.failure.set_result(error)

    def _declare(self) -> None:
        tree = self.tree

        @tree.command(description="ask")
        async def ask(interaction: discord.Interaction, question: str, topic: str | None = None) -> None:
            await self.perform(interaction, question=question, topic=topic)

        @ask.autocomplete("topic")
        async def topics(_: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
            names = ["Pool", "Car"] if current != "many" else [str(number) for number in range(26)]
            return [
                app_commands.Choice(name=n, value=n.lower())
                for n in names
                if current in ("many", n[:1].lower())
            ]

        @tree.command(description="everything")
        async def everything(
            interaction: discord.Interaction,
            who: discord.Member,
            where: discord.TextChannel,
            role: discord.Role,
            file: discord.Attachment,
            count: app_commands.Range[int, 1, 5],
        ) -> None:
            content = await file.read()
            await self.perform(interaction, who=who, where=where, role=role, content=content, count=count)

        category = app_commands.Group(
            name="category",
            description="categories",
            default_permissions=discord.Permissions(manage_guild=True),
            guild_only=True,
        )

        @category.command(description="add")
        async def add(interaction: discord.Interaction, name: str) -> None:
            await self.perform(interaction, name=name)

        tree.add_command(category)

        @tree.context_menu(name="Add to knowledge base")
        async def remember(interaction: discord.Interaction, message: discord.Message) -> None:
            await self.perform(interaction, message=message)
