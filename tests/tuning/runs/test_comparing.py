"""Bases beside each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.contracts import Category, Slug
from agent.errors import UsageError
from agent.models.weights import find_weights
from agent.settings import Settings
from tests.servers.fixtures import SMOLLM2
from tests.servers.ollama import OllamaServer
from tests.tuning.training.conftest import CATEGORIES
from tuning.recipes import Recipe
from tuning.runs.comparing import MOST_QUESTIONS, Compared, asked_of, compare

QUESTIONS = [(f"What of the {category.slug}?", category) for category in CATEGORIES]


def test_questions_of_all_categories_are_asked_when_there_are_many() -> None:
    asked = asked_of([question for question in QUESTIONS for _ in range(100)])
    assert asked.categories == CATEGORIES
    assert len(asked.questions) == len(asked.right) <= MOST_QUESTIONS
    assert {asked.right.count(number) for number in range(4)} == {len(asked.right) // 4, 15}


@pytest.mark.parametrize("count", [0, 21])
def test_there_must_be_questions_of_some_categories_and_not_of_too_many(count: int) -> None:
    many = [Category(slug=Slug(f"c{number}"), name=f"C{number}") for number in range(count)]
    with pytest.raises(UsageError, match=f"not {count}"):
        asked_of([("?", category) for category in many])


async def test_a_base_is_measured_and_one_that_is_not_there_says_so(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, threads=1)
    good, absent = await compare(["smollm2-135m", "absent.gguf"], settings, QUESTIONS, Recipe())
    assert not good.problem
    assert (good.licence, good.parameters, good.size) == ("Apache-2.0", 134_515_008, 98_362_432)
    assert good.measured
    assert 90e6 < good.measured.memory < 1e9
    assert good.measured.right in {0.0, 0.25, 0.5, 0.75, 1.0}
    assert -10 < good.measured.nats < 0
    assert min(good.measured.load_seconds, good.measured.route_seconds) > 0
    assert good.measured.pieces_per_second > 0
    assert good.training_memory > 1e9
    assert "There is no model file" in absent.problem
    assert absent.measured is None


async def test_a_base_of_a_real_ollama_is_measured_there(ollama_server: OllamaServer, tmp_path: Path) -> None:
    """Under two names, of which the server keeps the one that it loaded first."""
    ollama_server.create("same-weights", find_weights(SMOLLM2, tmp_path)[0])
    settings = Settings(data_dir=tmp_path, threads=1, ollama_host=ollama_server.url)
    names = [f"{SMOLLM2}:latest", "same-weights:latest"]
    for compared in await compare(names, settings, QUESTIONS[:2], Recipe()):
        _check_measured(compared)


def _check_measured(compared: Compared) -> None:
    assert not compared.problem
    assert compared.size == 98_362_432
    assert compared.measured
    assert compared.measured.memory > 90e6
    assert compared.measured.pieces_per_second > 0
