"""Models that Ollama servers can be given from the wheels installed here, without the internet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.models._ollama.config import canonical
from agent.models.minilm_gguf import minilm_gguf
from agent.models.weights import bundled, find_weights


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnModel:
    weights: str
    """Name of the bundled weights."""
    file: Callable[[Path], Path]
    """Given the data folder, returns the GGUF file. Blocks. Raises `ModelError`, `StoreError`."""

    @property
    def licence(self) -> str:
        known = bundled(self.weights)
        return known.licence if known else ""


def _smollm2(data_dir: Path) -> Path:
    return find_weights("smollm2-135m", data_dir)[0]


def _minilm(data_dir: Path) -> Path:
    files = find_weights("all-minilm-l6-v2", data_dir)
    known = bundled("all-minilm-l6-v2")
    assert known is not None
    return minilm_gguf(files, known.digest, data_dir / "models")


OWN_MODELS: Mapping[str, OwnModel] = {
    "lorekeeper/smollm2:135m": OwnModel(weights="smollm2-135m", file=_smollm2),
    "lorekeeper/all-minilm:l6-v2": OwnModel(weights="all-minilm-l6-v2", file=_minilm),
}


def bundled_as(name: str) -> str:
    """The name of the bundled weights that a model of Ollama was made of; its own where it was not."""
    own = OWN_MODELS.get(canonical(name))
    return name if own is None else own.weights
