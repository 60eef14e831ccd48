"""Runs of the tiny llama, and what they are made of."""

from __future__ import annotations

from typing import Any

import pytest

from agent.models.weights import sha256_of
from tests.tuning.training.conftest import loaded, rows, tiny, tiny_folder
from tuning.runs.bases import BaseModel

__all__ = ["loaded", "rows", "tiny", "tiny_folder"]


@pytest.fixture(scope="session")
def tiny_base(tiny: Any) -> BaseModel:
    """A GGUF file of half precision."""
    path = tiny("llama")
    return BaseModel(path=path, digest=sha256_of(path), name="tiny", licence="none", source=str(path))
