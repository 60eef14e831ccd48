"""One browser on the page: who it is, where it looks, what it does, and the view sent at each change."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from aiohttp import web

from tests.discord import acts, messages, reactions, threads
from tests.discord.errors import DiscordError
from tests.discord.interactions import Interaction
from tests.discord.loopback import Loopback
from tests.discord.messages import Changes, Draft, Upload
from tests.discord.model import Channel, ChannelKind, Json, Message
from tests.discord.page.view import view_of
from tests.discord.permissions import in_channel

_ACKNOWLEDGE_SECONDS: Final = 3.5
_AT_MOST_EVERY: Final = 0.04
"""Seconds between two views: edits stream, and a burst of events is one view."""

Act = Callable[["Browser", Json], Awaitable[Json]]


class Browser:
    """Serves one websocket of the page until it closes."""

    def __init__(self, loopback: Loopback, socket: web.WebSocketResponse) -> None:
        self._loopback = loopback
        self._world = loopback.world
        self._socket = socket
        self.member = loopback.people(loopback.guild)[0]
        self.channel = loopback.channel("general")

    async def serve(self) -> None:
        views = asyncio.create_task(self._send_views())
        running: set[asyncio.Task[None]] = set()
        try:
            async for message in self._socket:
                task = asyncio.create_task(self._answer(message.json()))
                running.add(task)
                task.add_done_callback(running.discard)
        finally:
            views.cancel()
            for task in running:
                task.cancel()

    async def _send_views(self) -> None:
        while not self._socket.closed:
            changed = self._world.events.next_change()
            self._leave_what_is_gone()
            view = view_of(self._loopback, self.member, self.channel)
            await self._socket.send_json({"view": view})
            await changed.wait()
            await asyncio.sleep(_AT_MOST_EVERY)

    def _leave_what_is_gone(self) -> None:
        gone = self.channel.id not in self._world.channels
        if gone or not in_channel(self.channel, self.member.user):
            self.channel = next(
                c for c in self.member.guild.channels.values() if in_channel(c, self.member.user)
            )

    async def _answer(self, request: Json) -> None:
        """Each request has a number, under which its result or its refusal goes back."""
        try:
            result = await _ACTS[request["act"]](self, request)
            reply: Json = {"number": request["number"], "result": result}
        except DiscordError as error:
            reply = {"number": request["number"], "error": error.message}
        except LookupError as error:
            reply = {"number": request["number"], "error": str(error)}
        if not self._socket.closed:
            await self._socket.send_json(reply)

    def message(self, request: Json, key: str = "message") -> Message:
        """Any that the member sees, an ephemeral answer too."""
        message_id = int(request[key])
        found = self.channel.messages.get(message_id)
        for interaction in self._world.interactions.values():
            if found is None and interaction.user is self.member.user:
                found = next((m for m in interaction.messages() if m.id == message_id), None)
        if found is None:
            raise LookupError("This message was deleted.")
        return found

    async def be(self, request: Json) -> Json:
        """Become another member, in the same guild."""
        self.member = self._loopback.person(self.member.guild, int(request["who"]))
        if self.channel.kind is ChannelKind.DIRECT:
            self.channel = self.member.direct_channel
        return self._moved()

    async def visit(self, request: Json) -> Json:
        """Look into another guild or channel."""
        if "guild" in request:
            guild = self._world.guild(int(request["guild"]))
            self.member = self._loopback.member(self.member.user.name, guild=guild)
            self.channel = guild.channel("general")
        if "channel" in request:
            self.channel = self._visible(int(request["channel"]))
        return self._moved()

    def _visible(self, channel_id: int) -> Channel:
        channel = self._world.channel(channel_id)
        if not in_channel(channel, self.member.user):
            raise LookupError(f"{self.member.user.name} cannot see this channel.")
        return channel

    def _moved(self) -> Json:
        self._world.events.touch()
        return {}

    async def say(self, request: Json) -> Json:
        reply_to = int(request["reply_to"]) if request.get("reply_to") else None
        draft = Draft(content=request["content"], files=_uploads(request), reply_to=reply_to)
        messages.post(self._world, self.channel, self.member.user, draft)
        return {}

    async def edit(self, request: Json) -> Json:
        changes = Changes(content=request["content"])
        messages.edit(self._world, self.message(request), self.member.user, changes)
        return {}

    async def delete(self, request: Json) -> Json:
        """An ephemeral answer is only dismissed, which nobody else is told."""
        message = self.message(request)
        if message.is_ephemeral:
            message.deleted = True
            return self._moved()
        messages.delete(self._world, message, self.member.user)
        return {}

    async def react(self, request: Json) -> Json:
        """Add it, or take it back."""
        message, emoji, user = self.message(request), request["emoji"], self.member.user
        given = message.reactions.get(emoji)
        if given is not None and user.id in given.users:
            reactions.unreact(self._world, message, user, user, emoji)
        else:
            reactions.react(self._world, message, user, emoji)
        return {}

    async def thread(self, request: Json) -> Json:
        """Under a message, or beside the messages of the channel."""
        user, name = self.member.user, request["name"]
        if request.get("message"):
            self.channel = threads.open_from_message(self._world, self.message(request), user, name)
        else:
            private = bool(request.get("private"))
            self.channel = threads.open_thread(self._world, self.channel, user, name, private=private)
        return self._moved()

    async def post(self, request: Json) -> Json:
        draft = Draft(content=request["content"], files=_uploads(request))
        user = self.member.user
        self.channel, _ = threads.open_post(self._world, self.channel, user, request["title"], draft)
        return self._moved()

    async def click(self, request: Json) -> Json:
        message = self.message(request)
        button = message.button(request["custom_id"])
        return await self._outcome(acts.click(self._world, self.member.user, message, button))

    async def choose(self, request: Json) -> Json:
        message = self.message(request)
        select = message.button(request["custom_id"])
        return await self._outcome(
            acts.choose(self._world, self.member.user, message, select, request["values"])
        )

    async def submit(self, request: Json) -> Json:
        opened = self._world.interactions[request["interaction"]]
        return await self._outcome(acts.submit(self._world, opened, request["values"]))

    async def slash(self, request: Json) -> Json:
        values = self._values(request["options"])
        return await self._outcome(
            acts.slash(self._world, self.member.user, self.channel, request["command"], values)
        )

    async def menu(self, request: Json) -> Json:
        message = self.message(request)
        return await self._outcome(
            acts.message_menu(self._world, self.member.user, message, request["command"])
        )

    async def complete(self, request: Json) -> Json:
        """What autocomplete offers while the member types."""
        interaction = acts.autocomplete(
            self._world,
            self.member.user,
            self.channel,
            request["command"],
            request["option"],
            request["text"],
            {name: value for name, value in request["others"].items() if not isinstance(value, dict)},
        )
        await self._acknowledged(interaction)
        return {"choices": interaction.choices or []}

    async def _outcome(self, interaction: Interaction) -> Json:
        await self._acknowledged(interaction)
        if interaction.modal is None:
            return {}
        return {"modal": interaction.modal, "interaction": interaction.token}

    async def _acknowledged(self, interaction: Interaction) -> None:
        try:
            await self._loopback.wait.acknowledged(interaction, _ACKNOWLEDGE_SECONDS)
        except TimeoutError:
            raise LookupError("The application did not respond.") from None

    def _values(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The browser sends entities as `{"user": id}` and files as `{"name", "data"}`."""
        return {name: self._value(value) for name, value in given.items()}

    def _value(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        if "data" in value:
            return _upload(value)
        kind, entity_id = next(iter(value.items()))
        if kind == "user":
            return self._world.user(int(entity_id))
        if kind == "role":
            return self.member.guild.roles[int(entity_id)]
        return self._visible(int(entity_id))


def _uploads(request: Json) -> list[Upload]:
    return [_upload(file) for file in request.get("files", [])]


def _upload(file: Json) -> Upload:
    try:
        content = base64.b64decode(file["data"], validate=True)
    except binascii.Error:
        raise LookupError(f"{file['name']!r} could not be read.") from None
    return Upload(
        filename=file["name"], content=content, content_type=file.get("type") or "application/octet-stream"
    )


_ACTS: Final[Mapping[str, Act]] = {
    "be": Browser.be,
    "visit": Browser.visit,
    "say": Browser.say,
    "edit": Browser.edit,
    "delete": Browser.delete,
    "react": Browser.react,
    "thread": Browser.thread,
    "post": Browser.post,
    "click": Browser.click,
    "choose": Browser.choose,
    "submit": Browser.submit,
    "slash": Browser.slash,
    "menu": Browser.menu,
    "complete": Browser.complete,
}
