"""What the tests of the history of channels share: an admin, members, and a look at what became knowledge."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from agent.contracts import LOCAL_GUILD, Source, SourceKind
from agent.errors import UsageError
from bot.cogs.sync import SyncChannels
from tests.discord.members import Member
from tests.discord.model import Channel, Message, User
from tests.discord.past import add_past

if TYPE_CHECKING:
    from tests.bot.discord.conftest import Stage

BEGIN = datetime(2024, 5, 1, 12, tzinfo=UTC)
_TALK = frozenset({SourceKind.CHANNEL, SourceKind.THREAD})


class Synced:
    """A stage with an admin and two members on it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.admin = stage.loopback.admin()
        self.ana = stage.loopback.member("ana")
        self.ben = stage.loopback.member("ben")

    @property
    def cog(self) -> SyncChannels:
        cog = self.stage.bot.get_cog("SyncChannels")
        assert isinstance(cog, SyncChannels)
        cog.page_seconds = 0.0
        return cog

    def channel(self, name: str) -> Channel:
        return self.stage.loopback.guild.channel(name)

    def past(self, name: str, *said: tuple[Member, str], hours: float = 0, **more: Any) -> list[Message]:
        lines: list[tuple[User, str]] = [(member.user, words) for member, words in said]
        return add_past(self.channel(name), lines, begin=BEGIN + hours * timedelta(hours=1), **more)

    async def begin(self, channel: Channel | str, **options: Any) -> Message:
        """Give the command; the message that shows how far it is."""
        await self.stage.loopback.wait.until(lambda: self.stage.loopback.world.commands or None)
        self.cog.page_seconds = 0.0
        place = self.channel(channel) if isinstance(channel, str) else channel
        given = await self.admin.slash("knowledge sync", channel=place, **options)
        shown = await self.stage.loopback.wait.answered(given)
        # It is shown before it begins.
        await self.stage.until(lambda: bool(self.cog._running) or not shown.content.startswith("⏳"))
        return shown

    async def ended(self, shown: Message, within: float = 120.0) -> str:
        await self.stage.loopback.wait.until(
            lambda: True if shown.content[:1] in "✅⏹⚠" else None, within, f"the end of {shown.content!r}"
        )
        await self.stage.until(lambda: not self.cog._running)
        return shown.content

    async def sync(self, channel: Channel | str, **options: Any) -> str:
        return await self.ended(await self.begin(channel, **options))

    async def look(self, last: Message) -> list[str]:
        """Let the bot look for what is new, once it knows of this message; what it asked of Discord."""
        await self.stage.looked_at(last)
        await self.stage.caught_up()
        return await self.look_again()

    async def look_again(self) -> list[str]:
        requests = self.stage.loopback.world.records.requests
        before = len(requests)
        home = self.stage.bot.get_guild(self.stage.loopback.guild.id)
        assert home is not None
        self.cog.following.page_seconds = 0.0
        await self.cog.look(home)
        return [each for each in requests[before:] if each.startswith("GET /channels/")]

    async def sources(self) -> list[Source]:
        found = await self.stage.installation.stores.catalog.sources(LOCAL_GUILD)
        return sorted((each for each in found if each.kind in _TALK), key=lambda each: each.uri)

    async def texts(self) -> list[str]:
        """The text of every conversation, sorted."""
        catalog, found = self.stage.installation.stores.catalog, []
        for source in await self.sources():
            # What is being removed may be gone by now.
            with suppress(UsageError):
                found.append(await catalog.source_text(LOCAL_GUILD, source.id))
        return sorted(found)

    async def until_texts(self, *expected: str) -> None:
        async def are() -> bool:
            return await self.texts() == sorted(expected)

        await self.stage.until(are)

    async def clear(self) -> None:
        ids = [each.id for each in await self.sources()]
        await self.stage.installation.ingestor.remove(LOCAL_GUILD, ids)
