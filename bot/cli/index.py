"""`lorekeeper index`: versions of the search index.

A change of embedder or an upgrade that cuts passages otherwise needs a new index; it is built beside the
old one while questions go on, checked, and put in its place.
"""

from __future__ import annotations

from typing import Annotated

import typer

from agent.language.counts import Count
from bot import opening
from bot.output import JsonOption, note, print_json, print_table, progress, run

app = typer.Typer(
    help="Build, list and go back to search indexes.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("list", epilog="Example: lorekeeper index list --json")
def list_(as_json: JsonOption = False) -> None:
    """List the indexes; the active one is searched."""
    run(_list(as_json))


@app.command(epilog="Example: LOREKEEPER_EMBEDDER=all-minilm-l6-v2 lorekeeper index build")
def build() -> None:
    """Build an index for the embedder of the settings, check it and make it the active one.

    Stop it whenever you like: the same command goes on where it was, and the old index serves meanwhile.
    """
    run(_build())


@app.command(epilog="Example: lorekeeper index back")
def back() -> None:
    """Go back to the index before the active one, at once."""
    run(_back())


@app.command(epilog="Example: lorekeeper index remove v1")
def remove(name: Annotated[str, typer.Argument(help="As `list` shows it.")]) -> None:
    """Remove an index that is not active, to free its space."""
    run(_remove(name))


async def _list(as_json: bool) -> None:
    async with opening.stores() as opened:
        versions = await opened.store.versions()
    if as_json:
        print_json(versions)
        return
    rows = [
        (
            each.name,
            "active" if each.active else "",
            each.passages,
            each.spec.embedder[:40],
            each.spec.chunker,
        )
        for each in versions
    ]
    print_table(("index", "", "passages", "embedder", "chunker"), rows)


async def _build() -> None:
    from agent.ingest.reindex import Reindexer

    async with opening.stores() as opened, opening.embedder(opened.settings) as embedder:
        reindexer = Reindexer(opened.store, opened.catalog, embedder)
        if not await reindexer.needed():
            note("The active index is of this embedder and chunker: nothing to build.")
            return
        with progress("Building") as show:
            report = await reindexer.run(lambda done, total: show(done, total, "sources"))
    note(
        f"{report.version} is active with {Count(report.passages):# passage|# passages}; "
        f"{report.self_found:.0%} of a sample is found by its own text. {report.before} stays: "
        "`lorekeeper index back`."
    )


async def _back() -> None:
    from agent.ingest.reindex import Reindexer

    async with opening.stores() as opened, opening.embedder(opened.settings) as embedder:
        report = await Reindexer(opened.store, opened.catalog, embedder).flip_back()
    note(f"{report.version} is active again, in place of {report.before}.")
    if report.outdated:
        outdated = f"{Count(report.outdated):# source|# sources}"
        note(f"{outdated} changed since: `lorekeeper sources refresh` brings in what is new.")


async def _remove(name: str) -> None:
    async with opening.stores() as opened:
        await opened.store.remove_version(name)
    note(f"{name} is removed.")
