"""The files of adapters, as they lie in the data folder: whole, and trained on the base that is served."""

from __future__ import annotations

from pathlib import Path

from agent.errors import ModelBrokenError, ModelMissingError
from agent.models.weights import digest_of
from agent.serving.served import ServedAdapter, adapter_file


def checked_file(adapter: ServedAdapter, data_dir: Path, base_digest: str) -> Path:
    """Return the adapter's file. Blocks for hashing it the first time.

    Raises `ModelMissingError`, and `ModelBrokenError` for another file or base.
    """
    if adapter.base_digest != base_digest:
        raise ModelBrokenError(
            f"The adapter {adapter.id} was trained on another base than the chat model in use.",
            "Go back to that model, or train an adapter on this one: lorekeeper tune run",
        )
    path = data_dir / adapter_file(adapter.digest)
    try:
        found = digest_of(path, data_dir)
    except FileNotFoundError as error:
        raise ModelMissingError(
            f"The file of the adapter {adapter.id} is not there: {path}.",
            "Copy it from a backup, or roll back: lorekeeper tune rollback",
        ) from error
    except OSError as error:
        raise ModelMissingError(f"{path} cannot be read: {error.strerror}.") from error
    if found != adapter.digest:
        raise ModelBrokenError(
            f"The file of the adapter {adapter.id} has changed since it was made: {path}.",
            "Copy it from a backup, or roll back: lorekeeper tune rollback",
        )
    return path
