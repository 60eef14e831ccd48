"""`lorekeeper labels`: what feedback says would have been right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.language.counts import Count
from bot import opening
from bot.output import GuildOption, JsonOption, note, print_json, print_table, run

if TYPE_CHECKING:
    from agent.runtime import Stores
    from tuning.annotation.formats import Format
    from tuning.labels.gathering import Gathered
    from tuning.labels.label import Derivation, Label

app = typer.Typer(
    help="What the bot may learn from feedback, and what a person must decide first.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

SimilarOption = Annotated[
    bool, typer.Option("--similar", help="Count questions as one that say the same in other words.")
]


@app.command("list", epilog="Example: lorekeeper labels list --json")
def list_(guild: GuildOption = "local", similar: SimilarOption = False, as_json: JsonOption = False) -> None:
    """List the labels that feedback makes, and say how many questions wait for a person."""
    run(_list(guild, similar, as_json))


FormatOption = Annotated[
    str, typer.Option("--format", help="argilla, trl, trl-kto, or jsonl: the labels as they are.")
]


@app.command(epilog="Example: lorekeeper labels export --format trl-kto > labels.jsonl")
def export(
    format_: FormatOption = "jsonl",
    waiting: Annotated[
        bool, typer.Option("--waiting", help="What waits for a person instead, for Argilla.")
    ] = False,
    guild: GuildOption = "local",
    similar: SimilarOption = False,
) -> None:
    """Print the labels as JSON lines, the same bytes for the same feedback."""
    run(_export(guild, similar, format_, waiting))


@app.command("import", epilog="Example: lorekeeper labels import annotated.jsonl --format argilla")
def import_(
    file: Annotated[Path, typer.Argument(help="JSON lines that `export` wrote; - is standard input.")],
    format_: FormatOption = "jsonl",
    name: Annotated[
        str, typer.Option("--as", help="Who decided, where the file does not say.", metavar="NAME")
    ] = "me",
    guild: GuildOption = "local",
) -> None:
    """Take in what people decided elsewhere, as decisions; what breaks a rule is named and left out."""
    run(_import(guild, file, format_, name))


async def _list(guild: str, similar: bool, as_json: bool) -> None:
    derived = await _derived(guild, similar)
    if as_json:
        print_json(derived)
        return
    rows = [
        (each.task, _what(each), each.question, each.weight, each.rule, len(each.members))
        for each in derived.labels
    ]
    print_table(("task", "label", "question", "weight", "rule", "members"), rows)
    labels, reviews = Count(len(derived.labels)), Count(len(derived.reviews))
    note(f"{labels:# label|# labels}; {reviews:# question waits|# questions wait} for a person to decide.")


async def _export(guild: str, similar: bool, format_: str, waiting: bool) -> None:
    from agent.contracts import GuildId
    from agent.errors import UsageError
    from tuning.annotation.exchange import context_of, evidence_of
    from tuning.annotation.formats import Format, line, rows, waiting_rows
    from tuning.annotation.reviewing import Reviewing

    chosen = _format(format_)
    if waiting and chosen is not Format.ARGILLA:
        raise UsageError("What waits has no label yet.", "Add --format argilla.")
    async with opening.stores() as stores:
        if waiting:
            look = await Reviewing(stores).look(GuildId(guild))
            made = waiting_rows(look.items, await evidence_of(stores, look))
        else:
            gathered = await _gathered(stores, guild, similar)
            context = await context_of(stores, GuildId(guild), gathered)
            made = rows(chosen, gathered.derivation.labels, context)
    print("".join(f"{line(row)}\n" for row in made), end="")


async def _import(guild: str, file: Path, format_: str, name: str) -> None:
    from agent.contracts import GuildId, MemberId
    from agent.errors import UsageError
    from bot.jsonl import read_jsonl
    from tuning.annotation.exchange import bring
    from tuning.annotation.formats import judgements

    chosen, found, refused = _format(format_), [], []
    for number, row in read_jsonl(file):
        try:
            found += [(number, each) for each in judgements(chosen, row)]
        except UsageError as error:
            refused.append(f"Line {number}: {error}")
    async with opening.stores() as stores:
        brought = await bring(stores, GuildId(guild), found, MemberId(name))
    refused += brought.refused
    note(
        f"{brought.decided} decided, {brought.known} known already, {brought.negative} that say what not to "
        f"say, {len(refused)} refused."
    )
    if refused:
        raise UsageError("\n".join(refused), "Everything else was taken in.")


def _format(name: str) -> Format:
    from agent.errors import UsageError
    from tuning.annotation.formats import Format

    if name not in set(Format):
        raise UsageError(f"There is no format {name}.", f"There are: {', '.join(Format)}.")
    return Format(name)


def _what(label: Label) -> str:
    sign = {"negative": "not: ", "liked": "liked: "}.get(label.polarity, "")
    return f"{sign}{label.category or label.answer}"


async def _derived(guild: str, similar: bool) -> Derivation:
    async with opening.stores() as stores:
        return (await _gathered(stores, guild, similar)).derivation


async def _gathered(stores: Stores, guild: str, similar: bool) -> Gathered:
    from agent.contracts import GuildId
    from tuning.labels.gathering import gather

    if not similar:
        return await gather(stores, GuildId(guild), now=stores.clock())
    async with opening.embedder(stores.settings) as embedder:
        return await gather(stores, GuildId(guild), now=stores.clock(), embedder=embedder)
