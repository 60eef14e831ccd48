"""Questions with what members said of them, made short."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from agent.contracts import (
    Answer,
    AnswerKind,
    Episode,
    EpisodeId,
    Feedback,
    FeedbackKind,
    Intent,
    MemberId,
    PassageId,
    Quote,
    Role,
    Route,
    RouteDecision,
    Slug,
    SourceId,
)
from agent.ids import new_id
from tests.agent.journal.episodes import an_episode, an_event
from tuning.labels.cases import Turn
from tuning.labels.standing import standing

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def a_route(*categories: str, decision: RouteDecision = RouteDecision.SINGLE) -> Route:
    return Route(
        scores=(),
        out_of_scope=0.1,
        decision=decision,
        categories=tuple(map(Slug, categories)),
        model_asked=False,
        reason="test",
    )


def an_answer(kind: AnswerKind = AnswerKind.EXTRACTIVE) -> Answer:
    quote = Quote(
        text="In May.",
        number=1,
        passage=PassageId("p"),
        source=SourceId("s"),
        title="Pool",
        location="",
        start=0,
        end=7,
    )
    return Answer(text="In May.", kind=kind, quotes=() if kind is AnswerKind.DECLINED else (quote,))


def asked(*categories: str, at: datetime = NOON, milliseconds: float = 1000.0, **changes: Any) -> Episode:
    values: dict[str, Any] = {
        "id": EpisodeId(new_id()),
        "asked_at": at,
        "intent": Intent.ASK,
        "route": a_route(*categories),
        "answer": an_answer(),
        "timings": {"total": milliseconds},
    }
    return an_episode(**values | changes)


def vote(episode: Episode, value: int, member: str = "ana") -> Feedback:
    return an_event(episode, FeedbackKind.VOTE, {"vote": value}, member=MemberId(member))


def correction(episode: Episode, topic: str, member: str = "ana", role: Role = Role.MEMBER) -> Feedback:
    return an_event(episode, FeedbackKind.CORRECTION, {"category": topic}, member=MemberId(member), role=role)


def turn(episode: Episode, *events: Feedback) -> Turn:
    return Turn(episode=episode, question=episode.question, said=standing(events))
