"""`lorekeeper move`, `backup` and `restore`: an installation goes elsewhere, or into a folder and back."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.language.counts import Count
from bot import opening
from bot.output import JsonOption, note, print_json, progress, run

if TYPE_CHECKING:
    from agent.moving.copying import Moved
    from agent.moving.verify import Digests

_PLACES = ("weaviate", "lancedb", "postgresql", "sqlite")
_TOLD = 20

FolderArgument = Annotated[Path, typer.Argument(help="Folder of the backup.", show_default=False)]


def move(
    to: Annotated[
        list[str],
        typer.Option(
            "--to",
            metavar="PLACE",
            help=f"Where to: {', '.join(_PLACES)}. Twice for both halves.",
            show_default=False,
        ),
    ],
    url: Annotated[
        list[str] | None,
        typer.Option(
            "--url",
            metavar="URL",
            envvar="MOVE_URL",
            help="Address of that server; in the environment, passwords stay out of the shell's history.",
            show_default=False,
        ),
    ] = None,
    api_key: Annotated[
        str,
        typer.Option("--api-key", metavar="KEY", envvar="MOVE_API_KEY", help="What that Weaviate asks for."),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Copy what the settings use now to other back ends, verify it, and say what to put into .env.

    Passages with their vectors go to weaviate or lancedb; categories, examples, sources, episodes and
    feedback to postgresql or sqlite. The old one is not touched. The same command goes on with a move that
    was stopped, and brings only the difference when something was written since.
    """
    run(_move(to, url or [], api_key, as_json))


def backup(folder: FolderArgument, as_json: JsonOption = False) -> None:
    """Save the whole installation into a new folder, while it is in use.

    The folder is itself an installation: LOREKEEPER_DATA_DIR=FOLDER opens it. Weights of models and .env are
    not in it.
    """
    run(_backup(folder, as_json))


def restore(folder: FolderArgument, as_json: JsonOption = False) -> None:
    """Bring a backup back into what the settings name, which must be empty.

    The backup is checked before anything is written, and stays as it is.
    """
    run(_restore(folder, as_json))


async def _move(to: list[str], urls: list[str], api_key: str, as_json: bool) -> None:
    from agent.moving.copying import move as copy
    from agent.moving.plan import env_lines, places, planned

    ends = planned(opening.settings(), places(to), urls, api_key)
    note(f"Copying {ends.name(ends.source)} to {ends.name(ends.target)}.")
    with progress("Copying") as show:
        moved = await copy(ends, show)
    lines = env_lines(ends)
    if as_json:
        print_json({"env": lines, **_report(moved)})
        return
    _count(moved.digests)
    _tell(moved)
    note(f"The copy is whole; {ends.name(ends.source)} is untouched and still in use. Put into .env:")
    print("\n".join(lines))
    if any("***" in line for line in lines):
        note("with the password or key that you gave in place of ***.")


async def _backup(folder: Path, as_json: bool) -> None:
    from agent.moving.backup import backup as save
    from agent.moving.record import as_digests

    with progress("Saving") as show:
        manifest = await save(opening.settings(), folder, show)
    if as_json:
        print(manifest.model_dump_json(indent=2))
        return
    _count(as_digests(manifest.parts))
    note(f"{folder} is a whole backup. `lorekeeper restore {folder}` brings it back.")


async def _restore(folder: Path, as_json: bool) -> None:
    from agent.moving.backup import restore as bring_back

    with progress("Restoring") as show:
        moved = await bring_back(folder, opening.settings(), show)
    if as_json:
        print_json(_report(moved))
        return
    _count(moved.digests)
    _tell(moved)
    note(f"{folder} is restored, and is untouched.")


def _report(moved: Moved) -> dict[str, object]:
    return {
        "parts": _rows(moved.digests),
        "rows_written": moved.rows,
        "passages_written": moved.passages,
        "replaced": moved.replaced,
        "left_behind": moved.left_behind,
    }


def _rows(digests: Digests) -> list[dict[str, object]]:
    return [
        {"guild": guild, "table": table, "rows": digest.rows, "sha256": digest.sha256}
        for (guild, table), digest in sorted(digests.items())
    ]


def _count(digests: Digests) -> None:
    """Tell how much there is, over all guilds."""
    rows = Counter[str]()
    for (_, table), digest in digests.items():
        rows[table] += digest.rows
    note("Verified by count and checksum: " + ", ".join(f"{rows[table]} {table}" for table in sorted(rows)))


def _tell(moved: Moved) -> None:
    """What a person should know beside the counts."""
    rows, passages = Count(moved.rows), Count(moved.passages)
    note(f"Written now: {rows:# row|# rows}, {passages:# passage|# passages}; the rest was there already.")
    for where in moved.replaced[:_TOLD]:
        note(f"NUL, which PostgreSQL cannot hold, became the replacement character in {where}.")
    if len(moved.replaced) > _TOLD:
        note(f"The same in {Count(len(moved.replaced) - _TOLD):# other place|# other places}.")
    if moved.left_behind:
        behind = f"{Count(moved.left_behind):# passage|# passages} of an unfinished ingest"
        note(f"{behind} stayed behind: ingest the files again.")
