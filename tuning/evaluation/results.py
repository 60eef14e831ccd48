"""What an evaluation found, question by question, so that every figure of it can be computed again.

A report names items by their ids and holds none of their words: it is kept with the adapter, which outlives
the data, and is shown to admins of the guild alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from pydantic import TypeAdapter, ValidationError

from agent.contracts import GuildId, Slug
from agent.errors import UsageError
from agent.serving.served import Task, Trust
from tuning.datasets.item import Split


class Arm(StrEnum):
    """What was asked. The fusions are the router that serves, made of the training split's examples alone."""

    UNTUNED = "untuned"
    """The model as it is."""
    FEW_SHOT = "few-shot"
    """The same, shown examples of the training split."""
    NEAREST = "nearest"
    """The category of the nearest example, no model."""
    EXTRACTIVE = "extractive"
    """The best sentences of the evidence, no model."""
    CHAMPION = "champion"
    CHALLENGER = "challenger"
    FUSION = "fusion"
    """Without a model's vote."""
    FUSION_UNTUNED = "fusion+untuned"
    FUSION_CHAMPION = "fusion+champion"
    FUSION_CHALLENGER = "fusion+challenger"


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """What one arm said of one question."""

    item: str
    """`Item.id`; of a stranger `stranger:` and its place, as it is no item."""
    split: Split
    right: Slug | None
    """None for a stranger: a question of no category."""
    said: Slug
    """The likeliest category, given that it is one."""
    confidence: float | None = None
    """Probability of `said`; None from an arm that knows no probabilities."""
    chance: float | None = None
    """Probability of `right`."""
    brier: float | None = None
    """Squared distance of the probabilities from the truth, 0 to 2 (Brier 1950)."""
    out_of_scope: float | None = None
    """Probability; None from an arm that cannot tell."""
    refused: bool = False
    """Whether the router would take it for out of scope."""
    milliseconds: float

    @property
    def hit(self) -> bool:
        return self.said == self.right


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingArm:
    arm: Arm
    predicted: tuple[Predicted, ...]
    """Every arm was asked the same questions in the same order."""
    trust: Trust | None = None
    """Of a fusion that listens to a model; None where it proved to be worth nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """1 to 5, more is better."""

    relevance: float
    grounding: float
    no_hallucination: float

    @property
    def mean(self) -> float:
        return (self.relevance + self.grounding + self.no_hallucination) / 3


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerScore:
    """How good one arm's answer to one question was. scoring.py says how the scores come about."""

    item: str
    """`Item.id`, with an ending where its question was asked over evidence that does not hold the answer."""
    split: Split
    category: Slug | None
    """Of the first passage of the evidence."""
    answerable: bool
    """Whether the evidence holds the answer; else "I don't know" is right."""
    declined: bool
    scores: Scores
    judged: bool = False
    """By the judge model, as there is no reference; otherwise computed."""
    words: int
    """0 when declined."""
    apologises: bool = False
    not_in_context: bool = False
    """It says that the sources do not hold the answer, needlessly: they do, or it answers all the same."""
    milliseconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerArm:
    arm: Arm
    answers: tuple[AnswerScore, ...]
    """Every arm was asked the same questions in the same order."""
    json_asked: int = 0
    """How often a reply in JSON was asked for."""
    json_valid: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeQuality:
    """How far the judge can be believed."""

    model: str
    compared: int
    """Answers that people had scored as well, on which it was calibrated."""
    error_before: float
    error_after: float
    """Mean absolute distance from the people's scores, before and after calibration; the latter measured on
    scores that the calibration had not seen.
    """
    position_bias: float
    """Mean distance, in points, of the scores of one answer shown first and shown second."""


class Aspect(StrEnum):
    """What the gate looks at. Its values are kept and translated, so none is ever renamed."""

    ENOUGH = "enough"
    BETTER = "better"
    """Than what serves, proven by a paired test."""
    BEATS_FUSION = "beats_fusion"
    """The fusion with the challenger beats the fusion without."""
    BEATS_UNTUNED = "beats_untuned"
    CATEGORIES = "categories"
    GOLDEN = "golden"
    HALLUCINATION = "hallucination"
    ANSWERED = "answered"
    """What can be answered is answered as well: who declines everything invents nothing."""
    JSON = "json"
    LATENCY = "latency"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    aspect: Aspect
    passed: bool
    detail: str
    """One line in English for people, numbers included."""
    value: float
    """Of the challenger: a share, a score, or milliseconds."""
    against: float
    """What it is held against, in the same unit."""
    p_value: float | None = None
    """The chance of such a lead if the challenger were no better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    promoted: bool
    """Whether the challenger may serve: every check was passed."""
    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if not check.passed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    guild: GuildId
    task: Task
    made_at: datetime
    """Aware."""
    dataset: str
    """`DatasetVersion.id`."""
    challenger: str
    """Id of the adapter, and below the digest of its file."""
    challenger_digest: str
    champion: str = ""
    """Empty when the model as it is serves."""
    champion_digest: str = ""
    base: str
    """Name of the model."""
    base_digest: str
    engine: str
    code: str
    """Version of this program."""
    seed: int
    """Of the resampling."""
    serving: Arm
    """What serves now, which the challenger must beat."""
    routing: tuple[RoutingArm, ...] = ()
    answers: tuple[AnswerArm, ...] = ()
    judge: JudgeQuality | None = None
    """None when it was not asked."""
    left_out: int = 0
    """Questions that were not asked: their category or evidence is gone, or nobody can say what is right."""

    @property
    def trust(self) -> Trust | None:
        """How far the fusion believes the challenger: what `ServedAdapter.trust` must be."""
        arm = arm_of(self.routing, Arm.FUSION_CHALLENGER)
        return arm.trust if arm else None

    def to_json(self) -> str:
        return _REPORT.dump_json(self, indent=1).decode()


def read_report(text: str | bytes) -> Report:
    """Read what `Report.to_json` wrote. Raises `UsageError`."""
    try:
        return _REPORT.validate_json(text)
    except ValidationError as error:
        raise UsageError(f"That is no evaluation report: {error.errors()[0]['msg']}.") from error


def arm_of(arms: Sequence[RoutingArm], wanted: Arm) -> RoutingArm | None:
    return next((each for each in arms if each.arm is wanted), None)


def answers_of(arms: Sequence[AnswerArm], wanted: Arm) -> AnswerArm | None:
    return next((each for each in arms if each.arm is wanted), None)


_REPORT: Final = TypeAdapter(Report)
