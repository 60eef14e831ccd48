"""The GGUF file behind the chat model in use, wherever its engine keeps it: what adapters are trained on.

Ollama keeps weights as a file that is named by their sha256, and says where on the machine that it runs on.
That path may be of another machine, of a container, or closed to this user; so the file of that digest is
also looked for where Ollama customarily keeps its own, among the models that are here, and in the folder
models/bases of the data folder, where an owner may put it.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ollama import ShowResponse

from agent.errors import ModelBusyError, ModelError, ModelMissingError, UsageError
from agent.models._ollama.client import OllamaClient
from agent.models._ollama.config import addresses_of, canonical
from agent.models._ollama.errors import translated
from agent.models._ollama.own import OWN_MODELS
from agent.models.choosing import Engine, chosen_chat_model, engine_of_chat_model, is_path
from agent.models.gguf_file import check_gguf
from agent.models.library import find_chat_file, installed_names
from agent.models.weights import bundled, digest_of
from agent.settings import Settings

_CONNECT_SECONDS: Final = 3.0
_ANSWER_SECONDS: Final = 10.0
_WEIGHTS: Final = re.compile(r'^FROM "?(?P<path>.*sha256-(?P<digest>[0-9a-f]{64}))"?$', re.MULTILINE)
_ADAPTER: Final = re.compile(r"^ADAPTER ", re.MULTILINE)
_CUSTOMARY: Final = ("~/.ollama/models", "/usr/share/ollama/.ollama/models")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    path: Path
    """A file of Ollama's has no suffix."""
    digest: str
    """sha256 of the file, hex."""
    name: str
    """As the settings have it, or the stem of a mere path."""
    licence: str
    """Empty when nothing says it."""


async def find_file_in_use(settings: Settings) -> ModelFile:
    """Return the file of the chat model in use, its digest computed (once, then remembered).

    Raises `ModelMissingError`, `ModelBrokenError`, `ModelError`, `ConfigurationError`, and `UsageError` when
    Ollama serves the model with an adapter already, as its file is then not all that answers.
    """
    name = chosen_chat_model(settings)
    return await find_file(settings, name)


async def find_file(settings: Settings, name: str) -> ModelFile:
    """The same of any chat model: of this machine, the path of a GGUF file, or of Ollama."""
    installed = await asyncio.to_thread(installed_names, settings)
    if engine_of_chat_model(name, installed, ollama=bool(settings.ollama_host)) is Engine.HERE:
        return await asyncio.to_thread(_here, settings, name)
    shown = await _shown(settings, name)
    return await asyncio.to_thread(_of_ollama, settings, name, shown)


def _here(settings: Settings, name: str) -> ModelFile:
    path, digest = find_chat_file(name, settings)
    weights = bundled(name)
    licence = weights.licence if weights else check_gguf(path).licence
    return ModelFile(path=path, digest=digest, name=path.stem if is_path(name) else name, licence=licence)


async def _shown(settings: Settings, name: str) -> ShowResponse:
    """What the first server says that has the model."""
    problem: ModelError = ModelError("OLLAMA_HOST names no server.")
    for address in addresses_of(settings.ollama_host):
        client = OllamaClient(address, _CONNECT_SECONDS)
        try:
            with translated(address, name):
                async with asyncio.timeout(_ANSWER_SECONDS):
                    return await client.show(name)
        except ModelError as error:
            problem = error
        except TimeoutError:
            problem = ModelBusyError(f"Ollama at {address} accepts connections and does not answer.")
        finally:
            await client.close()
    raise problem


def _of_ollama(settings: Settings, name: str, shown: ShowResponse) -> ModelFile:
    modelfile = shown.modelfile or ""
    weights = _WEIGHTS.search(modelfile)
    if weights is None:
        raise ModelError(f"Ollama does not say which file {name} is made of.")
    if _ADAPTER.search(modelfile):
        raise UsageError(
            f"{name} of Ollama speaks through an adapter already, and adapters do not add up.",
            "Use the model that it was made from.",
        )
    digest = weights["digest"]
    for path in _places(settings, name, Path(weights["path"]), digest):
        if path.is_file() and os.access(path, os.R_OK) and digest_of(path, settings.data_dir) == digest:
            return ModelFile(path=path, digest=digest, name=name, licence=_licence(shown))
    raise ModelMissingError(
        f"The file of {name} (sha256 {digest[:12]}…), which Ollama keeps, cannot be read here.",
        "Let this user read Ollama's folder and set OLLAMA_MODELS to it, "
        f"or put the file into the data folder: models/bases/{digest}.gguf",
    )


def _places(settings: Settings, name: str, said: Path, digest: str) -> Iterator[Path]:
    yield said
    own_folder = os.environ.get("OLLAMA_MODELS")
    for folder in [own_folder, *_CUSTOMARY] if own_folder else _CUSTOMARY:
        yield Path(folder).expanduser() / "blobs" / f"sha256-{digest}"
    own = OWN_MODELS.get(canonical(name))
    if own:
        yield own.file(settings.data_dir)
    models = settings.data_dir / "models"
    yield models / "bases" / f"{digest}.gguf"
    for installed in installed_names(settings):
        yield models / "chat" / f"{installed}.gguf"


def _licence(shown: ShowResponse) -> str:
    told = (shown.modelinfo or {}).get("general.license", "")
    lines = (shown.license or "").strip().splitlines()
    return str(told) or (lines[0].strip() if lines else "")
