"""Learning from votes: the loss is the paper's, what it compares with is the base, and it learns."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from agent.errors import UsageError
from tests.tuning.training.runs import job, losses, train
from tuning.export.gguf_lora import WEIGHTS
from tuning.recipes import Objective, Recipe
from tuning.training.job import ADAPTER, METRICS, metrics
from tuning.training.rows import Row

pytestmark = pytest.mark.usefixtures("training")

RECIPE = Recipe(
    objective=Objective.KTO,
    rank=4,
    batch=8,
    epochs=8,
    learning_rate=0.003,
    max_tokens=512,
    evaluations=1,
    beta=1.0,
    seed=3,
)


@pytest.fixture(scope="module")
def voted(rows: list[Row]) -> list[Row]:
    """Every other row says the letter after the right one, and was disliked."""
    letters = rows[0].labels
    after = dict(zip(letters, letters[1:] + letters[:1], strict=True))
    return [
        row if at % 2 else replace(row, completion=f"{after[row.completion[0]]})", desirable=False)
        for at, row in enumerate(rows)
    ]


def _objective(loaded: Any, voted: list[Row], recipe: Recipe) -> tuple[Any, Any, Any]:
    """Return (the objective over six rows, its model moved away from the base, the rows as tokens)."""
    import torch

    from tuning.training.process.adapting import adapted, trained
    from tuning.training.process.encoding import Encoder
    from tuning.training.process.group import Group
    from tuning.training.process.objectives import learning
    from tuning.training.process.scoring import Scorer

    model, tokenizer = loaded("llama")
    encoded, _ = Encoder(tokenizer).rows(voted[:6], 512)
    model = adapted(model, recipe)
    torch.manual_seed(1)
    for name, weights in trained(model).items():
        if "lora_B" in name:
            torch.nn.init.normal_(weights, std=0.3)
    group = Group()
    scorer = Scorer(model, encoded[0].ids[:40], 0, recipe.micro_tokens, group)
    objective = learning(recipe, scorer, group, encoded, encoded)
    objective.begin()
    return objective, model.eval(), encoded


def _plain_nats(model: Any, row: Any) -> float:
    import torch

    ids = torch.tensor([row.ids])
    with torch.no_grad():
        logits = model(input_ids=ids).logits[0, row.prompt - 1 : -1].float()
    return float(torch.nn.functional.cross_entropy(logits, ids[0, row.prompt :], reduction="sum"))


def test_the_loss_is_that_of_the_paper(loaded: Any, voted: list[Row]) -> None:
    recipe = RECIPE.changed(undesirable_weight=1.5)
    objective, model, encoded = _objective(loaded, voted, recipe)
    strange = objective._train.strange
    assert all(
        row.ids[: row.prompt] == other.ids[: row.prompt] for row, other in zip(encoded, strange, strict=True)
    )

    def reward(row: Any) -> float:
        with model.disable_adapter():
            base = _plain_nats(model, row)
        return base - _plain_nats(model, row)

    drift = max(0.0, sum(reward(row) for row in strange) / len(strange))
    expected = 0.0
    for row in encoded:
        gain = (reward(row) - drift) * (1 if row.desirable else -1)
        expected += (1.0 if row.desirable else 1.5) * (1 - 1 / (1 + math.exp(-recipe.beta * gain)))
    assert objective.held_out() == pytest.approx(expected / len(encoded), rel=1e-4)
    assert objective.learn(range(len(encoded))) == pytest.approx(expected / len(encoded), rel=1e-4)


def test_a_step_in_parts_has_the_gradient_of_a_step_at_once(loaded: Any, voted: list[Row]) -> None:
    from tuning.training.process.adapting import trained

    gradients = []
    for micro in (512, 100_000):
        recipe = RECIPE.changed(micro_tokens=micro)
        objective, model, encoded = _objective(loaded, voted, recipe)
        objective.learn(range(len(encoded)))
        gradients.append({name: each.grad for name, each in trained(model).items()})
    for name, gradient in gradients[0].items():
        assert abs(gradient - gradients[1][name]).max() < 5e-6, name
    assert max(float(each.abs().max()) for each in gradients[0].values()) > 1e-4


@pytest.fixture(scope="module")
def whole(tiny_folder: Path, voted: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kto")
    assert train(folder, job(folder, tiny_folder, voted, RECIPE))
    return folder


def test_what_was_liked_gains_on_what_was_not(whole: Path, tiny_folder: Path, voted: list[Row]) -> None:
    import torch

    from tuning.training.process.adapting import readapted
    from tuning.training.process.base import load_base
    from tuning.training.process.encoding import Encoder

    told = losses(whole)
    assert told[0] == pytest.approx(0.5, abs=1e-3)
    assert min(told) < 0.45
    base, tokenizer = load_base(str(tiny_folder), torch.device("cpu"))
    held_out, _ = Encoder(tokenizer).rows(voted[-12:], 512)
    tuned = readapted(base, whole).eval()
    gains = {True: 0.0, False: 0.0}
    for row in held_out:
        with tuned.disable_adapter():
            before = _plain_nats(tuned, row)
        gains[row.desirable] += before - _plain_nats(tuned, row)
    assert gains[True] > gains[False] + 1


def test_a_run_that_was_stopped_still_compares_with_the_base(
    whole: Path, tiny_folder: Path, voted: list[Row], tmp_path: Path
) -> None:
    run = job(tmp_path, tiny_folder, voted, RECIPE)

    def stopped() -> bool:
        return sum(each["event"] == "step" for each in metrics(tmp_path)) == 9

    assert not train(tmp_path, run, stopped)
    assert train(tmp_path, run)
    assert '"stopped"' in (tmp_path / METRICS).read_text()
    expected, weights = load_file(whole / ADAPTER / WEIGHTS), load_file(tmp_path / ADAPTER / WEIGHTS)
    for name, values in expected.items():
        assert abs(values - weights[name]).max() < 1e-6, name


@pytest.mark.parametrize(
    ("rows_of", "recipe", "said"),
    [
        (
            lambda voted: [row for row in voted if row.desirable],
            RECIPE,
            "liked and answers that they did not",
        ),
        (lambda voted: voted, RECIPE.changed(objective=Objective.SFT), "would learn to say"),
    ],
)
def test_rows_that_an_objective_cannot_learn_from_are_refused(
    tiny_folder: Path, voted: list[Row], tmp_path: Path, rows_of: Any, recipe: Recipe, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        train(tmp_path, job(tmp_path, tiny_folder, rows_of(voted), recipe))


def test_a_batch_of_one_says_nothing_of_how_far_the_model_went() -> None:
    with pytest.raises(UsageError, match="at least 2"):
        RECIPE.changed(batch=1)
