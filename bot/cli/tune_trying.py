"""`lorekeeper tune compare|search`: which model, and which recipe, before anything is decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from agent.language.counts import Count
from bot import opening
from bot.output import GuildOption, JsonOption, note, print_json, print_table, progress, run, waiting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.contracts import Category, GuildId
    from agent.runtime import Stores
    from tuning.runs.comparing import Compared
    from tuning.runs.search import Found


def compare(
    bases: Annotated[
        list[str],
        typer.Argument(metavar="BASE...", help="Models of this machine or of Ollama, or GGUF files."),
    ],
    guild: GuildOption = "local",
    as_json: JsonOption = False,
) -> None:
    """Set models beside each other before you choose one: size, speed, memory, and how they route untuned.

    The questions are the examples of the guild's categories.
    """
    run(_compare(guild, bases, as_json))


def search(
    task: Annotated[str, typer.Argument(metavar="TASK", help="`route` (topics) or `answer`.")],
    tries: Annotated[
        list[str] | None,
        typer.Option("--try", metavar="NAME=A,B", help="Values to try: rank=8,16. May be repeated."),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Put the best recipe into the plan.")] = False,
    guild: GuildOption = "local",
    as_json: JsonOption = False,
) -> None:
    """Look for a better recipe: a small space, of which the worse half is dropped again and again.

    Nothing of it serves. Ctrl-C stops it; the same command goes on.
    """
    run(_search(guild, task, tries or [], keep, as_json))


async def _compare(guild: str, bases: list[str], as_json: bool) -> None:
    from agent.contracts import GuildId
    from tuning.loop.log import Plans
    from tuning.runs.comparing import compare as compared

    async with opening.stores() as stores:
        questions = await _questions(stores, GuildId(guild))
        plan = await Plans(stores.database).get(GuildId(guild))
        with waiting("Asking each of them"):
            found = await compared(bases, stores.settings, questions, plan.recipe)
    if as_json:
        print_json(found)
        return
    columns = (
        "base",
        "licence",
        "file",
        "weights",
        "loads in",
        "routes in",
        "writes",
        "memory",
        "right",
        "trains",
    )
    print_table(columns, [_row(each) for each in found if each.measured is not None])
    for each in found:
        if each.problem:
            note(f"{each.named}: {each.problem}")


async def _questions(stores: Stores, guild: GuildId) -> Sequence[tuple[str, Category]]:
    categories = {each.slug: each for each in await stores.catalog.categories(guild)}
    examples = await stores.catalog.examples(guild)
    return [(each.question, categories[each.category]) for each in examples if each.category in categories]


def _row(each: Compared) -> tuple[str, ...]:
    assert each.measured is not None
    return (
        each.named,
        each.licence,
        f"{each.size / 1e9:.2f} GB",
        f"{each.parameters / 1e9:.2f}B",
        f"{each.measured.load_seconds:.1f} s",
        f"{each.measured.route_seconds * 1000:.0f} ms",
        f"{each.measured.pieces_per_second:.0f}/s",
        f"{each.measured.memory / 1e9:.2f} GB",
        f"{each.measured.right:.0%}",
        f"{'yes' if each.trainable else 'no'}, {each.training_memory / 1e9:.1f} GB",
    )


async def _search(guild: str, task: str, tries: list[str], keep: bool, as_json: bool) -> None:
    from dataclasses import replace

    from agent.contracts import GuildId
    from bot.cli.tune_values import settings_of, task_of
    from bot.texts import texts_for
    from bot.tuning.words import figures_words
    from tuning.loop.log import Plans
    from tuning.loop.searching import search_recipe
    from tuning.runs.search import SMALL

    async with opening.stores() as stores:
        plans = Plans(stores.database)
        plan = await plans.get(GuildId(guild))
        texts = texts_for(stores.settings.language).tuning
        with progress("") as bar:
            found = await search_recipe(
                stores,
                GuildId(guild),
                task_of(task),
                plan,
                dict(map(settings_of, tries)) or SMALL,
                on_trial=lambda trial: note(
                    f"held out {trial.loss:.4f}, {Count(trial.recipe.epochs):# epoch|# epochs}"
                ),
                on_progress=lambda at: bar(at.step, at.steps, figures_words(at, texts)),
            )
        if keep:
            await plans.put(GuildId(guild), replace(plan, recipe=found.recipe))
    if as_json:
        print_json(found)
    else:
        _print_trials(found)


def _print_trials(found: Found) -> None:
    named = ("method", "layers", "rank", "alpha", "learning_rate", "batch", "epochs")
    rows = [
        (*(getattr(trial.recipe, name) for name in named), f"{trial.loss:.4f}")
        for trial in sorted(found.trials, key=lambda trial: trial.loss)
    ]
    print_table((*named, "held out"), rows)
    note(f"The best has {found.loss:.4f} nats per learnt token; --keep puts it into the plan.")
