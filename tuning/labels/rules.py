"""The rules by which feedback becomes a label, with their versions. docs/labels.md is tested against them.

A rule whose meaning changes gets a new version, so that a label says by which meaning it was made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from agent.contracts import AnswerKind, Role
from agent.serving.served import Task
from tuning.labels.decisions import RULE_VERSION
from tuning.labels.label import Polarity

TRUSTED: Final = frozenset({Role.ADMIN, Role.REVIEWER})
"""Whose word counts alone. The role is the one they had when they said it."""

AGREEING_MEMBERS: Final = 2

VERIFIED: Final = frozenset({AnswerKind.GENERATED, AnswerKind.EXTRACTIVE})
"""The kinds of answer whose quotes were checked; one of them without a quote is not verified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    name: str
    version: int
    task: Task
    polarity: Polarity
    weight: float


CATEGORY_BY_ADMIN: Final = Rule(
    name="category-corrected-by-admin",
    version=1,
    task=Task.ROUTE,
    polarity=Polarity.POSITIVE,
    weight=1.0,
)
CATEGORY_BY_MEMBERS: Final = Rule(
    name="category-corrected-by-members",
    version=1,
    task=Task.ROUTE,
    polarity=Polarity.POSITIVE,
    weight=0.8,
)
CATEGORY_CONFIRMED: Final = Rule(
    name="category-confirmed-by-vote",
    version=1,
    task=Task.ROUTE,
    polarity=Polarity.POSITIVE,
    weight=0.3,
)
CATEGORY_DECIDED: Final = Rule(
    name="category-decided-in-review",
    version=RULE_VERSION,
    task=Task.ROUTE,
    polarity=Polarity.POSITIVE,
    weight=1.0,
)
ANSWER_BY_ADMIN: Final = Rule(
    name="answer-corrected-by-admin",
    version=1,
    task=Task.ANSWER,
    polarity=Polarity.POSITIVE,
    weight=1.0,
)
ANSWER_BY_MEMBERS: Final = Rule(
    name="answer-corrected-by-members",
    version=1,
    task=Task.ANSWER,
    polarity=Polarity.POSITIVE,
    weight=0.8,
)
ANSWER_DISLIKED: Final = Rule(
    name="answer-disliked",
    version=1,
    task=Task.ANSWER,
    polarity=Polarity.NEGATIVE,
    weight=0.5,
)
ANSWER_LIKED: Final = Rule(
    name="answer-liked",
    version=1,
    task=Task.ANSWER,
    polarity=Polarity.LIKED,
    weight=0.5,
)
ANSWER_DECIDED: Final = Rule(
    name="answer-decided-in-review",
    version=RULE_VERSION,
    task=Task.ANSWER,
    polarity=Polarity.POSITIVE,
    weight=1.0,
)

RULES: Final = (
    CATEGORY_DECIDED,
    CATEGORY_BY_ADMIN,
    CATEGORY_BY_MEMBERS,
    CATEGORY_CONFIRMED,
    ANSWER_DECIDED,
    ANSWER_BY_ADMIN,
    ANSWER_BY_MEMBERS,
    ANSWER_DISLIKED,
    ANSWER_LIKED,
)
