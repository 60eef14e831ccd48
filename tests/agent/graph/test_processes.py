"""Several processes on one data folder, and one that is killed in the middle of a question."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

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
        await anext(aiter(agent.ask(Question(text="The attic key hangs by the door.", intent=Intent.REMEMBER))))
        async for event in agent.ask(Question(text="When did we replace our pool pump?")):
            if isinstance(event, Token):
                print("writing", flush=True)

asyncio.run(main())
"""


def start(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": "."},
    )


async def test_a_process_killed_in_the_middle_of_a_question_leaves_everything_whole(
    own_household: Path,
) -> None:
    killed = start(_ASK_FOR_EVER, str(own_household))
    assert killed.stdout is not None
    line = await asyncio.to_thread(killed.stdout.readline)
    killed.send_signal(signal.SIGKILL)
    _, errors = killed.communicate()
    assert line == "writing\n", errors

    async with open_installation(household_settings(own_household)) as installation:
        assert await installation.stores.journal.check()
        assert await installation.stores.store.check()
        before = len(await installation.stores.journal.episodes(LOCAL_GUILD))
        ended = await answered(installation.agent, PUMP)
        assert "18 May 2024" in ended.answer.text
        assert len(await installation.stores.journal.episodes(LOCAL_GUILD)) == before + 1


async def test_one_process_asks_while_another_takes_knowledge_in(own_household: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    for number in range(12):
        note = notes / f"note-{number}.md"
        note.write_text(f"# Locker {number}\n\nLocker {number} opens with code {4100 + number}.\n", "utf-8")
    async with open_installation(household_settings(own_household)) as installation:
        sources = len(await installation.stores.catalog.sources(LOCAL_GUILD))
        ingesting = subprocess.Popen(
            [sys.executable, "-m", "bot", "ingest", str(notes), "--category", "home"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "LOREKEEPER_DATA_DIR": str(own_household), "LOREKEEPER_THREADS": "1"},
        )
        asked = 0
        while ingesting.poll() is None:
            ended = await answered(installation.agent, PUMP)
            assert "18 May 2024" in ended.answer.text
            asked += 1
            await asyncio.sleep(0.05)
        _, errors = ingesting.communicate()
        assert ingesting.returncode == 0, errors
        assert asked > 3
        assert len(await installation.stores.catalog.sources(LOCAL_GUILD)) == sources + 12
        found = await answered(installation.agent, "What code opens locker 7?")
        assert "4107" in found.answer.text
        assert len(await installation.stores.journal.episodes(LOCAL_GUILD)) == asked + 1


@pytest.mark.parametrize("text", ["How much was the salt cell in 2025?"])
async def test_two_processes_answer_the_same_at_the_same_time(own_household: Path, text: str) -> None:
    command = [sys.executable, "-m", "bot", "ask", "--json", text]
    env = {**os.environ, "LOREKEEPER_DATA_DIR": str(own_household), "LOREKEEPER_THREADS": "1"}
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
        for _ in range(2)
    ]
    said = [await asyncio.to_thread(each.communicate) for each in running]
    assert [each.returncode for each in running] == [0, 0], said
    assert all("$415" in out for out, _ in said)
    assert [errors for _, errors in said] == ["", ""]
