"""One adapter as it is written down: what it is, what it was made of, and how it was proven. Never changed.

What happens to it afterwards (it serves, it is taken back, somebody whose words it was trained on is
forgotten) stands in its events.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from agent.contracts import GuildId, Slug
from agent.serving.served import ServedAdapter, Task, Trust
from tuning.recipes import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    id: str
    """Of `agent.ids.new_id`: sorts by when it was made."""
    guild: GuildId
    task: Task
    category: Slug | None = None
    """Whose questions it answers, as the category was called then; None for all questions."""
    tone: str = ""
    """What its owner calls the tone or format that it has."""
    instructions: str = ""
    """sha256 of the file of instructions that it learnt from beside the dataset, hex."""
    made_at: datetime
    recipe: Recipe
    dataset: str
    """The id of the dataset version."""
    base_digest: str
    """sha256 of the GGUF file, hex."""
    base_name: str
    licence: str = ""
    """The base's, as its file or its page names it; the adapter is under the same."""
    code: str
    """The Lorekeeper that trained it: its version, and the commit where it ran from a checkout."""
    packages: str
    """sha256, hex, of the names and versions of all installed packages."""
    digest: str
    """sha256 of the GGUF adapter, hex."""
    size: int
    """Bytes."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Of the training: `loss`, `validation`, `steps`, `seconds`, ..."""
    exact_nats: float | None = None
    """The largest difference, in nats, to what PyTorch says of a label, on an F32 copy of the base."""
    served_nats: float | None = None
    """The mean difference on the base as it serves, which is quantized."""
    tolerance: float | None = None
    """What `served_nats` may be."""
    trust: Trust | None = None
    """Of a ROUTE adapter."""
    parent: str = ""
    """The adapter that was champion when it was made; empty where the model served as it is."""


def served(adapter: Adapter) -> ServedAdapter:
    """What the agent has to know of it."""
    return ServedAdapter(
        id=adapter.id, digest=adapter.digest, base_digest=adapter.base_digest, trust=adapter.trust
    )
