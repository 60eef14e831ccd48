"""What the family says, and when. Pure: the same seed gives the same words.

The topic the bot gets wrong: the family speaks of three things at once and means the last ("The boiler and
the Fabia are fine, but what about the hedge?"). Labelled examples, which count at once, do not help there:
the three words are in every vector, whichever is meant. To hear which one it is takes a language model.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from agent.contracts import Slug

MEMBERS: Final = ("ana", "leo", "nora", "grandpa", "tia", "ben")
PARENTS: Final = ("marta", "sam")
"""Admins: the word of one is a label, and two who agree are enough for a pattern."""

THINGS: Final[Mapping[Slug, Sequence[str]]] = MappingProxyType(
    {
        Slug("pool"): ("pool pump", "pool filter", "pool robot", "pool liner", "pool cover"),
        Slug("garden"): ("garden fence", "lemon tree", "mower", "vegetable bed", "hedge"),
        Slug("heating"): ("boiler", "wood stove", "thermostat", "chimney", "radiator"),
        Slug("car"): ("Fabia", "car", "summer tires", "windscreen", "brakes"),
    }
)
MEANT: Final = Slug("garden")
"""What most of these questions are about, as it is spring."""
_SHARE_MEANT: Final = 0.45
_LAST: Final = 24

_PLAIN: Final = (
    "When did we clean the {}?",
    "What did the {} cost?",
    "Who repaired the {}?",
    "How old is the {}?",
    "Is the {} under warranty?",
    "Which model is the {}?",
    "When was the {} last changed?",
    "What is wrong with the {}?",
    "How often do we check the {}?",
    "Where is the manual of the {}?",
)
_IN_A_ROW: Final = (
    "Not the {} and not the {}, the {}: when was it repaired?",
    "After the {} and the {} it was the turn of the {}, what did it cost?",
    "Apart from the {} and the {}, what did we pay for the {}?",
    "Forget the {} and the {}. Who repaired the {}?",
)

_NOTE: Final = (
    "We cleaned the {thing} in {month}. It is {years} years old and under warranty until {until}. "
    "{who} repaired the {thing} on {day} {month} {year}; it cost {cost} euros. "
    "Its manual is in the blue folder."
)
_MONTHS: Final = ("March", "April", "May", "June", "September")
_MENDERS: Final = ("Hans", "Lucia", "Mr. Ortega", "Irene")

GOOD_DAYS: Final = 10
"""In which everybody asks plainly and is content: what the bot is held against later."""
PLAIN_A_DAY: Final = 13
DAYS: Final = 10
"""In which the family speaks its own way."""
IN_A_ROW_A_DAY: Final = 17
ASKED_AFTER: Final = 12
"""Questions that nobody corrects: they are asked before the training and after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    day: int
    member: str
    question: str
    right: Slug


def notes(seed: int = 3) -> Iterator[tuple[Slug, str]]:
    """What the parents tell the bot of each thing before anybody asks."""
    rng = random.Random(seed)
    for topic, things in THINGS.items():
        for thing in things:
            text = _NOTE.format(
                thing=thing,
                month=rng.choice(_MONTHS),
                years=rng.randint(2, 9),
                until=rng.randint(2027, 2031),
                who=rng.choice(_MENDERS),
                day=rng.randint(1, 28),
                year=rng.randint(2022, 2026),
                cost=rng.randint(20, 400),
            )
            yield topic, text


def plain(seed: int = 1) -> tuple[Said, ...]:
    """Questions about one thing each, no two alike."""
    drawn = [
        (pattern.format(thing), topic)
        for topic, things in THINGS.items()
        for thing in things
        for pattern in _PLAIN
    ]
    random.Random(seed).shuffle(drawn)
    return tuple(_dated(drawn[: GOOD_DAYS * PLAIN_A_DAY], 0, PLAIN_A_DAY))


def in_a_row(seed: int = 5) -> tuple[tuple[Said, ...], tuple[Said, ...]]:
    """Questions about the last of three things: those of the days, and those that are asked afterwards.

    The last of the days are about `MEANT`: what parents said last is what they stand by.
    """
    drawn = list(_drawn(random.Random(seed), DAYS * IN_A_ROW_A_DAY + ASKED_AFTER))
    taught, asked = drawn[:-ASKED_AFTER], drawn[-ASKED_AFTER:]
    last = [each for each in taught if each[1] == MEANT][-_LAST:]
    taught = [each for each in taught if each not in last] + last
    return (
        tuple(_dated(taught, GOOD_DAYS, IN_A_ROW_A_DAY)),
        tuple(_dated(asked, GOOD_DAYS + DAYS, ASKED_AFTER)),
    )


def between(a_day: int) -> timedelta:
    """From one question to the next: a day's lie within twelve hours."""
    return timedelta(hours=12) / a_day


def _drawn(rng: random.Random, count: int) -> Iterator[tuple[str, Slug]]:
    seen: set[str] = set()
    while len(seen) < count:
        meant = (
            MEANT if rng.random() < _SHARE_MEANT else rng.choice([each for each in THINGS if each != MEANT])
        )
        others = rng.sample([each for each in THINGS if each != meant], 2)
        words = [rng.choice(THINGS[topic]) for topic in (*others, meant)]
        question = rng.choice(_IN_A_ROW).format(*words)
        if question not in seen:
            seen.add(question)
            yield question, meant


def _dated(drawn: Sequence[tuple[str, Slug]], first: int, a_day: int) -> Iterator[Said]:
    for number, (question, right) in enumerate(drawn):
        member = MEMBERS[number % len(MEMBERS)]
        yield Said(day=first + number // a_day, member=member, question=question, right=right)
