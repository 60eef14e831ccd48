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
    Role,
)
from agent.ids import new_id
from tests.agent.journal.episodes import a_proven, a_route, an_episode, an_event
from tuning.labels.cases import Turn
from tuning.labels.standing import standing

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def an_answer(kind: AnswerKind = AnswerKind.EXTRACTIVE) -> Answer:
    if kind is AnswerKind.DECLINED:
        return Answer(text="In May.", kind=kind)
    return a_proven("In May.", "In May.", kind)


def asked(*categories: str, at: datetime = NOON, milliseconds: float = 1000.0, **changes: Any) -> Episode:
    values: dict[str, Any] = {
        "id": EpisodeId(new_id()),
        "asked_at": at,
        "intent": Intent.ASK,
        "route": a_route(*categories, out=0.1),
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
