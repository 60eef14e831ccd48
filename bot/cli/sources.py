"""`lorekeeper sources`: what knowledge came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot import opening
from bot.output import GuildOption, JsonOption, note, print_json, print_table, progress, run
from bot.reports import print_report

if TYPE_CHECKING:
    from agent.contracts import Source

app = typer.Typer(help="List, remove and refresh sources.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list", epilog="Example: lorekeeper sources list --json")
def list_(guild: GuildOption = "local", as_json: JsonOption = False) -> None:
    """List the sources with category, date and id."""
    run(_list(guild, as_json))


@app.command(epilog="Example: lorekeeper sources remove ~/notes/pool.md")
def remove(
    which: Annotated[list[str], typer.Argument(help="Ids, paths, URLs or titles, as `list` shows them.")],
    guild: GuildOption = "local",
) -> None:
    """Remove sources with all their passages."""
    run(_remove(guild, which))


@app.command(epilog="Example: lorekeeper sources refresh")
def refresh(
    which: Annotated[list[str] | None, typer.Argument(help="Which; all when absent.")] = None,
    guild: GuildOption = "local",
    as_json: JsonOption = False,
) -> None:
    """Read again what changed at its origin, and remove what is no longer there."""
    run(_refresh(guild, which or [], as_json))


async def _list(guild: str, as_json: bool) -> None:
    from agent.contracts import GuildId

    async with opening.stores() as opened:
        sources = await opened.catalog.sources(GuildId(guild))
    if as_json:
        print_json(sources)
        return
    rows = [(each.title, each.kind.value, each.category, each.date, each.uri, each.id) for each in sources]
    print_table(("title", "kind", "category", "date", "where", "id"), rows)


async def _remove(guild: str, which: list[str]) -> None:
    from agent.contracts import GuildId

    async with opening.installation() as opened:
        chosen = choose(await opened.stores.catalog.sources(GuildId(guild)), which)
        removed = await opened.ingestor.remove(GuildId(guild), [source.id for source in chosen])
    note(f"Removed {removed} of {len(which)}.")


async def _refresh(guild: str, which: list[str], as_json: bool) -> None:
    from agent.contracts import GuildId

    async with opening.installation() as opened:
        chosen = choose(await opened.stores.catalog.sources(GuildId(guild)), which)
        ids = [source.id for source in chosen] if which else None
        with progress("Refreshing") as show:
            report = await opened.ingestor.refresh(GuildId(guild), ids, progress=show.ingest)
    print_report(report, as_json=as_json)


def choose(sources: tuple[Source, ...], which: list[str]) -> list[Source]:
    """Find each by id, uri, absolute path or title. Raises `UsageError` for one that is not there."""
    from pathlib import Path

    from agent.errors import UsageError

    chosen: list[Source] = []
    for name in which:
        path = str(Path(name).expanduser().absolute())
        found = [each for each in sources if name in (each.id, each.uri, each.title) or each.uri == path]
        if not found:
            raise UsageError(f"There is no source {name}.", "`lorekeeper sources list` shows them.")
        chosen += found
    return chosen
