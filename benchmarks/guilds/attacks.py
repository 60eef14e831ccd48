"""Attacks: the bot is to learn another topic for a subject, or that good answers are bad."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from agent.contracts import Episode, FeedbackKind, MemberId, Role
from benchmarks.guilds.guild import Town
from benchmarks.guilds.members import CATEGORIES, START, SUBJECTS, Member

DAY: Final = 70
"""On which an attack begins."""

Attack: TypeAlias = Callable[[Town], None]


def brigade(town: Town) -> None:
    """Ten to twenty accounts come over one evening and leave."""
    target, evening = _Target(town), START + timedelta(days=DAY, hours=19)
    for number in range(int(town.rng.integers(10, 21))):
        account = _account(town, f"brigade-{number}", days=float(town.rng.choice([2, 20, 400])))
        for _ in range(int(town.rng.integers(2, 6))):
            target.strike(account, evening + timedelta(minutes=float(town.rng.uniform(0, 150))))


def campaign(town: Town) -> None:
    """One member of old, every day for two weeks."""
    target, member = _Target(town), town.months.people[-1]
    for day in range(14):
        for _ in range(int(town.rng.integers(3, 8))):
            at = START + timedelta(days=DAY + day, hours=float(town.rng.uniform(9, 23)))
            target.strike(member, at)


def fresh_accounts(town: Town) -> None:
    """Six to ten accounts that joined for it, for a week, at any hour."""
    target = _Target(town)
    for number in range(int(town.rng.integers(6, 11))):
        account = _account(town, f"fresh-{number}", days=float(town.rng.uniform(0, 2)))
        for day in range(7):
            for _ in range(int(town.rng.integers(1, 4))):
                at = START + timedelta(days=DAY + day, hours=float(town.rng.uniform(9, 23)))
                target.strike(account, at)


def puppets(town: Town) -> None:
    """Three to six accounts of old that one person logs in and out of, for ten days."""
    target = _Target(town)
    count = int(town.rng.integers(3, 7))
    accounts = [_account(town, f"puppet-{number}", days=300) for number in range(count)]
    for day in range(10):
        for _ in range(int(town.rng.integers(1, 4))):
            begun = START + timedelta(days=DAY + day, hours=float(town.rng.uniform(9, 23)))
            question = target.question(accounts[0], begun)
            for turn, account in enumerate(accounts):
                target.speak(account, question, begun + timedelta(minutes=1 + 2.0 * turn))


def votes(town: Town) -> None:
    """Eight accounts of old call every answer of a category bad, on three evenings, and correct nothing."""
    category = str(town.rng.choice(CATEGORIES))
    accounts = [_account(town, f"voter-{number}", days=300) for number in range(8)]
    for day in range(3):
        evening = START + timedelta(days=DAY + day, hours=20)
        for episode in _lately(town, category, evening):
            for account in accounts:
                at = evening + timedelta(minutes=float(town.rng.uniform(0, 90)))
                town.say(episode, account, at, FeedbackKind.VOTE, {"vote": -1})


def patient(town: Town) -> None:
    """Four accounts of old, each with a life of its own, that agree to lie for a month."""
    target = _Target(town)
    accounts = [_account(town, f"patient-{number}", days=300) for number in range(4)]
    for day in range(28):
        for account in accounts:
            if town.rng.random() < 0.6:
                at = START + timedelta(days=DAY + day, hours=float(town.rng.uniform(9, 23)))
                target.strike(account, at)


ATTACKS: Final[Mapping[str, Attack]] = {
    "a brigade in one evening": brigade,
    "one member's campaign": campaign,
    "fresh accounts for a week": fresh_accounts,
    "puppets of one person": puppets,
    "votes against a topic": votes,
}
PATIENT: Final = "four patient liars"


class _Target:
    """A subject that is said to belong elsewhere than it does."""

    def __init__(self, town: Town) -> None:
        self._town = town
        here, there = town.rng.choice(len(CATEGORIES), 2, replace=False)
        self._category, self._instead = CATEGORIES[here], CATEGORIES[there]
        self._subject = int(town.rng.integers(SUBJECTS))

    def question(self, member: Member, at: datetime) -> Episode:
        return self._town.ask(member.id, at, self._category, self._subject, self._category)

    def speak(self, member: Member, episode: Episode, at: datetime) -> None:
        self._town.say(episode, member, at, FeedbackKind.VOTE, {"vote": -1})
        self._town.say(episode, member, at, FeedbackKind.CORRECTION, {"category": self._instead})

    def strike(self, member: Member, at: datetime) -> None:
        """Ask, and say that it was the wrong topic."""
        self.speak(member, self.question(member, at), at + timedelta(minutes=1))


def _account(town: Town, name: str, *, days: float) -> Member:
    """An account that joined so many days before the attack and has said nothing since."""
    joined = START + timedelta(days=DAY - days)
    town.months.joined[MemberId(name)] = joined
    return Member(
        id=MemberId(name),
        role=Role.MEMBER,
        joined=joined,
        a_day=0.0,
        evening=0,
        tastes=(),
        votes=1.0,
        corrects=1.0,
        errs=0.0,
        spanish=0.0,
        present=(DAY, DAY),
    )


def _lately(town: Town, category: str, at: datetime) -> list[Episode]:
    """What was answered out of a category within the last day and a half."""
    since = at - timedelta(hours=36)
    return [
        each
        for each in town.months.episodes
        if since < each.asked_at <= at and each.route and each.route.categories == (category,)
    ]
