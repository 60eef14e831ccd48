"""Every way to answer over the same evidence, by models whose replies are written here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agent.models.protocol import ChatMessage, Embedder
from tests.tuning.evaluation.parts import Scripted, evidence, no_pause
from tuning.datasets.item import Split
from tuning.evaluation.answers import AnswerModels, AnswerOptions, evaluate_answers
from tuning.evaluation.judge import Judge
from tuning.evaluation.kept import Kept
from tuning.evaluation.metrics import answer_figures
from tuning.evaluation.questions import ELSEWHERE, AnswerQuestion, unanswerable
from tuning.evaluation.results import AnswerArm, Arm, answers_of
from tuning.training.rows import Row

_FACTS = (
    ("What did the pump cost?", "The pump cost 420 euros.", "420 euros"),
    ("When was the hedge cut?", "The hedge was cut in March.", "March"),
    ("Who repaired the roof?", "Miller repaired the roof.", "Miller"),
    ("Where are the tyres?", "The winter tyres are in the shed.", "in the shed"),
)
_QUESTIONS = tuple(
    AnswerQuestion(
        item=f"q{number}",
        split=Split.TEST,
        text=question,
        language="en",
        evidence=evidence(told),
        references=(answer,),
    )
    for number, (question, told, answer) in enumerate(_FACTS)
)
_NOWHERE = tuple(unanswerable(_QUESTIONS, Split.TEST))


def _quotes(asked: str) -> str:
    """Quote the source that is shown when it is the question's, else say that nobody knows."""
    for question, told, _ in _FACTS:
        if question in asked and told in asked:
            return f'"{told}" [1].'
    return "I don't know."


def _shot(question: str, completion: str) -> Row:
    messages = (ChatMessage(role="system", content="rules"), ChatMessage(role="user", content=question))
    return Row(messages=messages, completion=completion)


async def _arms(
    folder: Path, models: AnswerModels, *questions: AnswerQuestion, embedder: Embedder | None = None
) -> tuple[AnswerArm, ...]:
    kept = Kept(folder / "answers.jsonl")
    return await evaluate_answers(
        questions,
        models,
        options=AnswerOptions(tokens=80, threshold=0.5),
        embedder=embedder,
        judge=Judge(models.base, kept, no_pause),
        kept=kept,
        pause=no_pause,
    )


def _arm(arms: tuple[AnswerArm, ...], wanted: Arm) -> AnswerArm:
    arm = answers_of(arms, wanted)
    assert arm is not None, wanted
    return arm


async def test_a_model_that_quotes_and_declines_rightly_beats_one_that_rambles(tmp_path: Path) -> None:
    models = AnswerModels(
        base=Scripted("base", writes=lambda asked: "Sorry, it was in 1987, I believe."),
        challenger=Scripted("tuned", writes=_quotes, json={"answer": "a", "source": 1}),
        shots=(_shot("q", "a"), _shot("longer question", "b"), _shot("q", "I don't know.")),
    )
    arms = await _arms(tmp_path, models, *_QUESTIONS, *_NOWHERE)
    assert [arm.arm for arm in arms] == [Arm.UNTUNED, Arm.CHALLENGER, Arm.FEW_SHOT]
    tuned, base = (answer_figures(_arm(arms, arm), Split.TEST) for arm in (Arm.CHALLENGER, Arm.UNTUNED))
    assert (tuned.mean, tuned.unanswerable.share, tuned.answerable.share) == (5.0, 1.0, 1.0)
    assert (base.mean, base.unanswerable.share, base.apologies) == (1.0, 0.0, 1.0)
    assert (tuned.json_valid, base.json_valid) == (1.0, 0.0)
    assert answer_figures(_arm(arms, Arm.FEW_SHOT), Split.TEST).json_valid is None, "it is not asked again"


async def test_few_shot_shows_the_shortest_examples_and_one_that_declines(tmp_path: Path) -> None:
    seen: list[str] = []

    def writes(asked: str) -> str:
        seen.append(asked)
        return "I don't know."

    shots = (_shot("a longer question", "b"), _shot("short", "a"), _shot("none", "I don't know."))
    models = AnswerModels(base=Scripted("base", writes=writes), challenger=Scripted("tuned"), shots=shots)
    arms = await _arms(tmp_path, models, _QUESTIONS[0])
    assert len(seen) == 2, "as it is, and with examples"
    assert _arm(arms, Arm.FEW_SHOT).answers[0].declined


async def test_begun_again_it_asks_no_model_twice(tmp_path: Path) -> None:
    first = await _arms(
        tmp_path,
        AnswerModels(base=Scripted("base"), challenger=Scripted("tuned", writes=_quotes)),
        *_QUESTIONS,
    )
    again = Scripted("tuned")
    repeated = await _arms(tmp_path, AnswerModels(base=Scripted("base"), challenger=again), *_QUESTIONS)
    assert again.calls == 0
    assert repeated == first, "latencies too"


async def test_only_what_nobody_knows_the_answer_of_is_judged(tmp_path: Path) -> None:
    disliked = replace(_QUESTIONS[1], item="disliked", references=())
    base = Scripted("base", weighs=lambda asked, count: [0.0] * count)
    arms = await _arms(
        tmp_path, AnswerModels(base=base, challenger=Scripted("tuned")), _QUESTIONS[0], disliked
    )
    judged = {each.item: each.judged for arm in arms for each in arm.answers}
    assert judged == {"q0": False, "disliked": True}
    assert _arm(arms, Arm.CHALLENGER).answers[1].scores.mean == pytest.approx(3.0), "it has no opinion"


def test_unanswerable_questions_keep_their_words_and_change_their_evidence() -> None:
    assert [each.item for each in _NOWHERE] == [f"q0{ELSEWHERE}", f"q3{ELSEWHERE}"]
    for each in _NOWHERE:
        assert not each.answerable
        assert not each.references
    assert list(unanswerable(_QUESTIONS[:1], Split.TEST)) == [], "there is no other evidence"
    assert list(unanswerable(_QUESTIONS, Split.GOLDEN)) == []
    same = replace(_QUESTIONS[1], text="Another?", references=_QUESTIONS[0].references)
    told = replace(same, evidence=_QUESTIONS[0].evidence)
    assert list(unanswerable((_QUESTIONS[0], told), Split.TEST)) == [], "the other one holds the answer too"
