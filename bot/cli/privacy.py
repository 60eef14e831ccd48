"""`lorekeeper privacy`: what is kept of a member, and forgetting it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot import opening
from bot.output import GuildOption, JsonOption, note, print_json, print_table, run

if TYPE_CHECKING:
    from agent.privacy.privacy import Report

app = typer.Typer(
    help="Show, export and forget what is kept of a member.", no_args_is_help=True, rich_markup_mode=None
)

MemberOption = Annotated[
    str, typer.Option("--member", help="Whose: an id of Discord; the terminal's own member is `me`.")
]
NameOption = Annotated[
    list[str] | None,
    typer.Option("--name", help="What they are called in conversations; may be given several times."),
]


class Switch(StrEnum):
    ON = "on"
    OFF = "off"


@app.command(epilog="Example: lorekeeper privacy show --member 123456789012345678")
def show(
    member: MemberOption = "me",
    name: NameOption = None,
    guild: GuildOption = "local",
    as_json: JsonOption = False,
) -> None:
    """Say how much is kept of a member, and whether the bot may learn from them."""
    run(_show(guild, member, name or [], as_json))


@app.command(epilog="Example: lorekeeper privacy export me.json")
def export(
    file: Annotated[
        Path | None, typer.Argument(help="A new file; standard output when absent.", show_default=False)
    ] = None,
    member: MemberOption = "me",
    name: NameOption = None,
    guild: GuildOption = "local",
) -> None:
    """Write everything that is kept of a member as one JSON document."""
    run(_export(guild, member, name or [], file))


@app.command(epilog="Example: lorekeeper privacy forget --member 123456789012345678 --yes")
def forget(
    member: MemberOption = "me",
    name: NameOption = None,
    guild: GuildOption = "local",
    everywhere: Annotated[bool, typer.Option("--everywhere", help="In every guild.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove everything of a member for good: questions, feedback, entries, labels, consents.

    What was stopped is gone on with by the same command.
    """
    if not yes:
        where = "every guild" if everywhere else guild
        typer.confirm(f"Forget everything that {where} keeps of {member}, for good?", abort=True)
    run(_forget(guild, member, name or [], everywhere, as_json))


@app.command(epilog="Example: lorekeeper privacy training off")
def training(
    switch: Annotated[Switch, typer.Argument(help="Whether the bot may learn from the member.")],
    member: MemberOption = "me",
    guild: GuildOption = "local",
) -> None:
    """Let the bot learn from what a member says and corrects, or not any longer."""
    run(_training(guild, member, switch is Switch.ON))


async def _show(guild: str, member: str, names: list[str], as_json: bool) -> None:
    from agent.contracts import GuildId, MemberId
    from agent.privacy.consents import Consents
    from agent.privacy.privacy import counted
    from tuning.privacy import privacy_of

    async with opening.stores() as stores:
        document = await privacy_of(stores).export(GuildId(guild), MemberId(member), frozenset(names))
        consents = Consents(stores.database, stores.settings)
        allowed = await consents.allows(GuildId(guild), MemberId(member), stores.clock())
    found: dict[str, Any] = {**counted(document), "training": Switch.ON if allowed else Switch.OFF}
    if as_json:
        print_json(found)
    else:
        print_table(("what", "kept"), list(found.items()))


async def _export(guild: str, member: str, names: list[str], file: Path | None) -> None:
    import json

    from agent.contracts import GuildId, MemberId
    from agent.files import write_atomically
    from tuning.privacy import privacy_of

    if file is not None:
        _require_new(file)
    async with opening.stores() as stores:
        document = await privacy_of(stores).export(GuildId(guild), MemberId(member), frozenset(names))
    if file is None:
        print_json(document)
        return
    write_atomically(file, json.dumps(document, indent=2).encode())
    note(f"Everything about {member} is in {file}.")


async def _forget(guild: str, member: str, names: list[str], everywhere: bool, as_json: bool) -> None:
    from agent.contracts import GuildId, MemberId
    from tuning.privacy import privacy_of

    called = frozenset(names)
    async with opening.stores() as stores:
        privacy = privacy_of(stores)
        reports = (
            await privacy.forget_everywhere(MemberId(member), called)
            if everywhere
            else (await privacy.forget(GuildId(guild), MemberId(member), called),)
        )
    if as_json:
        print_json(reports)
    else:
        print_table(("guild", "what", "removed"), [row for report in reports for row in _rows(report)])
        note(
            f"{member} is forgotten. Backups and the original files are yours to deal with: docs/privacy.md."
        )


async def _training(guild: str, member: str, allowed: bool) -> None:
    from agent.contracts import GuildId, MemberId
    from agent.privacy.consents import Consents
    from tuning.privacy import stop_learning

    async with opening.stores() as stores:
        await stores.catalog.revision(GuildId(guild))
        consents = Consents(stores.database, stores.settings)
        await consents.set(GuildId(guild), MemberId(member), allowed, stores.clock())
        if not allowed:
            await stop_learning(stores, GuildId(guild), MemberId(member))
    note(f"The bot {'may' if allowed else 'does not'} learn from {member}.")


def _rows(report: Report) -> list[tuple[str, str, int]]:
    removed: Mapping[str, int] = report.removed
    return [(report.guild, what, count) for what, count in removed.items()]


def _require_new(file: Path) -> None:
    from agent.errors import UsageError

    if file.exists():
        raise UsageError(f"{file} is there already.", "Name a new file.")
