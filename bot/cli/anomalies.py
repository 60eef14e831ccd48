"""`lorekeeper anomalies`: what is unusual about a guild's questions, votes and sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from bot import opening
from bot.output import GuildOption, IdArgument, JsonOption, note, print_json, print_table, run, waiting

if TYPE_CHECKING:
    from agent.runtime import Stores
    from tuning.anomalies.anomaly import Anomaly

app = typer.Typer(
    help="What is unusual about questions, votes and sources, and what was done about it.",
    invoke_without_command=True,
    rich_markup_mode=None,
)


@app.callback(epilog="Example: lorekeeper anomalies --json")
def list_(context: typer.Context, guild: GuildOption = "local", as_json: JsonOption = False) -> None:
    """List what was unusual, newest first. Nothing is looked for anew."""
    if context.invoked_subcommand is None:
        run(_list(guild, as_json))


@app.command(epilog="Example: lorekeeper anomalies look")
def look(guild: GuildOption = "local", as_json: JsonOption = False) -> None:
    """Look now, mend what can be mended, and show what is new."""
    run(_look(guild, as_json))


@app.command(epilog="Example: lorekeeper anomalies dismiss 019a")
def dismiss(id_: IdArgument, guild: GuildOption = "local") -> None:
    """Say that one is no matter."""
    run(_dismiss(guild, id_))


async def _list(guild: str, as_json: bool) -> None:
    from agent.contracts import GuildId
    from tuning.anomalies.log import AnomalyLog

    async with opening.stores() as stores:
        await stores.catalog.revision(GuildId(guild))
        await _print(stores, await AnomalyLog(stores.database).anomalies(GuildId(guild)), as_json)


async def _look(guild: str, as_json: bool) -> None:
    from agent.contracts import GuildId
    from tuning.anomalies.watch import Watch

    async with opening.installation() as installation:
        with waiting("Looking"):
            found = await Watch(installation).look(GuildId(guild), installation.stores.clock())
        await _print(installation.stores, found, as_json)


async def _dismiss(guild: str, id_: str) -> None:
    from agent.contracts import GuildId
    from tuning.anomalies.anomaly import State
    from tuning.anomalies.log import AnomalyLog

    async with opening.stores() as stores:
        log = AnomalyLog(stores.database)
        anomaly = await log.open_anomaly(GuildId(guild), id_)
        await log.change(anomaly, State.DISMISSED, stores.clock())
    note("Dismissed.")


async def _print(stores: Stores, anomalies: tuple[Anomaly, ...], as_json: bool) -> None:
    from tuning.anomalies.quoting import subject_of
    from tuning.anomalies.words import sentence

    if as_json:
        print_json(anomalies)
        return
    rows = []
    for each in anomalies:
        words = sentence(each.found, await subject_of(stores, each))
        rows.append((each.id, f"{each.raised_at:%Y-%m-%d}", each.state, words, each.note))
    print_table(("id", "seen", "state", "what", "what came of it"), rows)
    note(f"{sum(each.open for each in anomalies)} open of {len(anomalies)}.")
