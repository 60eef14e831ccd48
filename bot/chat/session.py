"""The chat loop. The prompt appears at once; models and stores open behind it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from contextlib import AsyncExitStack, nullcontext
from typing import TYPE_CHECKING, Any

from agent.contracts import Answered, Asker, GuildId, Question, Turn
from agent.errors import LorekeeperError
from bot import opening
from bot.chat.commands import COMMANDS, Memory, undo_entry, unknown_command
from bot.chat.lines import lines
from bot.chat.screen import Screen
from bot.output import note, waiting
from bot.sample import is_loaded, load_sample

if TYPE_CHECKING:
    from agent.settings import Settings

WELCOME = "Lorekeeper. Ask a question; /help lists commands; Ctrl-C stops an answer, Ctrl-D ends."
_TURNS_KEPT = 12


async def chat_session(guild: GuildId, asker: Asker, *, sample: bool) -> None:
    """Run until the input ends. Raises `LorekeeperError` when nothing can be opened."""
    settings = opening.settings()
    async with AsyncExitStack() as stack:
        opened = asyncio.create_task(_open(stack, settings, guild, asker, sample=sample))
        try:
            if sample and not is_loaded(settings):
                # The first start loads for half a minute and shows it: a prompt would be in the way.
                await opened
            note(WELCOME)
            async for line in lines(settings.data_dir / "chat-history"):
                with waiting("Opening the models"):
                    memory = await opened
                await _until_interrupted(_take(memory, line))
            await opened
        finally:
            # What is half open must have said so to the stack before the stack closes it.
            opened.cancel()
            await asyncio.wait([opened])


async def _open(
    stack: AsyncExitStack, settings: Settings, guild: GuildId, asker: Asker, *, sample: bool
) -> Memory:
    # Importing the graph and the stores takes seconds: not on the thread that draws the prompt.
    await asyncio.to_thread(_import_heavy)
    from agent.runtime import open_installation

    first = sample and not is_loaded(settings)
    with waiting("Opening the models") if first else nullcontext():
        installation = await stack.enter_async_context(open_installation(settings))
    if sample:
        await load_sample(installation)
    await installation.stores.catalog.revision(guild)
    return Memory(agent=installation.agent, guild=guild, asker=asker, ask=_ask)


def _import_heavy() -> None:
    import agent.agent
    import agent.ingest.pipeline
    import agent.routing.router  # noqa: F401


async def _take(memory: Memory, line: str) -> None:
    """Do what one line says: a question, or a command after a slash."""
    if line.startswith("/"):
        said = await _command(memory, line)
    else:
        turns = tuple(memory.turns)
        await _ask(memory, Question(text=line, guild=memory.guild, asker=memory.asker, conversation=turns))
        said = ""
    print(f"{said}\n" if said else "")


async def _command(memory: Memory, line: str) -> str:
    name, _, words = line[1:].partition(" ")
    command = COMMANDS.get(name.casefold())
    if command is None:
        return unknown_command(name)
    try:
        return await command(memory, words.strip())
    except LorekeeperError as error:
        return f"{error} {error.hint}".rstrip()


async def _ask(memory: Memory, question: Question) -> None:
    """Ask, show the answer as it comes, and keep what the next question may refer to."""
    screen = Screen()
    answered: Answered | None = None
    events = memory.agent.ask(question)
    try:
        async for event in events:
            screen.show(event)
            if isinstance(event, Answered):
                answered = event
    except asyncio.CancelledError:
        screen.stop()
        raise
    if answered is None:
        return
    memory.last = answered
    memory.turns += [
        Turn(text=question.text, author_name=memory.asker.name or "you"),
        Turn(text=answered.answer.text, author_name="Lorekeeper", from_bot=True),
    ]
    del memory.turns[:-_TURNS_KEPT]
    if answered.answer.entry is not None:
        memory.undo.append(undo_entry(memory, answered.answer.entry))


async def _until_interrupted(work: Coroutine[Any, Any, None]) -> None:
    """Run `work`; Ctrl-C stops it and nothing else, as a person expects of a chat."""
    task = asyncio.create_task(work)
    loop, before = asyncio.get_running_loop(), signal.getsignal(signal.SIGINT)
    loop.add_signal_handler(signal.SIGINT, task.cancel)
    try:
        await asyncio.wait([task])
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)
        task.cancel()
    if not task.cancelled():
        task.result()
