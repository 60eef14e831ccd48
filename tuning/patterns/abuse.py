"""Remarks that must not make a pattern, whatever they say: set aside before anything is counted.

Admins and reviewers are exempt: the owner chose them. Of everybody else:

* **fresh**: what is said within two weeks of coming, or by an account that is younger than a week. A member
  came when they joined the guild, where that is known, else when the journal first knew them; who was there
  in the journal's first week is a founder, and never fresh for having come. Discord's ids tell the age of an
  account.
* **burst**: of an hour in which 12 remarks or more come from fewer than half as many members, the first of
  each member stays. When something breaks and many complain once, all of it stays.
* **together**: two members act as one when on three occasions or more, and on at least half of what the
  quieter one said, they said the same of the same (or a similar) question within five minutes, and besides
  that *one* of these holds: both came within two days of each other and of late (a month before, and no
  founders); neither ever asked a question; three times they corrected an answer in the same words; or five
  times they were within a minute. Who acts as one is counted as one: the others' remarks carry the name of
  the first. Occasions lie half an hour apart or more: an evening on which everybody notices the same counts
  once.

Who asked what could not be answered is in no case fresh: it is a sign of a gap, whoever asks.

One member's campaign needs no rule here: independence gives nobody more than two fifths of the weight and a
few words a day, and agreement gives everybody one voice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, TypeAlias

from agent.contracts import EpisodeId, MemberId
from tuning.labels.grouping import same_words
from tuning.labels.rules import TRUSTED
from tuning.patterns.rules import Remark

NEWCOMER, YOUNG_ACCOUNT, FOUNDING = timedelta(days=14), timedelta(days=7), timedelta(days=7)
BURST, BURST_TIME = 12, timedelta(hours=1)
OCCASIONS, TOGETHER, APART, SHARE = 3, timedelta(minutes=5), timedelta(minutes=30), 0.5
LOCKSTEP, LOCKSTEP_TIME = 5, timedelta(minutes=1)
CAME_TOGETHER, LATELY = timedelta(days=2), timedelta(days=30)

_DISCORD_EPOCH: Final = datetime(2015, 1, 1, tzinfo=UTC)
_SNOWFLAKE: Final = range(10**16, 1 << 63)
"""Ids that Discord can have given; others, such as the terminal's, tell no age."""


Alike: TypeAlias = Callable[[EpisodeId, EpisodeId], bool]
"""Whether two questions are similar."""


class Suspicion(StrEnum):
    FRESH = "fresh"
    BURST = "burst"
    TOGETHER = "together"


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """Remarks that do not count, or count as those of another member, and why."""

    suspicion: Suspicion
    remarks: tuple[Remark, ...]

    @property
    def members(self) -> frozenset[MemberId]:
        return frozenset(each.member for each in self.remarks)


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """What is known of who speaks."""

    came: Mapping[MemberId, datetime]
    """When each joined, or was first known."""
    began: datetime
    """When the journal began."""
    ask: AbstractSet[MemberId]
    """Who ever asked a question."""

    def founded(self, member: MemberId) -> bool:
        return member in self.came and self.came[member] < self.began + FOUNDING


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    kept: tuple[Remark, ...]
    aside: tuple[Aside, ...]


def account_made(member: MemberId) -> datetime | None:
    """When a Discord account was made, by its id; None for an id that is none of Discord's."""
    if not member.isdecimal() or int(member) not in _SNOWFLAKE:
        return None
    return _DISCORD_EPOCH + timedelta(milliseconds=int(member) >> 22)


def examine(remarks: Sequence[Remark], people: People, alike: Alike) -> Examined:
    """Set aside what must not count; return the rest in its order, with who acts as one under one name."""
    fresh = [each for each in remarks if _is_fresh(each, people)]
    rest = _without(remarks, fresh)
    repeated = list(_of_bursts(rest))
    rest = _without(rest, repeated)
    leaders = _leaders(rest, people, alike)
    followed = [each for each in rest if leaders.get(each.member, each.member) != each.member]
    kept = _as_one(rest, leaders)
    found = {Suspicion.FRESH: fresh, Suspicion.BURST: repeated, Suspicion.TOGETHER: followed}
    aside = [Aside(suspicion=why, remarks=tuple(those)) for why, those in found.items() if those]
    return Examined(kept=tuple(kept), aside=tuple(aside))


def _without(remarks: Sequence[Remark], gone: Sequence[Remark]) -> list[Remark]:
    ids = {id(each) for each in gone}
    return [each for each in remarks if id(each) not in ids]


def _is_fresh(remark: Remark, people: People) -> bool:
    if remark.role in TRUSTED or remark.by_asking:
        return False
    made = account_made(remark.member)
    if made is not None and remark.at - made < YOUNG_ACCOUNT:
        return True
    came = people.came.get(remark.member)
    return came is not None and not people.founded(remark.member) and remark.at - came < NEWCOMER


def _of_bursts(remarks: Sequence[Remark]) -> Iterator[Remark]:
    """The remarks of bursts, without the first of each member."""
    ordered = sorted((each for each in remarks if each.role not in TRUSTED), key=lambda each: each.at)
    begin = 0
    told: set[int] = set()
    for end, last in enumerate(ordered):
        while last.at - ordered[begin].at > BURST_TIME:
            begin += 1
        hour = ordered[begin : end + 1]
        if len(hour) >= BURST and len({each.member for each in hour}) * 2 < len(hour):
            seen: set[MemberId] = set()
            for each in hour:
                if each.member in seen and id(each) not in told:
                    told.add(id(each))
                    yield each
                seen.add(each.member)


@dataclass(slots=True)
class _Pair:
    """What two members did at the same time."""

    first: datetime
    last: datetime
    occasions: int = 1
    lockstep: int = 0
    same_words: int = 0
    remarks: int = 0


def _leaders(remarks: Sequence[Remark], people: People, alike: Alike) -> Mapping[MemberId, MemberId]:
    """For each who acts as one with others, the first of them by id."""
    spoken = Counter(each.member for each in remarks)
    leaders: dict[MemberId, MemberId] = {}
    for (one, other), pair in _pairs(remarks, alike).items():
        if _as_one_person(one, other, pair, people, min(spoken[one], spoken[other])):
            low, high = sorted((_root(leaders, one), _root(leaders, other)))
            leaders[high] = low
    return {member: _root(leaders, member) for member in leaders}


def _root(leaders: Mapping[MemberId, MemberId], member: MemberId) -> MemberId:
    while leaders.get(member, member) != member:
        member = leaders[member]
    return member


def _as_one_person(one: MemberId, other: MemberId, pair: _Pair, people: People, quieter: int) -> bool:
    if pair.occasions < OCCASIONS or pair.remarks < SHARE * quieter:
        return False
    return (
        _came_together(one, other, pair, people)
        or not ({one, other} & people.ask)
        or pair.same_words >= OCCASIONS
        or pair.lockstep >= LOCKSTEP
    )


def _came_together(one: MemberId, other: MemberId, pair: _Pair, people: People) -> bool:
    came = [people.came[each] for each in (one, other) if each in people.came and not people.founded(each)]
    if len(came) < 2:
        return False
    return max(came) - min(came) <= CAME_TOGETHER and pair.first - min(came) <= LATELY


def _pairs(remarks: Sequence[Remark], alike: Alike) -> Mapping[tuple[MemberId, MemberId], _Pair]:
    pairs: dict[tuple[MemberId, MemberId], _Pair] = {}
    for one, other in _at_once(remarks):
        if not _say_the_same(one, other, alike):
            continue
        key = (one.member, other.member) if one.member < other.member else (other.member, one.member)
        at = max(one.at, other.at)
        pair = pairs.get(key)
        if pair is None:
            pair = pairs[key] = _Pair(first=at, last=at)
        elif at - pair.last >= APART:
            pair.occasions += 1
            pair.last = at
        pair.remarks += 1
        pair.lockstep += abs(one.at - other.at) <= LOCKSTEP_TIME
        pair.same_words += bool(one.text) and same_words(one.text) == same_words(other.text)
    return pairs


def _at_once(remarks: Sequence[Remark]) -> Iterator[tuple[Remark, Remark]]:
    """Two remarks of two members within a few minutes, in the order of the later one."""
    ordered = sorted((each for each in remarks if each.role not in TRUSTED), key=lambda each: each.at)
    begin = 0
    for end, later in enumerate(ordered):
        while later.at - ordered[begin].at > TOGETHER:
            begin += 1
        for earlier in ordered[begin:end]:
            if earlier.member != later.member:
                yield earlier, later


def _say_the_same(one: Remark, other: Remark, alike: Alike) -> bool:
    said = (one.task, one.against, one.value) == (other.task, other.against, other.value)
    return said and (one.episode == other.episode or alike(one.episode, other.episode))


def _as_one(remarks: Iterable[Remark], leaders: Mapping[MemberId, MemberId]) -> Iterator[Remark]:
    """Each remark under the name of whom it counts for, once for a question and task."""
    said = set()
    for each in remarks:
        leader = leaders.get(each.member, each.member)
        key = (leader, each.episode, each.task)
        if leader == each.member or key not in said:
            yield each if leader == each.member else replace(each, member=leader)
        said.add(key)
