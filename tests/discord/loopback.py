"""The whole loopback Discord in one object: the world, its server, its people and the waiting."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.discord import channels, messages
from tests.discord.clock import Clock
from tests.discord.faults import Faults
from tests.discord.gateway import Gateway
from tests.discord.limits import Limits
from tests.discord.members import Member
from tests.discord.model import Channel, ChannelKind, Guild, Message, Overwrite, Role, User
from tests.discord.permissions import Permission
from tests.discord.server import Server
from tests.discord.waiting import PATIENCE, Waiting
from tests.discord.world import BOT_PERMISSIONS, Ping, World


class Loopback:
    """Begins with one guild, Household: #general, #pool, #car, the forum help, and #staff for admins only.

    `async with Loopback() as discord:` serves it; `discord.server.environment` is what a bot process needs.
    """

    def __init__(self, *, clock: Clock | None = None, port: int = 0, commands: Path | None = None) -> None:
        self.world = World(clock)
        self.server = Server(self.world, port=port, commands=commands)
        self.wait = Waiting(self.world)
        self._members: dict[tuple[int, str], Member] = {}
        self._users: dict[str, User] = {}
        self.guild = self.add_guild("Household")

    async def __aenter__(self) -> Self:
        await self.server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.server.stop()

    @property
    def bot(self) -> User:
        return self.world.bot

    @property
    def clock(self) -> Clock:
        return self.world.clock

    @property
    def gateway(self) -> Gateway:
        return self.server.gateway

    @property
    def limits(self) -> Limits:
        return self.server.limits

    @property
    def faults(self) -> Faults:
        return self.server.faults

    @property
    def pings(self) -> list[Ping]:
        """Whom the bot's messages notified; a test ends with none."""
        return self.world.records.pings

    def add_guild(self, name: str, *, locale: str = "en-US", with_bot: bool = True) -> Guild:
        """A further guild with the same channels; its owner is the member called `owner`."""
        guild = self.world.add_guild(name, self.world.application.owner, locale=locale)
        admins = self.world.add_role(guild, "Admin", Permission.ADMINISTRATOR)
        for channel in ("general", "pool", "car"):
            self.world.add_channel(guild, channel)
        self.world.add_channel(guild, "help", ChannelKind.FORUM)
        hidden = Overwrite(target=guild.id, kind=0, deny=int(Permission.VIEW_CHANNEL))
        shown = Overwrite(target=admins.id, kind=0, allow=int(Permission.VIEW_CHANNEL))
        self.world.add_channel(guild, "staff", overwrites=(hidden, shown))
        if with_bot:
            self.invite_bot(guild)
        return guild

    def invite_bot(self, guild: Guild, permissions: int = BOT_PERMISSIONS) -> None:
        """What the invite link does: a role of its own with the permissions asked for."""
        role = self.world.add_role(guild, self.bot.name, permissions)
        channels.join_guild(self.world, guild, self.bot, role)

    def member(
        self, name: str, *, guild: Guild | None = None, roles: tuple[str, ...] = (), locale: str = "en-US"
    ) -> Member:
        """The member of that name, who joins when there is none; the same person in every guild."""
        home = guild or self.guild
        if (home.id, name) not in self._members:
            user = self._users.get(name) or self.world.add_user(name, locale=locale)
            self._users[name] = user
            channels.join_guild(self.world, home, user, *(home.role(role) for role in roles))
            self._members[home.id, name] = Member(self.world, home, user)
        return self._members[home.id, name]

    def admin(self, name: str = "admin", *, guild: Guild | None = None) -> Member:
        return self.member(name, guild=guild, roles=("Admin",))

    def people(self, guild: Guild) -> list[Member]:
        """The members of a guild whom a script or a person plays, in the order in which they came."""
        return [member for (home, _), member in self._members.items() if home == guild.id]

    def person(self, guild: Guild, user_id: int) -> Member:
        for member in self.people(guild):
            if member.id == user_id:
                return member
        raise LookupError(f"nobody with the id {user_id} in {guild.name}")

    def webhook_says(self, channel: Channel, content: str, name: str = "Webhook") -> Message:
        """What another service posts through a webhook: its author is no member, and no bot of anyone's."""
        author = User(id=self.world.snowflakes.next(), name=name, bot=True)
        return messages.post_by_webhook(self.world, channel, author, content)

    def fill(self, channel: Channel, author: Member, contents: Iterable[str]) -> None:
        """A history that was there before the bot: told to nobody, as fast as a large channel needs."""
        for content in contents:
            message = Message(
                id=self.world.snowflakes.next(),
                channel=channel,
                author=author.user,
                content=content,
                created=self.clock.now(),
            )
            channel.messages.add(message)

    def other_bot(self, name: str = "otherbot", *, guild: Guild | None = None) -> Member:
        """A bot that is not ours; it speaks like a member."""
        if name not in self._users:
            self._users[name] = self.world.add_user(name, bot=True)
        return self.member(name, guild=guild)

    def channel(self, name: str, *, guild: Guild | None = None) -> Channel:
        return (guild or self.guild).channel(name)

    def role(self, name: str, *, guild: Guild | None = None) -> Role:
        """The role of that name, made when there is none."""
        home = guild or self.guild
        try:
            return home.role(name)
        except LookupError:
            return channels.add_role(self.world, home, name)

    async def connected(self, within: float = PATIENCE) -> None:
        """Until a session of the bot is being served."""
        await self.wait.until(lambda: self.gateway.connected, within, "the bot to connect")

    def said_by_bot(self, channel: Channel) -> list[Message]:
        """Oldest first."""
        return [message for message in channel.messages if message.author is self.bot]

    def check(self) -> None:
        """Every request was known and well-formed, and nobody was pinged."""
        records = self.world.records
        assert not records.unknown_routes, f"unimplemented routes: {records.unknown_routes}"
        assert not records.malformed, f"malformed requests: {records.malformed}"
        shown = [(ping.kind, ping.target, ping.message.content[:80]) for ping in records.pings]
        assert not shown, f"the bot pinged: {shown}"
