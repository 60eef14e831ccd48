"""A month of a guild, played through the real bot: what is learnt of it, what is asked, and what is not.

The bot, Discord and everything that is dated follow one clock, which the script turns on. The guild has two
good months behind it: its journal is full of helpful answers that a reviewer confirmed, so the detectors know
what is usual. Then members correct a topic, tell two contradictory things, find answers too long, five new
accounts attack, one member opts out and one is forgotten; each day the bot looks and reports.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from agent.contracts import LOCAL_GUILD, FeedbackKind, MemberId
from agent.ids import new_id
from agent.privacy.privacy import ACTION as FORGOTTEN
from agent.runtime import open_installation
from agent.serving.served import Task
from tests.agent.journal.episodes import an_event
from tests.bot.discord.admins import said, the_admin
from tests.bot.discord.conftest import Stage
from tests.bot.discord.life import DAY, Life
from tests.bot.stats.turns import an_answer, asked
from tests.discord.clock import Clock
from tests.discord.fixtures import point_here
from tests.discord.loopback import Loopback
from tests.discord.model import Message
from tests.household import household_settings
from tuning.annotation.guideline import GUIDELINE
from tuning.anomalies.anomaly import Kind
from tuning.anomalies.anomaly import State as AnomalyState
from tuning.anomalies.log import AnomalyLog
from tuning.labels.decisions import Act, Decision
from tuning.labels.gathering import labels_of
from tuning.labels.store import DecisionStore
from tuning.patterns.log import PatternLog, State
from tuning.patterns.pattern import Action

pytestmark = pytest.mark.asyncio(loop_scope="session")

MEMBERS: Final = ("ana", "ben", "cai", "dee", "eva", "fay", "gil", "hal")
BRIGADE: Final = ("troll1", "troll2", "troll3", "troll4", "troll5")
BEFORE: Final = 200
"""Questions of the months before: more than a baseline takes, and labels enough to train on, also without
those of two members."""
WHEELS: Final = "How much air goes into the big round ones?"
SPARES: Final = "Where are the spare round ones kept?"
HEATER: Final = "How many hours a day does the hangar heater run?"
PUMPS: Final = (
    "When did we replace our pool pump?",
    "In which year was the pool pump replaced?",
    "When was the pump of the pool last replaced?",
    "What month did we replace the pool pump?",
    "When did the pool get its new pump?",
    "On what date was the pool pump replaced?",
)


class Month(Life):
    """What people do, and what is kept of it."""

    async def asks(self, name: str, question: str) -> Message:
        self.passes(hours=1)
        return await super().asks(name, question)

    async def labels(self) -> Counter[str]:
        made = await labels_of(self.stores, LOCAL_GUILD, now=self.stores.clock())
        return Counter(each.rule for each in made.labels)

    async def anomalies(self) -> dict[Kind, AnomalyState]:
        found = await AnomalyLog(self.stores.database).anomalies(LOCAL_GUILD)
        return {each.found.kind: each.state for each in found}

    async def patterns(self, action: Action) -> list[State]:
        """What became of the pattern that came to this."""
        events = await PatternLog(self.stores.database).events(LOCAL_GUILD)
        those = {each.pattern for each in events if each.facts.action is action}
        return [each.state for each in events if each.pattern in those]

    def told(self) -> list[str]:
        """What the admins were told, in the channel that they chose."""
        return self.reports("car")

    async def reviews(self, decide: Callable[[str], str]) -> list[tuple[str, str]]:
        """The admin goes through the queue once; `decide` names the button for what is shown. Return what
        was pressed, with what it was pressed for.
        """
        shown = (await self.admin.slash("review")).messages()[0]
        await self.stage.until(lambda: bool(shown.content))
        pressed: list[tuple[str, str]] = []
        while "Nothing waits for you" not in shown.content:
            before, about = shown.content, _about(shown.content)
            if about in {seen for _, seen in pressed}:
                break
            pressed.append((decide(about), about))
            await self.admin.clicks(shown, pressed[-1][0])
            await self._changed(shown, before)
        return pressed

    async def _changed(self, shown: Message, before: str) -> None:
        await self.stage.until(lambda: shown.content != before)

    async def lived_through(self) -> None:
        """Two months in which everybody was content: the members are known, and so is what is usual."""
        begin = self.stores.clock() - 58 * DAY
        for number in range(BEFORE):
            asker, voter = map(self.id_of, _pair(number))
            at = begin + number * (38 * DAY / BEFORE)
            question = f"What does note {number} say?"
            episode = asked(
                "pool" if number % 2 else "car",
                at=at,
                guild=LOCAL_GUILD,
                member=asker,
                question=question,
                milliseconds=60_000.0,
            )
            await self.stores.journal.record(episode)
            vote = an_event(
                episode, FeedbackKind.VOTE, {"vote": 1}, member=voter, at=at + timedelta(minutes=5)
            )
            await self.stores.journal.add_feedback(vote)
            decision = Decision(
                id=new_id(),
                guild=LOCAL_GUILD,
                item=f"{number:016x}",
                kind="brought",
                task=Task.ANSWER,
                episode=episode.id,
                member=MemberId(str(self.admin.id)),
                at=at + DAY,
                act=Act.CORRECT,
                answer=an_answer().text,
                guideline=GUIDELINE,
            )
            await DecisionStore(self.stores.database).add(decision)


@pytest_asyncio.fixture(loop_scope="session")
async def month(
    household_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Month]:
    clock = Clock()
    clock.advance(-90 * DAY.total_seconds())
    async with Loopback(clock=clock) as loopback:
        loopback.limits.scaled(0.05)
        point_here(loopback.server, monkeypatch)
        admin = loopback.admin()
        for name in MEMBERS:
            loopback.member(name)
        clock.advance(90 * DAY.total_seconds())
        settings = household_settings(shutil.copytree(household_folder, tmp_path / "home")).model_copy(
            update={
                "discord_local_guild": loopback.guild.id,
                "discord_edit_seconds": 0.05,
                "review_double_share": 0.0,
            }
        )
        async with open_installation(settings, lambda: clock.now().astimezone(settings.zone)) as opened:
            stage = Stage(loopback, opened)
            month = Month(stage, admin)
            await month.lived_through()
            await stage.start()
            await the_admin(stage)
            yield month
            await stage.stop()
    loopback.check()


def _pair(number: int) -> tuple[str, str]:
    """Who asked a question of the months before, and who found its answer helpful."""
    return MEMBERS[number % len(MEMBERS)], MEMBERS[(number + 3) % len(MEMBERS)]


def _about(shown: str) -> str:
    """Why it is asked, and what: `I noticed something: Two sources contradict each other …`."""
    lines = shown.splitlines()
    why = next(line.partition(" · ")[2] for line in lines if " of " in line and " · " in line)
    what = next(line for line in lines if line.startswith(("**Question:**", "**Noticed:**")))
    return f"{why}: {what.partition(' ')[2]}"


def _of_before(*gone: str) -> Counter[str]:
    """The labels of the months before, without what these members asked or said."""
    pairs = [_pair(number) for number in range(BEFORE)]
    return Counter(
        {
            "answer-decided-in-review": sum(asker not in gone for asker, _ in pairs),
            "category-confirmed-by-vote": sum(not {*pair} & {*gone} for pair in pairs),
        }
    )


async def test_a_month(month: Month) -> None:
    await said(month.stage, month.admin, "anomalies tell", channel=month.stage.loopback.channel("car"))
    await month.day()
    assert await month.labels() == _of_before()
    wheels = await _a_topic_is_corrected(month)
    spares = await _a_member_opts_out(month)
    heater = await _two_tell_what_cannot_both_be_true(month)
    await _four_find_answers_too_long(month)
    await _new_accounts_attack(month, (wheels, spares, heater))
    await _a_person_looks(month)
    await _a_member_is_forgotten(month)
    await _nothing_more_happens(month)


async def _a_topic_is_corrected(month: Month) -> Message:
    """One member alone makes no label, but the next question is already routed by what they said."""
    first, second = await month.asks("ana", WHEELS), await month.asks("ben", WHEELS)
    assert "car" not in await month.route_of(first)
    await month.corrects("ana", first, "car")
    assert await month.labels() == _of_before()
    await month.corrects("ben", second, "car")
    third = await month.asks("cai", WHEELS)
    assert await month.route_of(third) == ("car",)
    assert await month.labels() == _of_before() + Counter({"category-corrected-by-members": 1})
    await month.day()
    (report,) = month.told()
    assert "3 remarks by 3 members" in report
    assert "somebody should write it down" in report
    return third


async def _a_member_opts_out(month: Month) -> Message:
    """Neither what they said before nor what they say now is learnt, so nobody agrees with the other one."""
    assert "do not learn" in await said(month.stage, month.member("dee"), "privacy training", learn="off")
    answer = await month.asks("eva", SPARES)
    await month.corrects("eva", answer, "car")
    await month.corrects("dee", answer, "car")
    assert await month.labels() == _of_before("dee") + Counter({"category-corrected-by-members": 1})
    await month.day()
    return answer


async def _two_tell_what_cannot_both_be_true(month: Month) -> Message:
    await month.asks("gil", "remember that the hangar heater runs 8 hours a day")
    await month.asks("hal", "remember that the hangar heater runs 10 hours a day")
    answer = await month.asks("fay", HEATER)
    await month.day()
    assert await month.anomalies() == {Kind.CONTRADICTION: AnomalyState.RAISED}
    assert "Two sources contradict each other" in month.told()[-1]
    return answer


async def _four_find_answers_too_long(month: Month) -> None:
    """On two days: that is not often enough."""
    for name, question in zip(("ana", "cai", "eva", "fay"), PUMPS[:4], strict=True):
        await month.finds_too_long(name, await month.asks(name, question))
        if name in {"cai", "fay"}:
            await month.day()
    assert len(month.told()) == 2
    assert await month.patterns(Action.HUMAN_REVIEW) == []


async def _new_accounts_attack(month: Month, answers: Sequence[Message]) -> None:
    """Their votes are heard of nowhere but in the alarm, which holds up what others say meanwhile."""
    for answer in answers:
        for troll in BRIGADE:
            await month.votes(troll, answer, "👎")
            month.passes(minutes=1)
    await month.day()
    assert (await month.anomalies())[Kind.BURST] is AnomalyState.RAISED
    assert "15 unhelpful votes within an hour" in month.told()[-1]
    for name, question in zip(("gil", "hal"), PUMPS[4:], strict=True):
        await month.finds_too_long(name, await month.asks(name, question))
    await month.day()
    assert "6 remarks by 6 members on 3 days" in month.told()[-1]
    assert "a person should look" in month.told()[-1]
    assert await month.patterns(Action.FINE_TUNE_ANSWERS) == []


async def _a_person_looks(month: Month) -> None:
    """The attack is nothing, the contradiction is dealt with, the attacked answer is right."""

    def decide(about: str) -> str:
        decided = {"15 unhelpful votes": "Discard", "Two sources contradict": "Accept", HEATER: "Accept"}
        return next((button for words, button in decided.items() if words in about), "Later")

    pressed = await month.reviews(decide)
    left = [about for button, about in pressed if button == "Later"]
    assert sum(about.startswith("I noticed something: Pattern") for about in left) == 1
    assert sum(about.startswith("members found the answer wrong") for about in left) == len(PUMPS)
    assert await month.anomalies() == {
        Kind.CONTRADICTION: AnomalyState.ACTED,
        Kind.BURST: AnomalyState.DISMISSED,
    }
    await month.day()
    assert "6 remarks by 6 members on 3 days" in month.told()[-1]
    assert "train the answers" in month.told()[-1]
    assert await month.patterns(Action.FINE_TUNE_ANSWERS) == [
        State.FOUND,
        *[State.CHANGED] * 3,
        State.STABLE,
    ]


async def _a_member_is_forgotten(month: Month) -> None:
    """Nobody agrees any more with who corrected the topic beside them, so that label is gone too."""
    warned = (await month.member("ben").slash("privacy forget")).messages()[0]
    await month.member("ben").clicks(warned, "Delete everything")
    await month.stage.until(lambda: "Everything of you is deleted" in warned.content)
    in_review = Counter({"answer-decided-in-review": 1, "answer-disliked": len(PUMPS)})
    assert await month.labels() == _of_before("dee", "ben") + in_review
    everything = await month.stores.journal.feedback(LOCAL_GUILD)
    assert month.id_of("ben") not in {each.member for each in everything}


async def _nothing_more_happens(month: Month) -> None:
    """Until the month is over nothing else is found, and the trail says who did what, when."""
    reports, begun = month.told(), month.stores.clock()
    labels, anomalies = await month.labels(), await month.anomalies()
    while month.stores.clock() < begun + 20 * DAY:
        await month.day()
    assert month.told() == reports
    assert (await month.labels(), await month.anomalies()) == (labels, anomalies)
    assert (await month.patterns(Action.FINE_TUNE_ANSWERS))[-1] is State.STABLE

    decisions = await DecisionStore(month.stores.database).all(LOCAL_GUILD)
    own = sorted((each.kind, each.act.value) for each in decisions if each.kind != "brought")
    assert own == [("disliked", "accept"), ("report", "accept"), ("report", "discard")]
    trail = [each for each in await month.stage.bot.state.changes(LOCAL_GUILD, limit=200) if each.at <= begun]
    came_to = [(each.action, each.detail["action"]) for each in trail if "rules" in each.detail]
    assert came_to.index(("pattern stable", "fine-tune the answers")) < came_to.index(
        ("pattern changed", "human review")
    )
    assert [each.action for each in trail if "rules" not in each.detail] == [FORGOTTEN, "anomalies tell"]
    assert not any(each.action == "pattern stable" for each in trail if each.detail.get("topic") != "pool")
