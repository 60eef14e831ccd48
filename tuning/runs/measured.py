"""What is asked of a base to compare it, and what it was found to be: between two processes, as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from agent.contracts import Category


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    categories: tuple[Category, ...]
    questions: tuple[str, ...]
    right: tuple[int, ...]
    """The number of each question's category."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """For `python -m tuning.runs.measuring`, on its standard input."""

    model: str
    """As the setting `chat_model` has it."""
    data_dir: Path
    threads: int
    context_tokens: int
    ollama_host: str
    asked: Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """On its standard output."""

    load_seconds: float
    """Until the first answer."""
    route_seconds: float
    """The median of choosing a category for a question."""
    pieces_per_second: float
    """Of writing; a piece is a token, seldom more."""
    memory: int
    """Bytes that it takes while it serves."""
    right: float
    """Share of the questions that it gave the right category, untuned and without examples."""
    nats: float
    """Mean of what it gave the right category; a guess is worth log(1 / categories)."""
