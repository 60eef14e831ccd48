"""What the agent does when a part of it is slow, busy, broken or stopped."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, cast

import pytest

from agent.agent import Agent
from agent.contracts import (
    Answered,
    AnswerEvent,
    AnswerKind,
    GuildId,
    Intent,
    Question,
    Route,
    Source,
    Token,
    TokensWithdrawn,
)
from agent.errors import ModelMissingError, StoreBusyError
from agent.parts import Keeper
from agent.runtime import Installation
from tests.agent.graph.asking import (
    ASKED_AT,
    ScriptedChat,
    TroubledStore,
    WatchedChat,
    agent_with,
    answered,
    events_of,
    failed,
    new_guild,
    stands_in_source,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

PUMP = "When did we replace our pool pump?"
GENERATED = {"answer_mode": "generated", "answer_tokens": 400}


class BrokenRouter:
    """A part with a bug."""

    async def route(self, guild: GuildId, question: str) -> Route:
        raise KeyError("a secret detail")


async def test_a_transient_error_is_tried_again(household: Installation) -> None:
    store = TroubledStore(household.stores.store, StoreBusyError("Another process writes."))
    ended = await answered(agent_with(household, store=store), PUMP)
    assert "18 May 2024" in ended.answer.text


class ForgetfulKeeper:
    """The real keeper of entries, whose first answer gets lost on the way."""

    def __init__(self, inner: Keeper) -> None:
        self._inner = inner
        self._lost = False

    async def remember(self, *arguments: Any, **details: Any) -> Source:
        source = await self._inner.remember(*arguments, **details)
        if not self._lost:
            self._lost = True
            raise StoreBusyError("The connection was lost.")
        return source


async def test_what_was_stored_before_the_connection_was_lost_is_not_stored_twice(
    household: Installation,
) -> None:
    guild = await new_guild(household, "forgetful")
    agent = agent_with(household, keeper=ForgetfulKeeper(household.ingestor))
    ended = await answered(agent, "The pump is new.", guild=guild, intent=Intent.REMEMBER)
    (entry,) = await household.stores.catalog.sources(guild)
    assert ended.answer.entry == entry.id
    assert len(await household.stores.store.passages_of(guild, entry.id)) == 1


async def test_a_lasting_error_is_not_tried_again(household: Installation) -> None:
    error = ModelMissingError("The model is not there.", "Install it.")
    store = TroubledStore(household.stores.store, error, StoreBusyError("never reached"))
    ended = await failed(agent_with(household, store=store), PUMP)
    assert (ended.message, ended.hint) == ("The model is not there.", "Install it.")
    assert (ended.retryable, ended.misuse) == (False, False)


async def test_a_stage_that_takes_too_long_is_named_and_may_be_asked_again(household: Installation) -> None:
    agent = agent_with(
        household,
        settings={"stage_seconds": 0.5},
        store=TroubledStore(household.stores.store, seconds=30),
    )
    ended = await failed(agent, PUMP)
    assert "took longer than" in ended.message
    assert ended.retryable
    assert await answered(household.agent, PUMP)


async def test_a_bug_is_told_without_its_details_and_the_log_and_the_journal_have_its_id(
    household: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    guild = await new_guild(household, "unlucky")
    with caplog.at_level(logging.ERROR):
        ended = await failed(agent_with(household, router=BrokenRouter()), PUMP, guild=guild)
    assert "secret" not in ended.message + ended.hint
    assert ended.error_id in ended.hint
    assert f"error_id={ended.error_id}" in caplog.text
    assert "a secret detail" in caplog.text
    (episode,) = await household.stores.journal.episodes(guild)
    assert episode.error_id == ended.error_id
    assert episode.question == PUMP
    assert episode.answer is None


async def _first_token(agent: Agent) -> AsyncIterator[AnswerEvent]:
    """Ask, and pass on events until the model has begun to write."""
    events = agent.ask(Question(text=PUMP, asked_at=ASKED_AT))
    async with aclosing(cast(Any, events)):
        async for event in events:
            yield event


async def test_closing_the_stream_stops_the_model_and_leaves_the_agent_usable(
    household: Installation,
) -> None:
    chat = WatchedChat(household.agent.parts.chat)
    agent = agent_with(household, settings=GENERATED, chat=chat)
    async with aclosing(cast(Any, _first_token(agent))) as events:
        async for event in events:
            if isinstance(event, Token):
                break
    written = chat.pieces
    assert written > 0
    assert chat.writing == 0
    await asyncio.sleep(0.3)
    assert chat.pieces == written
    assert "18 May 2024" in (await answered(household.agent, PUMP)).answer.text


async def test_cancelling_who_asks_stops_the_model(household: Installation) -> None:
    chat = WatchedChat(household.agent.parts.chat)
    agent = agent_with(household, settings=GENERATED, chat=chat)
    began = asyncio.Event()

    async def ask() -> None:
        async for event in agent.ask(Question(text=PUMP, asked_at=ASKED_AT)):
            if isinstance(event, Token):
                began.set()

    asking = asyncio.create_task(ask())
    await began.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert chat.writing == 0
    assert "18 May 2024" in (await answered(household.agent, PUMP)).answer.text


async def test_what_the_real_model_writes_is_proved_or_replaced(household: Installation) -> None:
    agent = agent_with(household, settings={"answer_mode": "generated", "answer_tokens": 40})
    events = await events_of(agent, PUMP)
    ended = events[-1]
    assert isinstance(ended, Answered)
    assert ended.answer.quotes
    for quote in ended.answer.quotes:
        assert await stands_in_source(household, ended.episode.guild, quote)
    assert _standing(events) == ended.answer.text
    assert ended.answer.kind is AnswerKind.GENERATED or ended.answer.reason
    assert "smollm2-135m" in {model.name for model in ended.episode.models}


async def test_an_invented_quote_is_withdrawn_repaired_once_and_replaced(household: Installation) -> None:
    chat = ScriptedChat(household.agent.parts.chat, "It was “replaced by wizards on Tuesday” [1].")
    events = await events_of(agent_with(household, settings=GENERATED, chat=chat), PUMP)
    ended = events[-1]
    assert isinstance(ended, Answered)
    assert sum(isinstance(event, TokensWithdrawn) for event in events) == 2
    assert len(chat.prompts) == 2
    assert ended.answer.kind is AnswerKind.EXTRACTIVE
    assert ended.answer.reason
    assert "wizards" not in _standing(events)
    assert "18 May 2024" in ended.answer.text


async def test_a_true_quote_is_shown_as_the_model_wrote_it(household: Installation) -> None:
    found = await answered(household.agent, PUMP)
    assert found.evidence is not None
    numbers = [item.passage.id for item in found.evidence.items]
    number = numbers.index(found.answer.quotes[0].passage) + 1
    reply = f"“On 18 May 2024 Tom Petrakis replaced the pool pump again” [{number}]."
    chat = ScriptedChat(household.agent.parts.chat, reply)
    events = await events_of(agent_with(household, settings=GENERATED, chat=chat), PUMP)
    ended = events[-1]
    assert isinstance(ended, Answered)
    assert ended.answer.kind is AnswerKind.GENERATED
    assert "replaced the pool pump again" in ended.answer.text
    assert ended.answer.quotes[0].text == "On 18 May 2024 Tom Petrakis replaced the pool pump again"


def _standing(events: list[AnswerEvent]) -> str:
    """What a reader sees in the end: the pieces since the last withdrawal."""
    text = ""
    for event in events:
        if isinstance(event, Token):
            text += event.text
        elif isinstance(event, TokensWithdrawn):
            text = ""
    return text.strip()
