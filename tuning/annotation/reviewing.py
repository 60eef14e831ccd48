"""Deciding what waits: the one way for Discord, the terminal and an import.

A look is what the queue was at one moment; a decision on it is checked, stored, and learnt by the router at
once where it names a category.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from agent.contracts import EpisodeId, Example, GuildId, MemberId, Slug
from agent.errors import UsageError
from agent.ids import new_id
from agent.privacy.consents import Consents
from agent.serving.served import Task
from tuning.annotation.exhibit import Exhibit
from tuning.annotation.guideline import GUIDELINE
from tuning.annotation.item import Item, Kind, Reporter
from tuning.annotation.queue import queue
from tuning.annotation.validation import Draft, faults
from tuning.labels.decisions import Act, Decision, last_decision, standing_decisions
from tuning.labels.gathering import Gathered, gather
from tuning.labels.label import Label
from tuning.labels.standing import Aspect, standing
from tuning.labels.store import DecisionStore

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from agent.runtime import Stores


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The queue of one guild at one moment, what helps most first."""

    guild: GuildId
    items: tuple[Item, ...]
    gathered: Gathered

    def item(self, task: Task | None, episode: EpisodeId) -> Item | None:
        """What waits of a question; None when nothing does any longer."""
        return next((each for each in self.items if each.task is task and episode in each.episodes), None)

    def by_id(self, id_: str) -> Item | None:
        return next((each for each in self.items if each.id == id_), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a reviewer says of what they have before them. The category or the answer only to correct."""

    by: MemberId
    act: Act
    categories: tuple[str, ...] = ()
    answer: str = ""
    quotes: tuple[str, ...] = ()
    note: str = ""


class Reviewing:
    """Of every guild. Raises `StoreError`, `UnknownGuildError`, and `UsageError` where it says so."""

    def __init__(self, stores: Stores, reporters: Sequence[Reporter] = ()) -> None:
        """Without reporters only questions wait, and labels come of every decision."""
        self._stores = stores
        self._decisions = DecisionStore(stores.database)
        self._consents = Consents(stores.database, stores.settings)
        self._reporters = tuple(reporters)

    async def look(self, guild: GuildId) -> Look:
        gathered = await gather(self._stores, guild, now=self._stores.clock())
        reports = [report for each in self._reporters for report in await each.reports(guild, gathered)]
        items = queue(
            gathered.cases,
            gathered.derivation,
            guild=guild,
            scrub=gathered.scrubber.scrub,
            categories=[category.slug for category in gathered.categories],
            decisions=standing_decisions(gathered.decisions),
            reports=reports,
            double_share=self._stores.settings.review_double_share,
        )
        return Look(guild=guild, items=items, gathered=gathered)

    async def decide(
        self, look: Look, shown: Exhibit, verdict: Verdict, *, wanted: int | None = None
    ) -> Decision:
        """Store a decision. `UsageError` names everything that is wrong with it; `DecidedMeanwhileError`
        when as many others were quicker as are `wanted`, which the item says unless it is given.
        """
        decision = decided(look, shown, verdict, self._stores.clock())
        await self._store(decision, wanted=shown.item.wanted if wanted is None else wanted)
        may_learn = await self._consents.allows(look.guild, verdict.by, decision.at)
        if may_learn and decision.category is not None and decision.episode is not None:
            await self._learn(look.guild, decision.episode, decision.category, verdict.by)
        return decision

    async def undo(self, guild: GuildId, member: MemberId) -> Decision | None:
        """Take the reviewer's last decision back and return it; None when there is none."""
        last = last_decision(await self._decisions.all(guild), member)
        if last is None:
            return None
        undoing = Decision(
            id=new_id(),
            guild=guild,
            item=last.item,
            kind=last.kind,
            task=last.task,
            episode=last.episode,
            member=member,
            at=self._stores.clock(),
            act=Act.UNDO,
            undoes=last.id,
            guideline=GUIDELINE,
        )
        await self._store(undoing)
        if last.category is not None and last.episode is not None:
            await self._unlearn(guild, last.episode)
        return last

    async def history(self, guild: GuildId) -> tuple[Decision, ...]:
        """Who decided what, oldest first, undone ones and undoings included."""
        await self._stores.catalog.revision(guild)
        return await self._decisions.all(guild)

    async def _store(self, decision: Decision, *, wanted: int = 1) -> None:
        """One transaction with what detectors write down of it: a kill leaves a report decided in both
        places or open in both. They hear of reports only: of questions labels are made.
        """

        async def tell(connection: AsyncConnection) -> None:
            for each in self._reporters if decision.task is None else ():
                await each.heard(decision, connection)

        await self._decisions.add(decision, wanted=wanted, follows=tell)

    async def _learn(
        self, guild: GuildId, episode: EpisodeId, category: Slug, by: MemberId, origin: str = "review"
    ) -> None:
        """The next question already routes by it, as after any correction."""
        asked = await self._stores.journal.episode(guild, episode)
        if asked is not None:
            example = Example(
                question=asked.question, category=category, origin=origin, asker=asked.member, teacher=by
            )
            await self._stores.catalog.put_examples(guild, [example])

    async def _unlearn(self, guild: GuildId, episode: EpisodeId) -> None:
        """Put back what stands without the decision: another decision, else the last correction, else
        nothing.
        """
        asked = await self._stores.journal.episode(guild, episode)
        if asked is None:
            return
        catalog = self._stores.catalog
        known = {category.slug for category in await catalog.categories(guild)}
        before = await self._said_before(guild, episode)
        if before is not None:
            said, by, origin = before
            now = (await catalog.former_slugs(guild)).get(said, said)
            if now in known:
                await self._learn(guild, episode, now, by, origin)
                return
        await catalog.remove_examples(guild, [asked.question])

    async def _said_before(self, guild: GuildId, episode: EpisodeId) -> tuple[Slug, MemberId, str] | None:
        for each in reversed(standing_decisions(await self._decisions.all(guild))):
            if each.episode == episode and each.category is not None:
                return each.category, each.member, "review"
        events = standing(await self._stores.journal.feedback(guild, episode=episode))
        said = [each for each in events if each.aspect is Aspect.CATEGORY]
        return (Slug(str(said[-1].value)), said[-1].event.member, "correction") if said else None


def decided(look: Look, shown: Exhibit, verdict: Verdict, at: datetime) -> Decision:
    """Make the event of a verdict. Raises `UsageError` with everything that is wrong with it."""
    item, scrub = shown.item, look.gathered.scrubber.scrub
    draft = _draft(shown, verdict)
    if draft is not None:
        known = [category.slug for category in look.gathered.categories]
        wrong = faults(draft, known=known, accepted=_accepted(look, item))
        if wrong:
            raise UsageError(" ".join(fault.message for fault in wrong), "Nothing was stored.")
    return Decision(
        id=new_id(),
        guild=look.guild,
        item=item.id,
        kind=item.kind.value,
        task=item.task,
        episode=shown.episode,
        member=verdict.by,
        at=at,
        act=verdict.act,
        category=Slug(draft.categories[0]) if draft and draft.task is Task.ROUTE else None,
        answer=scrub(draft.answer) if draft else "",
        quotes=draft.quotes if draft else (),
        evidence=tuple(piece.cited for piece in shown.evidence) if draft and draft.answer else (),
        note=verdict.note,
        seen=item.seen,
        guideline=GUIDELINE,
    )


def _draft(shown: Exhibit, verdict: Verdict) -> Draft | None:
    """What would be learnt; None where nothing is."""
    item = shown.item
    if not shown.decidable:
        raise UsageError("The answer rests on what you may not read.", "Somebody who may must decide it.")
    if verdict.act is Act.DISCARD or (verdict.act is Act.ACCEPT and item.task is None):
        return None
    if item.task is None:
        raise UsageError("A report can be accepted or discarded.")
    accepts = verdict.act is Act.ACCEPT
    if accepts and not item.proposal:
        raise UsageError("Nothing is proposed that could be accepted.", "Correct or discard it.")
    same = item.proposal == shown.answer
    categories = (item.proposal,) if accepts else verdict.categories
    answer = item.proposal if accepts else verdict.answer
    proposed = shown.quotes if same else ()
    route = item.task is Task.ROUTE
    return Draft(
        task=item.task,
        question=shown.question,
        language=item.language,
        categories=categories if route else (),
        answer="" if route else answer,
        quotes=() if route else (proposed if accepts else verdict.quotes),
        evidence=tuple(piece.text for piece in shown.evidence),
        must_quote=not accepts,
    )


def _accepted(look: Look, item: Item) -> list[Label]:
    """Labels that a decision may not contradict: not those that it is asked to replace."""
    if item.kind is Kind.BROUGHT:
        return list(look.gathered.derivation.labels)
    return [
        label
        for label in look.gathered.derivation.labels
        if not (label.task is item.task and set(label.episodes) & set(item.episodes))
    ]
