"""`lorekeeper models`: which language models and embedders are here and on Ollama, and which is in use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.language.counts import Count
from bot import opening
from bot.output import GuildOption, JsonOption, note, print_json, print_table, progress, run, waiting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.models.library import ModelEntry
    from agent.models.ollama_models import OllamaEntry, OllamaListing
    from agent.settings import Settings

app = typer.Typer(help="List, pull, install and choose models.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list", epilog="Example: lorekeeper models list --json")
def list_(as_json: JsonOption = False) -> None:
    """List the models with what each is for, its size and digest: those here, and those of OLLAMA_HOST."""
    run(_list(as_json))


@app.command(epilog="Example: lorekeeper models install ~/Downloads/qwen2.5-1.5b-instruct-q4_k_m.gguf")
def install(
    path: Annotated[Path, typer.Argument(help="A GGUF file.")],
) -> None:
    """Check a GGUF file and copy it into the data folder; `use` puts it in service."""
    run(_install(path))


@app.command(epilog="Example: lorekeeper models pull qwen3:4b-instruct")
def pull(name: Annotated[str, typer.Argument(help="As ollama.com names it, or one of lorekeeper/.")]) -> None:
    """Have every server of OLLAMA_HOST get a model. Ctrl-C stops it; run it again to go on.

    lorekeeper/smollm2:135m and lorekeeper/all-minilm:l6-v2 come from the weights that are installed here, and
    need no internet.
    """
    run(_pull(name))


@app.command(epilog="Example: lorekeeper models use qwen3:4b-instruct")
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

    settings = opening.settings()
    entries, listing = await list_models(settings), await _listing(settings)
    if as_json:
        print_json([*entries, *(listing.entries if listing else ())])
    else:
        _print_entries(entries)
    if listing is None:
        return
    if not as_json:
        _print_ollama(listing.entries)
    for problem in listing.problems:
        note(f"{problem} {problem.hint}".strip())
    if listing.problems:
        raise typer.Exit(1)


async def _listing(settings: Settings) -> OllamaListing | None:
    if not settings.ollama_host:
        return None
    from agent.models.ollama_models import list_ollama

    return await list_ollama(settings)


def _print_entries(entries: Sequence[ModelEntry]) -> None:
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


def _print_ollama(entries: Sequence[OllamaEntry]) -> None:
    rows = [
        (
            each.name,
            " and ".join(kind.value for kind in each.fit) or "nothing here",
            "in use" if each.in_use else "",
            f"{each.size / 1e6:.0f} MB",
            each.quantization,
            f"{each.parameters / 1e9:.2f}B" if each.parameters else "",
            each.context_tokens or "",
            each.digest[:12],
            "loaded" if each.loaded else "",
            each.server,
        )
        for each in entries
    ]
    columns = ("on Ollama", "for", "", "size", "weights", "parameters", "context", "digest", "", "server")
    print_table(columns, rows)


async def _install(path: Path) -> None:
    from agent.models.library import install_model

    with progress("Copying") as show:
        entry = await install_model(
            opening.settings(), path, progress=lambda done, total: show(done >> 20, total >> 20, "MB")
        )
    note(f"Installed {entry.name}. Put it in service with: lorekeeper models use {entry.name}")


async def _pull(name: str) -> None:
    from agent.models.ollama_models import pull_model

    settings = opening.settings()
    _require_ollama(settings)
    with progress(f"Pulling {name}") as show:
        await pull_model(
            settings, name, lambda done, total, what: show(done >> 20, total >> 20, f"MB {what}")
        )
    note(f"Every server has {name}. Put it in service with: lorekeeper models use {name}")


def _require_ollama(settings: Settings) -> None:
    if not settings.ollama_host:
        from agent.errors import ConfigurationError

        raise ConfigurationError(
            "There is no Ollama server to pull to.", "Set OLLAMA_HOST, such as http://localhost:11434."
        )


async def _use(name: str) -> None:
    from agent.models.library import is_here, use_model
    from agent.models.ollama_models import use_ollama_model

    settings = opening.settings()
    if is_here(settings, name) or not settings.ollama_host:
        name = await use_model(settings, name)
    else:
        await use_ollama_model(settings, name)
    note(f"{name} is used from the next start on.")


async def _study(guild: str, questions: int) -> None:
    from agent.contracts import GuildId

    async with opening.installation() as opened:
        with waiting("Asking the model"):
            asked = await opened.router.study(GuildId(guild), questions)
    labelled = f"{Count(asked):# labelled question|# labelled questions}"
    note(f"The model was asked about {labelled}; routing now weighs it by its answers.")
