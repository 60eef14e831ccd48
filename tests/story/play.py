"""The story itself: what people do in the loopback Discord, and what comes of it, told as it goes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from agent.contracts import GUILD_WIDE, LOCAL_GUILD, Category, MemberId, Slug, SourceId
from agent.ids import new_id
from agent.runtime import open_installation
from agent.serving.served import Task
from agent.settings import Settings
from bot.cogs.tuning import Tuning
from bot.sample import HOUSEHOLD, sample_categories
from tests.bot.discord.admins import said, the_admin
from tests.bot.discord.conftest import Stage
from tests.bot.discord.life import DAY, Life
from tests.discord.clock import Clock
from tests.discord.fixtures import point_here
from tests.discord.loopback import Loopback
from tests.discord.model import Message
from tests.story.script import GOOD_DAYS, MEMBERS, PARENTS, THINGS, Said, between, in_a_row, notes, plain
from tuning.loop.run import Run
from tuning.loop.state import WORKING, State
from tuning.patterns.log import PatternLog
from tuning.patterns.pattern import TRAINS
from tuning.recipes import Recipe

Tell = Callable[[str], None]

_REPORTS: Final = "car"
"""The channel in which admins are told things."""
_TRAIN: Final = "train the choice of topics"
_DISMISS: Final = "Dismiss"
_AT_NIGHT: Final = 2
"""O'clock: within the quiet hours of the default plan."""
_LOOK_EVERY: Final = 0.5
_PATIENCE: Final = 45 * 60.0
"""Seconds for the training, which a busy machine may need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An answer of which somebody said what it is about."""

    answer: Message
    right: Slug
    parent: str
    """Who put it right, or would have."""


class Story(Life):
    """`tell` is called with a line for a person whenever something happened."""

    def __init__(self, stage: Stage, tell: Tell) -> None:
        super().__init__(stage, stage.loopback.admin(PARENTS[0]))
        self.tell = tell
        self._taught, self._asked = in_a_row()
        self._read = 0
        """Messages to the admins that the parents have seen."""
        self.judged: list[Judged] = []

    async def prepare(self) -> None:
        """Four topics of the household with what is kept of them, and where the parents want to be told."""
        catalog = self.stores.catalog
        for category in _topics():
            await catalog.put_category(LOCAL_GUILD, category)
        ingestor = self.stage.installation.ingestor
        folders = [str(HOUSEHOLD / "documents" / slug) for slug in THINGS]
        entries = [str(HOUSEHOLD / "entries" / f"{slug}.jsonl") for slug in THINGS]
        report = await ingestor.ingest(LOCAL_GUILD, [*folders, *entries])
        assert report.ok, report
        for topic, text in notes():
            await ingestor.remember(
                LOCAL_GUILD,
                text,
                on=None,
                author=MemberId(str(self.admin.id)),
                author_name=PARENTS[0],
                category=topic,
                visibility=GUILD_WIDE,
                entry=SourceId(new_id()),
            )
        await the_admin(self.stage)
        channel = self.stage.loopback.channel(_REPORTS)
        await said(self.stage, self.admin, "anomalies tell", channel=channel)
        self.tell("A family, four topics, no labels yet.")

    async def trains_by(self, recipe: Recipe) -> None:
        """Put a recipe into the plan."""
        plans = self._cog.loop.plans
        await plans.put(LOCAL_GUILD, replace(await plans.get(LOCAL_GUILD), recipe=recipe))

    async def day(self) -> None:
        """The parents look at what the bot finds unusual, and find it usual."""
        await super().day()
        channel = self.stage.loopback.channel(_REPORTS)
        for message in self.stage.loopback.said_by_bot(channel)[self._read :]:
            self._read += 1
            if _DISMISS in buttons(message):
                await self.stage.loopback.wait.answered(await self.admin.clicks(message, _DISMISS))

    async def good_days(self) -> None:
        """Everybody asks about one thing at a time and is content, but for what the parents put right."""
        right = await self._live(plain())
        self.tell(
            f"{GOOD_DAYS} days of plain questions: {right} of {len(plain())} searched in the right topic."
        )

    async def another_way_to_ask(self) -> None:
        right = await self._live(self._taught)
        self.tell(f"Then the family speaks its own way: “{self._taught[0].question}”")
        self.tell(f"{right} of {len(self._taught)} are searched right, and the parents correct the others.")

    async def answers(self) -> int:
        """Ask what nobody taught; return how many are searched in the right topic and nowhere else."""
        routes = [await self._route(each) for each in self._asked]
        right = sum(route == (each.right,) for route, each in zip(routes, self._asked, strict=True))
        self.tell(f"{right} of {len(self._asked)} new questions of that kind are searched where they belong.")
        return right

    async def pattern(self) -> str:
        """The bot finds by itself that this recurs, and that training can help; return the pattern's id."""
        for _ in range(3):
            events = await PatternLog(self.stores.database).standing(LOCAL_GUILD)
            for event in events.values():
                if event.facts.action in TRAINS:
                    told = [each for each in self.reports(_REPORTS) if _TRAIN in each]
                    self.tell(f"The bot has found a stable pattern and says: {told[-1]}")
                    return event.pattern
            await self.day()
        raise AssertionError(self.reports(_REPORTS))

    async def training(self) -> Run:
        """At night the pattern starts a run by itself; return it when it waits for an admin."""
        self.turn_to(_next_night(self.stores.clock()))
        guild = self.stage.bot.get_guild(self.stage.loopback.guild.id)
        assert guild is not None
        await self._cog.look(guild)
        run = await self.settled()
        assert run.state is State.APPROVAL, (run.state, run.note)
        await self._cog.look(guild)
        return run

    async def approval(self, run: Run) -> Message:
        """The parents are shown what the gate found, and one lets it serve."""
        message = await self.stage.loopback.wait.until(self._question, 20, "the question")
        self.tell(f"A parent is asked:\n{message.content}")
        pressed = await self.admin.clicks(message, "Let it serve")
        await self.stage.loopback.wait.answered(pressed)
        serving = await self.stores.assignments.get(LOCAL_GUILD, Task.ROUTE)
        assert serving.champion is not None
        assert serving.champion.id == run.adapter
        self.tell("It serves.")
        return message

    async def run(self) -> Run | None:
        """The newest run, as it is now."""
        return next(iter(await self._cog.loop.log.runs(LOCAL_GUILD)), None)

    async def settled(self) -> Run:
        """The run once it no longer works; what it does is told meanwhile."""
        told: tuple[State, int] | None = None
        async with asyncio.timeout(_PATIENCE):
            while True:
                run = await self.run()
                assert run is not None, "no run was started"
                progress = self._cog.messages.progress_of(run)
                now = (run.state, int(10 * progress.share) if progress else 0)
                if now != told:
                    left = f", step {progress.step} of {progress.steps}" if progress else ""
                    self.tell(f"Run {run.id[-8:]}: {run.state}{left}")
                    told = now
                if run.state not in WORKING:
                    return run
                await asyncio.sleep(_LOOK_EVERY)

    async def starts_training(self) -> None:
        """A parent does not wait for a pattern, nor for the night."""
        wait = self.stage.loopback.wait
        await wait.answered(await self.admin.slash("tuning run", task=Task.ROUTE))

    async def rollback(self) -> None:
        self.tell(await said(self.stage, self.admin, "tuning rollback", task=Task.ROUTE))

    async def _live(self, days: Sequence[Said]) -> int:
        """Play these days; return how many questions were searched in the right topic alone."""
        right = 0
        a_day = Counter(each.day for each in days)
        for number, each in enumerate(days):
            if number and days[number - 1].day != each.day:
                await self.day()
            self.passes(seconds=between(a_day[each.day]).total_seconds())
            answer = await self.asks(each.member, each.question)
            parent = PARENTS[number % len(PARENTS)]
            self.judged.append(Judged(answer=answer, right=each.right, parent=parent))
            if await self.route_of(answer) == (each.right,):
                right += 1
                await self.votes(_another(each.member, number), answer, "👍")
            else:
                await self.corrects(parent, answer, each.right)
        await self.day()
        return right

    async def _route(self, said_: Said) -> tuple[Slug, ...]:
        self.passes(minutes=30)
        return await self.route_of(await self.asks(said_.member, said_.question))

    def _question(self) -> Message | None:
        messages = self.stage.loopback.said_by_bot(self.stage.loopback.channel(_REPORTS))
        return next((each for each in reversed(messages) if "passed the gate" in each.content), None)

    @property
    def _cog(self) -> Tuning:
        cog = self.stage.bot.get_cog(Tuning.__name__)
        assert isinstance(cog, Tuning)
        return cog


@asynccontextmanager
async def staged(settings: Settings, patch: Any, tell: Tell) -> AsyncIterator[Story]:
    """The bot in a loopback Discord over an empty installation. `patch` is pytest's `MonkeyPatch`."""
    clock = Clock()
    clock.advance(-90 * DAY.total_seconds())
    async with Loopback(clock=clock) as loopback:
        loopback.limits.scaled(0.05)
        point_here(loopback.server, patch)
        for name in MEMBERS:
            loopback.member(name)
        for name in PARENTS:
            loopback.admin(name)
        clock.advance(60 * DAY.total_seconds())
        settings = settings.model_copy(
            update={"discord_local_guild": loopback.guild.id, "discord_edit_seconds": 0.05}
        )
        async with open_installation(settings, lambda: clock.now().astimezone(settings.zone)) as opened:
            stage = Stage(loopback, opened)
            bot = await stage.start()
            # Months go by in minutes: nobody asks too much.
            bot.cooldowns.clock = lambda: clock.now().timestamp()
            try:
                yield Story(stage, tell)
            finally:
                await stage.stop()
    loopback.check()


def buttons(message: Message) -> list[str]:
    """The labels of its buttons."""
    return [each.get("label", "") for row in message.components for each in row["components"]]


def _topics() -> Sequence[Category]:
    return [category for category in sample_categories() if category.slug in THINGS]


def _another(member: str, number: int) -> str:
    """Who finds the answer helpful: not who asked."""
    others = [each for each in MEMBERS if each != member]
    return others[number % len(others)]


def _next_night(now: datetime) -> datetime:
    night = now.replace(hour=_AT_NIGHT, minute=0, second=0, microsecond=0)
    return night if night > now else night + timedelta(days=1)
