"""Labels out to other tools, decisions back in. What is brought in is checked like what is decided here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from agent.contracts import EpisodeId, GuildId, MemberId, Passage
from agent.errors import UsageError
from agent.serving.served import Task
from tuning.annotation.exhibit import exhibit_of, sha256_of
from tuning.annotation.formats import Context, Judgement
from tuning.annotation.item import Item
from tuning.annotation.queue import brought
from tuning.annotation.reviewing import Look, Reviewing, Verdict
from tuning.labels.cases import Case, Scrub
from tuning.labels.decisions import Act
from tuning.labels.gathering import Gathered
from tuning.labels.grouping import same_words
from tuning.labels.label import Polarity

if TYPE_CHECKING:
    from agent.runtime import Stores

_ANY_NUMBER: Final = 1_000_000
"""Of people who decided the same elsewhere: none of them is refused for coming second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What became of judgements that were brought in."""

    decided: int
    known: int
    """Labels that are made here already, and decisions of the same person that stand."""
    negative: int
    """What should not have been said: that comes from votes, and is not decided."""
    refused: tuple[str, ...]
    """A line each."""


async def context_of(stores: Stores, guild: GuildId, gathered: Gathered) -> Context:
    """What the labels refer to, without passages that changed since a reviewer read them."""
    labels = gathered.derivation.labels
    hashes = {
        passage: digest
        for label in labels
        for passage, digest in zip(label.evidence, label.evidence_sha256, strict=False)
    }
    ids = list(dict.fromkeys(passage for label in labels for passage in label.evidence))
    found = await stores.store.get(guild, ids)
    same = [each for each in found if hashes.get(each.id, sha256_of(each)) == sha256_of(each)]
    scrub = gathered.scrubber.scrub
    return Context(
        categories=gathered.categories, passages={each.id: _scrubbed(each, scrub) for each in same}
    )


def _scrubbed(passage: Passage, scrub: Scrub) -> Passage:
    return replace(
        passage,
        title=scrub(passage.title),
        location=scrub(passage.location),
        text=scrub(passage.text),
        author=None,
        author_name="",
    )


async def evidence_of(stores: Stores, look: Look) -> dict[str, str]:
    """What was found for each thing that waits, scrubbed, by the item's id."""
    found: dict[str, str] = {}
    for item in look.items:
        if item.task is not None:
            scrub = look.gathered.scrubber.scrub
            shown = await exhibit_of(stores, item, item.episodes[0], scrub=scrub)
            if shown is not None:
                found[item.id] = "\n".join(piece.text for piece in shown.evidence)
    return found


async def bring(
    stores: Stores, guild: GuildId, judgements: Sequence[tuple[int, Judgement]], by: MemberId
) -> Brought:
    """Store as decisions what people decided elsewhere; each comes with the number of its line.

    `by` is who is named where a judgement names nobody. Raises `StoreError`, `UnknownGuildError`.
    """
    reviewing = Reviewing(stores)
    look = await reviewing.look(guild)
    counts = {"decided": 0, "known": 0, "negative": 0}
    refused: list[str] = []
    for number, judgement in judgements:
        try:
            counts[await _bring_one(stores, reviewing, look, judgement, by)] += 1
        except UsageError as error:
            refused.append(f"Line {number}: {error}")
    return Brought(**counts, refused=tuple(refused))


async def _bring_one(
    stores: Stores, reviewing: Reviewing, look: Look, judgement: Judgement, by: MemberId
) -> str:
    if judgement.polarity is Polarity.NEGATIVE:
        return "negative"
    if judgement.polarity is Polarity.LIKED:
        return "known"  # by the votes themselves, which are not here to be decided upon
    member = MemberId(judgement.by) if judgement.by else by
    case = _case(look, judgement.episode)
    if _is_known(look, case, judgement, member):
        return "known"
    scrub = look.gathered.scrubber.scrub
    item = look.item(judgement.task, judgement.episode) or brought(case, judgement.task, scrub)
    shown = await exhibit_of(stores, item, judgement.episode, scrub=scrub)
    if shown is None:
        raise _unknown(judgement.episode)
    verdict = Verdict(
        by=member,
        act=_act(item, judgement),
        categories=judgement.categories,
        answer=scrub(judgement.answer),
        quotes=judgement.quotes,
    )
    await reviewing.decide(look, shown, verdict, wanted=_ANY_NUMBER)
    return "decided"


def _act(item: Item, judgement: Judgement) -> Act:
    if judgement.discarded:
        return Act.DISCARD
    said = judgement.answer if item.task is Task.ANSWER else " ".join(judgement.categories)
    return Act.ACCEPT if said and said == item.proposal else Act.CORRECT


def _case(look: Look, episode: EpisodeId) -> Case:
    for case in look.gathered.cases:
        if any(turn.episode.id == episode for turn in case.turns):
            return case
    raise _unknown(episode)


def _unknown(episode: EpisodeId) -> UsageError:
    return UsageError(f"There is no question {episode} here that may be learnt from.")


def _is_known(look: Look, case: Case, judgement: Judgement, member: MemberId) -> bool:
    """Whether a label says the same already, or the same person has decided it so."""
    answers = judgement.task is Task.ANSWER
    value = same_words(judgement.answer) if answers else " ".join(judgement.categories)
    outcome = "" if judgement.discarded else value
    theirs = [each for each in case.decided(judgement.task) if each.member == member]
    labels = [
        label
        for label in look.gathered.derivation.labels
        if label.group == case.group
        and label.task is judgement.task
        and label.polarity is Polarity.POSITIVE
        and (same_words(label.answer) if answers else label.category) == value
    ]
    return any(each.outcome == outcome for each in theirs) or (bool(labels) and not judgement.by)
