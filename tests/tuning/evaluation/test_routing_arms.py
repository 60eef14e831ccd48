"""Every way to route, over questions whose words say nothing of their category: only a tuned model knows."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from agent.models.protocol import Embedder
from agent.routing.memory import RoutingMemory
from agent.routing.placing import Placer
from agent.serving.served import Task, Trust
from tests.tuning.evaluation.parts import CATEGORIES, GUILD, Scripted, no_pause
from tests.tuning.evaluation.reports import report
from tuning.datasets.item import Split
from tuning.evaluation.gate import decide
from tuning.evaluation.kept import Kept
from tuning.evaluation.metrics import routing_figures
from tuning.evaluation.questions import RoutingQuestion
from tuning.evaluation.results import Arm, RoutingArm, arm_of
from tuning.evaluation.routing import RoutingModels, evaluate_routing

_CLEAR = ("When did we clean the {}?", "Who looks after the {}?", "How much is spent on the {}?")
_VAGUE = ("What became of case {}?", "Is matter {} settled by now?", "Does anyone remember point {}?")


def _questions() -> list[RoutingQuestion]:
    train = [
        RoutingQuestion(
            item=f"t{row}{column}",
            split=Split.TRAIN,
            text=text.format(category.name.lower()),
            right=category.slug,
        )
        for row, text in enumerate(_CLEAR)
        for column, category in enumerate(CATEGORIES)
    ]
    splits = [Split.VALIDATION] * 12 + [Split.TEST] * 20 + [Split.GOLDEN] * 4
    vague = [
        RoutingQuestion(
            item=f"v{number}",
            split=split,
            text=_VAGUE[number % 3].format(100 + number),
            right=CATEGORIES[number % 4].slug,
        )
        for number, split in enumerate(splits)
    ]
    return [*train, *vague]


def _knows(certain: Callable[[int], bool]) -> Callable[[str, int], Sequence[float]]:
    """A model that is sure of the right letter of those numbers, and says nothing of the others."""

    def weighs(asked: str, count: int) -> Sequence[float]:
        number = int(re.findall(r"\d{3}", asked)[-1]) - 100
        return [8.0 * (k == number % 4 and certain(number)) for k in range(count)]

    return weighs


async def _arms(
    embedder: Embedder, folder: Path, models: RoutingModels, questions: Sequence[RoutingQuestion] = ()
) -> tuple[RoutingArm, ...]:
    return await evaluate_routing(
        GUILD,
        CATEGORIES,
        questions or _questions(),
        Placer(embedder, None, RoutingMemory(folder / "routing.db")),
        models,
        # Nobody would ask a model about such questions otherwise: they are like no example.
        scope_threshold=1.0,
        kept=Kept(folder / "answers.jsonl"),
        pause=no_pause,
    )


def _accuracy(arms: Sequence[RoutingArm], wanted: Arm) -> float:
    arm = arm_of(arms, wanted)
    assert arm is not None, wanted
    return routing_figures(arm, Split.TEST).accuracy


@pytest.mark.asyncio(loop_scope="session")
async def test_a_fusion_listens_to_a_model_as_far_as_it_proved_worth(
    embedder: Embedder, tmp_path: Path
) -> None:
    models = RoutingModels(
        base=Scripted("base"),
        challenger=Scripted("tuned", weighs=_knows(lambda number: True)),
        champion=Scripted("before", weighs=_knows(lambda number: number % 2 == 0)),
        champion_trust=Trust(scale=1.0, model=1.0, span=8.0),
    )
    arms = await _arms(embedder, tmp_path, models)
    assert [arm.arm for arm in arms].count(Arm.FUSION) == 1
    assert _accuracy(arms, Arm.CHALLENGER) == 1.0
    assert _accuracy(arms, Arm.FUSION_CHALLENGER) == 1.0
    assert _accuracy(arms, Arm.FUSION) < 0.6
    assert _accuracy(arms, Arm.FUSION) < _accuracy(arms, Arm.FUSION_CHAMPION) < 1.0
    assert _accuracy(arms, Arm.UNTUNED) == _accuracy(arms, Arm.FEW_SHOT) == 0.25
    trusts = {arm.arm: arm.trust for arm in arms}
    assert trusts[Arm.FUSION_CHALLENGER] is not None
    assert trusts[Arm.FUSION_UNTUNED] is None, "a model that says the same of everything is not asked"
    assert trusts[Arm.FUSION_CHAMPION] == models.champion_trust, "as it serves"
    assert _accuracy(arms, Arm.FUSION_UNTUNED) == _accuracy(arms, Arm.FUSION)
    made = report(Task.ROUTE, {arm.arm: arm for arm in arms}, serving=Arm.FUSION_CHAMPION)
    assert {check.aspect for check in decide(made).failed} <= {"latency"}, "scripts take no time"


@pytest.mark.asyncio(loop_scope="session")
async def test_a_model_can_prove_its_worth_where_no_question_is_left_for_validation(
    embedder: Embedder, tmp_path: Path
) -> None:
    models = RoutingModels(base=Scripted("base"), challenger=Scripted("tuned", weighs=_knows(lambda _: True)))
    asked = [each for each in _questions() if each.split is not Split.VALIDATION]
    arms = await _arms(embedder, tmp_path, models, asked)
    assert _accuracy(arms, Arm.FUSION_CHALLENGER) == 1.0 > _accuracy(arms, Arm.FUSION)


@pytest.mark.asyncio(loop_scope="session")
async def test_no_question_has_a_say_in_how_it_is_routed_itself(embedder: Embedder, tmp_path: Path) -> None:
    models = RoutingModels(base=Scripted("base"), challenger=Scripted("tuned", weighs=_knows(lambda _: True)))
    train = [each for each in _questions() if each.split is Split.TRAIN]
    # It reads like an example of the first topic, and is said to belong to the second.
    text = _CLEAR[0].format(CATEGORIES[0].name.lower()) + " 101"
    odd = RoutingQuestion(item="odd", split=Split.TEST, text=text, right=CATEGORIES[1].slug)
    arms = await _arms(embedder, tmp_path, models, [*train, odd])
    fusion, tuned = arm_of(arms, Arm.FUSION), arm_of(arms, Arm.FUSION_CHALLENGER)
    assert fusion is not None
    assert tuned is not None
    assert tuned.trust is not None, "taken together, the questions speak for the model"
    assert tuned.predicted[0].said == fusion.predicted[0].said == CATEGORIES[0].slug


@pytest.mark.asyncio(loop_scope="session")
async def test_all_arms_are_asked_the_same_and_no_example_is_asked(
    embedder: Embedder, tmp_path: Path
) -> None:
    models = RoutingModels(base=Scripted("base"), challenger=Scripted("tuned"))
    arms = await _arms(embedder, tmp_path, models)
    held_out = [each.item for each in _questions() if each.split in {Split.TEST, Split.GOLDEN}]
    for arm in arms:
        assert [each.item for each in arm.predicted if each.right is not None] == held_out, arm.arm
    strangers = [each for each in arms[-1].predicted if each.right is None]
    assert len(strangers) == len(held_out), "each category is left out once"
    assert arm_of(arms, Arm.FUSION_CHAMPION) is None


@pytest.mark.asyncio(loop_scope="session")
async def test_begun_again_it_asks_no_model_twice(embedder: Embedder, tmp_path: Path) -> None:
    first = RoutingModels(base=Scripted("base"), challenger=Scripted("tuned", weighs=_knows(lambda _: True)))
    arms = await _arms(embedder, tmp_path, first)
    again = RoutingModels(base=Scripted("base"), challenger=Scripted("tuned"))
    repeated = await _arms(embedder, tmp_path, again)
    assert isinstance(again.challenger, Scripted)
    assert again.challenger.calls == 0
    assert _accuracy(repeated, Arm.CHALLENGER) == _accuracy(arms, Arm.CHALLENGER) == 1.0
