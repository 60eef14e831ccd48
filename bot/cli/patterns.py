"""`lorekeeper patterns`: what recurs that people find wrong, and what should be done about it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot import opening
from bot.output import GuildOption, IdArgument, JsonOption, note, print_json, run, waiting

if TYPE_CHECKING:
    from agent.runtime import Stores
    from tuning.patterns.detector import Detector
    from tuning.patterns.log import State
    from tuning.patterns.pattern import Candidate

app = typer.Typer(
    help="What recurs that people find wrong, with each of the seven rules, and what should be done.",
    invoke_without_command=True,
    rich_markup_mode=None,
)
PlotOption = Annotated[
    Path | None, typer.Option("--plot", metavar="FILE", dir_okay=False, help="Draw a picture (PNG) too.")
]


@app.callback(epilog="Example: lorekeeper patterns --plot patterns.png")
def list_(
    context: typer.Context, guild: GuildOption = "local", plot: PlotOption = None, as_json: JsonOption = False
) -> None:
    """List every candidate. What changed since the last time is written down."""
    if context.invoked_subcommand is None:
        run(_list(guild, plot, as_json))


@app.command(epilog="Example: lorekeeper patterns show 3f2a")
def show(
    id_: IdArgument, guild: GuildOption = "local", plot: PlotOption = None, as_json: JsonOption = False
) -> None:
    """Show one with every rule in words, and its questions."""
    run(_show(guild, id_, plot, as_json))


@app.command(epilog="Example: lorekeeper patterns done 3f2a")
def done(id_: IdArgument, guild: GuildOption = "local") -> None:
    """Say that it is dealt with. It comes back when it is said again."""
    from tuning.patterns.log import State

    run(_settle(guild, id_, State.DONE))


@app.command(epilog="Example: lorekeeper patterns dismiss 3f2a")
def dismiss(id_: IdArgument, guild: GuildOption = "local") -> None:
    """Say that it is no matter. It comes back when it is said again."""
    from tuning.patterns.log import State

    run(_settle(guild, id_, State.DISMISSED))


async def _list(guild: str, plot: Path | None, as_json: bool) -> None:
    async with _detector() as (stores, detector):
        found = await _watched(stores, detector, guild)
        await _print(stores, found, plot, as_json, whole=False)


async def _show(guild: str, id_: str, plot: Path | None, as_json: bool) -> None:
    async with _detector() as (stores, detector):
        found = await _watched(stores, detector, guild)
        await _print(stores, (_require(found, id_),), plot, as_json, whole=True)


async def _settle(guild: str, id_: str, state: State) -> None:
    from agent.contracts import GuildId

    async with _detector() as (stores, detector):
        candidate = _require(await _watched(stores, detector, guild), id_)
        await detector.log.settle(GuildId(guild), candidate.id, state, stores.clock())
    note(f"{candidate.id} is {state}.")


@asynccontextmanager
async def _detector() -> AsyncIterator[tuple[Stores, Detector]]:
    from tuning.patterns.detector import detector_of

    async with opening.stores() as stores, opening.embedder(stores.settings) as embedder:
        yield stores, detector_of(stores, embedder)


async def _watched(stores: Stores, detector: Detector, guild: str) -> tuple[Candidate, ...]:
    from agent.contracts import GuildId

    with waiting("Looking"):
        return (await detector.watch(GuildId(guild), stores.clock())).detection.candidates


def _require(candidates: tuple[Candidate, ...], beginning: str) -> Candidate:
    from agent.errors import UsageError
    from bot.patterns import one_of

    if (found := one_of(candidates, beginning)) is None:
        raise UsageError(f"There is no one pattern {beginning}.", "`lorekeeper patterns` lists them.")
    return found


async def _print(
    stores: Stores, candidates: tuple[Candidate, ...], plot: Path | None, as_json: bool, *, whole: bool
) -> None:
    from agent.answering.display import one_line
    from agent.files import write_atomically
    from bot.patterns import cleaned, details_of, line_of, names_of, picture_of
    from bot.texts import texts_for
    from tuning.pictures import draw

    texts = texts_for(stores.settings.language)
    names = names_of((), texts)
    if as_json:
        print_json([_plain(each) for each in candidates])
    else:
        tell = details_of if whole else line_of
        clean = [cleaned(each, lambda text: names.get(text) or one_line(text)) for each in candidates]
        print(
            "\n\n".join(tell(each, names, texts.patterns) for each in clean) or texts.patterns.none,
            flush=True,
        )
    if plot is not None and candidates:
        today = stores.clock().date()
        write_atomically(plot, await draw(picture_of(candidates, today, texts.patterns)))
        note(f"The picture is in {plot}.")


def _plain(candidate: Candidate) -> dict[str, Any]:
    """What scripts are given: the figures and the words, and no ids of members."""
    return {
        "id": candidate.id,
        "task": candidate.task,
        "category": candidate.category,
        "target": candidate.target,
        "stable": candidate.stable,
        "sentence": candidate.sentence,
        "action": candidate.decision.action,
        "because": candidate.decision.because,
        "findings": [
            {"rule": each.rule, "met": each.met, "words": each.words} for each in candidate.findings
        ],
        "causes": candidate.causes,
        "questions": candidate.questions,
        "bound": candidate.bound,
        "points": candidate.points,
    }
