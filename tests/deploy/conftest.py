"""The loader of Docker Compose itself, built once a session where Go is."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

_SOURCE: Final = Path(__file__).parent / "loader"


@pytest.fixture(scope="session")
def compose_loader(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the program; the test skips by name where Go or the library is not to be had."""
    if shutil.which("go") is None:
        pytest.skip("Go is not installed, which Docker Compose's own loader is built with")
    program = tmp_path_factory.mktemp("loader") / "loader"
    done = subprocess.run(
        ["go", "build", "-o", str(program), "."], cwd=_SOURCE, capture_output=True, text=True
    )
    if done.returncode != 0 and not pytestconfig.getoption("--require-servers"):
        pytest.skip("Docker Compose's own loader cannot be built here")
    assert done.returncode == 0, done.stderr
    return program
