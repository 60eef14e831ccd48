"""Which index versions there are and which one is searched: one small JSON file beside the tables.

It is replaced in one step (a new file, synced, renamed over the old one), so every process reads either
the old state or the new, and a crash leaves one of the two. Nothing caches it: a flip made by one process
is what the next search of any other process sees.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from agent.errors import StoreError
from agent.knowledge.protocol import IndexSpec

_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A value; a change makes a new one, which `write_manifest` puts in place."""

    specs: Mapping[str, IndexSpec] = field(default_factory=dict)
    """By name, oldest first."""
    active: str | None = None
    created: int = 0
    """How many versions were ever made, so that a name is never used twice."""

    def name_of(self, spec: IndexSpec) -> str | None:
        return next((name for name, known in self.specs.items() if known == spec), None)

    def with_version(self, spec: IndexSpec) -> Manifest:
        """Add a version unless it is there; the first ever becomes active."""
        if self.name_of(spec) is not None:
            return self
        name = f"v{self.created + 1}"
        return Manifest(
            specs={**self.specs, name: spec}, active=self.active or name, created=self.created + 1
        )

    def with_active(self, name: str) -> Manifest:
        self.require(name)
        return replace(self, active=name)

    def without(self, name: str) -> Manifest:
        self.require(name)
        if name == self.active:
            raise StoreError(f"Index version {name} is active.", "Activate another version first.")
        return replace(self, specs={known: spec for known, spec in self.specs.items() if known != name})

    def require(self, name: str | None) -> str:
        """Return `name`, or the active version's for None; `StoreError` when there is no such version."""
        if name is None:
            if self.active is None:
                raise StoreError("The knowledge store has no index yet.", "Open one before storing passages.")
            return self.active
        if name not in self.specs:
            raise StoreError(f"No index version {name}.", f"There are: {', '.join(self.specs) or 'none'}.")
        return name


def read_manifest(path: Path) -> Manifest:
    """An absent file is an empty store; an unreadable one is `StoreError`."""
    try:
        manifest = _parsed(json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return Manifest()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            f"The knowledge store's list of indexes {path} is unreadable: {error!r}.",
            "Restore the folder from a backup, or move it away and ingest again.",
        ) from error
    if manifest is None:
        raise StoreError(
            f"The knowledge store {path.parent} was written by another version of Lorekeeper.",
            "Start the version that wrote it, or ingest into a new data folder.",
        )
    return manifest


def _parsed(data: Any) -> Manifest | None:
    """None for another format; anything unexpected within ours is the `KeyError` or so of reading it."""
    if data["format"] != _FORMAT:
        return None
    specs = {name: IndexSpec(**spec) for name, spec in data["versions"].items()}
    if data["active"] not in (None, *specs):
        raise ValueError(f"{data['active']} is active and not there")
    return Manifest(specs=specs, active=data["active"], created=data["created"])


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Put `manifest` in place for every process. The caller holds the writers' lock. Raises `OSError`."""
    data = {
        "format": _FORMAT,
        "active": manifest.active,
        "created": manifest.created,
        "versions": {name: asdict(spec) for name, spec in manifest.specs.items()},
    }
    fresh = path.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as file:
        json.dump(data, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make a rename durable. Windows neither needs nor allows it."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
