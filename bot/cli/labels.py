"""`lorekeeper labels`: what feedback says would have been right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bot import opening
from bot.output import GuildOption, JsonOption, note, print_json, print_table, run

if TYPE_CHECKING:
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


@app.command(epilog="Example: lorekeeper labels export > labels.jsonl")
def export(guild: GuildOption = "local", similar: SimilarOption = False) -> None:
    """Print the labels as JSON lines, the same bytes for the same feedback."""
    run(_export(guild, similar))


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
    note(f"{len(derived.labels)} labels; {len(derived.reviews)} questions wait for a person to decide.")


async def _export(guild: str, similar: bool) -> None:
    from tuning.labels.records import lines

    print(lines((await _derived(guild, similar)).labels), end="")


def _what(label: Label) -> str:
    sign = "not: " if label.polarity == "negative" else ""
    return f"{sign}{label.category or label.answer}"


async def _derived(guild: str, similar: bool) -> Derivation:
    from datetime import UTC, datetime

    from agent.contracts import GuildId
    from tuning.labels.gathering import labels_of

    async with opening.stores() as opened:
        if not similar:
            return await labels_of(opened, GuildId(guild), now=datetime.now(UTC))
        async with opening.embedder(opened.settings) as embedder:
            return await labels_of(opened, GuildId(guild), now=datetime.now(UTC), embedder=embedder)
