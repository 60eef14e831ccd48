"""Bases beside each other, before one is chosen: size, speed, memory, quality, and whether it trains here.

Each is opened as it would serve and asked the same, in a process of its own, so that what one took does not
count for the next. Quality is how many questions, whose category is known, it routes right, untuned and
without examples: what tuning starts from.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter

from agent.contracts import Category
from agent.errors import LorekeeperError, ModelError, UsageError
from agent.models.choosing import chosen_chat_model
from agent.models.labels import LABELS
from agent.settings import Settings
from tuning.recipes import Recipe
from tuning.runs.bases import find_base
from tuning.runs.measured import Asked, Measured, Work
from tuning.runs.room import Need, need_of, refusal, room_of
from tuning.runs.size import size_of

MOST_QUESTIONS: Final = 60
_PROCESS: Final = "tuning.runs.measuring"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    named: str
    licence: str = ""
    size: int = 0
    """Bytes of the file that serves."""
    parameters: int = 0
    training_memory: int = 0
    """Bytes that training by the recipe needs, of a graphics card where there is one."""
    trainable: bool = False
    """Whether this machine has room for it."""
    measured: Measured | None = None
    problem: str = ""
    """Why it cannot be used, and what to do; empty when it can."""


async def compare(
    named: Sequence[str], settings: Settings, questions: Sequence[tuple[str, Category]], recipe: Recipe
) -> tuple[Compared, ...]:
    """Return one line for each base, in the order given; one that cannot be used says why.

    `questions` are of at most 20 categories; of many, `MOST_QUESTIONS` spread over all are asked. Takes
    minutes for a large model. Raises `UsageError` without questions.
    """
    asked = asked_of(questions)
    return tuple([await _compared(each, settings, asked, recipe) for each in named])


def asked_of(questions: Sequence[tuple[str, Category]]) -> Asked:
    """Raises `UsageError`."""
    categories = list(dict.fromkeys(category for _, category in questions))
    if not 0 < len(categories) <= len(LABELS):
        raise UsageError(
            f"Bases are compared by questions of 1 to {len(LABELS)} categories, not {len(categories)}.",
            "Name categories that have example questions.",
        )
    every = -(-len(questions) // MOST_QUESTIONS)
    by_category = sorted(questions, key=lambda question: categories.index(question[1]))
    chosen = by_category[::every]
    return Asked(
        categories=tuple(categories),
        questions=tuple(text for text, _ in chosen),
        right=tuple(categories.index(category) for _, category in chosen),
    )


async def _compared(named: str, settings: Settings, asked: Asked, recipe: Recipe) -> Compared:
    try:
        base = await find_base(settings, named)
        size = await asyncio.to_thread(size_of, str(base.path))
        # A folder of Hugging Face's is trained on and does not serve: what does is measured.
        model = named if named and base.is_served else chosen_chat_model(settings)
        measured = await _measured(_work(model, settings, asked))
    except LorekeeperError as error:
        return Compared(named=named, problem=f"{error} {error.hint}".strip())
    room = await asyncio.to_thread(room_of, settings.data_dir)
    need = need_of(size, recipe, on_card=room.card is not None) if size else Need(disk=0, memory=0)
    return Compared(
        named=named,
        licence=base.licence,
        size=base.path.stat().st_size,
        parameters=size.parameters if size else 0,
        training_memory=need.card or need.memory,
        trainable=not refusal(need, room)[0],
        measured=measured,
    )


def _work(model: str, settings: Settings, asked: Asked) -> Work:
    return Work(
        model=model,
        data_dir=settings.data_dir,
        threads=settings.threads,
        context_tokens=settings.context_tokens,
        ollama_host=settings.ollama_host,
        asked=asked,
    )


async def _measured(work: Work) -> Measured:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", _PROCESS, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    try:
        told, said = await process.communicate(_WORK.dump_json(work))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        lines = said.decode("utf-8", errors="replace").strip().splitlines()
        raise ModelError(lines[-1] if lines else f"Measuring {work.model} ended with {process.returncode}.")
    return _MEASURED.validate_json(told)


_WORK: Final = TypeAdapter(Work)
_MEASURED: Final = TypeAdapter(Measured)
