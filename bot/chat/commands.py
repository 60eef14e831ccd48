"""The chat's slash commands. Each is a coroutine of the session's memory and the words after it.

What a command did that can be taken back is put on `Memory.undo`, newest last.
"""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeAlias

from agent.answering.compose import sources_block
from agent.catalog.slugs import slug_of
from agent.contracts import Answered, Asker, FeedbackKind, GuildId, Intent, Question, Role, SourceId, Turn
from bot.chat.screen import explain

if TYPE_CHECKING:
    from agent.agent import Agent

Undo: TypeAlias = Callable[[], Awaitable[str]]


class Ask(Protocol):
    """Asks, shows the answer as it comes, and remembers it."""

    async def __call__(self, memory: Memory, question: Question, /) -> None: ...


@dataclass(slots=True)
class Memory:
    """What the session knows."""

    agent: Agent
    guild: GuildId
    asker: Asker
    ask: Ask
    last: Answered | None = None
    turns: list[Turn] = field(default_factory=list)
    undo: list[Undo] = field(default_factory=list)


Command: TypeAlias = Callable[[Memory, str], Awaitable[str]]


async def good(memory: Memory, _: str) -> str:
    """the last answer was helpful"""
    if memory.last is None:
        return "There is no answer to vote on yet."
    await _vote(memory, memory.last, 1)
    return "Thank you."


async def bad(memory: Memory, words: str) -> str:
    """the last answer was not helpful; words after it say why"""
    if memory.last is None:
        return "There is no answer to vote on yet."
    await _vote(memory, memory.last, -1, words)
    return "Thank you; noted as not helpful. /topic NAME if the topic was wrong."


async def topic(memory: Memory, words: str) -> str:
    """the last question belongs to this topic: learn it and ask again there"""
    if memory.last is None:
        return "Ask a question first; then /topic NAME says where it belongs."
    if not words:
        return "Which topic? /topic NAME"
    agent, last, category = memory.agent, memory.last.episode, slug_of(words)
    correction = await agent.correct_category(
        memory.guild, last.id, memory.asker.member, category, Role.ADMIN
    )

    async def undo() -> str:
        await agent.retract_correction(correction)
        return f"“{last.question}” no longer counts as a question about {category}."

    memory.undo.append(undo)
    question = Question(text=last.question, guild=memory.guild, asker=memory.asker, category=category)
    await memory.ask(memory, question)
    return f"Learnt: questions like this are about {category}."


async def sources(memory: Memory, _: str) -> str:
    """the sources of the last answer"""
    if memory.last is None or not memory.last.answer.quotes:
        return "The last answer quotes no source."
    return sources_block(memory.last.answer.quotes, memory.last.answer.language)


async def why(memory: Memory, _: str) -> str:
    """why it answered so: route, evidence, timings"""
    return explain(memory.last) if memory.last else "There is no answer yet."


async def remember(memory: Memory, words: str) -> str:
    """keep a fact: /remember Yesterday we replaced the pool pump"""
    if not words:
        return "What? /remember FACT"
    question = Question(text=words, guild=memory.guild, asker=memory.asker, intent=Intent.REMEMBER)
    await memory.ask(memory, question)
    return ""


async def undo(memory: Memory, _: str) -> str:
    """take back the last thing that was remembered, voted or corrected"""
    if not memory.undo:
        return "There is nothing to take back."
    said = await memory.undo[-1]()
    # Only now: what could not be taken back can be tried again.
    memory.undo.pop()
    return said


async def show_help(_: Memory, __: str) -> str:
    """this list"""
    return "\n".join(f"  /{name:<9} {command.__doc__}" for name, command in COMMANDS.items())


COMMANDS: dict[str, Command] = {
    "good": good,
    "bad": bad,
    "topic": topic,
    "sources": sources,
    "why": why,
    "remember": remember,
    "undo": undo,
    "help": show_help,
}


def unknown_command(name: str) -> str:
    """Name the nearest command to one that is not there."""
    near = difflib.get_close_matches(name.casefold(), COMMANDS, n=1)
    meant = f" Did you mean /{near[0]}?" if near else ""
    return f"There is no /{name}.{meant} /help lists what there is."


def undo_entry(memory: Memory, entry: SourceId) -> Undo:
    """Return what takes a remembered entry back."""

    async def undo() -> str:
        gone = await memory.agent.forget_entry(memory.guild, entry)
        return "Forgotten." if gone else "It was already gone."

    return undo


async def _vote(memory: Memory, on: Answered, vote: int, reason: str = "") -> None:
    agent, guild, member, episode = memory.agent, memory.guild, memory.asker.member, on.episode.id
    before = (await agent.parts.journal.votes(guild, episode)).get(member, 0)
    give = partial(agent.give_feedback, guild, episode, member, role=Role.ADMIN)
    await give(FeedbackKind.VOTE, {"vote": vote})
    said = await give(FeedbackKind.REASON, {"reason": reason}) if reason else None

    async def undo() -> str:
        await give(FeedbackKind.VOTE, {"vote": before})
        if said is not None:
            await give(FeedbackKind.RETRACTION, {"event": said.id})
        return "The vote is taken back."

    memory.undo.append(undo)
