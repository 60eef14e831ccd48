"""What a fine-tuning run does: the method and its hyper-parameters, checked before anything is trained.

A recipe is stored beside the adapter that it made, and says itself whether an engine can serve what comes of
it: llama.cpp, which is in the embedded engine and in Ollama, knows LoRA adapters and nothing else. What it
does not know can still be trained and judged, and a method that only changes weights can be merged.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from agent.errors import UsageError


class Method(StrEnum):
    LORA = "lora"
    RSLORA = "rslora"
    """LoRA scaled by alpha / sqrt(rank) (Kalajdzievski 2023); served by folding the scale into alpha."""
    QLORA = "qlora"
    """LoRA on a base that stays quantized in memory (Dettmers et al. 2023); needs a GPU."""
    DORA = "dora"
    IA3 = "ia3"
    PREFIX = "prefix"
    FULL = "full"
    PARTIAL = "partial"
    """The whole weights of the top layers."""


class Layers(StrEnum):
    """Which linear layers get an adapter."""

    ALL = "all"
    MLP = "mlp"
    """Of the feed-forward blocks only: forgets least (PEFT's comparison on MetaMathQA)."""


class Serving(StrEnum):
    ADAPTER = "adapter"
    MERGED = "merged"
    """Added to a copy of the base, which is then a model of its own."""
    REFUSED = "refused"


class Objective(StrEnum):
    SFT = "sft"
    KTO = "kto"
    """From votes, which come without a pair (Ethayarajh et al. 2024)."""


_HINT: Final = "docs/tuning.md says what each value does."
_LIMITS: Final[Mapping[str, tuple[float, float]]] = {
    "rank": (1, 256),
    "alpha": (0.1, 4096),
    "dropout": (0, 0.9),
    "top_layers": (1, 1000),
    "prefix_tokens": (1, 512),
    "learning_rate": (1e-8, 1),
    "warmup": (0, 0.5),
    "weight_decay": (0, 1),
    "clip": (0.01, 1000),
    "epochs": (1, 100),
    "batch": (1, 4096),
    "max_tokens": (16, 131072),
    "patience": (1, 1000),
    "evaluations": (1, 100),
    "desirable_weight": (0, 100),
    "undesirable_weight": (0, 100),
    "beta": (0.001, 10),
    "seed": (0, 2**31),
}
_LEAST_KTO_BATCH: Final = 2
_SERVING: Final = {
    Method.LORA: (Serving.ADAPTER, ""),
    Method.RSLORA: (Serving.ADAPTER, ""),
    Method.QLORA: (Serving.ADAPTER, ""),
    Method.DORA: (Serving.MERGED, "a GGUF adapter has no place for the magnitudes of DoRA"),
    Method.IA3: (Serving.MERGED, "a GGUF adapter adds matrices and cannot scale activations as IA3 does"),
    Method.PREFIX: (Serving.REFUSED, "neither llama.cpp nor merged weights can hold a trained prefix"),
    Method.FULL: (Serving.MERGED, "every weight has changed"),
    Method.PARTIAL: (Serving.MERGED, "whole layers have changed"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Raises `UsageError` when it is made with values that cannot work."""

    method: Method = Method.LORA
    layers: Layers = Layers.MLP
    objective: Objective = Objective.SFT
    rank: int = 16
    alpha: float = 32.0
    dropout: float = 0.0
    top_layers: int = 4
    """How many PARTIAL trains."""
    prefix_tokens: int = 16
    learning_rate: float = 5e-4
    """The highest, after the warm-up; it then falls along half a cosine to a tenth."""
    warmup: float = 0.05
    """Share of the steps."""
    weight_decay: float = 0.0
    clip: float = 1.0
    """The longest gradient."""
    epochs: int = 12
    """At most."""
    batch: int = 8
    """Rows a step."""
    micro_tokens: int = 2048
    """Most tokens, padding included, of the rows that go through the model at once; a batch goes in parts of
    it. What all rows begin with counts for an eighth in each."""
    max_tokens: int = 1024
    """Longest row; longer ones are left out and counted."""
    patience: int = 6
    """Evaluations without a lower validation loss after which training stops."""
    evaluations: int = 1
    """An epoch."""
    desirable_weight: float = 1.0
    undesirable_weight: float = 1.0
    beta: float = 0.1
    """Of KTO: how far it may go from the base."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name, (low, high) in _LIMITS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise UsageError(f"A recipe's {name} is {low:g} to {high:g}, not {value:g}.", _HINT)
        if self.micro_tokens < self.max_tokens:
            raise UsageError("A recipe's micro_tokens must hold one row of max_tokens.", _HINT)
        if self.objective is Objective.KTO and not self.adapts:
            raise UsageError(
                f"KTO compares with the base, which {self.method} does not leave whole.",
                "Choose an adapter method, lora for instance.",
            )
        if self.objective is Objective.KTO and self.batch < _LEAST_KTO_BATCH:
            raise UsageError("KTO compares the rows of a step: its batch is at least 2.", _HINT)

    @property
    def adapts(self) -> bool:
        """Whether PEFT puts something beside the weights, instead of changing them."""
        return self.method not in {Method.FULL, Method.PARTIAL}

    @property
    def serving(self) -> Serving:
        return _SERVING[self.method][0]

    @property
    def why_not_served(self) -> str:
        """Why it is not served as an adapter; empty when it is."""
        return _SERVING[self.method][1]

    @property
    def served_alpha(self) -> float:
        """The alpha to write into a GGUF adapter, whose scale is alpha / rank whatever the method was."""
        return self.alpha * self.rank**0.5 if self.method is Method.RSLORA else self.alpha

    @property
    def digest(self) -> str:
        """sha256, hex, of what it says."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    def changed(self, **values: Any) -> Recipe:
        """The same but for these values, by name; their types are checked. Raises `UsageError`."""
        return read_recipe(json.dumps(asdict(self) | values))


def read_recipe(text: str) -> Recipe:
    """Read what `Recipe.to_json` wrote. Raises `UsageError`, which names the value that is wrong."""
    try:
        told = json.loads(text)
        unknown = sorted(set(told) - {field.name for field in fields(Recipe)})
        if unknown:
            raise UsageError(f"A recipe knows no {', '.join(unknown)}.")
        return _RECIPE.validate_python(told)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"The recipe's {where} is wrong: {first['msg']}.") from error
    except (json.JSONDecodeError, TypeError) as error:
        raise UsageError(f"That is no recipe: {error}.") from error


_RECIPE: Final = TypeAdapter(Recipe)
