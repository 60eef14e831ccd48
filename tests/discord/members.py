"""Scripted members: what a person does in the client, and nothing that the client would not let them do.

`await ana.says("general", "hello")` is told to the bot over its socket before the call returns to the
script; what the bot makes of it is waited for with `waiting.py`. LookupError and DiscordError mean that a
member could not do it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.discord import acts, messages, reactions, threads
from tests.discord.errors import unknown
from tests.discord.interactions import Interaction
from tests.discord.messages import Changes, Draft, Upload
from tests.discord.model import Channel, Guild, Json, Membership, Message, User
from tests.discord.permissions import in_channel
from tests.discord.waiting import PATIENCE, Waiting
from tests.discord.world import World

Place = Channel | str


class Member:
    """One person in one guild; in direct messages they are the same person."""

    def __init__(self, world: World, guild: Guild, user: User) -> None:
        self._world = world
        self.guild = guild
        self.user = user
        self._waiting = Waiting(world)

    @property
    def id(self) -> int:
        return self.user.id

    @property
    def mention(self) -> str:
        return self.user.mention

    @property
    def membership(self) -> Membership:
        return self.guild.members[self.user.id]

    def place(self, where: Place) -> Channel:
        """A channel or thread by name, which the member must be able to see."""
        channel = self.guild.channel(where) if isinstance(where, str) else where
        if not in_channel(channel, self.user):
            raise unknown("Channel")
        return channel

    async def says(
        self, where: Place, content: str, *, files: Sequence[Upload] = (), reply_to: Message | None = None
    ) -> Message:
        draft = Draft(content=content, files=files, reply_to=reply_to.id if reply_to else None)
        return messages.post(self._world, self.place(where), self.user, draft)

    async def asks(self, where: Place, question: str) -> Message:
        """Says it with a mention of the bot before it."""
        return await self.says(where, f"{self._world.bot.mention} {question}")

    async def replies(self, message: Message, content: str, *, ping: bool = True) -> Message:
        """Answers a message; `ping` is the switch beside the client's input."""
        silent = {"parse": ["users", "roles", "everyone"], "replied_user": False}
        draft = Draft(content=content, reply_to=message.id, allowed_mentions=None if ping else silent)
        return messages.post(self._world, self.place(message.channel), self.user, draft)

    async def direct(self, content: str, *, files: Sequence[Upload] = ()) -> Message:
        """A direct message to the bot."""
        return await self.says(self.direct_channel, content, files=files)

    @property
    def direct_channel(self) -> Channel:
        return self._world.direct_channel(self._world.bot, self.user)

    async def edits(self, message: Message, content: str) -> Message:
        return messages.edit(self._world, message, self.user, Changes(content=content))

    async def deletes(self, message: Message) -> None:
        messages.delete(self._world, message, self.user)

    async def deletes_many(self, where: Place, found: Sequence[Message]) -> None:
        """Several at once, as moderators' bots do."""
        messages.bulk_delete(self._world, self.place(where), self.user, [each.id for each in found])

    async def reacts(self, message: Message, emoji: str) -> None:
        reactions.react(self._world, message, self.user, emoji)

    async def unreacts(self, message: Message, emoji: str) -> None:
        reactions.unreact(self._world, message, self.user, self.user, emoji)

    async def opens_thread(self, where: Message | Place, name: str, *, private: bool = False) -> Channel:
        """Under a message, or beside the messages of a channel."""
        if isinstance(where, Message):
            return threads.open_from_message(self._world, where, self.user, name)
        return threads.open_thread(self._world, self.place(where), self.user, name, private=private)

    async def posts(self, forum: Place, title: str, content: str, *, tags: Sequence[str] = ()) -> Channel:
        """A new post in a forum, under tags of the forum; its first message is the first in its timeline."""
        place = self.place(forum)
        known = {tag["name"]: int(tag["id"]) for tag in place.available_tags}
        chosen = tuple(known[tag] for tag in tags)
        thread, _ = threads.open_post(self._world, place, self.user, title, Draft(content=content), chosen)
        return thread

    async def invites(self, thread: Channel, user: User | Member) -> None:
        guest = user.user if isinstance(user, Member) else user
        threads.join(self._world, thread, self.user, guest)

    async def archives(self, thread: Channel, *, locked: bool = False) -> None:
        changes = {"archived": True} | ({"locked": True} if locked else {})
        threads.change(self._world, thread, self.user, changes)

    async def clicks(self, message: Message, button: str) -> Interaction:
        """A button, by the beginning of its label, its emoji or its custom_id."""
        component = message.button(button)
        return await self._done(acts.click(self._world, self.user, message, component))

    async def chooses(self, message: Message, select: str, *values: str) -> Interaction:
        """Options of a select by value or label; the select by its placeholder or custom_id."""
        component = message.button(select)
        return await self._done(acts.choose(self._world, self.user, message, component, values))

    async def submits(self, interaction: Interaction, values: Mapping[str, Any]) -> Interaction:
        """Fills the modal that an interaction opened, each field by its label or custom_id."""
        return await self._done(acts.submit(self._world, interaction, values))

    async def slash(self, command: str, *, where: Place = "general", **options: Any) -> Interaction:
        """`slash("category add", name="Pool")`; a trailing underscore in an option's name is dropped."""
        place = self.place(where)
        values = {name.removesuffix("_"): value for name, value in options.items()}
        return await self._done(acts.slash(self._world, self.user, place, command, values))

    async def types(
        self, command: str, option: str, text: str, *, where: Place = "general", **others: Any
    ) -> Json:
        """What autocomplete offers for `text` in an option: value by name."""
        place = self.place(where)
        interaction = acts.autocomplete(self._world, self.user, place, command, option, text, others)
        await self._waiting.acknowledged(interaction)
        return {choice["name"]: choice["value"] for choice in interaction.choices or []}

    async def menu(self, command: str, message: Message) -> Interaction:
        """A command of a message's context menu."""
        return await self._done(acts.message_menu(self._world, self.user, message, command))

    async def _done(self, interaction: Interaction) -> Interaction:
        return await self._waiting.acknowledged(interaction, PATIENCE)
