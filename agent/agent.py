"""The only door between people and the graph: a question in, a stream of events out; feedback in.

Every question ends with exactly one `Answered` or `Failed`, whatever breaks: the graph runs in a task of
its own, and what that task raised becomes the failure. Closing the stream cancels the task and with it the
model call.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from langgraph.errors import NodeTimeoutError
from langsmith import tracing_context

from agent.catalog.known import require_slug
from agent.contracts import (
    AnswerEvent,
    EpisodeId,
    Example,
    Failed,
    Feedback,
    FeedbackKind,
    GuildId,
    MemberId,
    Question,
    Role,
    Slug,
    SourceId,
)
from agent.errors import DeadlineError, LorekeeperError, StoreError, UsageError
from agent.graph import build_graph
from agent.ids import new_id
from agent.meter import Meter, answering
from agent.nodes.record import episode_of
from agent.observing import metrics, seams
from agent.observing.metrics import Where
from agent.parts import Parts
from agent.state import Asked, State

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What a correction did, enough to take it back."""

    event: Feedback
    example: Example
    before: Example | None
    """The label that the question had."""


class Agent:
    """Answers questions of every guild; one for the process."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._graph = build_graph(parts.settings.stage_seconds)

    async def ask(self, question: Question) -> AsyncGenerator[AnswerEvent, None]:
        """Answer one question. The stream ends with one `Answered` or `Failed`; close it to cancel."""
        meter = Meter(episode=EpisodeId(new_id()), guild=question.guild)
        asked = Asked(question=question, episode=meter.episode, now=question.asked_at or self.parts.clock())
        events: asyncio.Queue[AnswerEvent | None] = asyncio.Queue()
        with seams.Asking(meter) as asking:
            run = asyncio.create_task(self._run(asked, meter, events.put_nowait))
            run.add_done_callback(lambda _: events.put_nowait(None))
            try:
                while (event := await events.get()) is not None:
                    asking.heard(event)
                    yield event
                error = run.exception()
                if error is not None:
                    failure = await self._failed(asked, meter, error)
                    asking.heard(failure)
                    yield failure
            finally:
                run.cancel()
                await asyncio.wait([run])
                with answering(meter):
                    _log.info("question ended", extra={"outcome": asking.outcome, **meter.timings()})

    async def give_feedback(
        self,
        guild: GuildId,
        episode: EpisodeId,
        member: MemberId,
        kind: FeedbackKind,
        value: Mapping[str, Any],
        role: Role = Role.MEMBER,
        id: str = "",  # noqa: A002
    ) -> Feedback:
        """Record one event; it is durable when this returns. Raises `UsageError`, `StoreError`.

        Under an `id` of the caller's (`agent.ids.id_of`) what is given again is one event.
        """
        event = Feedback(
            id=id or new_id(),
            guild=guild,
            episode=episode,
            member=member,
            at=self.parts.clock(),
            kind=kind,
            value=value,
            role=role,
        )
        await self.parts.journal.add_feedback(event)
        metrics.count_feedback(kind, value.get("vote"))
        return event

    async def correct_category(
        self,
        guild: GuildId,
        episode: EpisodeId,
        member: MemberId,
        category: Slug,
        role: Role = Role.MEMBER,
        id: str = "",  # noqa: A002
    ) -> Correction:
        """Record that a question belongs elsewhere; the next question already routes by it. A slug that the
        category had before is understood as well.
        """
        catalog = self.parts.catalog
        known = {each.slug for each in await catalog.categories(guild)}
        category = require_slug(known, category, await catalog.former_slugs(guild))
        asked = await self.parts.journal.episode(guild, episode)
        if asked is None:
            raise UsageError("There is no such question to correct.")
        labelled = {example.question: example for example in await catalog.examples(guild)}
        event = await self.give_feedback(
            guild, episode, member, FeedbackKind.CORRECTION, {"category": category}, role, id
        )
        example = Example(
            question=asked.question,
            category=category,
            origin="correction",
            asker=asked.member,
            teacher=member,
        )
        await catalog.put_examples(guild, [example])
        return Correction(event=event, example=example, before=labelled.get(example.question))

    async def retract_correction(self, correction: Correction) -> None:
        """Take a correction back; the label that the question had before comes back with it."""
        event = correction.event
        await self.give_feedback(
            event.guild, event.episode, event.member, FeedbackKind.RETRACTION, {"event": event.id}, event.role
        )
        if correction.before is None:
            await self.parts.catalog.remove_examples(event.guild, [correction.example.question])
        else:
            await self.parts.catalog.put_examples(event.guild, [correction.before])

    async def forget_entry(self, guild: GuildId, entry: SourceId) -> bool:
        """Take back what *remember* stored; False when it is gone already."""
        return await self.parts.keeper.remove(guild, [entry]) > 0

    async def _run(self, asked: Asked, meter: Meter, emit: Callable[[AnswerEvent], None]) -> None:
        # Where a variable asks for it, LangChain would send whole questions to LangSmith's servers.
        with answering(meter), seams.graph_run(meter), tracing_context(enabled=False):
            async for event in self._graph.astream(asked, context=self.parts, stream_mode="custom"):
                emit(cast(AnswerEvent, event))

    async def _failed(self, asked: Asked, meter: Meter, error: BaseException) -> Failed:
        """Record a question that ended in an error and say so."""
        error_id = secrets.token_hex(4)
        failure = failure_of(error, error_id, meter.interrupted)
        kind = DeadlineError if isinstance(error, NodeTimeoutError) else type(error)
        known = issubclass(kind, LorekeeperError)
        metrics.count_error(kind, Where.QUESTION.value)
        with answering(meter):
            _log.log(
                logging.WARNING if known else logging.ERROR,
                "question failed error_id=%s: %s",
                error_id,
                error,
                exc_info=None if known else error,
            )
            try:
                state = cast(State, {**asked, **meter.reached})
                await self.parts.journal.record(episode_of(state, error=str(error), error_id=error_id))
            except StoreError as unrecorded:
                _log.error("the episode was not recorded: %s", unrecorded)
        return failure


def failure_of(error: BaseException, error_id: str, interrupted: str = "") -> Failed:
    """Turn what a stage raised into one line for people; `interrupted` is what did not answer in time."""
    if isinstance(error, NodeTimeoutError):
        waiting = f" waiting for {interrupted}" if interrupted else ""
        error = DeadlineError(
            f"The stage “{error.node}” took longer than {error.timeout:g} s{waiting}.",
            "Ask again, or raise LOREKEEPER_STAGE_SECONDS.",
        )
    if isinstance(error, LorekeeperError):
        return Failed(
            message=str(error),
            hint=error.hint,
            error_id=error_id,
            retryable=error.transient,
            misuse=isinstance(error, UsageError),
        )
    return Failed(
        message="Something went wrong inside Lorekeeper.",
        hint=f"The log explains it: look for {error_id}.",
        error_id=error_id,
        retryable=False,
    )
