"""`lorekeeper annotate`: deciding what waits for a person, and how far those who decide agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from agent.language.counts import Count
from bot import opening
from bot.output import GuildOption, JsonOption, note, print_json, print_table, run

if TYPE_CHECKING:
    from tuning.annotation.reviewing import Look
    from tuning.labels.decisions import Decision

app = typer.Typer(
    help="Decide what waits for a person: docs/annotation.md has the guidelines.",
    rich_markup_mode=None,
)

AsOption = Annotated[
    str, typer.Option("--as", help="Who decides; the terminal's own member is `me`.", metavar="NAME")
]


@app.callback(invoke_without_command=True, epilog="Example: lorekeeper annotate --as ana")
def annotate(context: typer.Context, name: AsOption = "me", guild: GuildOption = "local") -> None:
    """Decide one thing after the other, with a key each; stop at any time and go on later."""
    if context.invoked_subcommand is None:
        run(_annotate(guild, name))


@app.command("list", epilog="Example: lorekeeper annotate list")
def list_(name: AsOption = "me", guild: GuildOption = "local", as_json: JsonOption = False) -> None:
    """List what waits, what helps most first."""
    run(_list(guild, name, as_json))


@app.command(epilog="Example: lorekeeper annotate history")
def history(guild: GuildOption = "local", as_json: JsonOption = False) -> None:
    """List who decided what, oldest first, with what was taken back."""
    run(_history(guild, as_json))


@app.command(epilog="Example: lorekeeper annotate agreement")
def agreement(guild: GuildOption = "local", as_json: JsonOption = False) -> None:
    """Say how far annotators agree who decided the same without knowing of each other."""
    run(_agreement(guild, as_json))


async def _annotate(guild: str, name: str) -> None:
    from agent.contracts import GuildId, MemberId
    from bot.annotating import Annotating

    async with opening.stores() as stores:
        await Annotating(stores, GuildId(guild), MemberId(name)).run()


async def _look(guild: str) -> Look:
    from agent.contracts import GuildId
    from bot.reporters import reporters_of
    from bot.texts import texts_for
    from tuning.annotation.reviewing import Reviewing

    async with opening.stores() as stores:
        reporters = reporters_of(stores, texts_for(stores.settings.language))
        return await Reviewing(stores, reporters).look(GuildId(guild))


async def _list(guild: str, name: str, as_json: bool) -> None:
    from agent.contracts import MemberId
    from tuning.annotation.item import for_reviewer

    items = for_reviewer((await _look(guild)).items, MemberId(name))
    if as_json:
        print_json(items)
        return
    rows = [
        (each.kind, each.task or "", each.question, each.proposal, f"{each.benefit:.1f}") for each in items
    ]
    print_table(("kind", "task", "question", "proposed", "benefit"), rows)
    note(f"{Count(len(items)):# waits|# wait} for {name}.")


async def _history(guild: str, as_json: bool) -> None:
    decisions = await _decisions(guild)
    if as_json:
        print_json(decisions)
        return
    rows = [
        (
            each.at.isoformat(timespec="seconds"),
            each.member,
            each.act,
            each.task or "report",
            each.category or each.answer,
            each.note,
            each.id,
            each.undoes,
        )
        for each in decisions
    ]
    print_table(("at", "who", "what", "task", "decided", "why", "id", "takes back"), rows)


async def _agreement(guild: str, as_json: bool) -> None:
    from tuning.annotation.agreement import agreement as measured

    found = measured(await _decisions(guild))
    if as_json:
        print_json(found)
        return
    rows = [
        (each.task, each.of, each.items, "" if each.alpha is None else f"{each.alpha:.3f}") for each in found
    ]
    print_table(("task", "of", "items", "alpha"), rows)
    if not found:
        note("Nothing was decided by two people yet; LOREKEEPER_REVIEW_DOUBLE_SHARE says how much is.")


async def _decisions(guild: str) -> tuple[Decision, ...]:
    from agent.contracts import GuildId
    from tuning.annotation.reviewing import Reviewing

    async with opening.stores() as stores:
        return await Reviewing(stores).history(GuildId(guild))
