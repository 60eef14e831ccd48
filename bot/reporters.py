"""What the detectors would have a person decide, in the reviewer's words: patterns that no rule settles, and
anomalies that only a person can judge.

They read what the last look wrote down and look for nothing themselves, so the queue stays as quick as it is.
What is decided is written into the detector's own log, in the transaction that stores the decision, so that
`/patterns` and `/anomalies` always say the same as the queue.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agent.contracts import EpisodeId, GuildId
from agent.language.counts import Count
from bot.anomalies import sentence_of
from bot.texts import Texts
from tuning.annotation.item import Kind, Report, Reporter, item_id
from tuning.anomalies.anomaly import RULES, Anomaly
from tuning.anomalies.anomaly import State as AnomalyState
from tuning.anomalies.log import AnomalyLog
from tuning.anomalies.quoting import quotes_of
from tuning.labels.decisions import Act, Decision
from tuning.labels.gathering import Gathered
from tuning.patterns.log import SETTLED, Event, PatternLog, State
from tuning.patterns.pattern import Action

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from agent.runtime import Stores

_OLDEST: Final = max(rule.counts_for + rule.cool_down for rule in RULES.values())


def reporters_of(stores: Stores, texts: Texts) -> tuple[Reporter, ...]:
    """The installation's detectors, speaking the reviewer's language."""
    return PatternReports(stores, texts), AnomalyReports(stores, texts)


@dataclass(frozen=True, slots=True)
class PatternReports:
    """Patterns of which the rules say that a person should look."""

    stores: Stores
    texts: Texts

    async def reports(self, guild: GuildId, gathered: Gathered) -> Sequence[Report]:
        """Of patterns whose questions may be shown; not of one that nobody may be learnt from any more."""
        questions = {turn.episode.id: turn.question for case in gathered.cases for turn in case.turns}
        lives = _lives(await PatternLog(self.stores.database).events(guild))
        return [
            self._report(life, event, questions[event.facts.medoid])
            for life, event in lives.items()
            if not event.over
            and event.facts.action is Action.HUMAN_REVIEW
            and event.facts.medoid in questions
        ]

    async def heard(self, decision: Decision, within: AsyncConnection) -> None:
        guild, log = decision.guild, PatternLog(self.stores.database, within)
        for life, event in _lives(await log.events(guild)).items():
            if item_id(Kind.REPORT, life) != decision.item:
                continue
            if decision.act is Act.UNDO:
                if event.state in SETTLED:
                    await log.reopen(guild, event.pattern, decision.at)
            elif not event.over:
                state = State.DONE if decision.act is Act.ACCEPT else State.DISMISSED
                await log.settle(guild, event.pattern, state, decision.at)

    def _report(self, life: str, event: Event, question: str) -> Report:
        facts = event.facts
        text = self.texts.review.pattern.format(
            id=event.pattern[:8],
            remarks=Count(facts.remarks),
            members=Count(facts.members),
            question=question,
        )
        return Report(id=life, text=text, episodes=(EpisodeId(facts.medoid),), members=facts.members)


def _lives(events: Iterable[Event]) -> Mapping[str, Event]:
    """What stands of each pattern, by the id of the event with which it was found the last time: a pattern
    that comes back after it was dealt with is another report.
    """
    found: dict[str, str] = {}
    standing: dict[str, Event] = {}
    for event in events:
        if event.state is State.FOUND:
            found[event.pattern] = event.id
        standing[event.pattern] = event
    return {found[pattern]: event for pattern, event in standing.items()}


@dataclass(frozen=True, slots=True)
class AnomalyReports:
    """Anomalies that are open: what the bot may mend by itself is mended before anybody is asked."""

    stores: Stores
    texts: Texts

    async def reports(self, guild: GuildId, gathered: Gathered) -> Sequence[Report]:
        scrub = gathered.scrubber.scrub
        return [
            Report(id=each.id, text=scrub(await self._text(each)))
            for each in await self._known(AnomalyLog(self.stores.database), guild)
            if each.open
        ]

    async def heard(self, decision: Decision, within: AsyncConnection) -> None:
        log = AnomalyLog(self.stores.database, within)
        for each in await self._known(log, decision.guild):
            if item_id(Kind.REPORT, each.id) != decision.item:
                continue
            if decision.act is Act.UNDO:
                if each.state in {AnomalyState.ACTED, AnomalyState.DISMISSED}:
                    await log.change(each, AnomalyState.RAISED, decision.at)
            elif each.open:
                state = AnomalyState.ACTED if decision.act is Act.ACCEPT else AnomalyState.DISMISSED
                await log.change(each, state, decision.at, decision.note)

    async def _known(self, log: AnomalyLog, guild: GuildId) -> Sequence[Anomaly]:
        return await log.anomalies(guild, since=self.stores.clock() - _OLDEST)

    async def _text(self, anomaly: Anomaly) -> str:
        words, kind = self.texts.anomalies, anomaly.found.kind
        sentence = await sentence_of(self.stores, anomaly, words)
        quotes = [f"“{each.text}” ({each.title})" for each in await quotes_of(self.stores, anomaly)]
        return " ".join([words.notice.format(sentence=sentence, advice=words.advice[kind]), *quotes])
