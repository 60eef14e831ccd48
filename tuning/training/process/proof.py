"""What PyTorch says of some held-out prompts, so that the engine that will serve can be held against it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import torch

from agent.files import write_atomically
from tuning.training.job import PROOF
from tuning.training.process.encoding import Encoder
from tuning.training.rows import Row

PROMPTS: Final = 16


def write_proof(folder: Path, model: Any, encoder: Encoder, rows: Sequence[Row]) -> None:
    """Write (messages, labels, log-probabilities renormalised over the labels) of the first routing rows, in
    float32. Raises `StoreError`.
    """
    routing = [row for row in rows if row.labels][:PROMPTS]
    lines = [
        {
            "messages": [asdict(message) for message in row.messages],
            "labels": row.labels,
            "nats": label_nats(model, encoder, row),
        }
        for row in routing
    ]
    text = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
    write_atomically(folder / PROOF, text.encode())


def label_nats(model: Any, encoder: Encoder, row: Row) -> list[float]:
    """The log-probability of each of the row's labels, renormalised over them."""
    ids = torch.tensor([encoder.prompt(row.messages, row.begun)], device=model.device)
    with torch.no_grad():
        logits = model(input_ids=ids, logits_to_keep=1).logits[0, -1].float()
    tokens = [encoder.label(label) for label in row.labels]
    return [float(nats) for nats in logits[tokens].log_softmax(0)]
