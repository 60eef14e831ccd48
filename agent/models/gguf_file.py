"""What a GGUF file says of itself, and whether it is whole, before any C code maps it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.errors import ModelBrokenError, ModelMissingError
from agent.files import made_atomically, write_error

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


def fields_of(reader: GGUFReader) -> Iterator[tuple[str, Any, Any, Any]]:
    """Yield key, value, type and type of the elements of what a copy must say too; a writer adds the rest."""
    from gguf import GGUFValueType

    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name == "general.architecture":
            continue
        kind = field.types[0]
        yield name, field.contents(), kind, field.types[-1] if kind == GGUFValueType.ARRAY else None


def write_marked_copy(source: Path, target: Path, key: str, value: str) -> None:
    """Write a copy that says one thing more, so that its digest is another; its weights are the same.

    Blocks. Raises `ModelMissingError`, `ModelBrokenError`, `StoreError`.
    """
    reader, summary = open_gguf(source)
    try:
        with made_atomically(target) as part:
            _copy(reader, summary.architecture, part, key, value)
    except OSError as error:
        raise write_error(target, error) from error


def _copy(reader: GGUFReader, architecture: str, target: Path, key: str, value: str) -> None:
    from gguf import GGUFWriter

    writer: Any = GGUFWriter(target, architecture)
    writer.data_alignment = reader.alignment
    for name, said, kind, item in fields_of(reader):
        writer.add_key_value(name, said, kind, sub_type=item)
    writer.add_string(key, value)
    for tensor in reader.tensors:
        data = tensor.data
        writer.add_tensor_info(tensor.name, data.shape, data.dtype, data.nbytes, tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for tensor in reader.tensors:
        writer.write_tensor_data(tensor.data)
    writer.close()


def _text(reader: GGUFReader, key: str) -> str:
    field = reader.get_field(key)
    return str(field.contents()) if field else ""
