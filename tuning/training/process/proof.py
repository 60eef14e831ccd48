"""What PyTorch says of some held-out prompts, so that the engine that will serve can be held against it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import torch

from agent.files import write_atomically
from agent.models.labels import LABELS, OPENED
from agent.models.protocol import ChatMessage
from tuning.training.job import PROOF
from tuning.training.process.encoding import Encoder
from tuning.training.rows import Row

ROUTES: Final = 16
ANSWERS: Final = 8
"""How many rows of each kind; an answer is ten times as long to read as a question."""
_MOST_TOKENS: Final = 3000
"""Longer prompts are left out: an engine must have room for them, and a processor the patience."""
_CHOICES: Final = LABELS[:10]
_CHOOSE: Final = "\n".join(
    ["Which of these do you choose? Reply with its letter in brackets.", *(f"({each})" for each in _CHOICES)]
)


def write_proof(folder: Path, model: Any, encoder: Encoder, rows: Sequence[Row]) -> None:
    """Write (messages, labels, log-probabilities renormalised over the labels, tokens) of the first rows, in
    float32. Raises `StoreError`.
    """
    routes = [row for row in rows if row.labels][:ROUTES]
    answers = [_choosing(row) for row in rows if not row.labels][:ANSWERS]
    lines = []
    for row in (*routes, *answers):
        tokens = len(encoder.prompt(row.messages, row.begun))
        if tokens <= _MOST_TOKENS:
            nats = label_nats(model, encoder, row)
            messages = [asdict(message) for message in row.messages]
            lines.append({"messages": messages, "labels": row.labels, "nats": nats, "tokens": tokens})
    text = "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)
    write_atomically(folder / PROOF, text.encode())


def _choosing(row: Row) -> Row:
    """Ask for a letter after the whole conversation of an answer.

    Engines tell the probabilities of a few letters and of nothing else. What they are depends, through every
    layer, on all that was read before, so that it tells whether the engine reads evidence and answer as
    PyTorch does.
    """
    answered = ChatMessage(role="assistant", content=row.begun + row.completion)
    asked = ChatMessage(role="user", content=_CHOOSE)
    return replace(row, messages=(*row.messages, answered, asked), begun=OPENED, labels=_CHOICES)


def label_nats(model: Any, encoder: Encoder, row: Row) -> list[float]:
    """The log-probability of each of the row's labels, renormalised over them."""
    ids = torch.tensor([encoder.prompt(row.messages, row.begun)], device=model.device)
    with torch.no_grad():
        logits = model(input_ids=ids, logits_to_keep=1).logits[0, -1].float()
    tokens = [encoder.label(label) for label in row.labels]
    return [float(nats) for nats in logits[tokens].log_softmax(0)]
