"""What a model is trained on, one JSON object a line: the prompt as the engine gets it, and what to say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from agent.contracts import Category
from agent.errors import ModelBrokenError, ModelMissingError
from agent.files import write_atomically
from agent.models.labels import OPENED, router_prompt
from agent.models.protocol import ChatMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    messages: tuple[ChatMessage, ...]
    begun: str = ""
    """What the assistant's turn is begun with; it is part of the prompt and not learnt."""
    completion: str
    """What is to be said; the token that ends a turn follows it."""
    weight: float = 1.0
    desirable: bool = True
    """For KTO: whether members liked it."""
    labels: tuple[str, ...] = ()
    """Of a routing row: all the letters that could have been chosen."""


def routing_row(
    categories: Sequence[Category], question: str, right: Category, *, weight: float = 1.0
) -> Row:
    """Ask for the category of a question exactly as the router does. Raises `UsageError` above 20 of them."""
    prompt = router_prompt(categories, question)
    letter = prompt.labels[list(categories).index(right)]
    return Row(
        messages=prompt.messages,
        begun=OPENED,
        completion=f"{letter})",
        weight=weight,
        labels=prompt.labels,
    )


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Raises `StoreError`."""
    lines = [json.dumps(asdict(row), ensure_ascii=False, sort_keys=True) for row in rows]
    write_atomically(path, "".join(f"{line}\n" for line in lines).encode())


def read_rows(path: Path) -> list[Row]:
    """Raises `ModelMissingError`, and `ModelBrokenError` that names the line that is wrong."""
    if not path.is_file():
        raise ModelMissingError(f"There are no training rows at {path}.")
    rows = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            rows.append(_ROW.validate_json(line))
        except ValidationError as error:
            wrong = error.errors()[0]["msg"]
            raise ModelBrokenError(f"Line {number} of {path} is no training row: {wrong}.") from error
    return rows


_ROW: Final = TypeAdapter(Row)
