"""What a GGUF file says of itself, and whether it is whole, before any C code maps it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agent.errors import ModelBrokenError, ModelMissingError

if TYPE_CHECKING:
    from gguf import GGUFReader


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufSummary:
    name: str
    architecture: str
    licence: str
    """Empty when the file does not say."""


def check_gguf(path: Path) -> GgufSummary:
    """Read the header and prove that every tensor lies within the file.

    Blocks for seconds, as the vocabulary is read in Python. Raises `ModelMissingError` and
    `ModelBrokenError`.
    """
    return open_gguf(path)[1]


def open_gguf(path: Path) -> tuple[GGUFReader, GgufSummary]:
    """The same, with its reader, for who needs more of the file. Blocks and raises as `check_gguf`."""
    from gguf import GGUFReader

    if not path.is_file():
        raise ModelMissingError(f"There is no model file {path}.")
    try:
        with path.open("rb") as file:
            magic = file.read(4)
        if magic != b"GGUF":
            raise ModelBrokenError(f"{path} is not a GGUF file.", "Give the path of a .gguf model.")
        reader = GGUFReader(path)
        texts = [_text(reader, key) for key in ("general.name", "general.architecture", "general.license")]
    except (ValueError, IndexError, KeyError, OverflowError, MemoryError) as error:
        # The reader maps each tensor; past the end of the file numpy refuses in one of these ways.
        raise ModelBrokenError(f"{path} is cut short or damaged.", "Copy or download it again.") from error
    except OSError as error:
        raise ModelMissingError(f"{path} cannot be read: {error.strerror}.") from error
    name, architecture, licence = texts
    return reader, GgufSummary(name=name or path.stem, architecture=architecture, licence=licence)


def _text(reader: GGUFReader, key: str) -> str:
    field = reader.get_field(key)
    return str(field.contents()) if field else ""
