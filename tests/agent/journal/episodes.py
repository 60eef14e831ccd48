"""Episodes and feedback to test with: a plain one, and any that the contracts allow."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from agent.contracts import (
    Answer,
    AnswerKind,
    CategoryScore,
    Constraints,
    Episode,
    EpisodeId,
    Example,
    Feedback,
    FeedbackKind,
    GuildId,
    Intent,
    MemberId,
    ModelInfo,
    PassageId,
    Quote,
    Route,
    RouteDecision,
    Searched,
    Slug,
    SourceId,
)
from agent.ids import new_id

HOME, WORK = GuildId("home"), GuildId("work")
ANA, BEN = MemberId("ana"), MemberId("ben")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def an_episode(**changes: Any) -> Episode:
    """A plain episode of HOME, with an id of its own."""
    values: dict[str, Any] = {
        "id": EpisodeId(new_id()),
        "guild": HOME,
        "member": ANA,
        "asked_at": NOON,
        "question": "When did we replace our pool pump?",
        "intent": Intent.ASK,
        "language": "en",
        "route": None,
        "evidence": ((PassageId("p1"), 0.5),),
        "searched": None,
        "answer": Answer(text="In May 2024.", kind=AnswerKind.EXTRACTIVE),
        "models": (),
        "timings": {"total": 12.5},
    }
    return Episode(**values | changes)


def a_route(*categories: str, decision: RouteDecision = RouteDecision.SINGLE, out: float = 0.0) -> Route:
    """Of a router that was asked for no probabilities; `out` is the one of being out of scope."""
    return Route(
        scores=(),
        out_of_scope=out,
        decision=decision,
        categories=tuple(map(Slug, categories)),
        model_asked=False,
        reason="",
    )


def a_proven(text: str, quoted: str, kind: AnswerKind = AnswerKind.EXTRACTIVE) -> Answer:
    """An answer that quotes the passage p1 of the source s1."""
    quote = Quote(
        text=quoted,
        number=1,
        passage=PassageId("p1"),
        source=SourceId("s1"),
        title="Pool",
        location="Pool",
        start=0,
        end=len(quoted),
    )
    return Answer(text=text, kind=kind, quotes=(quote,))


def an_event(episode: Episode, kind: FeedbackKind, value: Any, **changes: Any) -> Feedback:
    """An event of ANA on an episode, with an id of its own."""
    values: dict[str, Any] = {
        "id": new_id(),
        "guild": episode.guild,
        "episode": episode.id,
        "member": ANA,
        "at": NOON,
        "kind": kind,
        "value": value,
    }
    return Feedback(**values | changes)


_texts = st.text(st.characters(exclude_categories=[]), max_size=12)
_numbers = st.floats(allow_nan=False)
_moments = st.datetimes(
    min_value=datetime(1970, 1, 3),  # noqa: DTZ001
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.integers(-14, 14).map(lambda hours: timezone(timedelta(hours=hours))),
)
_slugs = st.sampled_from([Slug("pool"), Slug("car")])
_shares = st.dictionaries(st.text(max_size=12), _numbers, max_size=3)
"""Keyed by names that the code gives, which have no lone surrogates; pydantic replaces those in keys."""


def _tuples(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(items, max_size=3).map(tuple)


_routes = st.builds(
    Route,
    scores=_tuples(st.builds(CategoryScore, category=_slugs, probability=_numbers, contributions=_shares)),
    out_of_scope=_numbers,
    decision=st.sampled_from(RouteDecision),
    categories=_tuples(_slugs),
    model_asked=st.booleans(),
    reason=_texts,
    examples=_tuples(st.builds(Example, question=_texts, category=_slugs, origin=_texts)),
)
_constraints = st.builds(
    Constraints,
    since=st.none() | st.dates(),
    until=st.none() | st.dates(),
    author_name=_texts,
    source=_texts,
    said=_tuples(_texts),
)
_searched = st.builds(
    Searched,
    categories=_tuples(_slugs),
    constraints=_constraints,
    widened=st.booleans(),
    queries=_tuples(_texts),
    index_version=_texts,
)
_quotes = st.builds(
    Quote,
    text=_texts,
    number=st.integers(1, 9),
    passage=_texts.map(PassageId),
    source=_texts.map(SourceId),
    title=_texts,
    location=_texts,
    start=st.integers(0),
    end=st.integers(0),
    category=st.none() | _slugs,
    date=st.none() | st.dates(),
    author_name=_texts,
    link=_texts,
)
_answers = st.builds(
    Answer,
    text=_texts,
    kind=st.sampled_from(AnswerKind),
    quotes=_tuples(_quotes),
    language=_texts,
    reason=_texts,
    entry=st.none() | _texts.map(SourceId),
)
_models = st.builds(
    ModelInfo,
    name=_texts,
    engine=_texts,
    digest=_texts,
    adapter=_texts,
    adapter_digest=_texts,
    context_tokens=st.integers(0, 10**6),
)

episodes = st.builds(
    an_episode,
    id=st.builds(new_id).map(EpisodeId),
    asked_at=_moments,
    question=_texts,
    intent=st.sampled_from(Intent),
    language=_texts,
    route=st.none() | _routes,
    evidence=_tuples(st.tuples(_texts.map(PassageId), _numbers)),
    searched=st.none() | _searched,
    answer=st.none() | _answers,
    models=_tuples(_models),
    timings=_shares,
    error=_texts,
    error_id=st.sampled_from(["", "e1"]),
)
"""Any episode of HOME and ANA that the contracts allow."""
