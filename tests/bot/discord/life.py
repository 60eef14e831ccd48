"""What people do in the loopback guild, and what the bot does each day, by a clock that a script turns on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from agent.contracts import LOCAL_GUILD, Episode, Feedback, MemberId, Slug
from bot.cogs.anomalies import Anomalies
from bot.cogs.patterns import Patterns
from tests.bot.discord.conftest import Stage
from tests.discord.members import Member
from tests.discord.model import Message

DAY: Final = timedelta(days=1)


class Life:
    def __init__(self, stage: Stage, admin: Member) -> None:
        self.stage = stage
        self.admin = admin
        self.stores = stage.installation.stores
        self._looks_at = self.stores.clock()

    def member(self, name: str) -> Member:
        return self.stage.loopback.member(name)

    def id_of(self, name: str) -> MemberId:
        return MemberId(str(self.member(name).id))

    def passes(self, **time: float) -> None:
        self.stage.loopback.clock.advance(timedelta(**time).total_seconds())

    def turn_to(self, moment: datetime) -> None:
        """Let time pass until then; not at all when that has been."""
        left = (moment - self.stores.clock()).total_seconds()
        self.stage.loopback.clock.advance(max(0.0, left))

    async def day(self) -> None:
        """The rest of the day goes by, and the bot looks at everything."""
        self._looks_at = max(self._looks_at + DAY, self.stores.clock())
        self.turn_to(self._looks_at)
        for cog in map(self.stage.bot.get_cog, (Anomalies.__name__, Patterns.__name__)):
            assert isinstance(cog, Anomalies | Patterns)
            await cog.daily.once()

    async def asks(self, name: str, question: str) -> Message:
        return await self.stage.answer_to(await self.member(name).asks("general", question))

    async def corrects(self, name: str, answer: Message, topic: str) -> None:
        before = len(await self.events())
        offered = await self.member(name).clicks(answer, "Wrong topic")
        await self.member(name).chooses(offered.messages()[0], "What is this", topic)
        await self.heard(before)
        await self.stage.idle()

    async def finds_too_long(self, name: str, answer: Message) -> None:
        before = len(await self.events())
        opened = await self.member(name).clicks(answer, "Not helpful")
        await self.member(name).submits(opened, {"Reason": "too_long"})
        await self.heard(before, 2)

    async def votes(self, name: str, answer: Message, thumb: str) -> None:
        before = len(await self.events())
        await self.member(name).reacts(answer, thumb)
        await self.heard(before)

    async def episode_of(self, answer: Message) -> Episode:
        row = await self.stage.bot.state.answer(answer.id)
        assert row is not None
        episode = await self.stores.journal.episode(LOCAL_GUILD, row.episode)
        assert episode is not None
        return episode

    async def route_of(self, answer: Message) -> tuple[Slug, ...]:
        route = (await self.episode_of(answer)).route
        assert route is not None
        return route.categories

    def reports(self, channel: str) -> list[str]:
        """What the admins were told, in the channel that they chose."""
        return [
            each.content for each in self.stage.loopback.said_by_bot(self.stage.loopback.channel(channel))
        ]

    async def events(self) -> tuple[Feedback, ...]:
        return await self.stores.journal.feedback(LOCAL_GUILD)

    async def heard(self, before: int, count: int = 1) -> None:
        """Until so much feedback more than `before` is in the journal."""

        async def are() -> bool:
            return len(await self.events()) >= before + count

        await self.stage.until(are)
