"""The world behind the server: everything that exists, found by id, and what a test asks about later."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tests.discord.clock import Clock
from tests.discord.errors import unknown
from tests.discord.events import Event, Events
from tests.discord.model import (
    Attachment,
    Channel,
    ChannelKind,
    Guild,
    Json,
    Membership,
    Message,
    Overwrite,
    Role,
    User,
)
from tests.discord.permissions import EVERYONE, Permission
from tests.discord.snowflake import Snowflakes

if TYPE_CHECKING:
    from tests.discord.interactions import Interaction

BOT_PERMISSIONS: Final = (
    EVERYONE | Permission.MANAGE_MESSAGES | Permission.MANAGE_THREADS
) & ~Permission.MENTION_EVERYONE
"""What the bot's invite link asks for."""

PRIVILEGED_INTENTS: Final = (1 << 1) | (1 << 8) | (1 << 15)
"""Members, presences, message content: given only where the portal says so."""
MESSAGE_CONTENT: Final = 1 << 15


TYPING: Final = timedelta(seconds=10)


@dataclass(slots=True, kw_only=True)
class Application:
    """The bot as the developer portal knows it."""

    id: int
    user: User
    owner: User
    token: str = "loopback-token"
    allowed_intents: int = MESSAGE_CONTENT
    """Which privileged intents are switched on in the portal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """A notification that a message of the bot caused: `kind` is everyone, role, user or reply."""

    kind: str
    target: int
    message: Message


@dataclass(slots=True, kw_only=True)
class Records:
    """What happened on the wire that no payload shows."""

    pings: list[Ping] = field(default_factory=list)
    unknown_routes: list[str] = field(default_factory=list)
    malformed: list[str] = field(default_factory=list)
    """Requests whose body had not the shape that their route takes, with what was wrong."""
    requests: list[str] = field(default_factory=list)
    """Every REST request as `METHOD /path`."""
    errors: list[str] = field(default_factory=list)
    """Every refusal as `METHOD /path -> status code`, rate limits included."""


class World:
    """State and look-ups. Nothing here checks a permission: the rules do, in the files beside this one."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.snowflakes = Snowflakes(self.clock)
        self.events = Events()
        self.records = Records()
        self.users: dict[int, User] = {}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.attachments: dict[int, Attachment] = {}
        self.commands: dict[int | None, list[Json]] = {}
        """Registered application commands of each guild, and the global ones under None."""
        self.interactions: dict[str, Interaction] = {}
        """By token."""
        self.cdn_url = ""
        self.recommended_shards = 1
        owner = self.add_user("owner")
        bot = self.add_user("Lorekeeper", bot=True)
        self.application = Application(id=bot.id, user=bot, owner=owner)

    @property
    def bot(self) -> User:
        return self.application.user

    def add_user(self, name: str, *, bot: bool = False, locale: str = "en-US") -> User:
        user = User(id=self.snowflakes.next(), name=name, bot=bot, locale=locale)
        self.users[user.id] = user
        return user

    def add_guild(self, name: str, owner: User, *, locale: str = "en-US") -> Guild:
        """A guild with its owner and nobody else, no channels; not yet told to the bot."""
        guild = Guild(id=self.snowflakes.next_apart(), name=name, owner_id=owner.id, locale=locale)
        guild.roles[guild.id] = Role(id=guild.id, name="@everyone", permissions=int(EVERYONE), position=0)
        self.guilds[guild.id] = guild
        self.add_member(guild, owner)
        return guild

    def add_member(self, guild: Guild, user: User, *roles: Role) -> Membership:
        membership = Membership(user=user, joined=self.clock.now(), roles={role.id for role in roles})
        guild.members[user.id] = membership
        return membership

    def add_role(self, guild: Guild, name: str, permissions: int = 0, *, mentionable: bool = False) -> Role:
        role = Role(
            id=self.snowflakes.next(),
            name=name,
            permissions=int(permissions),
            position=len(guild.roles),
            mentionable=mentionable,
        )
        guild.roles[role.id] = role
        return role

    def add_channel(
        self,
        guild: Guild,
        name: str,
        kind: ChannelKind = ChannelKind.TEXT,
        *,
        parent: Channel | None = None,
        overwrites: tuple[Overwrite, ...] = (),
        topic: str | None = None,
    ) -> Channel:
        channel = Channel(
            id=self.snowflakes.next(),
            kind=kind,
            name=name,
            guild=guild,
            parent=parent,
            position=len(guild.channels),
            overwrites={overwrite.target: overwrite for overwrite in overwrites},
            topic=topic,
        )
        self.channels[channel.id] = guild.channels[channel.id] = channel
        return channel

    def direct_channel(self, user: User, other: User) -> Channel:
        """The one conversation of these two, made when there is none."""
        for channel in self.channels.values():
            if channel.kind is ChannelKind.DIRECT and {user, other} == set(channel.recipients):
                return channel
        channel = Channel(id=self.snowflakes.next(), kind=ChannelKind.DIRECT, recipients=[user, other])
        self.channels[channel.id] = channel
        return channel

    def channel(self, channel_id: int) -> Channel:
        if (channel := self.channels.get(channel_id)) is None:
            raise unknown("Channel")
        return channel

    def is_typing(self, channel: Channel) -> bool:
        """Whether members see the bot typing: for 10 seconds, or until it says something."""
        since = channel.typing_since
        last = channel.messages.last()
        if since is None or (last is not None and last.author is self.bot and last.created > since):
            return False
        return self.clock.now() - since < TYPING

    def guild(self, guild_id: int) -> Guild:
        if (guild := self.guilds.get(guild_id)) is None:
            raise unknown("Guild")
        return guild

    def user(self, user_id: int) -> User:
        if (user := self.users.get(user_id)) is None:
            raise unknown("User")
        return user

    def message(self, channel: Channel, message_id: int) -> Message:
        """Never an ephemeral one: those are in no channel."""
        if (message := channel.messages.get(message_id)) is None:
            raise unknown("Message")
        return message

    def emit(
        self,
        name: str,
        data: Json,
        *,
        guild: Guild | None = None,
        channel: Channel | None = None,
        message: Message | None = None,
    ) -> None:
        home = guild or (channel.guild if channel else None)
        self.events.emit(Event(name=name, data=data, guild=home, channel=channel, message=message))
