"""What a run starts from.

Adapters serve on one GGUF file: that of the chat model in use. By default they are trained on it too, so that
nothing lies between what is trained and what is served. Whoever has the same model unquantized may train on
that instead, as a folder of Hugging Face's or by its name on the hub; the adapter is then still written for,
and proven on, the file that serves.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.errors import UsageError
from agent.models.choosing import is_path
from agent.models.file_in_use import ModelFile, find_file, find_file_in_use
from agent.settings import Settings

_HUB: Final = "hf:"
_HUB_NAME: Final = re.compile(r"[\w.-]+/[\w.-]+")
_CONFIG: Final = "config.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseModel:
    path: Path
    """The GGUF file that an adapter serves on."""
    digest: str
    """sha256 of that file, hex."""
    name: str
    licence: str
    """Empty when nothing says it."""
    source: str
    """What is trained on, as `Job.base` takes it: `path`, or a folder or hub name of Hugging Face's."""

    @property
    def is_served(self) -> bool:
        """Whether the very weights that serve are trained on."""
        return self.source == str(self.path)


async def find_base(settings: Settings, named: str = "") -> BaseModel:
    """Return the base of the chat model in use; with `named`, another, in the words of `lorekeeper tune`.

    `named` is a chat model of this machine or of Ollama, the path of a GGUF file, or a folder or a hub name
    (`hf:OWNER/NAME`) of Hugging Face's that holds the model in use. Raises `UsageError`, `ModelError` and its
    children, `ConfigurationError`.
    """
    unquantized = await asyncio.to_thread(_folder_of, named) or hub_name(named, bool(settings.ollama_host))
    if not named or unquantized:
        file = await find_file_in_use(settings)
        return _of(file, source=unquantized or str(file.path))
    file = await find_file(settings, named)
    return _of(file, source=str(file.path))


def hub_name(named: str, ollama: bool) -> str:
    """The name on Hugging Face's hub that is meant, empty for none.

    `hf:OWNER/NAME` always is one; a bare `OWNER/NAME` may be a model of Ollama's where there is an Ollama.
    """
    if named.startswith(_HUB):
        return named.removeprefix(_HUB)
    bare = _HUB_NAME.fullmatch(named) and not is_path(named) and not ollama
    return named if bare else ""


def _folder_of(named: str) -> str:
    """Empty when it names no folder."""
    folder = Path(named).expanduser()
    if not named or not folder.is_dir():
        return ""
    if not (folder / _CONFIG).is_file():
        raise UsageError(
            f"{folder} is no model of Hugging Face's: it has no {_CONFIG}.",
            "Give such a folder, or a GGUF file.",
        )
    return str(folder.resolve())


def _of(file: ModelFile, *, source: str) -> BaseModel:
    return BaseModel(path=file.path, digest=file.digest, name=file.name, licence=file.licence, source=source)
