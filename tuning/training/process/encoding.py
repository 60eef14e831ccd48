"""Rows as tokens. Each is tokenized once; what is not to be learnt is known by where it ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from agent.errors import ModelError
from agent.models.messages import as_data
from agent.models.protocol import ChatMessage
from tuning.training.rows import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    ids: list[int]
    prompt: int
    """How many of them are the prompt; the rest, the token that ends the turn among them, is learnt."""
    weight: float
    desirable: bool


class Encoder:
    """Renders and tokenizes as the engines do: the prompt and what follows it are tokenized apart, because an
    engine reads the one and writes the other. Raises `ModelError` for a template without an end of turn.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.stop = self._stop_token()

    def rows(self, rows: Iterable[Row], max_tokens: int) -> tuple[list[Encoded], int]:
        """Return the rows that have at most `max_tokens`, in order, and how many have more."""
        encoded = [self.row(row) for row in rows]
        fitting = [row for row in encoded if len(row.ids) <= max_tokens]
        return fitting, len(encoded) - len(fitting)

    def row(self, row: Row) -> Encoded:
        prompt = self.prompt(row.messages, row.begun)
        completion = [*self._ids(row.completion), self.stop]
        return Encoded(
            ids=[*prompt, *completion], prompt=len(prompt), weight=row.weight, desirable=row.desirable
        )

    def prompt(self, messages: Sequence[ChatMessage], begun: str) -> list[int]:
        return self._ids(self._rendered(messages, opened=True) + begun)

    def label(self, label: str) -> int:
        """The one token of a label after an opened bracket."""
        (token,) = self._ids(label)
        return token

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _rendered(self, messages: Sequence[ChatMessage], *, opened: bool) -> str:
        said = [{"role": each.role, "content": as_data(each.content)} for each in messages]
        return str(
            self._tokenizer.apply_chat_template(
                said, tokenize=False, add_generation_prompt=opened, enable_thinking=False
            )
        )

    def _stop_token(self) -> int:
        """The special token that the chat template puts after what an assistant said.

        A model that never learns it writes on and on: so it is looked for, not assumed to be `eos`.
        """
        marker = "marker"
        said = (ChatMessage(role="user", content="?"), ChatMessage(role="assistant", content=marker))
        after = self._rendered(said, opened=False).rpartition(marker)[2]
        special = set(self._tokenizer.all_special_ids)
        for token in self._ids(after):
            if token in special:
                return token
        raise ModelError("The base's chat template does not end an assistant's turn with a special token.")
