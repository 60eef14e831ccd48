"""Successive halving: which candidates there are, which stay, and that a search goes on where it was."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.errors import UsageError
from tests.tuning.training.runs import RECIPE, write_run
from tuning.recipes import Recipe
from tuning.runs.contracts import Outcome
from tuning.runs.errors import TrainingError
from tuning.runs.search import Space, Trainer, Trial, candidates, rounds, search, survivors
from tuning.runs.supervisor import OnProgress, is_done
from tuning.training.job import Job, read_job
from tuning.training.rows import Row

SPACE: Space = {"learning_rate": (0.001, 0.01, 0.02), "rank": (2, 4)}


def test_all_combinations_are_candidates() -> None:
    found = [(each.learning_rate, each.rank) for each in candidates(Recipe(), SPACE)]
    assert found == [(0.001, 2), (0.001, 4), (0.01, 2), (0.01, 4), (0.02, 2), (0.02, 4)]


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({"rank": ()}, "not 0"),
        ({"rank": tuple(range(1, 66))}, "not 65"),
        ({"rank": (0,)}, "rank is 1 to 256"),
        ({"speed": (1,)}, "knows no speed"),
        ({"epochs": (1, 2)}, "decides on the epochs"),
    ],
)
def test_a_space_that_does_not_fit_a_recipe_is_refused(space: Space, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        candidates(Recipe(), space)


@pytest.mark.parametrize(
    ("epochs", "count", "expected"),
    [(3, 6, (1, 3)), (4, 6, (1, 2, 4)), (8, 6, (1, 2, 4, 8)), (8, 2, (4, 8)), (3, 1, (3,)), (1, 6, (1,))],
)
def test_each_round_trains_longer_than_the_one_before(
    epochs: int, count: int, expected: tuple[int, ...]
) -> None:
    assert rounds(epochs, count) == expected


@pytest.mark.parametrize(
    ("losses", "kept"),
    [
        ((3.0, 1.0, 2.0, 4.0), (1, 2)),
        ((1.0, 1.0, 1.0, 1.0), (0, 1)),
        ((2.0, 1.0, 3.0), (1,)),
        ((math.inf,), (0,)),
        ((math.inf, 5.0), (1,)),
    ],
)
def test_the_better_half_stays(losses: tuple[float, ...], kept: tuple[int, ...]) -> None:
    recipes = [Recipe(seed=number) for number in range(len(losses))]
    trials = [
        Trial(recipe=recipe, folder=Path(), loss=loss) for recipe, loss in zip(recipes, losses, strict=True)
    ]
    assert [recipe.seed for recipe in survivors(trials, recipes)] == list(kept)


def _trainer(loss: Callable[[Recipe], float], trained: list[Recipe], *, most: int = 100) -> Trainer:
    """Trains nothing, knows every loss, and is stopped after `most` trials."""

    async def train(folder: Path, on_progress: OnProgress, *, data_dir: Path) -> Outcome:
        recipe = read_job(folder).recipe
        done = len(trained) < most
        if done:
            trained.append(recipe)
        return Outcome(
            done=done,
            step=1,
            loss=loss(recipe),
            seconds=1.0,
            rows=1,
            left_out=0,
            weights=1,
            precision="float32",
            device="cpu",
        )

    return train


def _loss(recipe: Recipe) -> float:
    """Best at 0.01 and rank 4; the largest rate comes to no number."""
    if recipe.learning_rate > 0.015:
        return math.nan
    return abs(recipe.learning_rate - 0.01) * 100 + 1 / recipe.rank + 1 / recipe.epochs


@pytest.fixture
def job(tmp_path: Path, rows: list[Row]) -> Job:
    return write_run(tmp_path / "rows", tmp_path / "base", rows, RECIPE)


async def test_the_best_is_found_and_few_are_trained_long(job: Job, tmp_path: Path) -> None:
    trained: list[Recipe] = []
    told: list[Trial] = []
    found = await search(
        job, SPACE, tmp_path / "search", told.append, data_dir=tmp_path, trainer=_trainer(_loss, trained)
    )
    assert (found.recipe.learning_rate, found.recipe.rank, found.recipe.epochs) == (0.01, 4, 4)
    assert found.loss == _loss(found.recipe)
    assert [recipe.epochs for recipe in trained] == [1] * 6 + [2] * 3 + [4]
    assert found.trials == tuple(told)
    assert read_job(found.folder).recipe == found.recipe


async def test_a_search_that_was_stopped_goes_on(job: Job, tmp_path: Path) -> None:
    folder = tmp_path / "search"

    async def searched(trainer: Trainer) -> Recipe:
        found = await search(job, SPACE, folder, lambda _: None, data_dir=tmp_path, trainer=trainer)
        return found.recipe

    with pytest.raises(TrainingError, match="stopped"):
        await searched(_trainer(_loss, [], most=7))
    begun = sorted(path.name for path in folder.iterdir())
    assert await searched(_trainer(_loss, [])) == RECIPE.changed(learning_rate=0.01, rank=4, epochs=4)
    assert set(begun) <= {path.name for path in folder.iterdir()}


async def test_a_folder_of_another_search_is_not_gone_on_with(job: Job, tmp_path: Path) -> None:
    one: Space = {"rank": (2,)}
    await search(job, one, tmp_path / "s", lambda _: None, data_dir=tmp_path, trainer=_trainer(_loss, []))
    other = write_run(tmp_path / "other", tmp_path / "base", [], RECIPE)
    with pytest.raises(UsageError, match="another base or other rows"):
        await search(
            other, one, tmp_path / "s", lambda _: None, data_dir=tmp_path, trainer=_trainer(_loss, [])
        )


@pytest.mark.usefixtures("training")
async def test_real_runs_are_searched_and_the_winner_is_a_finished_run(
    tiny_folder: Path, rows: list[Row], tmp_path: Path
) -> None:
    job = write_run(tmp_path / "rows", tiny_folder, rows, RECIPE.changed(epochs=1))
    space: Space = {"learning_rate": (1e-7, 0.02)}
    found = await search(job, space, tmp_path / "search", lambda _: None, data_dir=tmp_path)
    assert found.recipe.learning_rate == 0.02
    assert is_done(found.folder)
    assert len(found.trials) == 2
