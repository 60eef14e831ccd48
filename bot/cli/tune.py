"""`lorekeeper tune`: train, look at what came of it, let it serve, take it back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from bot import opening
from bot.cli import tune_library, tune_model, tune_trying
from bot.cli.tune_values import (
    BaseOption,
    InstructionsOption,
    RecipeOption,
    SetOption,
    TaskArgument,
    aim_of,
    category_of,
    changed_plan,
    task_of,
)
from bot.cli.tune_words import Shown, texts_of
from bot.output import GuildOption, JsonOption, note, print_json, progress, run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent.contracts import GuildId
    from agent.serving.served import Task
    from bot.texts.tuning import TuningTexts
    from tuning.loop.loop import Loop
    from tuning.loop.run import Run

app = typer.Typer(
    help="Train on what members taught, prove it, let it serve, take it back.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(tune_library.datasets, name="datasets")
for command, example in (
    (tune_library.adapters, "lorekeeper tune adapters --json"),
    (tune_library.card, "lorekeeper tune card 7d3e90ab"),
    (tune_trying.compare, "lorekeeper tune compare smollm2-135m ~/models/qwen2.5-1.5b-instruct-q4_k_m.gguf"),
    (tune_trying.search, "lorekeeper tune search route --try rank=8,16 --try learning_rate=0.001,0.003"),
    (tune_model.model, "lorekeeper tune model route --to pool.gguf --set method=dora"),
):
    app.command(epilog=f"Example: {example}")(command)

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="The last characters of its id do.")]
AdapterArgument = Annotated[str, typer.Argument(metavar="ADAPTER", help="The last characters of its id do.")]
CategoryOption = Annotated[
    str | None, typer.Option("--category", metavar="SLUG", help="Only for answers about this category.")
]


@app.command(epilog="Example: lorekeeper tune status --json")
def status(guild: GuildOption = "local", as_json: JsonOption = False) -> None:
    """Say who serves, what the plan allows, and how the last runs ended."""
    run(_status(guild, as_json))


@app.command("run", epilog="Example: lorekeeper tune run route --set rank=8")
def run_(
    task: TaskArgument,
    recipe: RecipeOption = None,
    changes: SetOption = None,
    base: BaseOption = None,
    category: CategoryOption = None,
    instructions: InstructionsOption = None,
    tone: Annotated[str, typer.Option(metavar="NAME", help="What you call what they teach.")] = "",
    guild: GuildOption = "local",
    as_json: JsonOption = False,
) -> None:
    """Train now, examine it, and stop where an admin must agree. Ctrl-C stops; the same command goes on."""
    aimed = _Aimed(category, tone, instructions)
    run(_run(guild, task, recipe, changes or [], base, aimed, as_json))


@app.command(epilog="Example: lorekeeper tune report 7d3e90ab --plot report.png")
def report(
    adapter: Annotated[
        str, typer.Argument(metavar="[ADAPTER]", help="The newest, unless you name one.")
    ] = "",
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", dir_okay=False, help="Copy its picture (PNG) there."),
    ] = None,
    guild: GuildOption = "local",
    as_json: JsonOption = False,
) -> None:
    """Show what the examination of an adapter found, and what the gate said to it."""
    run(_report(guild, adapter, plot, as_json))


@app.command(epilog="Example: lorekeeper tune promote 7d3e90ab --share 0.2")
def promote(
    adapter: AdapterArgument,
    share: Annotated[
        float,
        typer.Option(help="Of the questions that it answers; below 1 it is on trial.", min=0.001, max=1),
    ] = 1.0,
    category: CategoryOption = None,
    guild: GuildOption = "local",
) -> None:
    """Let an adapter serve that passed the gate, at once."""
    run(_promote(guild, adapter, share, category))


@app.command(epilog="Example: lorekeeper tune refuse 1f0c2b7e")
def refuse(run_id: RunArgument, guild: GuildOption = "local") -> None:
    """Say no to a run that waits for an admin; what serves goes on serving."""
    run(_refuse(guild, run_id))


@app.command(epilog="Example: lorekeeper tune cancel 1f0c2b7e")
def cancel(run_id: RunArgument, guild: GuildOption = "local") -> None:
    """Stop a run, wherever it is at work."""
    run(_cancel(guild, run_id))


@app.command(epilog="Example: lorekeeper tune rollback route")
def rollback(task: TaskArgument, category: CategoryOption = None, guild: GuildOption = "local") -> None:
    """Take the adapter on trial, or else the one in service, back at once."""
    run(_rollback(guild, task, category))


@app.command(epilog="Example: lorekeeper tune schedule --begin 23 --end 7 --no-approval")
def schedule(
    automatic: Annotated[
        bool | None, typer.Option("--automatic/--by-hand", help="Whether stable patterns start training.")
    ] = None,
    begin: Annotated[int | None, typer.Option(help="The hour at which the quiet hours begin.")] = None,
    end: Annotated[int | None, typer.Option(help="The hour at which they end; the same: always.")] = None,
    approval: Annotated[
        bool | None, typer.Option("--approval/--no-approval", help="Whether an admin must agree.")
    ] = None,
    trial: Annotated[
        float | None, typer.Option(help="The share of questions of a trial, 0 to 1; 0 for none.")
    ] = None,
    trial_days: Annotated[float | None, typer.Option(help="How long a trial takes at least.")] = None,
    trial_votes: Annotated[
        int | None, typer.Option(help="How many questions must be judged in a trial.")
    ] = None,
    labels: Annotated[int | None, typer.Option(help="With fewer to train on, nothing is trained.")] = None,
    cool_down: Annotated[float | None, typer.Option(help="Days between two runs of one task.")] = None,
    recipe: RecipeOption = None,
    changes: SetOption = None,
    base: BaseOption = None,
    guild: GuildOption = "local",
) -> None:
    """Change when training starts by itself, with which recipe, and who must agree; say how it is."""
    given = {
        "automatic": automatic,
        "quiet_from": begin,
        "quiet_to": end,
        "approval": approval,
        "share": trial,
        "canary_days": trial_days,
        "canary_votes": trial_votes,
        "labels": labels,
        "cool_down_days": cool_down,
        "base": base,
    }
    run(_change_plan(guild, given, recipe, changes or []))


@app.command(epilog="Example: lorekeeper tune budget --minutes 120 --runs 2")
def budget(
    minutes: Annotated[int | None, typer.Option(help="Minutes of computing in seven days.")] = None,
    runs: Annotated[int | None, typer.Option(help="How often in seven days.")] = None,
    guild: GuildOption = "local",
) -> None:
    """Change how much may be trained by itself; say how it is."""
    run(_change_plan(guild, {"minutes_a_week": minutes, "runs_a_week": runs}, None, []))


async def _status(guild: str, as_json: bool) -> None:
    from agent.answering.display import one_line
    from agent.contracts import GuildId
    from bot.tuning.standing import standing_of
    from bot.tuning.words import status_words

    async with opening.stores() as stores:
        standing = await standing_of(stores, GuildId(guild))
        if as_json:
            print_json(standing)
            return
        said = status_words(standing, texts_of(stores), lambda at: f"{at:%Y-%m-%d %H:%M}")
        print("\n".join(map(one_line, said.splitlines())), flush=True)


async def _run(
    guild: str,
    task: str,
    recipe: Path | None,
    changes: list[str],
    base: str | None,
    aimed: _Aimed,
    as_json: bool,
) -> None:
    from agent.contracts import GuildId
    from agent.errors import UsageError
    from tuning.loop.aim import EVERYTHING
    from tuning.loop.opening import open_loop
    from tuning.loop.state import State
    from tuning.runs.errors import TrainingError

    async with opening.stores() as stores:
        with progress("") as bar:
            shown = Shown(bar, texts_of(stores))
            loop = open_loop(stores, listener=shown)
            wanted = await _begun(loop, GuildId(guild), task_of(task))
            aim = await aim_of(stores, GuildId(guild), *aimed)
            if wanted is None:
                plan = changed_plan(await loop.plans.get(GuildId(guild)), {"base": base}, recipe, changes)
                wanted = await loop.ask(GuildId(guild), task_of(task), plan=plan, aim=aim)
            elif recipe or changes or base is not None or aim not in (EVERYTHING, wanted.aim):
                raise UsageError(
                    f"Run {wanted.id} is begun with another recipe.", "`lorekeeper tune cancel` ends it."
                )
            after = await loop.work(GuildId(guild))
        if after is None:
            raise TrainingError(
                "Another process trains on this machine.", "`lorekeeper tune status` says which."
            )
        if as_json:
            print_json(after)
        else:
            _tell_end(after, shown.texts)
        if after.state is State.FAILED:
            raise typer.Exit(1)


async def _report(guild: str, ending: str, plot: Path | None, as_json: bool) -> None:
    from agent.errors import UsageError
    from agent.files import write_atomically
    from bot.tuning.reports import examined
    from bot.tuning.words import report_words
    from tuning.evaluation.report import markdown

    async with opening.stores() as stores:
        adapter = await tune_library.the_adapter(stores, guild, ending)
        found = await examined(stores, adapter.guild, adapter.id)
        if found is None:
            raise UsageError(f"Adapter {adapter.id} was not examined.", "`lorekeeper tune run` does that.")
        if as_json:
            print_json({"adapter": adapter.id, "verdict": found.verdict, "report": found.report})
        else:
            print(markdown(found.report, found.verdict), flush=True)
            note(report_words(found.report, found.verdict, texts_of(stores)).splitlines()[-2])
        picture = next((file for file in found.files if file.suffix == ".png"), None)
        if plot is not None and picture is not None:
            write_atomically(plot, picture.read_bytes())
            note(f"The picture is in {plot}.")


async def _promote(guild: str, ending: str, share: float, category: str | None) -> None:
    from agent.contracts import LOCAL_MEMBER, GuildId
    from bot.tuning.words import short
    from tuning.loop.opening import open_loop

    async with opening.stores() as stores:
        there = await category_of(stores, GuildId(guild), category)
        adapter = await open_loop(stores).promote(
            GuildId(guild), ending, LOCAL_MEMBER, share=share, category=there
        )
        texts = texts_of(stores)
        said = texts.promoted if share == 1 else texts.on_trial
        note(said.format(adapter=short(adapter.id), share=share))


async def _refuse(guild: str, ending: str) -> None:
    from agent.contracts import LOCAL_MEMBER, GuildId
    from tuning.loop.opening import open_loop

    async with opening.stores() as stores:
        await open_loop(stores).decline(GuildId(guild), ending, LOCAL_MEMBER)
        note(texts_of(stores).declined)


async def _cancel(guild: str, ending: str) -> None:
    from agent.contracts import GuildId
    from tuning.loop.opening import open_loop

    async with opening.stores() as stores:
        await open_loop(stores).cancel(GuildId(guild), ending)
        note(texts_of(stores).cancelled)


async def _rollback(guild: str, task: str, category: str | None) -> None:
    from agent.contracts import LOCAL_MEMBER, GuildId
    from bot.tuning.words import serving_words
    from tuning.loop.opening import open_loop

    async with opening.stores() as stores:
        there = await category_of(stores, GuildId(guild), category)
        await open_loop(stores).rollback(GuildId(guild), task_of(task), LOCAL_MEMBER, category=there)
        now = await stores.assignments.get(GuildId(guild), task_of(task), there)
        texts = texts_of(stores)
        note(texts.rolled_back.format(now=serving_words(now, task_of(task), texts, there)))


async def _change_plan(
    guild: str, given: Mapping[str, object], recipe: Path | None, changes: list[str]
) -> None:
    from agent.contracts import GuildId
    from bot.tuning.standing import standing_of
    from bot.tuning.words import plan_words, recipe_words
    from tuning.loop.log import Plans

    async with opening.stores() as stores:
        plans = Plans(stores.database)
        before = await plans.get(GuildId(guild))
        after = changed_plan(before, given, recipe, changes)
        if after != before:
            await plans.put(GuildId(guild), after)
        print(plan_words(await standing_of(stores, GuildId(guild)), texts_of(stores)), flush=True)
        note(recipe_words(after))


async def _begun(loop: Loop, guild: GuildId, task: Task) -> Run | None:
    """The run of the task that is at work, or was when its process ended."""
    from tuning.loop.state import WORKING

    runs = await loop.log.runs(guild)
    return next((each for each in runs if each.state in WORKING and each.task is task), None)


def _tell_end(after: Run, texts: TuningTexts) -> None:
    from bot.tuning.words import short, working_words
    from tuning.loop.state import WORKING, State

    print(working_words(after, None, texts), flush=True)
    if after.state in WORKING:
        note("It is not over: the same command, or the bot in the quiet hours, goes on with it.")
    if after.state is State.APPROVAL:
        note(f"`lorekeeper tune report {short(after.adapter)}` shows what was found.")
        note(f"`lorekeeper tune promote {short(after.adapter)}` lets it serve; add --share 0.2 to try it.")
        note(f"`lorekeeper tune refuse {short(after.id)}` says no.")


class _Aimed(NamedTuple):
    """What a run is for, as it was typed."""

    category: str | None
    tone: str
    instructions: Path | None
