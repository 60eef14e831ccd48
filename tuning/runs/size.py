"""How large a base is, read from what describes it and without its weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agent.errors import ModelBrokenError
from agent.models.gguf_file import open_gguf


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    parameters: int
    layers: int
    hidden: int
    feed_forward: int
    vocabulary: int

    @property
    def layer(self) -> int:
        """Parameters of one layer, about: query and output whole, key and value as large at most."""
        return 4 * self.hidden**2 + 3 * self.hidden * self.feed_forward


def size_of(source: str) -> Size | None:
    """Return the size of a base as `Job.base` names it; None for a name on the hub, which may not be here.

    Blocks: a GGUF header takes seconds. Raises `ModelBrokenError`, `ModelMissingError`.
    """
    path = Path(source)
    if path.is_dir():
        return _of_folder(path)
    return _of_gguf(path) if path.is_file() or path.suffix == ".gguf" else None


def _of_gguf(path: Path) -> Size:
    reader, summary = open_gguf(path)
    tensors = {tensor.name: tensor for tensor in reader.tensors}

    def number(key: str) -> int:
        field = reader.get_field(f"{summary.architecture}.{key}")
        value = field.contents() if field else None
        # A few families have another width in each layer.
        if isinstance(value, list):
            value = max(value, default=None)
        if not isinstance(value, int):
            raise ModelBrokenError(f"{path.name} does not say its {key}.")
        return value

    embeddings = tensors.get("token_embd.weight")
    if embeddings is None:
        raise ModelBrokenError(f"{path.name} is no language model: it embeds no tokens.")
    return Size(
        parameters=sum(int(tensor.n_elements) for tensor in tensors.values()),
        layers=number("block_count"),
        hidden=number("embedding_length"),
        feed_forward=number("feed_forward_length"),
        vocabulary=int(embeddings.shape[1]),
    )


def _of_folder(folder: Path) -> Size:
    path = folder / "config.json"
    try:
        told: Mapping[str, Any] = json.loads(path.read_bytes())
        # Of a model that also sees, the part that writes.
        told = told.get("text_config", told)
        bare = Size(
            parameters=0,
            layers=told["num_hidden_layers"],
            hidden=told["hidden_size"],
            feed_forward=told["intermediate_size"],
            vocabulary=told["vocab_size"],
        )
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise ModelBrokenError(f"{path} does not describe a language model.") from error
    embeddings = bare.vocabulary * bare.hidden * (1 if told.get("tie_word_embeddings", True) else 2)
    return replace(bare, parameters=bare.layers * bare.layer + embeddings)
