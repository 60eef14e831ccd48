"""The chat: its commands over a real agent, its screen, a pipe into it, and a real terminal."""

from __future__ import annotations

import io
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent.contracts import (
    Answered,
    AnswerEvent,
    Asker,
    Failed,
    FeedbackKind,
    GuildId,
    Question,
    Route,
    RouteDecided,
    RouteDecision,
    Slug,
    Stage,
    StageChanged,
    Token,
    TokensWithdrawn,
)
from agent.errors import UnknownCategoryError
from agent.runtime import Installation
from bot.chat.commands import COMMANDS, Memory, undo_entry, unknown_command
from bot.chat.screen import Screen

PUMP = "When did we replace our pool pump?"
CHAT = [sys.executable, "-m", "bot", "chat"]


async def quietly(memory: Memory, question: Question) -> None:
    """Ask as the session does, without a screen."""
    async for event in memory.agent.ask(question):
        if isinstance(event, Answered):
            memory.last = event
            if event.answer.entry is not None:
                memory.undo.append(undo_entry(memory, event.answer.entry))


@pytest.fixture
async def memory(household: Installation) -> Memory:
    return Memory(agent=household.agent, guild=GuildId("local"), asker=Asker(), ask=quietly)


async def say(memory: Memory, line: str) -> str:
    name, _, words = line.partition(" ")
    return await COMMANDS[name](memory, words)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("good", "There is no answer to vote on yet."),
        ("bad", "There is no answer to vote on yet."),
        ("topic pool", "Ask a question first"),
        ("sources", "The last answer quotes no source."),
        ("why", "There is no answer yet."),
        ("remember", "What? /remember FACT"),
        ("undo", "There is nothing to take back."),
        ("help", "/remember  keep a fact"),
    ],
)
@pytest.mark.asyncio(loop_scope="session")
async def test_a_command_before_any_question_says_what_it_lacks(memory: Memory, line: str, said: str) -> None:
    assert said in await say(memory, line)


@pytest.mark.asyncio(loop_scope="session")
async def test_votes_count_and_are_taken_back_with_their_reason(
    memory: Memory, household: Installation
) -> None:
    await quietly(memory, Question(text=PUMP))
    assert memory.last is not None
    episode, journal = memory.last.episode.id, household.stores.journal
    await say(memory, "good")
    assert await journal.votes(memory.guild, episode) == {"me": 1}
    await say(memory, "bad it was about the other pump")
    assert await journal.votes(memory.guild, episode) == {"me": -1}
    reasons = await journal.feedback(memory.guild, episode=episode)
    assert reasons[-1].value == {"reason": "it was about the other pump"}
    assert await say(memory, "undo") == "The vote is taken back."
    assert await journal.votes(memory.guild, episode) == {"me": 1}
    last = (await journal.feedback(memory.guild, episode=episode))[-1]
    assert (last.kind, last.value) == (FeedbackKind.RETRACTION, {"event": reasons[-1].id})
    await say(memory, "undo")
    assert await journal.votes(memory.guild, episode) == {}


@pytest.mark.asyncio(loop_scope="session")
async def test_a_topic_is_learnt_asked_again_and_taken_back(memory: Memory, household: Installation) -> None:
    text = "What is the gate code of the storage unit?"
    await quietly(memory, Question(text=text))
    assert await say(memory, "topic Home") == "Learnt: questions like this are about home."
    assert memory.last is not None
    assert memory.last.route is not None
    assert memory.last.route.decision is RouteDecision.GIVEN
    assert (await household.router.route(memory.guild, text)).scores[0].category == "home"
    known = {each.question: each.category for each in await household.stores.catalog.examples(memory.guild)}
    assert known[text] == "home"
    await say(memory, "undo")
    examples = await household.stores.catalog.examples(memory.guild)
    assert text not in {each.question for each in examples}
    with pytest.raises(UnknownCategoryError):
        await say(memory, "topic poool")


@pytest.mark.asyncio(loop_scope="session")
async def test_why_and_sources_explain_the_last_answer(memory: Memory) -> None:
    await quietly(memory, Question(text=PUMP))
    why = await say(memory, "why")
    assert re.search(r"route: \w+ .*\n +\d+%  pool  \(examples", why)
    for part in ("out of scope", "searched: ", "index v", "time: ", "models: ", "episode: "):
        assert part in why
    assert "[1] pool › line 14, 18 May 2024, by Daniel" in await say(memory, "sources")


@pytest.mark.asyncio(loop_scope="session")
async def test_what_is_remembered_can_be_undone(memory: Memory, household: Installation) -> None:
    before = len(await household.stores.catalog.sources(memory.guild))
    await say(memory, "remember The sledge hangs in the garage.")
    assert len(await household.stores.catalog.sources(memory.guild)) == before + 1
    assert await say(memory, "undo") == "Forgotten."
    assert len(await household.stores.catalog.sources(memory.guild)) == before


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("wyh", "There is no /wyh. Did you mean /why? /help lists what there is."),
        ("GOOD1", "There is no /GOOD1. Did you mean /good? /help lists what there is."),
        ("", "There is no /. /help lists what there is."),
        ("xyzzy", "There is no /xyzzy. /help lists what there is."),
    ],
)
def test_the_nearest_command_is_named(name: str, said: str) -> None:
    assert unknown_command(name) == said


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


FAILED = Failed(message="The store is busy.", hint="Wait.", error_id="1", retryable=True)


@pytest.mark.parametrize(
    ("events", "shown"),
    [
        ([Token(text="One\x1b[2J\x07 two")], "One[2J two"),
        ([StageChanged(stage=Stage.ROUTE), Token(text="One")], "One"),
        ([Token(text="Wrong"), TokensWithdrawn(reason="no quote")], "Wrong\n[withdrawn: no quote]\n"),
        ([TokensWithdrawn(reason="no quote")], ""),
        ([FAILED], "The store is busy. Wait.\n"),
        (
            [Token(text="Half"), FAILED],
            "Half\n[withdrawn: The store is busy.]\nThe store is busy. Wait.\n",
        ),
    ],
)
def test_what_a_file_gets_to_see(events: list[AnswerEvent], shown: str) -> None:
    out = io.StringIO()
    screen = Screen(out)
    for event in events:
        screen.show(event)
    assert out.getvalue() == shown


def test_a_terminal_shows_the_stage_until_the_first_token() -> None:
    out = Terminal()
    screen = Screen(out)
    route = Route(
        scores=(),
        out_of_scope=0,
        decision=RouteDecision.SINGLE,
        categories=(Slug("pool"),),
        model_asked=False,
        reason="",
    )
    for event in (StageChanged(stage=Stage.UNDERSTAND), RouteDecided(route=route), Token(text="On")):
        screen.show(event)
    assert out.getvalue() == (
        "\r\x1b[K\x1b[2munderstand …\x1b[0m\r\x1b[K\x1b[2msearching pool …\x1b[0m\r\x1b[KOn"
    )


@pytest.mark.parametrize(
    ("text", "columns", "erased"),
    [
        ("one", 80, "\r\x1b[J"),
        ("one\ntwo", 80, "\x1b[1A\r\x1b[J"),
        ("a" * 81, 80, "\x1b[1A\r\x1b[J"),
        ("日" * 41 + "\n\nend", 80, "\x1b[3A\r\x1b[J"),
    ],
)
def test_what_is_withdrawn_is_erased_from_a_terminal(
    text: str, columns: int, erased: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    out = Terminal()
    screen = Screen(out)
    screen.show(Token(text=text))
    screen.show(TokensWithdrawn(reason="no quote"))
    assert out.getvalue() == text + erased


def environment(folder: Path, **more: str) -> dict[str, str]:
    given = {"LOREKEEPER_DATA_DIR": str(folder), "LOREKEEPER_THREADS": "1", "PROMPT_TOOLKIT_NO_CPR": "1"}
    return {**os.environ, **given, "TERM": "xterm", **more}


def test_a_pipe_into_the_chat_is_answered_line_by_line(own_household: Path) -> None:
    lines = [PUMP, "/good", "/wyh", "/topic poool", "/remember The sledge hangs in the garage.", "/undo"]
    ran = subprocess.run(
        CHAT,
        input="\n\n".join(lines),
        capture_output=True,
        text=True,
        env=environment(own_household),
        timeout=120,
    )
    assert ran.returncode == 0
    assert ran.stderr == (
        "Lorekeeper. Ask a question; /help lists commands; Ctrl-C stops an answer, Ctrl-D ends.\n"
    )
    expected = (
        "“On 18 May 2024",
        "Sources:\n[1] pool › line 14",
        "Thank you.",
        "Did you mean /why?",
        "Did you mean pool?",
        "Noted",
        "Forgotten.",
    )
    places = [ran.stdout.find(each) for each in expected]
    assert -1 not in places
    assert places == sorted(places)


def test_a_guild_that_is_not_there_ends_the_chat_with_2(own_household: Path) -> None:
    ran = subprocess.run(
        [*CHAT, "--guild", "nowhere"],
        input="x\n",
        capture_output=True,
        text=True,
        env=environment(own_household),
    )
    assert ran.returncode == 2
    assert "There is no guild 'nowhere' here." in ran.stderr


PROMPT = "\x1b[?2004h"
"""What a terminal is sent when a prompt begins: it may paste in brackets."""


class Person:
    """Someone at a real terminal."""

    def __init__(self, folder: Path) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            CHAT,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env=environment(folder, LOREKEEPER_ANSWER_MODE="generated", LOREKEEPER_ANSWER_TOKENS="1000"),
        )
        os.close(theirs)
        self.seen = ""

    def types(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def waits_for(self, text: str, seconds: float = 120) -> None:
        """Read on until `text` appears after what was waited for before."""
        until = time.monotonic() + seconds
        while text not in self.seen:
            assert time.monotonic() < until, f"{text!r} did not appear in {self.seen!r}"
            if select.select([self._ours], [], [], 0.5)[0]:
                self.seen += os.read(self._ours, 65536).decode("utf-8", "replace")
        self.seen = self.seen.partition(text)[2]

    def leaves(self) -> int:
        self.types("\x04")
        code = self.process.wait(60)
        os.close(self._ours)
        return code


def test_at_a_terminal_ctrl_c_stops_the_answer_only_and_ctrl_d_ends_with_0(own_household: Path) -> None:
    person = Person(own_household)
    try:
        person.waits_for(PROMPT)
        person.types(f"{PUMP}\r")
        person.waits_for("answer …")
        person.process.send_signal(signal.SIGINT)
        person.waits_for("[stopped]")
        person.waits_for(PROMPT)
        person.types("/help\r")
        person.waits_for("this list")
        person.waits_for(PROMPT)
        assert person.leaves() == 0
    finally:
        person.process.kill()
        person.process.wait()
    assert PUMP in (own_household / "chat-history").read_text("utf-8")
