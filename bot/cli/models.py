"""`lorekeeper models`: which language models and embedders are here, and which is in use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot import opening
from bot.output import GuildOption, JsonOption, note, print_json, print_table, progress, run, waiting

app = typer.Typer(help="List, install and choose models.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list", epilog="Example: lorekeeper models list --json")
def list_(as_json: JsonOption = False) -> None:
    """List the models with what each is for, its size, licence and digest."""
    run(_list(as_json))


@app.command(epilog="Example: lorekeeper models install ~/Downloads/qwen2.5-1.5b-instruct-q4_k_m.gguf")
def install(
    path: Annotated[Path, typer.Argument(help="A GGUF file.")],
) -> None:
    """Check a GGUF file and copy it into the data folder; `use` puts it in service."""
    run(_install(path))


@app.command(epilog="Example: lorekeeper models use qwen2.5-1.5b-instruct-q4_k_m")
def use(name: Annotated[str, typer.Argument(help="As `list` shows it.")]) -> None:
    """Use this model from the next start on; LOREKEEPER_CHAT_MODEL and LOREKEEPER_EMBEDDER still win."""
    run(_use(name))


@app.command(epilog="Example: lorekeeper models study")
def study(
    questions: Annotated[int, typer.Option(help="At most so many model calls.", min=1)] = 60,
    guild: GuildOption = "local",
) -> None:
    """Let the router learn how far to trust the language model in use, on the guild's labelled questions.

    Until then the model has no say in routing. Never do it on labels that the model was trained on.
    """
    run(_study(guild, questions))


async def _list(as_json: bool) -> None:
    from agent.models.library import list_models

    entries = await list_models(opening.settings())
    if as_json:
        print_json(entries)
        return
    rows = [
        (
            each.name,
            each.kind.value,
            "in use" if each.in_use else "",
            f"{each.size / 1e6:.0f} MB",
            each.licence,
            each.digest[:12],
            each.problem,
        )
        for each in entries
    ]
    print_table(("model", "for", "", "size", "licence", "digest", "problem"), rows)


async def _install(path: Path) -> None:
    from agent.models.library import install_model

    with progress("Copying") as show:
        entry = await install_model(
            opening.settings(), path, progress=lambda done, total: show(done >> 20, total >> 20, "MB")
        )
    note(f"Installed {entry.name}. Put it in service with: lorekeeper models use {entry.name}")


async def _use(name: str) -> None:
    from agent.models.library import use_model

    entry = await use_model(opening.settings(), name)
    note(f"{entry.name} is used from the next start on.")


async def _study(guild: str, questions: int) -> None:
    from agent.contracts import GuildId

    async with opening.installation() as opened:
        with waiting("Asking the model"):
            asked = await opened.router.study(GuildId(guild), questions)
    note(f"The model was asked about {asked} labelled questions; routing now weighs it by its answers.")
