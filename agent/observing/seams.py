"""The places where time is taken: a question, a stage, a call of a model, an operation of a store.

Each is a context manager that gives its time to a histogram, its error to a counter and, when there are
traces, itself to the trace as a span.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

from agent.contracts import Answered, AnswerEvent, AnswerKind, Failed, ModelInfo, Stage
from agent.meter import Meter
from agent.observing import metrics, tracing
from agent.observing.metrics import Call, Operation, Outcome, Store, Where

if TYPE_CHECKING:
    from opentelemetry.trace import Span
    from prometheus_client import Gauge, Histogram


class _Seam:
    """Not a generator: it surrounds every call of a store or a model."""

    __slots__ = ("_running", "_seconds", "_span", "_start", "_where")

    def __init__(
        self, seconds: Histogram, where: str, span: Span | None, running: Gauge | None = None
    ) -> None:
        self._seconds = seconds
        self._where = where
        self._span = span
        self._running = running

    def __enter__(self) -> None:
        if self._running is not None:
            self._running.inc()
        self._start = time.perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._seconds.observe(time.perf_counter() - self._start)
        if self._running is not None:
            self._running.dec()
        if kind is not None:
            metrics.count_error(kind, self._where)
        tracing.end(self._span, kind)


class Asking:
    """A question from being asked to its end, whatever the end is. Tell it every event."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self.outcome: AnswerKind | Outcome = Outcome.CANCELLED

    def __enter__(self) -> Asking:
        metrics.QUESTIONS_RUNNING.inc()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        metrics.QUESTIONS_RUNNING.dec()
        metrics.QUESTIONS.labels(self.outcome).inc()
        timings = self._meter.timings()
        metrics.QUESTION_SECONDS.observe(timings["total"] / 1000)
        metrics.OWN_SECONDS.observe(timings["own"] / 1000)

    def heard(self, event: AnswerEvent) -> None:
        """Learn from the last event how the question ended."""
        match event:
            case Answered():
                self.outcome = event.answer.kind
                if event.route is not None:
                    metrics.ROUTES.labels(event.route.decision).inc()
            case Failed():
                self.outcome = Outcome.MISUSED if event.misuse else Outcome.FAILED


@contextmanager
def graph_run(meter: Meter) -> Iterator[None]:
    """The root of a question's trace; what runs inside, and the tasks it starts, hang from it."""
    about = {"lorekeeper.episode": meter.episode, "lorekeeper.guild": meter.guild}
    with _outer(tracing.begin_trace("question", about)):
        yield


@contextmanager
def stage(name: Stage) -> Iterator[None]:
    span = tracing.begin(name.value, {"lorekeeper.stage": name.value})
    with _Seam(_of_stage(name), name.value, None), _outer(span):
        yield


def model_call(info: ModelInfo, call: Call) -> _Seam:
    """Surround one call; that a stream is closed early is not an error of it."""
    about = {
        "gen_ai.provider.name": info.engine,
        "gen_ai.request.model": info.name,
        "gen_ai.operation.name": call.value,
    }
    span = tracing.begin(f"{call.value} {info.name}", about)
    seconds, running = _of_model(*metrics.model_labels(info), call)
    return _Seam(seconds, Where.MODEL.value, span, running)


def store_call(store: Store, operation: Operation) -> _Seam:
    about = {"db.system.name": store.value, "db.operation.name": operation.value}
    span = tracing.begin(f"{operation.value} {store.value}", about)
    seconds, running = _of_store(store, operation)
    return _Seam(seconds, Where.STORE.value, span, running)


# Finding a metric by its labels takes longer than all else of a seam. There are few, as labels are bounded.


@functools.cache
def _of_model(engine: str, model: str, call: Call) -> tuple[Histogram, Gauge]:
    seconds = metrics.MODEL_SECONDS.labels(engine, model, call.value)
    return seconds, metrics.MODEL_RUNNING.labels(engine, model)


@functools.cache
def _of_store(store: Store, operation: Operation) -> tuple[Histogram, Gauge]:
    seconds = metrics.STORE_SECONDS.labels(store.value, operation.value)
    return seconds, metrics.STORE_RUNNING.labels(store.value)


@functools.cache
def _of_stage(name: Stage) -> Histogram:
    return metrics.STAGE_SECONDS.labels(name.value)


@contextmanager
def _outer(span: Span | None) -> Iterator[None]:
    """Have what begins inside hang from `span`, and end it."""
    try:
        with tracing.below(span):
            yield
    except BaseException as error:
        tracing.end(span, type(error))
        raise
    tracing.end(span, None)
