"""`lorekeeper guilds`: who shares this installation. The terminal's own guild is `local`."""

from __future__ import annotations

from typing import Annotated

import typer

from bot import opening
from bot.output import JsonOption, note, print_json, print_table, run

app = typer.Typer(help="List, add and remove guilds.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list", epilog="Example: lorekeeper guilds list --json")
def list_(as_json: JsonOption = False) -> None:
    """List the guilds and how much each keeps."""
    run(_list(as_json))


@app.command(epilog="Example: lorekeeper guilds add chess-club")
def add(name: Annotated[str, typer.Argument(help="Its name; a slug is made of it.")]) -> None:
    """Add a guild; nothing happens when it exists."""
    run(_add(name))


@app.command(epilog="Example: lorekeeper guilds remove chess-club --yes")
def remove(
    name: Annotated[str, typer.Argument(help="As `list` shows it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a guild with all its passages, sources, categories and examples."""
    if not yes:
        typer.confirm(f"Delete everything that {name} keeps?", abort=True)
    run(_remove(name))


async def _list(as_json: bool) -> None:
    async with opening.stores() as stores:
        rows = [
            {
                "guild": guild,
                "categories": len(await stores.catalog.categories(guild)),
                "sources": len(await stores.catalog.sources(guild)),
                "passages": await stores.store.count(guild),
            }
            for guild in await stores.catalog.guilds()
        ]
    if as_json:
        print_json(rows)
    else:
        print_table(("guild", "categories", "sources", "passages"), [tuple(row.values()) for row in rows])


async def _add(name: str) -> None:
    from agent.catalog.slugs import slug_of
    from agent.contracts import GuildId

    async with opening.stores() as stores:
        await stores.catalog.create_guild(slug := GuildId(slug_of(name)))
    note(f"{slug} is here.")


async def _remove(name: str) -> None:
    from agent.contracts import GuildId
    from agent.runtime import drop_guild

    async with opening.stores() as stores:
        await drop_guild(stores, GuildId(name))
    note(f"{name} is gone.")
