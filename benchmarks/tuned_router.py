"""What a fine-tuned router adds: `python -m benchmarks.tuned_router`, after `make training`.

BANKING77 folded to 20 topics with 30 labels each. The bundled SmolLM2-135M is trained on most of them, by the
recipe of `lorekeeper tune`, proven, and measured through the engine that serves, by the code of the gate:
alone and as a part of the fusion, beside the model as it is, few-shot prompts and the nearest label.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agent.contracts import LOCAL_GUILD
from agent.models.library import open_embedder
from agent.routing.memory import RoutingMemory
from agent.routing.placing import Placer
from agent.runtime import open_routing_embedder
from agent.serving.opening import open_engine
from agent.serving.served import ServedAdapter, Task
from agent.settings import Settings, load_settings
from benchmarks.report import DATA, Goal, Report, Section, publish
from benchmarks.tuned_router_data import ASKED, HELD_BACK, LABELS, categories, questions
from benchmarks.tuning import Tuned, at_once, tuned
from tuning.datasets.item import Split
from tuning.evaluation.kept import FILE, Kept
from tuning.evaluation.metrics import routing_figures
from tuning.evaluation.paired import mcnemar
from tuning.evaluation.questions import RoutingQuestion
from tuning.evaluation.results import Arm, RoutingArm
from tuning.evaluation.routing import RoutingModels, evaluate_routing
from tuning.loop.plan import Plan
from tuning.training.rows import Row, routing_row

SEED = 7
RECIPE = Plan().recipe.changed(layers="all", rank=20, alpha=40.0, epochs=4)
"""As `lorekeeper tune schedule --set` changes the default: a direction for each letter, and attention too."""
GAIN, LEARNT = 0.03, 0.75
"""Of the fusion over the fusion without, and of the model alone over the model as it is."""


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="Keep what is made there, and go on with it.")
    kept = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as passing:
        folder = (kept or Path(passing)).resolve()
        settings = load_settings(None, data_dir=folder)
        asked = questions(DATA / "banking77", SEED)
        rows = {split: [_row(each) for each in asked if each.split is split] for split in Split}
        made = await tuned(settings, folder / "run", rows, RECIPE, Task.ROUTE)
        arms = await _measured(settings, folder / "run", asked, made.adapter)
        publish(_report(arms, made))


def _row(question: RoutingQuestion) -> Row:
    topics = categories()
    right = next(topic for topic in topics if topic.slug == question.right)
    return routing_row(topics, question.text, right)


async def _measured(
    settings: Settings, folder: Path, asked: Sequence[RoutingQuestion], adapter: ServedAdapter
) -> tuple[RoutingArm, ...]:
    engine = await open_engine(settings)
    first, second = await open_embedder(settings), await open_routing_embedder(settings)
    try:
        return await evaluate_routing(
            LOCAL_GUILD,
            categories(),
            asked,
            Placer(first, second, RoutingMemory(folder / "routing.db")),
            RoutingModels(base=engine.base, challenger=await engine.adapted(adapter, Task.ROUTE)),
            scope_threshold=settings.scope_threshold,
            kept=Kept(folder / FILE),
            pause=at_once,
        )
    finally:
        await second.close()
        await first.close()
        await engine.close()


def _report(arms: Sequence[RoutingArm], made: Tuned) -> Report:
    by_arm = {each.arm: each for each in arms}
    figures = {arm: routing_figures(each, Split.TEST) for arm, each in by_arm.items()}
    gain = figures[Arm.FUSION_CHALLENGER].accuracy - figures[Arm.FUSION].accuracy
    learnt = figures[Arm.CHALLENGER].accuracy - figures[Arm.UNTUNED].accuracy
    pairs = list(zip(_hits(by_arm[Arm.FUSION_CHALLENGER]), _hits(by_arm[Arm.FUSION]), strict=True))
    chance = mcnemar(sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs))
    return Report(
        name="tuned_router",
        title="A fine-tuned router",
        sections=[
            Section(
                title=f"{ASKED} questions of BANKING77 in 20 topics, {LABELS} labels each",
                columns=["way", "accuracy", "macro-F1", "calibration error", "p50 / p95, ms"],
                rows=[_line(each) for each in arms],
                note=f"{made.told} {HELD_BACK} labels a topic say when to stop. McNemar's exact test of the "
                f"two fusions: p = {chance:.2g}.",
            )
        ],
        goals=[
            Goal(
                text="The fusion with the tuned adapter is at least 3 points above the fusion without",
                reached=gain >= GAIN,
                note=f"{100 * gain:+.1f} points",
            ),
            Goal(
                text="The tuned model alone is at least 75 points above untuned",
                reached=learnt >= LEARNT,
                note=f"{100 * learnt:+.1f} points",
            ),
        ],
        figures={arm.value: each.accuracy for arm, each in figures.items()},
    )


def _line(arm: RoutingArm) -> dict[str, Any]:
    figures = routing_figures(arm, Split.TEST)
    error = figures.calibration_error
    return {
        "way": arm.arm.value,
        "accuracy": f"{figures.accuracy:.3f}",
        "macro-F1": f"{figures.macro_f1:.3f}",
        "calibration error": "" if error is None else f"{error:.3f}",
        "p50 / p95, ms": f"{figures.p50:.0f} / {figures.p95:.0f}",
    }


def _hits(arm: RoutingArm) -> list[bool]:
    return [each.hit for each in arm.predicted if each.split is Split.TEST and each.right is not None]


if __name__ == "__main__":
    asyncio.run(main())
