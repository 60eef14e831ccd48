"""A judge that prefers a place, one that is kind, and the file of people's scores."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from agent.errors import UsageError
from tests.tuning.evaluation.parts import Scripted, evidence, no_pause
from tuning.evaluation.judge import HumanScore, Judge, read_scores
from tuning.evaluation.kept import Kept

_EVIDENCE = evidence("The pump cost 420 euros.")
_SURE = 30.0


def _grade(told: str, bonus: int = 0) -> Sequence[float]:
    """Grade an answer by the number of stars in it, `bonus` grades better when it stands first."""
    place = int(re.findall(r"Grade answer (\d) alone", told)[0])
    shown = re.findall(r"Answer \d: (.*)", told)[place - 1]
    best = min(5, shown.count("*") + bonus * (place == 1))
    return [_SURE * (grade == best) for grade in (5, 4, 3, 2, 1)]


def _judge(folder: Path, bonus: int = 0) -> tuple[Judge, Scripted]:
    model = Scripted("judge", weighs=lambda told, _: _grade(told, bonus))
    return Judge(model, Kept(folder / "answers.jsonl"), no_pause), model


async def test_a_preference_for_a_place_cancels_out_and_is_measured(tmp_path: Path) -> None:
    judge, _ = _judge(tmp_path, bonus=2)
    scores = await judge.scores("What did it cost?", _EVIDENCE, "**", "***")
    assert scores.mean == pytest.approx(3.0, abs=0.01)
    other = await judge.scores("What did it cost?", _EVIDENCE, "***", "**")
    assert other.mean == pytest.approx(4.0, abs=0.01)
    assert judge.position_bias == pytest.approx(2.0, abs=0.01)


async def test_neither_arm_nor_name_is_told(tmp_path: Path) -> None:
    seen: list[str] = []

    def weighs(told: str, _: int) -> Sequence[float]:
        seen.append(told)
        return [0.0] * 5

    judge = Judge(Scripted("judge", weighs=weighs), Kept(tmp_path / "answers.jsonl"), no_pause)
    await judge.scores("What did it cost?", _EVIDENCE, "one answer", "another answer")
    assert len(seen) == 6, "three criteria in two orders"
    assert not re.search("challenger|champion|untuned|tuned", " ".join(seen), re.IGNORECASE)


async def test_what_it_said_once_is_not_asked_again(tmp_path: Path) -> None:
    judge, model = _judge(tmp_path)
    await judge.scores("What did it cost?", _EVIDENCE, "**", "***")
    again, other = _judge(tmp_path)
    assert (await again.scores("What did it cost?", _EVIDENCE, "**", "***")).mean == pytest.approx(
        2.0, abs=0.01
    )
    assert (model.calls, other.calls) == (6, 0)


async def test_people_teach_it_what_its_grades_mean(tmp_path: Path) -> None:
    judge, _ = _judge(tmp_path)
    # It is kind: what people find a 1, 3 or 5 it finds a 3, 4 or 5.
    scored = [
        HumanScore(
            question=f"Question {number}?",
            evidence=("The pump cost 420 euros.",),
            answer="*" * (3 + number % 3),
            relevance=1 + 2 * (number % 3),
            grounding=1 + 2 * (number % 3),
            no_hallucination=1 + 2 * (number % 3),
        )
        for number in range(12)
    ]
    quality = await judge.calibrate(scored)
    assert quality.compared == 12
    assert quality.error_before == pytest.approx(1.0, abs=0.02)
    assert quality.error_after == pytest.approx(0.0, abs=0.02)
    assert (await judge.scores("Another?", _EVIDENCE, "***", "*")).mean == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("line", ["{", '{"question": "q"}', '{"relevance": 9}'])
def test_a_line_that_is_no_score_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "scores.jsonl"
    file.write_text(f"{line}\n")
    with pytest.raises(UsageError, match=r"scores\.jsonl"):
        read_scores(file)


def test_scores_are_read_and_a_missing_file_holds_none(tmp_path: Path) -> None:
    scored = HumanScore(
        question="q", evidence=("e",), answer="a", relevance=1, grounding=2, no_hallucination=3
    )
    (tmp_path / "scores.jsonl").write_text(f"{scored.model_dump_json()}\n\n")
    assert read_scores(tmp_path / "scores.jsonl") == (scored,)
    assert read_scores(tmp_path / "none.jsonl") == ()
