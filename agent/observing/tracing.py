"""Traces by OpenTelemetry: one a question, a span for each stage, model call and store call.

Off unless `LOREKEEPER_TRACES_URL` is set, and only then is the library imported from here. A variable of our
own turns them on, because OTEL_EXPORTER_OTLP_ENDPOINT may be set on a machine for other programs and what
happens here must not leave it by accident; the other OTEL_ variables (headers, sampler) are read by the
library as ever.
Spans hold names, ids and types of errors; never an error's message, which could quote what a member wrote.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from agent.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

_PATH: Final = "/v1/traces"
"""Where a collector takes traces, when the address names nothing."""

_SEND_SECONDS: Final = 5.0
"""How long one batch is tried, and how long the end of the process waits for the last one."""

_tracer: Tracer | None = None


@asynccontextmanager
async def traced(settings: Settings) -> AsyncIterator[None]:
    """Send traces while this is open, if the settings ask for them.

    A collector that does not answer costs no question anything: spans wait in a bounded queue, then are lost.
    """
    global _tracer  # noqa: PLW0603
    if not settings.traces_url:
        yield
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    about = {SERVICE_NAME: "lorekeeper", SERVICE_VERSION: version("lorekeeper")}
    exporter = OTLPSpanExporter(endpoint(settings.traces_url), timeout=_SEND_SECONDS)
    provider = TracerProvider(resource=Resource.create(about), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _tracer = provider.get_tracer("lorekeeper")
    try:
        yield
    finally:
        _tracer = None
        sending = asyncio.ensure_future(asyncio.to_thread(provider.shutdown))
        if not (await asyncio.wait([sending], timeout=_SEND_SECONDS))[0]:
            # Ends the waiting for another attempt; without that the thread would outlast the process's work.
            exporter.shutdown()  # type: ignore[no-untyped-call]
            await sending


def endpoint(url: str) -> str:
    """Where to send to: an address alone is that of a collector with the usual path."""
    return url if urlsplit(url).path.strip("/") else url.rstrip("/") + _PATH


def begin_trace(name: str, attributes: dict[str, str]) -> Span | None:
    """Start the root of a trace; None when there are no traces. `end` it."""
    return _tracer.start_span(name, attributes=attributes) if _tracer is not None else None


def begin(name: str, attributes: dict[str, str]) -> Span | None:
    """Start a span below the current one; None when there is none, as outside of a question. `end` it."""
    if _tracer is None:
        return None
    from opentelemetry.trace import get_current_span

    if not get_current_span().get_span_context().is_valid:
        return None
    return _tracer.start_span(name, attributes=attributes)


def end(span: Span | None, error: type[BaseException] | None) -> None:
    """End a span, as failed when there is an error; a stream that was closed early is none."""
    if span is None:
        return
    if error is not None and error is not GeneratorExit:
        from opentelemetry.trace import Status, StatusCode

        span.set_attribute("error.type", error.__name__)
        span.set_status(Status(StatusCode.ERROR))
    span.end()


@contextmanager
def below(span: Span | None) -> Iterator[None]:
    """Make `span` the one that spans begun inside hang from."""
    if span is None:
        yield
        return
    from opentelemetry.trace import use_span

    with use_span(span, end_on_exit=False, record_exception=False, set_status_on_exception=False):
        yield
