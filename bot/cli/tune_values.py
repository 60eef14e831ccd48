"""What people type for `lorekeeper tune`: tasks, what they are for, and values of recipes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent.contracts import GuildId, Slug
    from agent.runtime import Stores
    from agent.serving.served import Task
    from tuning.loop.aim import Aim
    from tuning.loop.plan import Plan

TaskArgument = Annotated[str, typer.Argument(metavar="TASK", help="`route` (topics) or `answer`.")]
RecipeOption = Annotated[
    Path | None, typer.Option("--recipe", metavar="FILE", dir_okay=False, help="A recipe as JSON.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A value of the recipe: rank=8. May be repeated."),
]
BaseOption = Annotated[
    str | None,
    typer.Option(
        "--base", help="What to train on instead of what serves: a GGUF file, a folder, hf:OWNER/NAME."
    ),
]
InstructionsOption = Annotated[
    Path | None,
    typer.Option("--instructions", metavar="FILE", dir_okay=False, help="To learn from too, as JSONL."),
]


def task_of(name: str) -> Task:
    """Raises `UsageError`."""
    from agent.errors import UsageError
    from agent.serving.served import Task

    if name not in set(Task):
        raise UsageError(f"There is no task {name}.", f"There are: {', '.join(Task)}.")
    return Task(name)


async def category_of(stores: Stores, guild: GuildId, given: str | None) -> Slug | None:
    """The category of a slug, or of one that it had before; None of none. Raises `UnknownCategoryError`."""
    from agent.catalog.known import require_slug

    if given is None:
        return None
    known = [each.slug for each in await stores.catalog.categories(guild)]
    return require_slug(known, given, await stores.catalog.former_slugs(guild))


async def aim_of(
    stores: Stores, guild: GuildId, category: str | None, tone: str, instructions: Path | None
) -> Aim:
    """Raises `UsageError`, which names the line of the instructions that is none."""
    from tuning.datasets.files import import_instructions
    from tuning.loop.aim import Aim

    return Aim(
        category=await category_of(stores, guild, category),
        tone=tone.strip(),
        instructions=import_instructions(instructions)[0] if instructions else None,
    )


def setting_of(change: str) -> tuple[str, str | int | float]:
    """`rank=8` is a number, `method=rslora` a word. Raises `UsageError` for what sets nothing."""
    from agent.errors import UsageError

    name, equals, value = change.partition("=")
    if not equals or not value.strip():
        raise UsageError(f"{change} sets nothing.", "Write NAME=VALUE, rank=8 for instance.")
    try:
        number = json.loads(value)
    except json.JSONDecodeError:
        number = None
    return name.strip(), number if isinstance(number, int | float) else value.strip()


def settings_of(change: str) -> tuple[str, list[str | int | float]]:
    """`rank=8,16` has two values. Raises `UsageError`."""
    name, _, values = change.partition("=")
    return name.strip(), [setting_of(f"{name}={value}")[1] for value in values.split(",")]


def changed_plan(plan: Plan, given: Mapping[str, object], recipe: Path | None, changes: list[str]) -> Plan:
    """The plan with what was given and not left out. Raises `UsageError`."""
    from dataclasses import replace
    from typing import Any

    from agent.errors import UsageError
    from tuning.recipes import read_recipe

    told: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    cooked = plan.recipe
    if recipe is not None:
        try:
            cooked = read_recipe(recipe.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{recipe} cannot be read: {error}.") from error
    return replace(plan, **told, recipe=cooked.changed(**dict(map(setting_of, changes))))
