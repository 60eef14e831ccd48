"""Adapters to test with; their files are a few bytes that stand for weights."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from agent.ids import new_id
from agent.serving.served import Task, Trust
from tests.agent.journal.episodes import HOME, NOON
from tuning.recipes import Method, Recipe
from tuning.registry.adapter import Adapter


def an_adapter(weights: bytes = b"weights", **changes: Any) -> Adapter:
    values: dict[str, Any] = {
        "id": new_id(),
        "guild": HOME,
        "task": Task.ROUTE,
        "made_at": NOON,
        "recipe": Recipe(method=Method.RSLORA, rank=8),
        "dataset": "d" * 64,
        "base_digest": "b" * 64,
        "base_name": "SmolLM2-135M-Instruct",
        "licence": "apache-2.0",
        "code": "0.1.0",
        "packages": "f" * 64,
        "digest": hashlib.sha256(weights).hexdigest(),
        "size": len(weights),
        "metrics": {"loss": 0.25, "steps": 40},
        "exact_nats": 0.004,
        "served_nats": 0.08,
        "tolerance": 0.5,
        "trust": Trust(scale=0.8, model=0.6, span=9.5),
    }
    return Adapter(**values | changes)


def a_file(folder: Path, weights: bytes = b"weights") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{hashlib.sha256(weights).hexdigest()[:8]}.gguf"
    file.write_bytes(weights)
    return file
