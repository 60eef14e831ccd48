"""Which models are in use, and which engine runs each.

An explicit setting wins over the choice that `models use` keeps in `data_dir/models/use.json`, and that over
the default. A name that is here, bundled or installed, and the path of a GGUF file run in this process; any
other name is a model of Ollama.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from agent.contracts import ModelInfo
from agent.errors import ConfigurationError, ModelMissingError
from agent.files import write_atomically
from agent.models.weights import BUNDLED, ModelKind
from agent.settings import Settings

BUNDLED_CHAT_MODEL = "smollm2-135m"
"""The chat model of the defaults in this process."""

OLLAMA_CHAT_MODEL = "qwen3:4b-instruct"
"""The chat model of the defaults on Ollama; docs/models.md says why."""

_ABLE_TO_WRITE = 1_000_000_000
"""Parameters."""

Field = Literal["chat_model", "embedder"]
"""Of the settings."""


class Engine(StrEnum):
    HERE = "in this process"
    OLLAMA = "Ollama"


class _Choice(BaseModel, extra="forbid"):
    """use.json."""

    chat_model: str | None = None
    embedder: str | None = None


def chosen_chat_model(settings: Settings) -> str:
    """The setting when it was given, else the choice of `models use`, else the default."""
    kept = None if "chat_model" in settings.model_fields_set else _kept_choice(settings).chat_model
    if kept is None and "chat_model" not in settings.model_fields_set and settings.ollama_host:
        return OLLAMA_CHAT_MODEL
    return kept or settings.chat_model


def chosen_embedder(settings: Settings) -> str:
    """The setting when it was given, else the choice of `models use`, else the default.

    The default stays in this process with OLLAMA_HOST too: it is the one that was measured, it costs a
    question 18 ms, and the server needs no second model in memory for it.
    """
    kept = None if "embedder" in settings.model_fields_set else _kept_choice(settings).embedder
    return kept or settings.embedder


def engine_of_chat_model(name: str, installed: Collection[str], *, ollama: bool) -> Engine:
    """Raises `ModelMissingError` for a name that is not here when there is no Ollama to have it."""
    if is_path(name) or name in installed or name in _bundled(ModelKind.CHAT):
        return Engine.HERE
    return _ollama(
        f"There is no chat model {name} here.",
        "See `lorekeeper models list`, give the path of a GGUF file, or set OLLAMA_HOST.",
        ollama=ollama,
    )


def engine_of_embedder(name: str, *, ollama: bool) -> Engine:
    """Raises `ModelMissingError` for a name that is not bundled when there is no Ollama to have it."""
    names = _bundled(ModelKind.EMBEDDER)
    if name in names:
        return Engine.HERE
    return _ollama(
        f"There is no embedder {name} here.",
        f"The bundled ones are {' and '.join(names)}; others need OLLAMA_HOST.",
        ollama=ollama,
    )


def weights_of_embedder(settings: Settings) -> str:
    """The name of the bundled weights that embed, also where Ollama has them under another one."""
    name = chosen_embedder(settings)
    if engine_of_embedder(name, ollama=bool(settings.ollama_host)) is Engine.HERE:
        return name
    from agent.models._ollama.own import bundled_as

    return bundled_as(name)


def is_path(name: str) -> bool:
    """Tell the path of a GGUF file from the name of a model, which may hold a slash in Ollama."""
    return name.endswith(".gguf") or name.startswith((".", "~", os.sep))


def generates(settings: Settings, model: ModelInfo) -> bool:
    """Say whether the model writes answers itself, or the best sentences are the answer.

    With the right paragraph in hand the bundled 135M model holds the gold answer in 35 % of its own
    replies, the best two sentences in 88 %: so small a model must not write unless the owner insists, or it
    was tuned for it: what serves has proved that it answers better.
    """
    if settings.answer_mode == "auto":
        small = model.name == BUNDLED_CHAT_MODEL or 0 < model.parameters < _ABLE_TO_WRITE
        return bool(model.adapter) or not small
    return settings.answer_mode == "generated"


def refuse_overridden(settings: Settings, field: Field, name: str) -> None:
    """Raises `ConfigurationError` when a setting wins over a choice of `name`, so that it has no effect."""
    if field in settings.model_fields_set and getattr(settings, field) != name:
        raise ConfigurationError(
            f"LOREKEEPER_{field.upper()} is set to {getattr(settings, field)}, which wins over this choice.",
            "Take it out of the environment and .env first.",
        )


def keep_choice(settings: Settings, field: Field, name: str) -> None:
    """Choose for every later start. Blocks. Raises `ConfigurationError`, `StoreError`."""
    choice = _kept_choice(settings).model_copy(update={field: name})
    write_atomically(_choice_file(settings), choice.model_dump_json(indent=1).encode())


def _bundled(kind: ModelKind) -> tuple[str, ...]:
    return tuple(weights.name for weights in BUNDLED if weights.kind is kind)


def _ollama(missing: str, hint: str, *, ollama: bool) -> Engine:
    if not ollama:
        raise ModelMissingError(missing, hint)
    return Engine.OLLAMA


def _choice_file(settings: Settings) -> Path:
    return settings.data_dir / "models" / "use.json"


def _kept_choice(settings: Settings) -> _Choice:
    file = _choice_file(settings)
    try:
        return _Choice.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return _Choice()
    except (OSError, ValidationError) as error:
        raise ConfigurationError(
            f"{file} cannot be read.", "Delete it and choose again: lorekeeper models use NAME"
        ) from error
