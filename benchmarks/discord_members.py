"""The members of five guilds that ask the same and know different things, and what they do in a run.

Every guild's sources name its own marker, a word that stands nowhere else: where another guild sees it, a
passage crossed. Members ask at moments drawn by seed, and vote as people do, who press again when Discord
says that an interaction failed.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agent.contracts import Category, GuildId, Slug
from agent.runtime import Installation
from benchmarks.discord_bot import Replies, add_channels, has_buttons
from benchmarks.discord_counts import Outcome, outcome
from bot.texts.english import ENGLISH
from tests.discord.loopback import Loopback
from tests.discord.members import Member
from tests.discord.model import Channel, Guild, Message

MARKERS: Final = ("Alderwick", "Birchholm", "Cedarbrook", "Dogwoodgate", "Elmhurst")
"""The names of the guilds too."""
MEMBERS: Final = 20
CHANNELS: Final = 8
_CATEGORIES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "House": (
        ("Who repaired the boiler?", "{marker} Heating repaired the boiler in January {year}."),
        ("Who cleaned the chimney?", "{marker} Chimneys cleaned the chimney in October {year}."),
        ("Which brand is the dishwasher?", "The dishwasher is a {marker} of {year}."),
        ("Where is the spare key?", "The spare key is with the {marker} family since {year}."),
    ),
    "Garden": (
        ("Who replaced the pool pump?", "{marker} Pools replaced the pool pump in May {year}."),
        ("Who cuts the hedge?", "The hedge is cut by {marker} Gardens since {year}."),
        ("Which mower do we have?", "Our lawn mower is a {marker} 40, bought in {year}."),
    ),
    "Car": (
        ("Who insures the car?", "The car is insured with {marker} Mutual since {year}."),
        (
            "Where were the winter tyres changed?",
            "The winter tyres were changed at {marker} Garage in {year}.",
        ),
        ("Which battery does the car have?", "The car has a {marker} battery from {year}."),
    ),
}
QUESTIONS: Final = tuple(question for facts in _CATEGORIES.values() for question, _ in facts)
_THUMBS: Final = {1: "👍", -1: "👎"}
_PATIENCE_SECONDS: Final = 240.0
_PRESSES: Final = 30
_PRESS_AGAIN_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """One guild, who is in it, and where they ask."""

    guild: Guild
    marker: str
    members: Sequence[Member]
    channels: Sequence[Channel]

    @property
    def id(self) -> GuildId:
        return GuildId(str(self.guild.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One question, when, and who votes on its answer how."""

    second: float
    member: Member
    channel: Channel
    words: str
    votes: tuple[tuple[Member, str, int], ...]
    """Who, by what (`_WAYS`), and which."""


@dataclass(slots=True)
class Crowd:
    """What the members of all guilds did and were told."""

    replies: Replies
    questions: list[Message] = field(default_factory=list)
    votes: dict[int, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    """Those that the members may take for counted: by answer and member."""
    given: Counter[str] = field(default_factory=Counter)
    """How they were given."""
    failed: int = 0
    """Clicks and forms of which Discord said that they failed; the member tried again."""

    async def live(self, asking: Asking) -> None:
        """Ask, wait for what comes, and vote on it."""
        question = await asking.member.asks(asking.channel, asking.words)
        self.questions.append(question)
        try:
            answer = await self.replies.first(question, is_final, _PATIENCE_SECONDS)
        except TimeoutError:
            return
        if has_buttons(answer):
            for member, way, vote in asking.votes:
                await _WAYS[way](self, member, answer, vote)

    async def react(self, member: Member, answer: Message, vote: int) -> None:
        await member.reacts(answer, _THUMBS[vote])
        self._counted("reaction", member, answer, vote)

    async def switch(self, member: Member, answer: Message, vote: int) -> None:
        await self.react(member, answer, -vote)
        await asyncio.sleep(1.0)
        await member.unreacts(answer, _THUMBS[-vote])
        await self.react(member, answer, vote)

    async def press(self, member: Member, answer: Message, vote: int) -> None:
        """Press, and press again, until the bot says thank you."""
        thanks = ENGLISH.thanks_helpful if vote > 0 else ENGLISH.thanks_not_helpful
        for _ in range(_PRESSES):
            try:
                pressed = await member.clicks(answer, _THUMBS[vote])
                if vote < 0:
                    pressed = await member.submits(pressed, {"Reason": "outdated"})
            except (TimeoutError, LookupError):
                pressed = None
            if pressed is not None and [said.content for said in pressed.messages()] == [thanks]:
                self._counted("button" if vote > 0 else "form", member, answer, vote)
                return
            self.failed += 1
            await asyncio.sleep(_PRESS_AGAIN_SECONDS)

    def _counted(self, way: str, member: Member, answer: Message, vote: int) -> None:
        self.votes[answer.id][str(member.id)] = vote
        self.given[way] += 1


_WAYS: Final[Mapping[str, Callable[[Crowd, Member, Message, int], Awaitable[None]]]] = {
    "reaction": Crowd.react,
    "switched reaction": Crowd.switch,
    "button": Crowd.press,
}


def is_final(reply: Message) -> bool:
    return outcome([(reply.content, has_buttons(reply))]) in (Outcome.ANSWERED, Outcome.TOLD)


def people_of(loopback: Loopback) -> list[People]:
    """Make the guilds with their members and channels, before a bot connects."""
    return [
        People(
            guild=guild,
            marker=guild.name,
            members=[
                loopback.member(f"{guild.name}-{number}".lower(), guild=guild) for number in range(MEMBERS)
            ],
            channels=add_channels(loopback, guild, CHANNELS),
        )
        for guild in (loopback.add_guild(marker) for marker in MARKERS)
    ]


async def teach(installation: Installation, people: People, number: int, folder: Path) -> None:
    """Give a guild its categories and sources: the same as all, with its own marker and year."""
    catalog = installation.stores.catalog
    await catalog.create_guild(people.id)
    for name, facts in _CATEGORIES.items():
        asked = " ".join(question for question, _ in facts)
        category = Category(slug=Slug(name.lower()), name=name, description=f"{name}: {asked}")
        await catalog.put_category(people.id, category)
    write_sources(folder, people.marker, 2010 + number)
    report = await installation.ingestor.ingest(people.id, [str(folder)])
    if not report.ok:
        raise RuntimeError(f"The sources of {people.marker} could not be read: {report}")


def write_sources(folder: Path, marker: str, year: int) -> None:
    folder.mkdir()
    for name, facts in _CATEGORIES.items():
        told = [fact.format(marker=marker, year=year) for _, fact in facts]
        (folder / f"{name.lower()}.md").write_text("\n\n".join([f"# {name}", *told]) + "\n", "utf-8")


def askings(seed: int, towns: Sequence[People], count: int, seconds: float) -> list[Asking]:
    """Draw so many, every member about as often, by their time."""
    chance = random.Random(seed)
    drawn = [_drawn(chance, town, member, seconds) for town, member in _in_turns(towns, count)]
    return sorted(drawn, key=lambda asking: asking.second)


def _in_turns(towns: Sequence[People], count: int) -> Iterator[tuple[People, Member]]:
    for number in range(count):
        town = towns[number % len(towns)]
        yield town, town.members[number // len(towns) % len(town.members)]


def _drawn(chance: random.Random, town: People, member: Member, seconds: float) -> Asking:
    voters = [member] if chance.random() < 0.5 else []
    if chance.random() < 0.3:
        voters.append(chance.choice([each for each in town.members if each is not member]))
    return Asking(
        second=chance.uniform(0.0, seconds),
        member=member,
        channel=chance.choice(town.channels),
        words=chance.choice(QUESTIONS),
        votes=tuple((each, chance.choice(list(_WAYS)), chance.choice((1, -1))) for each in voters),
    )
