"""`lorekeeper tune model`: a model of its own, for what no adapter can hold."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from bot import opening
from bot.cli.tune_values import (
    BaseOption,
    InstructionsOption,
    RecipeOption,
    SetOption,
    TaskArgument,
    aim_of,
    changed_plan,
    task_of,
)
from bot.cli.tune_words import Shown, texts_of
from bot.output import GuildOption, JsonOption, note, print_json, progress, run
from bot.reports import FAILED

if TYPE_CHECKING:
    from bot.texts.tuning import TuningTexts
    from tuning.loop.modelling import TunedModel


def model(
    task: TaskArgument,
    target: Annotated[
        Path, typer.Option("--to", metavar="FILE", dir_okay=False, help="The GGUF file to write.")
    ],
    recipe: RecipeOption = None,
    changes: SetOption = None,
    base: BaseOption = None,
    instructions: InstructionsOption = None,
    guild: GuildOption = "local",
    as_json: JsonOption = False,
) -> None:
    """Train a model of its own, prove and examine it, and write it; by the methods dora, ia3, full, partial,
    or any other that changes weights.

    Nothing of it serves until you choose it. What prefix trains is measured, and cannot serve: exit code 1.
    Ctrl-C stops; the same command goes on.
    """
    typed = _Typed(task, target.expanduser().resolve(), recipe, changes or [], base, instructions)
    run(_model(guild, typed, as_json))


class _Typed(NamedTuple):
    task: str
    target: Path
    recipe: Path | None
    changes: list[str]
    base: str | None
    instructions: Path | None


async def _model(guild: str, typed: _Typed, as_json: bool) -> None:
    from agent.contracts import GuildId
    from tuning.loop.log import Plans
    from tuning.loop.modelling import Wanted, make_model

    async with opening.stores() as stores:
        plan, texts = await Plans(stores.database).get(GuildId(guild)), texts_of(stores)
        wanted = Wanted(
            guild=GuildId(guild),
            task=task_of(typed.task),
            plan=changed_plan(plan, {"base": typed.base}, typed.recipe, typed.changes),
            aim=await aim_of(stores, GuildId(guild), None, "", typed.instructions),
            target=typed.target,
        )
        with progress("") as bar:
            made = await make_model(stores, wanted, Shown(bar, texts))
        if as_json:
            print_json(made)
        else:
            _tell(made, texts)
    if made.path is None:
        raise typer.Exit(FAILED)


def _tell(made: TunedModel, texts: TuningTexts) -> None:
    from agent.language.counts import Count

    labels = f"{Count(made.labels):# label|# labels}"
    print(
        f"{made.recipe.method} on {made.base}, {labels}: {made.before:.4f} nats per learnt token "
        f"held out before the first step, {made.after:.4f} at best.",
        flush=True,
    )
    if made.path is None:
        note(f"It cannot serve: {made.recipe.why_not_served}. Nothing of it is kept.")
    else:
        _tell_verdict(made, made.path, texts)


def _tell_verdict(made: TunedModel, path: Path, texts: TuningTexts) -> None:
    from agent.language.counts import Count
    from agent.serving.served import Task
    from bot.tuning.words import report_words

    assert made.report is not None
    assert made.verdict is not None
    print(report_words(made.report, made.verdict, texts), flush=True)
    note(f"The model is in {path}, what was found in {path}.md, .json and .png.")
    if not made.verdict.promoted:
        note("It should not serve: the gate does not let it pass.")
        return
    note(f"To let it serve from the next start on: lorekeeper models use {quote(str(path))}")
    if made.task is Task.ROUTE:
        unseen = f"{Count(made.introduced):# question|# questions}"
        note(f"The router knows what it says of {unseen} that it was not trained on.")
    if made.would_write:
        note("It would word answers too, untrained: set LOREKEEPER_ANSWER_MODE=extractive with it.")
