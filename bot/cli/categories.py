"""`lorekeeper categories`: the topics of a guild and their labelled example questions."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.language.counts import Count
from bot import opening
from bot.output import GuildOption, JsonOption, note, print_json, print_table, run

if TYPE_CHECKING:
    from agent.contracts import Example

SlugArgument = Annotated[str, typer.Argument(help="A category's slug, as `list` shows it.")]

app = typer.Typer(help="Define the topics of a guild.", no_args_is_help=True, rich_markup_mode=None)
examples = typer.Typer(
    help="Labelled questions: what the router learns from, at once.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(examples, name="examples")


@app.command("list", epilog="Example: lorekeeper categories list --json")
def list_(guild: GuildOption = "local", as_json: JsonOption = False) -> None:
    """List the categories with how many examples and sources each has."""
    run(_list(guild, as_json))


@app.command(epilog='Example: lorekeeper categories add "Pool" --description "Pump, filter, chemicals"')
def add(
    name: Annotated[str, typer.Argument(help="Its name; the slug is made of it.")],
    description: Annotated[str, typer.Option(help="One or two sentences; the router reads them.")] = "",
    guild: GuildOption = "local",
) -> None:
    """Add a category."""
    run(_add(guild, name, description))


@app.command(epilog='Example: lorekeeper categories edit pool --description "Pump, filter and chemicals"')
def edit(
    slug: SlugArgument,
    name: Annotated[str | None, typer.Option(help="The new name; the slug stays.")] = None,
    description: Annotated[str | None, typer.Option(help="The new description.")] = None,
    guild: GuildOption = "local",
) -> None:
    """Change the name or the description of a category."""
    if name is None and description is None:
        raise typer.BadParameter("Give --name, --description or both.")
    run(_edit(guild, slug, name, description))


@app.command(epilog="Example: lorekeeper categories rename pool swimming-pool")
def rename(
    slug: SlugArgument,
    new: Annotated[str, typer.Argument(help="The new slug.")],
    guild: GuildOption = "local",
) -> None:
    """Give a category another slug; its sources, passages and examples follow."""
    run(_rename(guild, slug, new))


@app.command(epilog="Example: lorekeeper categories merge hot-tub pool")
def merge(
    slug: SlugArgument,
    into: Annotated[str, typer.Argument(help="The category that stays.")],
    guild: GuildOption = "local",
) -> None:
    """Move everything of a category into another and remove it."""
    run(_merge(guild, slug, into))


@app.command(epilog="Example: lorekeeper categories remove pool --yes")
def remove(
    slug: SlugArgument,
    guild: GuildOption = "local",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a category and its examples; its sources stay, without a category."""
    if not yes:
        typer.confirm(f"Remove {slug} and its examples?", abort=True)
    run(_remove(guild, slug))


@examples.command("list", epilog="Example: lorekeeper categories examples list pool")
def list_examples(
    slug: Annotated[str | None, typer.Argument(help="Which category; all when absent.")] = None,
    guild: GuildOption = "local",
    as_json: JsonOption = False,
) -> None:
    """List the labelled questions, of one category or of all."""
    run(_list_examples(guild, slug, as_json))


@examples.command("add", epilog='Example: lorekeeper categories examples add pool "How old is the pump?"')
def add_example(
    slug: SlugArgument,
    question: Annotated[str, typer.Argument(help="In quotes.")],
    guild: GuildOption = "local",
) -> None:
    """Label one question; the next question is already routed by it."""
    run(_add_example(guild, slug, question))


@examples.command("import", epilog="Example: lorekeeper categories examples import labels.jsonl")
def import_(
    file: Annotated[
        Path, typer.Argument(help='JSON lines of {"question", "category"}; - for standard input.')
    ],
    guild: GuildOption = "local",
) -> None:
    """Add or relabel many questions, all or none."""
    run(_import(guild, file))


@examples.command(epilog="Example: lorekeeper categories examples export > labels.jsonl")
def export(
    file: Annotated[Path | None, typer.Argument(help="Where to write; standard output when absent.")] = None,
    guild: GuildOption = "local",
) -> None:
    """Write the labelled questions as JSON lines."""
    run(_export(guild, file))


async def _list(guild: str, as_json: bool) -> None:
    from agent.contracts import GuildId

    async with opening.stores() as stores:
        labelled = [example.category for example in await stores.catalog.examples(GuildId(guild))]
        sourced = [source.category for source in await stores.catalog.sources(GuildId(guild))]
        rows = [
            {
                "slug": category.slug,
                "name": category.name,
                "examples": labelled.count(category.slug),
                "sources": sourced.count(category.slug),
                "description": category.description,
            }
            for category in await stores.catalog.categories(GuildId(guild))
        ]
    if as_json:
        print_json(rows)
    else:
        columns = ("slug", "name", "examples", "sources", "description")
        print_table(columns, [tuple(row.values()) for row in rows])


async def _add(guild: str, name: str, description: str) -> None:
    from agent.contracts import GuildId
    from bot.categories import add_category

    async with opening.stores() as stores:
        category = await add_category(stores, GuildId(guild), name, description)
    note(f"Added {category.slug}.")


async def _edit(guild: str, slug: str, name: str | None, description: str | None) -> None:
    from agent.contracts import GuildId
    from bot.categories import edit_category

    async with opening.stores() as stores:
        await edit_category(stores, GuildId(guild), slug, name, description)


async def _rename(guild: str, slug: str, new: str) -> None:
    from agent.contracts import GuildId
    from bot.categories import rename_category

    async with opening.stores() as stores:
        moved = await rename_category(stores, GuildId(guild), slug, new)
    note(f"{slug} is now {new}, with {Count(moved):# passage|# passages}.")


async def _merge(guild: str, slug: str, into: str) -> None:
    from agent.contracts import GuildId
    from bot.categories import merge_category

    async with opening.stores() as stores:
        moved = await merge_category(stores, GuildId(guild), slug, into)
    note(f"{slug} is part of {into} now; {Count(moved):# passage|# passages} moved.")


async def _remove(guild: str, slug: str) -> None:
    from agent.contracts import GuildId
    from bot.categories import remove_category

    async with opening.stores() as stores:
        moved = await remove_category(stores, GuildId(guild), slug)
    note(f"Removed {slug}; {Count(moved):# passage stays|# passages stay} without a category.")


async def _list_examples(guild: str, slug: str | None, as_json: bool) -> None:
    from agent.contracts import GuildId, Slug

    async with opening.stores() as stores:
        found = await stores.catalog.examples(GuildId(guild), Slug(slug) if slug else None)
    if as_json:
        print_json(found)
    else:
        rows = [(example.category, example.question, example.origin) for example in found]
        print_table(("category", "question", "origin"), rows)


async def _add_example(guild: str, slug: str, question: str) -> None:
    from agent.contracts import Example, GuildId, Slug

    async with opening.stores() as stores:
        example = Example(question=question, category=Slug(slug), origin="admin")
        new = await stores.catalog.put_examples(GuildId(guild), [example])
    note("Added." if new else "It was there already.")


async def _import(guild: str, file: Path) -> None:
    from agent.contracts import GuildId

    found = list(read_examples(file))
    async with opening.stores() as stores:
        changed = await stores.catalog.put_examples(GuildId(guild), found)
    note(f"{len(found)} read, {changed} new or changed.")


async def _export(guild: str, file: Path | None) -> None:
    from agent.contracts import GuildId
    from agent.files import write_atomically

    async with opening.stores() as stores:
        found = await stores.catalog.examples(GuildId(guild))
    rows = ({"question": each.question, "category": each.category} for each in found)
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    if file is None:
        sys.stdout.write(text)
    else:
        write_atomically(file, text.encode())


def read_examples(file: Path) -> Iterator[Example]:
    """Yield labelled questions from JSON lines. Raises `UsageError` with the line that is wrong."""
    from agent.contracts import Example, Slug
    from agent.errors import UsageError
    from bot.jsonl import read_jsonl

    for number, row in read_jsonl(file):
        question, category = row.get("question"), row.get("category")
        if not isinstance(question, str) or not isinstance(category, str):
            raise UsageError(
                f"{file}, line {number} lacks a question or a category.",
                'Each line is {"question": "...", "category": "..."}.',
            )
        yield Example(question=question, category=Slug(category))
