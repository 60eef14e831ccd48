"""The numbers of this process, for Prometheus. docs/observability.md lists them, and a test holds it to that.

A label has a closed set of values (`CLOSED`) or is cut to the first few that come (`CAPPED`), so that what
Prometheus keeps does not grow with guilds, members or questions: none of these is ever a label.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from enum import StrEnum
from importlib.metadata import version
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector

from agent import errors
from agent.contracts import AnswerKind, FeedbackKind, ModelInfo, RouteDecision, Stage


class Outcome(StrEnum):
    """How a question ended when it was not answered; else it is the answer's kind."""

    FAILED = "failed"
    MISUSED = "misused"
    """The question itself was wrong; nothing broke."""
    CANCELLED = "cancelled"


class Call(StrEnum):
    CHAT = "chat"
    STRUCTURED = "structured"
    LIKELIHOODS = "likelihoods"
    EMBED = "embed"


class Store(StrEnum):
    LANCEDB = "lancedb"
    WEAVIATE = "weaviate"
    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


class Operation(StrEnum):
    """A method of `KnowledgeStore`, or a transaction of the database."""

    OPEN_INDEX = "open_index"
    VERSIONS = "versions"
    ACTIVE = "active"
    ACTIVATE = "activate"
    REMOVE_VERSION = "remove_version"
    PUT_SOURCE = "put_source"
    PASSAGES_OF = "passages_of"
    GET = "get"
    VECTORS_OF = "vectors_of"
    DELETE_SOURCES = "delete_sources"
    PASSAGES_BY = "passages_by"
    DELETE_BY = "delete_by"
    ERASE_DELETED = "erase_deleted"
    RECATEGORISE = "recategorise"
    SEARCH = "search"
    COUNT = "count"
    AUTHOR_NAMES = "author_names"
    DROP_GUILD = "drop_guild"
    OPTIMIZE = "optimize"
    CHECK = "check"
    READ = "read"
    WRITE = "write"


class Queue(StrEnum):
    QUESTIONS = "questions"
    """Asked, and not begun with."""
    LATE = "late"
    """To be tried again, because a model or a store was away."""


class Where(StrEnum):
    """Where an error passed, beside the stages."""

    QUESTION = "question"
    MODEL = "model"
    ADAPTER = "adapter"
    """One that could not serve; the model answered as it is."""
    STORE = "store"
    INGEST = "ingest"
    INTERACTION = "interaction"
    """A command, button or form of Discord."""


class Direction(StrEnum):
    READ = "read"
    WRITTEN = "written"


class Vote(StrEnum):
    UP = "up"
    DOWN = "down"
    WITHDRAWN = "withdrawn"


_VOTES: Final = {1: Vote.UP, -1: Vote.DOWN, 0: Vote.WITHDRAWN}

_OTHER: Final = "other"
_ERRORS: Final = frozenset(
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.LorekeeperError)
)

CLOSED: Final[Mapping[str, frozenset[str]]] = {
    "outcome": frozenset({*AnswerKind, *Outcome}),
    "decision": frozenset(RouteDecision),
    "stage": frozenset(Stage),
    "call": frozenset(Call),
    "direction": frozenset(Direction),
    "store": frozenset(Store),
    "operation": frozenset(Operation),
    "type": frozenset({kind.__name__ for kind in _ERRORS} | {_OTHER}),
    "where": frozenset({*Stage, *Where}),
    "queue": frozenset(Queue),
    "kind": frozenset(FeedbackKind),
    "vote": frozenset(Vote),
}
"""Every value that a label can have."""

CAPPED: Final = frozenset({"engine", "model", "part"})
"""Labels whose values the owner's configuration makes: beyond the first `CAP` combinations all is `other`."""

CAP: Final = 32

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

REGISTRY: Final = CollectorRegistry()
"""Not the library's default one, which anything imported may write to."""

ProcessCollector(registry=REGISTRY)

BUILD: Final = Info("lorekeeper_build", "Versions of what runs.", registry=REGISTRY)
BUILD.info({"version": version("lorekeeper"), "python": platform.python_version()})

QUESTIONS: Final = Counter(
    "lorekeeper_questions_total",
    "Questions that ended, by the kind of their answer, or how else.",
    ["outcome"],
    registry=REGISTRY,
)
QUESTIONS_RUNNING: Final = Gauge(
    "lorekeeper_questions_running", "Questions being answered now.", registry=REGISTRY
)
QUESTION_SECONDS: Final = Histogram(
    "lorekeeper_question_seconds",
    "Time of a question, from being asked to its end.",
    buckets=_SECONDS,
    registry=REGISTRY,
)
OWN_SECONDS: Final = Histogram(
    "lorekeeper_question_own_seconds",
    "The part of it that was not spent inside models.",
    buckets=_SECONDS,
    registry=REGISTRY,
)
ROUTES: Final = Counter(
    "lorekeeper_routes_total", "Routes of answered questions, by decision.", ["decision"], registry=REGISTRY
)
STAGE_SECONDS: Final = Histogram(
    "lorekeeper_stage_seconds",
    "Time of a stage of a question, each attempt by itself.",
    ["stage"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
QUEUE_DEPTH: Final = Gauge("lorekeeper_queue_depth", "How many wait.", ["queue"], registry=REGISTRY)
MODEL_SECONDS: Final = Histogram(
    "lorekeeper_model_seconds",
    "Time of a call of a model, waiting for its turn included.",
    ["engine", "model", "call"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
FIRST_TOKEN_SECONDS: Final = Histogram(
    "lorekeeper_model_first_token_seconds",
    "Time until the first piece of a streamed reply.",
    ["engine", "model"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
MODEL_RUNNING: Final = Gauge(
    "lorekeeper_model_calls_running",
    "Calls of a model that run or wait for their turn.",
    ["engine", "model"],
    registry=REGISTRY,
)
TOKENS: Final = Counter(
    "lorekeeper_model_tokens_total",
    "Tokens that language models read and wrote.",
    ["engine", "model", "direction"],
    registry=REGISTRY,
)
EMBEDDED: Final = Counter(
    "lorekeeper_embedded_texts_total", "Texts made into vectors.", ["engine", "model"], registry=REGISTRY
)
STORE_SECONDS: Final = Histogram(
    "lorekeeper_store_seconds",
    "Time of an operation of a store; a transaction with what is done in it.",
    ["store", "operation"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
STORE_RUNNING: Final = Gauge(
    "lorekeeper_store_calls_running",
    "Operations of a store that run or wait for their turn.",
    ["store"],
    registry=REGISTRY,
)
ERRORS: Final = Counter(
    "lorekeeper_errors_total",
    "Errors by type and by each place they passed; also those that a second attempt made good.",
    ["type", "where"],
    registry=REGISTRY,
)
FEEDBACK: Final = Counter(
    "lorekeeper_feedback_total", "Feedback events recorded.", ["kind"], registry=REGISTRY
)
VOTES: Final = Counter(
    "lorekeeper_votes_total",
    "Votes as they were cast; a changed mind casts again.",
    ["vote"],
    registry=REGISTRY,
)
READY: Final = Gauge(
    "lorekeeper_ready",
    "1 when a part answered the last readiness check, 0 when not.",
    ["part"],
    registry=REGISTRY,
)


class Cap:
    """Lets the first `CAP` combinations of label values through; every other one is `other`."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, ...]] = set()

    def __call__(self, *values: str) -> tuple[str, ...]:
        if values not in self._seen:
            if len(self._seen) >= CAP:
                return (_OTHER,) * len(values)
            self._seen.add(values)
        return values


_models = Cap()
_parts = Cap()


def model_labels(info: ModelInfo) -> tuple[str, ...]:
    """Engine and model."""
    return _models(info.engine, info.name)


def first_token(info: ModelInfo, seconds: float) -> None:
    FIRST_TOKEN_SECONDS.labels(*model_labels(info)).observe(seconds)


def embedded(info: ModelInfo, texts: int) -> None:
    EMBEDDED.labels(*model_labels(info)).inc(texts)


def count_tokens(info: ModelInfo, *, read: int, written: int) -> None:
    """Engines call this once for each reply that told what it took."""
    labels = model_labels(info)
    TOKENS.labels(*labels, Direction.READ).inc(read)
    TOKENS.labels(*labels, Direction.WRITTEN).inc(written)


def count_error(kind: type[BaseException], where: str) -> None:
    """Count what was raised. A call that was cancelled did not fail."""
    if issubclass(kind, Exception):
        known = next((each.__name__ for each in kind.__mro__ if each in _ERRORS), _OTHER)
        ERRORS.labels(known, where).inc()


def count_feedback(kind: FeedbackKind, vote: int | None) -> None:
    FEEDBACK.labels(kind).inc()
    if vote is not None:
        VOTES.labels(_VOTES[vote]).inc()


def watch_queue(queue: Queue, depth: Callable[[], int]) -> None:
    """Have the metrics ask `depth` how many wait, whenever they are read."""
    QUEUE_DEPTH.labels(queue).set_function(depth)


def set_ready(part: str, ready: bool) -> None:
    READY.labels(*_parts(part)).set(ready)
