"""What goes in and what comes out, by the commands, over the sample household."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from agent.settings import Settings
from bot.logs import log_file
from tests.bot.conftest import Command

PUMP = "When did we replace our pool pump?"


def test_an_answer_is_printed_with_its_quote_and_source(at_home: Command) -> None:
    ran = at_home("ask", PUMP)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("“On 18 May 2024 Tom Petrakis replaced the pool pump again")
    assert "Sources:\n[1] pool › line 14, 18 May 2024, by Daniel\n" in ran.out


def test_an_answer_for_scripts_holds_what_was_promised(at_home: Command) -> None:
    ran = at_home("ask", "--json", PUMP)
    assert (ran.code, ran.err) == (0, "")
    answer = ran.json
    assert set(answer) >= {"answer", "declined", "quotes", "route", "timings", "episode"}
    assert answer["declined"] is False
    assert set(answer["quotes"][0]) >= {"text", "source", "location", "category", "date"}
    assert (answer["quotes"][0]["category"], answer["quotes"][0]["date"]) == ("pool", "2024-05-18")
    scores = answer["route"]["scores"]
    assert scores[0]["category"] == "pool"
    assert set(scores[0]["contributions"]) >= {"examples", "description"}
    total = sum(score["probability"] for score in scores) + answer["route"]["out_of_scope"]
    assert total == pytest.approx(1, abs=0.01)
    assert set(answer["timings"]) >= {"route", "retrieve", "model", "own", "total"}


def test_a_refusal_is_an_answer(at_home: Command) -> None:
    ran = at_home("ask", "--json", "Who won the world cup in 1998?")
    assert (ran.code, ran.json["declined"], ran.json["quotes"]) == (0, True, [])


def test_questions_of_a_file_are_answered_in_order_one_line_each(at_home: Command, tmp_path: Path) -> None:
    questions = [PUMP, "How much was the salt cell in 2025?", "", "Who won the world cup in 1998?"]
    lines = "\n\n".join(json.dumps({"question": question}) for question in questions)
    (tmp_path / "questions.jsonl").write_text(lines, "utf-8")
    ran = at_home("ask", "--json", "--file", "questions.jsonl")
    answers = [json.loads(line) for line in ran.lines]
    assert [answer["question"] for answer in answers] == questions
    assert "18 May 2024" in answers[0]["answer"]
    assert answers[2]["error"]["message"] == "The question is empty."
    assert ran.code == 1
    assert ran.err.splitlines()[-1] == "Asking 4/4"


def test_only_the_route_of_a_file_is_asked_for(at_home: Command, tmp_path: Path) -> None:
    (tmp_path / "questions.jsonl").write_text(
        '{"question": "How old is the pool pump?"}\n{"question": "\\u0007"}\n', "utf-8"
    )
    ran = at_home("ask", "--json", "--file", "questions.jsonl", "--only", "route")
    first, second = (json.loads(line) for line in ran.lines)
    assert first["route"]["scores"][0]["category"] == "pool"
    assert "answer" not in first
    assert "cannot be seen" in second["error"]["message"]
    assert ran.code == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([""], "The question is empty."),
        (["😀"], "There is no question in"),
        ([PUMP, "--guild", "nowhere"], "There is no guild 'nowhere' here."),
        ([PUMP, "--category", "poool"], "There is no category poool.\n  Did you mean pool?"),
    ],
)
def test_a_question_that_makes_no_sense_is_wrong_use(
    arguments: list[str], said: str, at_home: Command, asked_folder: Path
) -> None:
    ran = at_home("ask", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"lorekeeper: {said}")
    assert "error_id=" in log_file(Settings(data_dir=asked_folder)).read_text("utf-8")


def test_bytes_that_are_no_text_do_not_break_the_output(at_home: Command) -> None:
    ran = at_home("ask", "--json", f"{PUMP} \udcff")
    assert ran.code == 0
    assert "18 May 2024" in ran.json["answer"]


def test_what_is_remembered_is_a_source_that_can_be_removed(in_own_home: Command) -> None:
    told = in_own_home("remember", "--json", "--name", "Ana", "The attic ladder is behind the boiler.")
    assert told.code == 0
    entry = told.json["entry"]
    (source,) = [each for each in in_own_home("sources", "list", "--json").json if each["id"] == entry]
    assert (source["kind"], source["author_name"]) == ("entry", "Ana")
    assert "behind the boiler" in in_own_home("ask", "Where is the attic ladder?").out
    assert in_own_home("sources", "remove", entry).err == "Removed 1 of 1.\n"
    assert "behind the boiler" not in in_own_home("ask", "Where is the attic ladder?").out
    assert in_own_home("remember", " ").code == 2


def test_files_go_in_and_what_failed_is_told_with_exit_1(in_own_home: Command, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "locker.md").write_text("# Locker\n\nThe locker opens with code 4107.\n", "utf-8")
    first = in_own_home("ingest", str(notes), "--category", "home", "--json")
    assert (first.code, first.json["ok"]) == (0, True)
    assert first.json["targets"][0]["choice"]["category"] == "home"
    second = in_own_home("ingest", str(notes), str(tmp_path / "nothing.md"))
    assert second.code == 1
    assert second.out.startswith("failed    ")
    assert "1 unchanged" in second.err
    (notes / "locker.md").unlink()
    refreshed = in_own_home("sources", "refresh")
    assert (refreshed.code, "locker.md: The file is no longer there." in refreshed.out) == (0, True)
    assert in_own_home("ingest", str(notes), "--category", "nothing").code == 2


def test_the_sample_is_loaded_once_and_is_the_owners_from_then_on(in_own_home: Command) -> None:
    in_own_home("categories", "rename", "pool", "water")
    ran = in_own_home("ask", "--sample", "--json", PUMP)
    assert ran.code == 0
    assert ran.json["quotes"][0]["category"] == "water"
    assert "pool" not in {row["slug"] for row in in_own_home("categories", "list", "--json").json}


def test_doctor_finds_everything_well(at_home: Command) -> None:
    ran = at_home("doctor", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert [finding["part"] for finding in ran.json] == [
        "configuration",
        "disk",
        "journal",
        "knowledge",
        "embedder",
        "routing",
        "language model",
        "discord",
    ]
    assert all(finding["ok"] for finding in ran.json)
    assert all(line.startswith("ok ") for line in at_home("doctor").lines)


def test_another_embedder_builds_its_index_beside_the_old_one_and_goes_back(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("remember", "The attic ladder is behind the boiler.")
    assert command("index", "build").err.startswith("The active index is of this embedder")
    monkeypatch.setenv("LOREKEEPER_EMBEDDER", "all-minilm-l6-v2")
    refused = command("ask", "Where is the attic ladder?")
    assert (refused.code, "lorekeeper index build" in refused.err) == (2, True)
    assert "PROBLEM  embedder" in command("doctor").out
    assert command("index", "build").code == 0
    assert [each["active"] for each in command("index", "list", "--json").json] == [False, True]
    assert command("doctor").code == 0
    assert command("index", "remove", "v2").code == 1
    assert command("index", "back").code == 0
    monkeypatch.delenv("LOREKEEPER_EMBEDDER")
    assert command("doctor").code == 0
    assert command("index", "remove", "v2").code == 0
    assert len(command("index", "list").lines) == 1


def test_doctor_says_what_to_do_about_a_model_that_is_cut_short(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "short.gguf").write_bytes(b"GGUF\x03\x00\x00\x00")
    monkeypatch.setenv("LOREKEEPER_CHAT_MODEL", str(tmp_path / "short.gguf"))
    ran = command("doctor", "--json")
    assert ran.code == 1
    problems = [finding for finding in ran.json if not finding["ok"]]
    assert [finding["part"] for finding in problems] == ["language model"]
    assert problems[0]["said"]
    assert problems[0]["todo"]


def test_doctor_finds_a_journal_that_is_no_database(
    command: Command, lent_models: None, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "lorekeeper.db").write_bytes(b"no database " * 1000)
    ran = command("doctor")
    assert ran.code == 1
    assert "PROBLEM  journal" in ran.out
    assert "ok       disk" in ran.out


def test_doctor_explains_a_setting_that_is_wrong(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOREKEEPER_TIMEZONE", "Europe/Madird")
    ran = command("doctor")
    assert ran.code == 1
    assert ran.lines[0].startswith("PROBLEM  configuration")
    assert "did you mean Europe/Madrid?" in ran.lines[0]


def test_ctrl_c_ends_a_command_with_1_and_leaves_the_folder_whole(own_household: Path) -> None:
    env = {**os.environ, "LOREKEEPER_DATA_DIR": str(own_household), "LOREKEEPER_THREADS": "1"}
    questions = '{"question": "How deep is the pool?"}\n' * 500
    running = subprocess.Popen(
        [sys.executable, "-m", "bot", "ask", "--json", "--file", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
        # Who runs these tests in the background ignores it, and so would the command.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    assert running.stdin is not None
    assert running.stdout is not None
    running.stdin.write(questions)
    running.stdin.close()
    assert json.loads(running.stdout.readline())["answer"]
    running.send_signal(signal.SIGINT)
    errors = running.stderr.read() if running.stderr else ""
    assert running.wait() == 1
    assert errors.endswith("Stopped. Nothing is broken: run it again to go on.\n")
    assert "Traceback" not in errors
    again = subprocess.run(
        [sys.executable, "-m", "bot", "categories", "list"], capture_output=True, text=True, env=env
    )
    assert (again.returncode, again.stderr) == (0, "")
