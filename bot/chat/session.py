"""The chat loop. The prompt appears at once; models and stores open behind it."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from agent.settings import Settings, load_settings
from bot.cli._output import note

if TYPE_CHECKING:
    from agent.contracts import Answered, Question
    from agent.runtime import Installation
    from bot.chat.commands import Memory

WELCOME = "Lorekeeper. Ask a question; /help lists commands; Ctrl-C stops an answer, Ctrl-D ends."
_TURNS_KEPT = 12


async def chat_session(guild: str, name: str, *, sample: bool) -> None:
    """Run until the input ends. Raises `LorekeeperError` when nothing can be opened."""
    settings = load_settings()
    async with AsyncExitStack() as stack:
        opening = asyncio.create_task(_open(stack, settings, sample=sample))
        if sample:
            # The first start loads for half a minute and shows its progress: a prompt would be in the way.
            await opening
        note(WELCOME)
        memory: Memory | None = None
        async for line in _typed(settings) if sys.stdin.isatty() else _piped():
            if memory is None:
                memory = _begin(await opening, guild, name)
            await _until_interrupted(_take(memory, line))
        await opening


async def _open(stack: AsyncExitStack, settings: Settings, *, sample: bool) -> Installation:
    # Importing the graph and the stores takes seconds: not on the thread that draws the prompt.
    await asyncio.to_thread(_import_heavy)
    from agent.runtime import open_installation
    from bot.sample import load_sample

    installation = await stack.enter_async_context(open_installation(settings))
    if sample:
        await load_sample(installation)
    return installation


def _import_heavy() -> None:
    import agent.agent
    import agent.ingest.pipeline
    import agent.routing.router  # noqa: F401


def _begin(installation: Installation, guild: str, name: str) -> Memory:
    from agent.contracts import Asker, GuildId
    from bot.chat.commands import Memory

    return Memory(agent=installation.agent, guild=GuildId(guild), asker=Asker(name=name), ask=_ask)


async def _take(memory: Memory, line: str) -> None:
    """Do what one line says: a question, or a command after a slash."""
    from agent.contracts import Question
    from agent.errors import LorekeeperError
    from bot.chat.commands import COMMANDS

    if not line.startswith("/"):
        turns = tuple(memory.turns)
        await _ask(memory, Question(text=line, guild=memory.guild, asker=memory.asker, conversation=turns))
        return
    name, _, words = line[1:].partition(" ")
    command = COMMANDS.get(name)
    if command is None:
        print(f"There is no /{name}. /help lists what there is.\n")
        return
    try:
        said = await command(memory, words.strip())
    except LorekeeperError as error:
        said = f"{error} {error.hint}".strip()
    if said:
        print(f"{said}\n")


async def _ask(memory: Memory, question: Question) -> Answered | None:
    """Ask, show the answer as it comes, and keep what the next question may refer to."""
    from agent.contracts import Answered, Turn
    from bot.chat.commands import undo_entry
    from bot.chat.screen import Screen

    screen = Screen()
    answered: Answered | None = None
    async for event in memory.agent.ask(question):
        screen.show(event)
        if isinstance(event, Answered):
            answered = event
    if answered is None:
        return None
    memory.last = answered
    memory.turns += [
        Turn(text=question.text, author_name=memory.asker.name or "you"),
        Turn(text=answered.answer.text, author_name="Lorekeeper", from_bot=True),
    ]
    del memory.turns[:-_TURNS_KEPT]
    if answered.answer.entry is not None:
        memory.undo.append(undo_entry(memory, answered.answer.entry))
    return answered


async def _until_interrupted(work: Coroutine[Any, Any, None]) -> None:
    """Run `work`; Ctrl-C stops it and nothing else, as a person expects of a chat."""
    task = asyncio.create_task(work)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, _stopper(task))
    try:
        await asyncio.wait([task])
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        task.cancel()
    if not task.cancelled():
        task.result()


def _stopper(task: asyncio.Task[None]) -> Callable[[], None]:
    def stop() -> None:
        task.cancel()
        print("\n[stopped]\n")

    return stop


async def _typed(settings: Settings) -> AsyncIterator[str]:
    """Yield what a person types, with history and completion."""
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import WordCompleter
    from prompt_toolkit.history import FileHistory

    names = ["good", "bad", "topic", "sources", "why", "remember", "undo", "help"]
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    session: PromptSession[str] = PromptSession(
        history=FileHistory(str(settings.data_dir / "chat-history")),
        completer=WordCompleter([f"/{name}" for name in names], sentence=True),
    )
    while True:
        try:
            line = await session.prompt_async("> ")
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        if line.strip():
            yield line.strip()


async def _piped() -> AsyncIterator[str]:
    """Yield the lines of a pipe or a file."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        if line.strip():
            yield line.strip()
