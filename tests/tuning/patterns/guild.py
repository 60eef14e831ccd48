"""A guild on paper: who asked what and said what of it, with a vector for each topic."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np

from agent.contracts import (
    Answer,
    AnswerKind,
    Episode,
    EpisodeId,
    Feedback,
    FeedbackKind,
    GuildId,
    Intent,
    MemberId,
    PassageId,
    Role,
    RouteDecision,
    Slug,
)
from agent.serving.served import Task
from tests.agent.journal.episodes import NOON, a_proven, a_route, an_episode
from tuning.labels.label import Label, Polarity
from tuning.patterns.pattern import History

GUILD: Final = GuildId("home")
POOL, PLUMBING, CAR = Slug("pool"), Slug("plumbing"), Slug("car")
PROVEN: Final = a_proven("In May 2024.", "The pump was replaced in May 2024.")
DECLINED: Final = Answer(text="I don't know.", kind=AnswerKind.DECLINED)
TOPICS: Final = 40
"""Dimensions of the vectors: what is about one topic has one direction, but for a little."""


class Paper:
    """Builds a `History`. Questions of one `topic` are similar, those of two are not."""

    def __init__(self) -> None:
        self._episodes: list[Episode] = []
        self._events: list[Feedback] = []
        self._vectors: list[np.ndarray] = []
        self._noise = np.random.default_rng(0)
        self.joined: dict[MemberId, datetime] = {}
        self.labels: tuple[Label, ...] = ()

    def ask(
        self,
        member: str,
        day: float,
        question: str = "how warm is the hot tub?",
        *,
        topic: int = 0,
        category: Slug | None = PLUMBING,
        answer: Answer | None = PROVEN,
    ) -> EpisodeId:
        id_ = EpisodeId(f"e{len(self._episodes):05d}")
        decision = RouteDecision.SINGLE if category else RouteDecision.UNFILTERED
        route = a_route(*filter(None, [category]), decision=decision)
        declined = answer is not None and answer.declined
        self._episodes.append(
            an_episode(
                id=id_,
                guild=GUILD,
                member=MemberId(member),
                asked_at=NOON + timedelta(days=day),
                question=question,
                intent=Intent.ASK,
                route=route,
                answer=answer,
                evidence=() if declined else ((PassageId("p1"), 1.0),),
            )
        )
        vector = self._noise.normal(scale=0.02, size=TOPICS)
        vector[topic] += 1.0
        self._vectors.append(vector / np.linalg.norm(vector))
        return id_

    def say(
        self, episode: EpisodeId, member: str, minutes: float = 1, role: Role = Role.MEMBER, **value: Any
    ) -> str:
        """Give feedback so long after the question; what kind it is, the name of the value tells."""
        (name,) = value
        kinds = {"vote": FeedbackKind.VOTE, "reason": FeedbackKind.REASON, "event": FeedbackKind.RETRACTION}
        asked_at = next(each.asked_at for each in self._episodes if each.id == episode)
        event = Feedback(
            id=f"f{len(self._events):05d}",
            guild=GUILD,
            episode=episode,
            member=MemberId(member),
            at=asked_at + timedelta(minutes=minutes),
            kind=kinds.get(name, FeedbackKind.CORRECTION),
            value=value,
            role=role,
        )
        self._events.append(event)
        return event.id

    def corrected(
        self, member: str, day: float, *, minutes: float = 1, role: Role = Role.MEMBER, **asked: Any
    ) -> EpisodeId:
        """Ask a question in plumbing and say that it belongs to pool."""
        episode = self.ask(member, day, **asked)
        self.say(episode, member, minutes, role, category=POOL)
        return episode

    def healthy(
        self, count: int = 110, *, until: float = -10, category: Slug = PLUMBING, topic: int = 5
    ) -> None:
        """Questions over the time before, of five members, one in ten of them with an unhelpful answer."""
        for number in range(count):
            member = f"member{number % 5}"
            day = until - (count - number) * 0.5
            episode = self.ask(member, day, f"question {number}", topic=topic + number % 8, category=category)
            self.say(episode, member, vote=-1 if number % 10 == 9 else 1)

    def many_labels(self, count: int = 120) -> None:
        self.labels = tuple(a_label(number, (POOL, PLUMBING, CAR)[number % 3]) for number in range(count))

    def history(self, **changes: Any) -> History:
        values: dict[str, Any] = {
            "episodes": tuple(self._episodes),
            "events": tuple(self._events),
            "vectors": np.array(self._vectors, dtype=np.float32).reshape(-1, TOPICS),
            "labels": self.labels,
            "joined": self.joined,
        }
        return History(**values | changes)


def a_label(number: int, category: Slug, task: Task = Task.ROUTE) -> Label:
    return Label(
        guild=GUILD,
        task=task,
        group=f"{number:016x}",
        question=f"question {number}",
        language="en",
        category=category,
        polarity=Polarity.POSITIVE,
        weight=1.0,
        rule="category-corrected-by-admin",
        rule_version=1,
        episodes=(EpisodeId(f"e{number:05d}"),),
        events=(f"f{number:05d}",),
        members=(MemberId("ana"),),
    )
