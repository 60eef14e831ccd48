"""`lorekeeper ingest` and `lorekeeper remember`: knowledge goes in."""

from __future__ import annotations

from typing import Annotated

import typer

from bot import opening
from bot.output import GuildOption, JsonOption, print_json, progress, run
from bot.reports import failure_code, print_failure, print_report


def ingest(
    targets: Annotated[
        list[str], typer.Argument(help="Files, folders, URLs, sitemaps.", metavar="PATH|URL...")
    ],
    category: Annotated[
        str | None,
        typer.Option(help="Put everything there; else front matter, folder name or the router decide."),
    ] = None,
    guild: GuildOption = "local",
    as_json: JsonOption = False,
) -> None:
    """Read files, folders and URLs in; what did not change costs nothing.

    Exits with 1 when anything could not be read; the rest is in all the same.
    """
    run(_ingest(targets, category, guild, as_json))


def remember(
    text: Annotated[str, typer.Argument(help="The fact, in a sentence.")],
    category: Annotated[str | None, typer.Option(help="Where it belongs; else the router decides.")] = None,
    name: Annotated[str, typer.Option(help="Who says it.")] = "",
    guild: GuildOption = "local",
    as_json: JsonOption = False,
) -> None:
    """Keep one fact; "yesterday" and the like become dates."""
    run(_remember(text, category, name, guild, as_json))


async def _ingest(targets: list[str], category: str | None, guild: str, as_json: bool) -> None:
    from agent.contracts import GuildId

    async with opening.installation() as opened:
        with progress("Reading") as show:
            report = await opened.ingestor.ingest(
                GuildId(guild), targets, category=category, progress=show.ingest
            )
    print_report(report, as_json=as_json)


async def _remember(text: str, category: str | None, name: str, guild: str, as_json: bool) -> None:
    from agent.contracts import Asker, Failed, GuildId, Intent, Question, Slug
    from bot.answers import last_event

    question = Question(
        text=text,
        guild=GuildId(guild),
        asker=Asker(name=name),
        intent=Intent.REMEMBER,
        category=Slug(category) if category else None,
    )
    async with opening.installation() as opened:
        last = await last_event(opened.agent, question)
    if isinstance(last, Failed):
        print_failure(last)
        raise typer.Exit(failure_code(last))
    if as_json:
        print_json({"entry": last.answer.entry, "text": last.answer.text, "episode": last.episode.id})
    else:
        print(last.answer.text)
