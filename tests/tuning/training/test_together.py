"""Two processes that train together come to what one comes to, and one alone writes files."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from tests.tuning.training.runs import job, train
from tuning.export.gguf_lora import WEIGHTS
from tuning.recipes import Recipe
from tuning.training.job import ADAPTER, Exit, metrics, write_job
from tuning.training.rows import Row

pytestmark = pytest.mark.usefixtures("training")

# The last step of an epoch has one row, of which one process gets none.
RECIPE = Recipe(rank=4, batch=47, epochs=3, learning_rate=0.01, max_tokens=512, evaluations=1, seed=3)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _start_two(folder: Path) -> list[subprocess.Popen[str]]:
    """As `accelerate launch` does."""
    common = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
    common |= {"MASTER_PORT": str(_free_port()), "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    return [
        subprocess.Popen(
            [sys.executable, "-m", "tuning.training.process", str(folder)],
            env=dict(os.environ) | common | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]


def test_two_processes_come_to_the_weights_of_one(tiny_folder: Path, rows: list[Row], tmp_path: Path) -> None:
    alone, together = tmp_path / "alone", tmp_path / "together"
    assert train(alone, job(alone, tiny_folder, rows, RECIPE))
    write_job(together, job(together, tiny_folder, rows, RECIPE))
    for process in _start_two(together):
        _, said = process.communicate(timeout=200)
        assert process.returncode == Exit.DONE, said[-1000:]
    told = list(metrics(together))
    assert [each["processes"] for each in told if each["event"] == "started"] == [2]
    assert [each["step"] for each in told if each["event"] == "step"] == [1, 2, 3, 4, 5, 6]
    for one, other in zip(metrics(alone), told, strict=True):
        if "loss" in one:
            assert one["loss"] == pytest.approx(other["loss"], rel=1e-3)
    expected, weights = load_file(alone / ADAPTER / WEIGHTS), load_file(together / ADAPTER / WEIGHTS)
    for name, values in expected.items():
        assert abs(values - weights[name]).max() < 2e-3, name
