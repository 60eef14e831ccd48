"""Where questions are taken in and answers come out: the queue, the stream, the late answer, the stop.

A question is written down before its placeholder appears, and crossed out when its
answer stands there: killed anywhere in between, the next start goes on with it in the same placeholder. Every
question ends with something visible; only where nothing can be shown any more does the log alone know.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Final

import discord

from agent.agent import Agent, failure_of
from agent.contracts import (
    Answered,
    Failed,
    GuildId,
    MemberId,
    Question,
    RouteDecided,
    Slug,
    Token,
    TokensWithdrawn,
)
from agent.errors import LorekeeperError, StoreError
from agent.observing.metrics import Queue, watch_queue
from bot.arrivals import Arrivals
from bot.delivery import DiscordAwayError
from bot.fairness import FairQueue, QueueFullError, Ticket
from bot.rendering import neutralise, render_answer, render_failure, render_status
from bot.state.store import AnswerMessage, BotState
from bot.surfaces import Surface, SurfaceGoneError
from bot.texts import Texts, texts_for

_log = logging.getLogger(__name__)

LATE_SECONDS: Final = (2.0, 5.0, 15.0, 60.0, 180.0, 600.0)
"""After these a question whose model or store was away is tried again."""
_PER_MEMBER: Final = 5
"""Questions of one member that may wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A question on its way to an answer."""

    guild: GuildId
    member: MemberId
    channel: int
    message: int | None
    """The message that asked; None for a command."""
    command: int | None = None
    """The interaction that asked, when it was one."""
    texts: Texts
    question: Callable[[], Awaitable[Question]]
    """Gathers conversation and visibility; called when it is this one's turn, and again when tried again."""


class Desk:
    """One for the process. Holds nothing of an answer once that is given."""

    def __init__(
        self,
        agent: Agent,
        state: BotState,
        view_of: Callable[[Answered, Texts, bool], discord.ui.View | None],
        *,
        slots: int,
        capacity: int,
        late_seconds: Sequence[float] = LATE_SECONDS,
    ) -> None:
        """`view_of` makes the buttons under an answer; it hears whether the question can be asked again."""
        self.queue = FairQueue(slots=slots, capacity=capacity, per_member=_PER_MEMBER)
        self.arrivals = Arrivals()
        self._agent = agent
        self._state = state
        self._view_of = view_of
        self._late_seconds = late_seconds
        self._running: dict[asyncio.Task[None], tuple[Request, Surface]] = {}
        self._resting: set[asyncio.Task[None]] = set()
        """Those that wait before they try again."""
        watch_queue(Queue.QUESTIONS, lambda: self.queue.waiting)
        watch_queue(Queue.LATE, lambda: len(self._resting))

    def take(self, request: Request, surface: Surface) -> asyncio.Task[None]:
        """Answer a question in the background."""
        task = asyncio.create_task(self._answer(request, surface))
        self._running[task] = (request, surface)
        task.add_done_callback(self._ended)
        return task

    @property
    def running(self) -> int:
        """Questions that are waiting or being answered."""
        return len(self._running)

    async def stop(self, seconds: float) -> None:
        """Let running answers end for so long; say of the others that they will be answered later."""
        busy = [task for task in self._running if task not in self._resting]
        if busy:
            await asyncio.wait(busy, timeout=seconds)
        left = dict(self._running)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)
        await asyncio.gather(*(_say_interrupted(*each) for each in left.values()))

    def _ended(self, task: asyncio.Task[None]) -> None:
        request, surface = self._running.pop(task)
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        if isinstance(error, SurfaceGoneError):
            _log.info("an answer had nowhere to go: %s", error)
            return
        error_id = secrets.token_hex(4)
        _log.error("an answer failed error_id=%s", error_id, exc_info=error)
        self._take_failed(request, surface, failure_of(error, error_id))

    def _take_failed(self, request: Request, surface: Surface, failed: Failed) -> None:
        """Tell of a question that cannot be answered, in the background."""
        task = asyncio.create_task(self._give_up(request, surface, failed))
        self._running[task] = (request, surface)
        task.add_done_callback(self._told)

    def _told(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            _log.error("nobody could be told of a failure: %s", error)

    async def _answer(self, request: Request, surface: Surface) -> None:
        try:
            with self.queue.enter(request.guild, request.member) as ticket:
                with self.arrivals.one():
                    placeholder = await self._open(request, surface, ticket)
                await self.arrivals.wait()
                noted = asyncio.create_task(self._note(request, placeholder))
                try:
                    await ticket.wait(lambda at: surface.show(request.texts.queued.format(position=at)))
                    failed = await self._ask(request, surface)
                finally:
                    await noted
            if failed is not None:
                await self._answer_late(request, surface, failed)
        except QueueFullError as full:
            await surface.say(request.texts.too_many_of_yours if full.own else request.texts.queue_full)
        except SurfaceGoneError as gone:
            if gone.unseen:
                await surface.tell_elsewhere(request.texts)
            await self._cross_out(request)
            raise
        await self._cross_out(request)

    async def _open(self, request: Request, surface: Surface, ticket: Ticket) -> int:
        """Show the placeholder at once, with the place in the queue when there is one; return its id."""
        waits = request.texts.queued.format(position=ticket.position)
        return await surface.open(request.texts.searching if ticket.called else waits)

    async def _note(self, request: Request, placeholder: int) -> None:
        """Write down where the answer will stand, while it is being made. A kill before that makes no second
        placeholder: a reply that is said again moments later is the same one to Discord.
        """
        try:
            if request.message is not None:
                await self._state.set_placeholder(request.guild, request.message, placeholder)
            elif request.command is not None:
                await self._state.commands.set_placeholder(request.guild, request.command, placeholder)
        except StoreError as error:
            # The agent will meet the same store, and is tried again until it is back.
            _log.warning("a placeholder is not written down: %s", error)

    async def _ask(self, request: Request, surface: Surface) -> Failed | None:
        """Ask the agent and show what comes; a failure that may pass is returned instead of shown."""
        try:
            failed = await self._stream(request, surface, await request.question())
        except LorekeeperError as error:
            error_id = secrets.token_hex(4)
            _log.warning("question failed error_id=%s: %s", error_id, error)
            failed = failure_of(error, error_id)
        if failed is not None and not failed.retryable:
            await surface.say(render_failure(failed, request.texts))
            return None
        return failed

    async def _stream(self, request: Request, surface: Surface, question: Question) -> Failed | None:
        written = ""
        views = self._agent.parts.views
        names = partial(views.category_names, request.guild, question.asker.may_see)
        async with aclosing(self._agent.ask(question)) as events:
            async for event in events:
                match event:
                    case RouteDecided(route=route):
                        surface.show(render_status(route.categories, names(), request.texts))
                    case Token(text=text):
                        written += text
                        surface.show(neutralise(written))
                    case TokensWithdrawn():
                        written = ""
                        surface.show(request.texts.searching)
                    case Answered():
                        await self._show_answer(request, surface, event, names())
                    case Failed():
                        return event
                    case _:
                        pass
        return None

    async def _answer_late(self, request: Request, surface: Surface, failed: Failed) -> None:
        """Say what is wrong, and try again without holding a place in the queue meanwhile."""
        for seconds in self._late_seconds:
            surface.show(request.texts.answering_late.format(message=neutralise(failed.message)))
            await self._rest(seconds)
            with self.queue.enter(request.guild, request.member) as ticket:
                await ticket.wait(lambda _: None)
                again = await self._ask(request, surface)
            if again is None:
                return
            failed = again
        await surface.say(render_failure(failed, request.texts))

    async def _rest(self, seconds: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._resting.add(task)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._resting.discard(task)

    async def _show_answer(
        self, request: Request, surface: Surface, answered: Answered, names: Mapping[Slug, str]
    ) -> None:
        texts = texts_for(answered.answer.language, request.texts.language)

        async def record(messages: Sequence[int]) -> None:
            rows = [
                AnswerMessage(
                    guild=request.guild,
                    message=message,
                    channel=surface.channel,
                    question=request.message,
                    episode=answered.episode.id,
                    member=request.member,
                )
                for message in messages
            ]
            await self._state.put_answers(rows)

        layout = render_answer(answered.answer, answered.route, names, texts)
        view = self._view_of(answered, texts, request.message is not None)
        await surface.finish(layout, view, record)

    async def _give_up(self, request: Request, surface: Surface, failed: Failed) -> None:
        """Tell of a failure; for as long as Discord is away, again and again."""
        for seconds in (*self._late_seconds, None):
            try:
                await surface.say(render_failure(failed, request.texts))
                break
            except DiscordAwayError:
                if seconds is None:
                    raise
            await self._rest(seconds)
        await self._cross_out(request)

    async def _cross_out(self, request: Request) -> None:
        if request.message is not None:
            await self._state.end(request.guild, request.message)
        elif request.command is not None:
            await self._state.commands.end(request.guild, request.command)


async def _say_interrupted(request: Request, surface: Surface) -> None:
    if not surface.opened:
        return
    try:
        await surface.say(request.texts.interrupted)
    except (SurfaceGoneError, DiscordAwayError) as gone:
        _log.info("nobody could be told of the stop: %s", gone)
