"""What fine-tuned answers gain: `python -m benchmarks.tuned_answers`, after `make training`.

SQuAD 2.0 as a guild's corrected answers: the bundled SmolLM2-135M is trained on half of the articles, by the
code of `lorekeeper tune`, and asked about the other half through the engine that serves. Answers are scored
by the code of the gate, 1 to 5, beside the model as it is, with examples, and the sentences that the agent
finds without a model. Everybody gets the paragraph of the question and nothing else.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import numpy as np

from agent.models.level import LevelEmbedder
from agent.models.library import open_embedder
from agent.serving.opening import open_engine
from agent.serving.served import Task
from agent.settings import Settings, load_settings
from benchmarks.report import DATA, Goal, Report, Section, publish
from benchmarks.squad_data import SEED
from benchmarks.tuned_answers_data import LONGEST, Data, questions, read_data, rows
from benchmarks.tuning import Tuned, at_once, tuned
from tuning.datasets.item import Split
from tuning.evaluation.answers import AnswerModels, AnswerOptions, evaluate_answers
from tuning.evaluation.judge import Judge
from tuning.evaluation.kept import FILE, Kept
from tuning.evaluation.metrics import AnswerFigures, answer_figures
from tuning.evaluation.paired import Floats, bootstrap
from tuning.evaluation.results import AnswerArm, Arm
from tuning.recipes import Recipe

RECIPE: Final = Recipe(epochs=2, max_tokens=640)
GAIN, DECLINED, LENGTH = 1.0, 0.3, 0.5
"""Points of the mean score; share of the unanswerable questions; of the untuned model's words."""

_NAMES: Final = {
    Arm.UNTUNED: "the model as it is",
    Arm.CHALLENGER: "tuned",
    Arm.FEW_SHOT: "shown two examples",
    Arm.EXTRACTIVE: "sentences, no model",
}


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="Keep what is made there, and go on with it.")
    kept = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as passing:
        settings = load_settings(None, data_dir=(kept or Path(passing)).resolve())
        data = read_data(DATA / "squad2" / "articles.json")
        folder = settings.data_dir / "run"
        learnt = {split: rows(data, split) for split in (Split.TRAIN, Split.VALIDATION)}
        made = await tuned(settings, folder, learnt, RECIPE, Task.ANSWER)
        publish(_report(await _measured(settings, data, made, Kept(folder / FILE)), made))


async def _measured(settings: Settings, data: Data, made: Tuned, kept: Kept) -> tuple[AnswerArm, ...]:
    engine, raw = await open_engine(settings), await open_embedder(settings)
    try:
        embedder = await LevelEmbedder.open(raw, settings.data_dir)
        return await evaluate_answers(
            await questions(data, embedder),
            AnswerModels(
                base=engine.base,
                challenger=await engine.adapted(made.adapter, Task.ANSWER),
                shots=rows(data, Split.TRAIN),
            ),
            options=AnswerOptions(tokens=settings.answer_tokens, threshold=settings.answer_threshold),
            embedder=embedder,
            judge=Judge(engine.base, kept, at_once),
            kept=kept,
            pause=at_once,
        )
    finally:
        await raw.close()
        await engine.close()


def _report(arms: Sequence[AnswerArm], made: Tuned) -> Report:
    by_arm = {each.arm: each for each in arms}
    figures = {arm: answer_figures(each, Split.TEST) for arm, each in by_arm.items()}
    untuned, ours = figures[Arm.UNTUNED], figures[Arm.CHALLENGER]
    chance = bootstrap(_means(by_arm[Arm.CHALLENGER]) - _means(by_arm[Arm.UNTUNED]), SEED)
    return Report(
        name="tuned_answers",
        title="Fine-tuned answers: SQuAD 2.0, four articles to learn from and four others to be asked about",
        sections=[_scores(figures), _manners(figures, made, chance)],
        goals=_goals(untuned, ours),
        figures={arm.value: asdict(each) for arm, each in figures.items()},
    )


def _scores(figures: Mapping[Arm, AnswerFigures]) -> Section:
    asked = figures[Arm.UNTUNED]
    return Section(
        title=f"{asked.answerable.asked} questions with an answer and {asked.unanswerable.asked} without, "
        f"over their paragraph of up to {LONGEST} characters",
        columns=(
            "answers",
            "mean",
            "relevance",
            "grounding",
            "no hallucination",
            "declined, %",
            "answered, %",
        ),
        rows=[
            {
                "answers": _NAMES[arm],
                "mean": round(each.mean, 2),
                "relevance": round(each.relevance, 2),
                "grounding": round(each.grounding, 2),
                "no hallucination": round(each.no_hallucination, 2),
                "declined, %": round(100 * each.unanswerable.share, 1),
                "answered, %": round(100 * each.answerable.share, 1),
            }
            for arm, each in figures.items()
        ],
        note='Scores are 1 to 5; "I don\'t know." is worth everything where nothing answers, and otherwise 1 '
        "point of relevance, 1 of grounding and 5 for absence of hallucination. declined: of the questions "
        "without an answer; answered: of those with one.",
    )


def _manners(figures: Mapping[Arm, AnswerFigures], made: Tuned, chance: float) -> Section:
    return Section(
        title="How they are written",
        columns=(
            "answers",
            "words",
            "apologies, %",
            "not in the context, %",
            "valid JSON, %",
            "p50 / p95, s",
        ),
        rows=[
            {
                "answers": _NAMES[arm],
                "words": round(each.words, 1),
                "apologies, %": round(100 * each.apologies, 1),
                "not in the context, %": round(100 * each.not_in_context, 1),
                "valid JSON, %": "" if each.json_valid is None else round(100 * each.json_valid),
                "p50 / p95, s": f"{each.p50 / 1000:.1f} / {each.p95 / 1000:.1f}",
            }
            for arm, each in figures.items()
        ],
        note=f"words: of what was not declined. {made.told} The chance of its lead over "
        f"the untuned model if it were no better: {chance:.2g}.",
    )


def _goals(untuned: AnswerFigures, ours: AnswerFigures) -> list[Goal]:
    gain = ours.mean - untuned.mean
    declined = ours.unanswerable.share - untuned.unanswerable.share
    length = ours.words / untuned.words
    return [
        Goal(
            text="Mean of the three scores at least one point above the untuned model",
            reached=gain >= GAIN,
            note=f"{gain:+.2f}",
        ),
        Goal(
            text="Unanswerable questions declined at least 30 points more often",
            reached=declined >= DECLINED,
            note=f"{100 * declined:+.0f} points",
        ),
        Goal(
            text="Answers at most half as long",
            reached=length <= LENGTH,
            note=f"{ours.words:.0f} words against {untuned.words:.0f}",
        ),
    ]


def _means(arm: AnswerArm) -> Floats:
    return np.array([each.scores.mean for each in arm.answers])


if __name__ == "__main__":
    asyncio.run(main())
