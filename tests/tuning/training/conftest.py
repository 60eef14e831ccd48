"""Tiny models to train, and what a routing question looks like. Skipped by name without `make training`."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from agent.contracts import Category, Slug
from agent.models.weights import find_weights
from tests.tuning.training.tiny import write_tiny
from tuning.training.rows import Row, routing_row

CATEGORIES = tuple(
    Category(slug=Slug(slug), name=slug.capitalize(), description=f"All about the {slug}.")
    for slug in ("pool", "car", "garden", "kitchen")
)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function from an architecture to the path of a tiny GGUF model of it."""
    folder = tmp_path_factory.mktemp("tiny")
    (weights,) = find_weights("smollm2-135m", folder)

    def made(architecture: str) -> Path:
        path = folder / f"{architecture}.gguf"
        if not path.exists():
            write_tiny(weights, path, architecture)
        return path

    return made


@pytest.fixture(scope="session")
def loaded(training: None, tiny: Any) -> Any:
    """A function from an architecture to (model, tokenizer) of the tiny one, the model a fresh copy."""
    import torch

    from tuning.training.process.base import load_base

    kept: dict[str, tuple[Any, Any]] = {}

    def load(architecture: str) -> tuple[Any, Any]:
        if architecture not in kept:
            blob = tiny(architecture).with_suffix("")  # as Ollama keeps them
            blob.symlink_to(tiny(architecture))
            kept[architecture] = load_base(str(blob), torch.device("cpu"))
        model, tokenizer = kept[architecture]
        return copy.deepcopy(model), tokenizer

    return load


@pytest.fixture(scope="session")
def tiny_folder(loaded: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny llama as a folder of Hugging Face's, which loads much faster."""
    from tuning.training.process.base import write_folder

    folder = tmp_path_factory.mktemp("folder")
    write_folder(*loaded("llama"), folder)
    return folder


@pytest.fixture(scope="session")
def rows() -> list[Row]:
    """Sixty routing rows that can be learnt: the question names the category."""
    asked = ("When did we clean the {}?", "Who takes care of the {} this month?", "What did the {} cost?")
    return [
        routing_row(CATEGORIES, f"{text.format(category.slug)} ({number})", category)
        for number in range(5)
        for text in asked
        for category in CATEGORIES
    ]
