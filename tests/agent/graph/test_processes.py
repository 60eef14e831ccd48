"""Several processes on one data folder, and one that is killed in the middle of a question."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from agent.contracts import LOCAL_GUILD
from agent.runtime import open_installation
from tests.agent.graph.asking import answered
from tests.household import household_settings

PUMP = "When did we replace our pool pump?"

_ASK_FOR_EVER = """
import asyncio, sys
from pathlib import Path
from agent.contracts import Intent, Question, Token
from agent.runtime import open_installation
from tests.agent.graph.asking import agent_with
from tests.household import household_settings

async def main():
    async with open_installation(household_settings(Path(sys.argv[1]))) as installation:
        agent = agent_with(installation, settings={"answer_mode": "generated", "answer_tokens": 400})
        fact = Question(text="The attic key hangs by the door.", intent=Intent.REMEMBER)
        async for event in agent.ask(fact):
            pass
        async for event in agent.ask(Question(text="When did we replace our pool pump?")):
            if isinstance(event, Token):
                print("writing", flush=True)

asyncio.run(main())
"""


async def start(folder: Path, *arguments: str) -> asyncio.subprocess.Process:
    """A process of its own over the data folder."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={
            **os.environ,
            "PYTHONPATH": ".",
            "LOREKEEPER_DATA_DIR": str(folder),
            "LOREKEEPER_THREADS": "1",
        },
    )


async def test_a_process_killed_in_the_middle_of_a_question_leaves_everything_whole(
    own_household: Path,
) -> None:
    killed = await start(own_household, "-c", _ASK_FOR_EVER, str(own_household))
    assert killed.stdout is not None
    line = await killed.stdout.readline()
    killed.kill()
    _, errors = await killed.communicate()
    assert line == b"writing\n", errors

    async with open_installation(household_settings(own_household)) as installation:
        assert await installation.stores.journal.check()
        assert await installation.stores.store.check()
        (remembered,) = await installation.stores.journal.episodes(LOCAL_GUILD)
        assert remembered.answer is not None
        assert remembered.answer.entry is not None
        ended = await answered(installation.agent, PUMP)
        assert "18 May 2024" in ended.answer.text
        found = await installation.stores.catalog.source(LOCAL_GUILD, remembered.answer.entry)
        assert found is not None


async def test_one_process_asks_while_another_takes_knowledge_in(own_household: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    for number in range(12):
        note = notes / f"note-{number}.md"
        note.write_text(f"# Locker {number}\n\nLocker {number} opens with code {4100 + number}.\n", "utf-8")
    async with open_installation(household_settings(own_household)) as installation:
        sources = len(await installation.stores.catalog.sources(LOCAL_GUILD))
        ingesting = await start(own_household, "-m", "bot", "ingest", str(notes), "--category", "home")
        ended = asyncio.ensure_future(ingesting.communicate())
        asked = 0
        while not ended.done():
            assert "18 May 2024" in (await answered(installation.agent, PUMP)).answer.text
            asked += 1
            await asyncio.sleep(0.05)
        assert ingesting.returncode == 0, ended.result()
        assert asked > 3
        assert len(await installation.stores.catalog.sources(LOCAL_GUILD)) == sources + 12
        found = await answered(installation.agent, "What code opens locker 7?")
        assert "4107" in found.answer.text
        assert len(await installation.stores.journal.episodes(LOCAL_GUILD)) == asked + 1


async def test_two_processes_answer_the_same_at_the_same_time(own_household: Path) -> None:
    command = ("-m", "bot", "ask", "--json", "How much was the salt cell in 2025?")
    running = [await start(own_household, *command) for _ in range(2)]
    for each in running:
        out, errors = await each.communicate()
        assert (each.returncode, errors) == (0, b"")
        assert "$415" in json.loads(out)["quotes"][0]["text"]
