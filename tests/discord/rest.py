"""How a REST route is written: a template, the bucket that limits it, and a function of the call."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.discord.commands import Registry
from tests.discord.errors import invalid_form, missing_access
from tests.discord.messages import Draft, Upload
from tests.discord.model import Channel, Guild, Json, Message, User
from tests.discord.world import World

Body = Json | Sequence[Json] | None
"""What a route answers; None for 204 without content."""

_MAJOR: Final = ("channel", "guild", "token")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request after the wire: what the handlers see. The caller is always the bot."""

    world: World
    registry: Registry
    gateway_url: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    files: Sequence[Upload] = ()

    @property
    def bot(self) -> User:
        return self.world.bot

    def id(self, name: str) -> int:
        """An id in the path."""
        return int(self.path[name])

    def channel(self) -> Channel:
        return self.world.channel(self.id("channel"))

    def guild(self) -> Guild:
        """Only one that the bot is in."""
        guild = self.world.guild(self.id("guild"))
        if self.bot.id not in guild.members:
            raise missing_access()
        return guild

    def message(self) -> Message:
        return self.world.message(self.channel(), self.id("message"))

    def number(self, name: str, *, default: int, most: int) -> int:
        """A count in the query, between 1 and `most`."""
        value = int(self.query.get(name, default))
        if not 1 <= value <= most:
            raise invalid_form(name, "NUMBER_TYPE_MAX", f"int value should be between 1 and {most}.")
        return value

    def query_id(self, name: str) -> int | None:
        return int(self.query[name]) if name in self.query else None


Handler = Callable[[Call], Body]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """`for_anyone` routes carry their permission in the token of the path."""

    method: str
    pattern: re.Pattern[str]
    handler: Handler
    bucket: str
    status: int = 200
    for_anyone: bool = False

    def major(self, path: Mapping[str, str]) -> str:
        """The parts of the path that have a bucket of their own."""
        return "/".join(path[name] for name in _MAJOR if name in path)


@dataclass(slots=True)
class Routes:
    """The routes of one file, added by decorating their functions."""

    routes: list[Route] = field(default_factory=list)

    def add(
        self,
        method: str,
        template: str,
        *,
        bucket: str = "other",
        status: int = 200,
        for_anyone: bool = False,
    ) -> Callable[[Handler], Handler]:
        """`{name}` in the template is an id, `{name:text}` anything without a slash."""
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>\\d+)", re.sub(r"\{(\w+):text\}", r"(?P<\1>[^/]+)", template))

        def register(handler: Handler) -> Handler:
            route = Route(
                method=method,
                pattern=re.compile(pattern),
                handler=handler,
                bucket=bucket,
                status=status,
                for_anyone=for_anyone,
            )
            self.routes.append(route)
            return handler

        return register


def draft_of(body: Json, files: Sequence[Upload]) -> Draft:
    """A message as REST and interaction callbacks name it."""
    reference = body.get("message_reference") or {}
    target = reference.get("message_id")
    return Draft(
        content=body.get("content") or "",
        embeds=body.get("embeds") or [],
        components=body.get("components") or [],
        files=described(body, files),
        reply_to=int(target) if target is not None else None,
        reply_must_exist=bool(reference.get("fail_if_not_exists", True)),
        flags=body.get("flags") or 0,
        nonce=body.get("nonce"),
        enforce_nonce=bool(body.get("enforce_nonce")),
        allowed_mentions=body.get("allowed_mentions"),
    )


def described(body: Json, files: Sequence[Upload]) -> list[Upload]:
    """The files with the descriptions that the JSON part gives them by number."""
    notes = {str(item["id"]): item for item in body.get("attachments") or []}
    return [
        Upload(
            filename=file.filename,
            content=file.content,
            content_type=file.content_type,
            description=notes.get(str(index), {}).get("description"),
        )
        for index, file in enumerate(files)
    ]
