"""A backup: a whole installation in a folder, on the embedded back ends, with a manifest of what it holds.

The folder is itself an installation, which `LOREKEEPER_DATA_DIR` opens. The manifest is written last, so a
folder without one is no backup. Weights of models are not in it: they are large, and found elsewhere.
Adapters are, with their reports: they are found nowhere else.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from agent.catalog.sql import SqlCatalog
from agent.database.schema import HEAD
from agent.errors import StoreError, UsageError
from agent.files import write_atomically, write_error
from agent.knowledge.protocol import IndexSpec
from agent.moving.copying import Moved, Records, Show, add_up, begun, bring, open_records
from agent.moving.ends import DATABASE_FILE, Ends, Opened, Part, embedded
from agent.moving.knowledge import active_version
from agent.moving.record import FOLDER, PartDigest, as_digests, as_parts
from agent.moving.verify import PASSAGES, Digests, require_same
from agent.serving.served import ADAPTERS_FOLDER
from agent.settings import Settings

MANIFEST: Final = "manifest.json"
FILES: Final = (
    "models/use.json",
    f"{ADAPTERS_FOLDER}/*.gguf",
    "tuning/*/reports/*.*",
    "tuning/*/scores.jsonl",
)
"""Files of the data folder that are neither made anew nor kept in a store, as patterns."""


class Manifest(BaseModel):
    """What a backup holds. Every digest can be computed again from the folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    made: datetime
    lorekeeper: str
    """The version that made it."""
    tables: str
    """The version of the database's schema."""
    index: IndexSpec | None
    """What the vectors were made with; None without any."""
    parts: tuple[PartDigest, ...]
    files: Mapping[str, str]
    """sha256 of the files beside the stores, hex."""


async def backup(settings: Settings, folder: Path, show: Show) -> Manifest:
    """Copy the installation of `settings` into `folder`, which is new or empty, while it is in use.

    The same call finishes what a killed one began. Raises `UsageError`, `StoreError`.
    """
    _require_new(folder, settings)
    ends = Ends(source=settings, target=embedded(settings, folder), parts=frozenset(Part))
    with open_records(ends) as records:
        async with begun(ends, records) as both:
            moved = await bring(both, records, show, follow=False)
            index = None if both.target_store is None else await active_version(both.target_store)
        manifest = Manifest(
            made=datetime.now(UTC),
            lorekeeper=installed_version("lorekeeper"),
            tables=HEAD,
            index=None if index is None else index.spec,
            parts=as_parts(moved.digests),
            files=_copy_files(settings.data_dir, folder),
        )
        write_atomically(folder / MANIFEST, manifest.model_dump_json(indent=1).encode())
        _forget(records)
    return manifest


async def restore(folder: Path, settings: Settings, show: Show) -> Moved:
    """Copy the backup in `folder` into what `settings` name, which must be empty. The folder stays as it is.

    The same call finishes what a killed one began. Raises `UsageError` when there is no backup, `StoreError`
    when it is damaged or the target holds something.
    """
    manifest = read_manifest(folder)
    _require_free(folder, manifest, settings)
    source, target = embedded(settings, folder), settings
    ends = Ends(source=source, target=target, parts=frozenset(Part))
    with open_records(ends, f" of {manifest.made}") as records:
        # A copy of the database is opened: opening one may bring its tables up to date.
        database = _copy_file(folder / DATABASE_FILE, records[Part.DATABASE].folder / DATABASE_FILE)
        source = source.model_copy(update={"database_url": SecretStr(str(database))})
        async with begun(replace(ends, source=source), records) as both:
            await _require_whole(both, manifest)
            moved = await bring(both, records, show, follow=False)
        _copy_files(folder, target.data_dir)
        _forget(records)
    return moved


def read_manifest(folder: Path) -> Manifest:
    """Raises `UsageError` when `folder` holds no backup, `StoreError` for a manifest that cannot be read."""
    path = folder / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise UsageError(
            f"There is no backup in {folder}.",
            f"A whole one has a {MANIFEST}; `lorekeeper backup {folder}` finishes one that was stopped.",
        ) from None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}.", "Correct its permissions.") from error
    except ValidationError as error:
        raise StoreError(
            f"{path} is damaged, or of a newer Lorekeeper.", "Update Lorekeeper, or take another backup."
        ) from error


def _forget(records: Records) -> None:
    for record in records.values():
        record.forget()


def _require_new(folder: Path, settings: Settings) -> None:
    if folder.absolute() == settings.data_dir.absolute():
        raise UsageError(f"{folder} is the data folder itself.", "Choose another folder.")
    try:
        names = {path.name for path in folder.iterdir()}
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"{folder} cannot be used: {error.strerror}.", "Choose a new folder.") from error
    if MANIFEST in names:
        raise UsageError(f"{folder} holds a backup already.", "Choose a new folder for each backup.")
    if names and FOLDER not in names:
        raise UsageError(f"{folder} is not empty.", "Choose a new folder for each backup.")


def _require_free(folder: Path, manifest: Manifest, settings: Settings) -> None:
    """Raise when a file is damaged in the backup or would be overwritten in the target."""
    for name, digest in manifest.files.items():
        if _sha256(folder / name) != digest:
            raise StoreError(f"{folder / name} is damaged or missing.", "Take another backup.")
        if _sha256(settings.data_dir / name) not in ("", digest):
            raise StoreError(
                f"{settings.data_dir / name} is there already, with another content.",
                "Restore into an empty data folder: set LOREKEEPER_DATA_DIR, or move the old one away.",
            )


async def _require_whole(both: Opened, manifest: Manifest) -> None:
    """Raise `StoreError` unless the backup holds what its manifest says.

    Tables that an older version made were brought up to date: of those, the rows are counted.
    """
    catalog = SqlCatalog(both.database)
    sources = [(guild, each.id) for guild in await catalog.guilds() for each in await catalog.sources(guild)]
    found = await add_up(both.database, both.store, sorted(sources))
    said: Digests = as_digests(manifest.parts)
    if manifest.tables != HEAD:
        found, said = _counted(found, said), _counted(said, said)
    require_same(said, found, "the manifest", "the backup")


def _counted(digests: Digests, known: Digests) -> Digests:
    """The same without the checksums of tables, and without tables that are not in `known`."""
    return {
        (guild, table): digest if table == PASSAGES else replace(digest, sha256="")
        for (guild, table), digest in digests.items()
        if (guild, table) in known
    }


def _copy_files(source: Path, target: Path) -> dict[str, str]:
    """Copy the files that there are beside the stores; return the sha256 of each."""
    found = (path for pattern in FILES for path in sorted(source.glob(pattern)) if path.is_file())
    present = [path.relative_to(source).as_posix() for path in found]
    return {name: _sha256(_copy_file(source / name, target / name)) for name in present}


def _copy_file(source: Path, target: Path) -> Path:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    except FileNotFoundError as error:
        raise StoreError(f"{source} is missing.", "Take another backup.") from error
    except OSError as error:
        raise write_error(target, error) from error
    return target


def _sha256(file: Path) -> str:
    """Hex; empty when there is no such file."""
    if not file.is_file():
        return ""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
