"""The review queue: a pure function of the journal and the labels.

Nothing of it is kept. An item is there because of what stands now, and gone when it is decided; it comes
back when somebody says otherwise who was not known to those who decided. What helps most stands first:
how much its kind of doubt holds back, times how many different members it concerns, so that nobody raises a
question by repeating it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from agent.contracts import Episode, GuildId, RouteDecision, Slug
from agent.serving.served import Task
from tuning.annotation.item import Item, Kind, Report, item_id
from tuning.labels.cases import Case, Opinion, Scrub, Turn
from tuning.labels.decided import Voice, challengers, review, voice_of, voice_of_opinion
from tuning.labels.decisions import Decision
from tuning.labels.derive import corrected_answers
from tuning.labels.grouping import same_words
from tuning.labels.label import Choice, Derivation, Doubt, Polarity, Review
from tuning.labels.standing import Aspect

UNSURE: Final = 0.7
"""A route is of low confidence when the most probable outcome, a category or none, is less probable."""

WEIGHTS: Final[Mapping[Kind, float]] = {
    Kind.CONFLICT: 4.0,
    Kind.GONE: 4.0,
    Kind.REPORT: 4.0,
    Kind.UNCONFIRMED: 3.0,
    Kind.DISLIKED: 3.0,
    Kind.UNANSWERED: 2.0,
    Kind.LOW_CONFIDENCE: 1.0,
    Kind.BROUGHT: 0.0,
}
"""For each member concerned; of a route also times how unsure it is. What people said and cannot be used
comes before what nobody said anything about.
"""

_KINDS: Final = {
    Doubt.CONFLICT: Kind.CONFLICT,
    Doubt.UNCONFIRMED: Kind.UNCONFIRMED,
    Doubt.GONE: Kind.GONE,
}


def queue(
    cases: Sequence[Case],
    derivation: Derivation,
    *,
    guild: GuildId,
    scrub: Scrub,
    categories: Collection[Slug],
    decisions: Sequence[Decision] = (),
    reports: Iterable[Report] = (),
    double_share: float = 0.0,
) -> tuple[Item, ...]:
    """Return what waits for a person, what helps most first.

    `derivation` is that of `cases`; `decisions` are those that stand. `double_share` is the share of items,
    0 to 1, that is asked of two people, always the same ones.
    """
    reviews = {(each.group, each.task): each for each in derivation.reviews}
    labelled = {(each.group, each.task) for each in derivation.labels if each.polarity is Polarity.POSITIVE}
    asked = [
        _Asked(
            case=case,
            task=task,
            scrub=scrub,
            doubt=reviews.get((case.group, task)),
            labelled=(case.group, task) in labelled,
        )
        for case in cases
        for task in Task
    ]
    found = [item for each in asked if (item := _item(each, categories, double_share)) is not None]
    found += _reported(guild, reports, decisions)
    return tuple(sorted(found, key=lambda each: (-each.benefit, each.id)))


def brought(case: Case, task: Task, scrub: Scrub) -> Item:
    """What to decide of a question of which nothing waits, because somebody decided it elsewhere."""
    asked = _Asked(case=case, task=task, scrub=scrub, doubt=None, labelled=False)
    return _made(asked, Kind.BROUGHT, ())


def unsure(episode: Episode) -> float:
    """How unsure the router was of a question, 0 when it was sure or was not asked."""
    route = episode.route
    if route is None or not route.scores or route.decision is RouteDecision.GIVEN:
        return 0.0
    top = max(route.out_of_scope, *(score.probability for score in route.scores))
    return 1.0 - top if top < UNSURE else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """One task on near-duplicate questions."""

    case: Case
    task: Task
    scrub: Scrub
    doubt: Review | None
    """What the rules found that they cannot decide."""
    labelled: bool
    """Whether the rules made a label of it."""

    @property
    def decisions(self) -> tuple[Decision, ...]:
        return self.case.decided(self.task)

    @property
    def opinions(self) -> tuple[Opinion, ...]:
        if self.task is Task.ROUTE:
            return self.case.opinions(Aspect.CATEGORY)
        return corrected_answers(self.case, self.scrub)

    def choices(self, voices: Iterable[Voice]) -> tuple[Choice, ...]:
        return review(self.case, self.task, Doubt.CONFLICT, voices).choices


def _item(asked: _Asked, categories: Collection[Slug], double_share: float) -> Item | None:
    decisions = asked.decisions
    wanted = 2 if _is_double(_id(asked), double_share) else 1
    voices = tuple(map(voice_of_opinion, asked.opinions))
    if not decisions:
        kind = _kind(asked)
        choices = asked.doubt.choices if asked.doubt else asked.choices(voices)
        return _made(asked, kind, choices, wanted=wanted) if kind else None
    if reopened := _reopened(asked, categories):
        return _made(asked, *reopened, known=decisions)
    reviewers = tuple(sorted({each.member for each in decisions}))
    if len(reviewers) >= wanted:
        return None
    item = _made(asked, Kind(decisions[0].kind), asked.choices(voices), wanted=wanted)
    return replace(item, decided_by=reviewers)


def _kind(asked: _Asked) -> Kind | None:
    """Why a person should look at what nobody has decided; None when there is no need."""
    turns = asked.case.turns
    if asked.doubt is not None:
        return _KINDS[asked.doubt.doubt]
    if asked.labelled:
        return None
    if asked.task is Task.ROUTE:
        return Kind.LOW_CONFIDENCE if any(unsure(turn.episode) for turn in turns) else None
    if any(map(_disliked, turns)):
        return Kind.DISLIKED
    return Kind.UNANSWERED if any(map(_declined, turns)) else None


def _reopened(asked: _Asked, categories: Collection[Slug]) -> tuple[Kind, tuple[Choice, ...]] | None:
    """Why what was decided is asked again, with what people say of it; None when it is not."""
    decisions = asked.decisions
    against = challengers(decisions, asked.opinions)
    voices = [*map(voice_of, decisions), *map(voice_of_opinion, against)]
    if against or len({each.outcome for each in decisions}) > 1:
        return Kind.CONFLICT, asked.choices(voices)
    if any(each.category is not None and each.category not in categories for each in decisions):
        return Kind.GONE, asked.choices(voices)
    if asked.task is Task.ANSWER and _disliked_since(asked, decisions):
        return Kind.DISLIKED, asked.choices(voices)
    return None


def _disliked_since(asked: _Asked, decisions: Sequence[Decision]) -> bool:
    """Whether members dislike the very answer that was decided to be right, and did not before."""
    known = {id_ for each in decisions for id_ in each.seen}
    right = {each.outcome for each in decisions}
    return any(
        _disliked(turn)
        and same_words(asked.scrub(turn.verified_answer)) in right
        and any(vote.value == -1 and vote.event.id not in known for vote in turn.votes)
        for turn in asked.case.turns
    )


def _made(
    asked: _Asked,
    kind: Kind,
    choices: tuple[Choice, ...],
    *,
    known: Sequence[Decision] = (),
    wanted: int = 1,
) -> Item:
    turns = asked.case.turns
    said = [each for turn in turns for each in turn.said]
    members = {turn.episode.member for turn in turns} | {each.event.member for each in said}
    doubtful = max(unsure(turn.episode) for turn in turns) if kind is Kind.LOW_CONFIDENCE else 1.0
    first = turns[0]
    return Item(
        id=_id(asked),
        guild=first.episode.guild,
        kind=kind,
        task=asked.task,
        question=first.question,
        language=first.episode.language,
        episodes=tuple(turn.episode.id for turn in sorted(turns, key=lambda turn: not _shows(turn, kind))),
        proposal=_proposal(asked, kind, choices),
        choices=choices,
        benefit=WEIGHTS[kind] * len(members) * doubtful,
        seen=tuple(sorted({*(each.event.id for each in said), *(each.id for each in known)})),
        wanted=wanted,
    )


def _proposal(asked: _Asked, kind: Kind, choices: Sequence[Choice]) -> str:
    """What most members say; else what the bot itself made of it, where that may be right."""
    turns = asked.case.turns
    ranked = sorted(choices, key=lambda each: -len(each.members))
    if ranked:
        tied = len(ranked) > 1 and len(ranked[0].members) == len(ranked[1].members)
        return "" if tied or kind is Kind.GONE else ranked[0].value
    if asked.task is Task.ANSWER:
        return next((asked.scrub(turn.verified_answer) for turn in turns if _disliked(turn)), "")
    route = max(turns, key=lambda turn: unsure(turn.episode)).episode.route
    return route.scores[0].category if route and route.scores else ""


def _shows(turn: Turn, kind: Kind) -> bool:
    """Whether the doubt can be seen on this one of near-duplicate questions."""
    if kind is Kind.DISLIKED:
        return _disliked(turn)
    if kind is Kind.LOW_CONFIDENCE:
        return unsure(turn.episode) > 0
    return kind is not Kind.UNANSWERED or _declined(turn)


def _disliked(turn: Turn) -> bool:
    return bool(turn.verified_answer) and turn.liking < 0


def _declined(turn: Turn) -> bool:
    return turn.episode.answer is not None and turn.episode.answer.declined


def _id(asked: _Asked) -> str:
    return item_id(asked.task, asked.case.turns[0].episode.id)


def _is_double(id_: str, share: float) -> bool:
    """Told by the id, so that it is the same items in every process and at every look."""
    return int(id_[:8], 16) < share * 16**8


def _reported(guild: GuildId, reports: Iterable[Report], decisions: Sequence[Decision]) -> Iterator[Item]:
    decided = {each.item for each in decisions if each.task is None}
    for report in reports:
        id_ = item_id(Kind.REPORT, report.id)
        if id_ not in decided:
            yield Item(
                id=id_,
                guild=guild,
                kind=Kind.REPORT,
                task=None,
                question=report.text,
                episodes=report.episodes,
                benefit=WEIGHTS[Kind.REPORT] * report.members,
            )
