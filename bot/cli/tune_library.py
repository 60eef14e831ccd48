"""`lorekeeper tune datasets|adapters|card`: what was trained on, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.language.counts import Count
from bot import opening
from bot.output import GuildOption, JsonOption, note, print_json, print_table, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from agent.contracts import Slug
    from agent.runtime import Stores
    from agent.serving.served import Assignment
    from tuning.registry.adapter import Adapter

datasets = typer.Typer(
    help="Dataset versions: what was trained on and measured by.", no_args_is_help=True, rich_markup_mode=None
)
VersionArgument = Annotated[str, typer.Argument(metavar="VERSION", help="The first characters of its id do.")]


def adapters(guild: GuildOption = "local", as_json: JsonOption = False) -> None:
    """List every adapter of a guild, oldest first."""
    run(_adapters(guild, as_json))


def card(
    adapter: Annotated[str, typer.Argument(metavar="ADAPTER", help="The last characters of its id do.")],
    guild: GuildOption = "local",
) -> None:
    """Print an adapter's model card, as Markdown: data, recipe, base, licence, proof, report, and who let it
    serve or took it back.
    """
    run(_card(guild, adapter))


@datasets.command("list", epilog="Example: lorekeeper tune datasets list")
def list_(guild: GuildOption = "local", as_json: JsonOption = False) -> None:
    """List the versions, oldest first."""
    run(_datasets(guild, as_json))


@datasets.command(epilog="Example: lorekeeper tune datasets show 3f2a01bc")
def show(version: VersionArgument, guild: GuildOption = "local") -> None:
    """Print a version's data card, as Markdown: what is in each split, and by which rules it came."""
    run(_show(guild, version))


@datasets.command(epilog="Example: lorekeeper tune datasets diff 3f2a 9c1e")
def diff(
    before: VersionArgument, after: VersionArgument, guild: GuildOption = "local", as_json: JsonOption = False
) -> None:
    """Say which items came, went, or moved to another split, by their ids."""
    run(_diff(guild, before, after, as_json))


@datasets.command(epilog="Example: lorekeeper tune datasets export 3f2a items.jsonl")
def export(
    version: VersionArgument,
    file: Annotated[Path, typer.Argument(help="To be written.", dir_okay=False)],
    guild: GuildOption = "local",
) -> None:
    """Write a version's items as JSON lines. They hold what members said."""
    run(_export(guild, version, file))


async def the_adapter(stores: Stores, guild: str, ending: str) -> Adapter:
    """The adapter whose id ends so; the newest without one. Raises `UsageError`."""
    from agent.contracts import GuildId
    from agent.errors import UsageError
    from tuning.registry.store import Registry

    registry = Registry(stores.database, stores.settings.data_dir)
    if ending:
        return await registry.get(GuildId(guild), ending)
    if not (known := await registry.all(GuildId(guild))):
        raise UsageError("There is no adapter yet.", "`lorekeeper tune run route` trains one.")
    return known[-1]


async def _adapters(guild: str, as_json: bool) -> None:
    from agent.contracts import GuildId
    from bot.tuning.words import short
    from tuning.registry.store import Registry

    async with opening.stores() as stores:
        known = await Registry(stores.database, stores.settings.data_dir).all(GuildId(guild))
        serving = await stores.assignments.all()
    if as_json:
        print_json(known)
        return
    roles = _roles((category, each) for (theirs, _, category), each in serving.items() if theirs == guild)
    rows = [
        (
            short(each.id),
            each.task,
            ", ".join(filter(None, (each.category, each.tone))),
            roles.get(each.id, ""),
            f"{each.made_at:%Y-%m-%d}",
            f"{each.recipe.method} {each.recipe.rank}",
            each.base_name,
            each.dataset[:12],
            f"{each.size / 1e6:.1f} MB",
        )
        for each in known
    ]
    print_table(("adapter", "task", "for", "", "made", "recipe", "base", "data set", "size"), rows)
    note(f"{Count(len(known)):# adapter|# adapters}.")


def _roles(serving: Iterable[tuple[Slug | None, Assignment]]) -> Mapping[str, str]:
    """What each adapter in service does, by its id."""
    roles: dict[str, list[str]] = {}
    for category, each in serving:
        there = f" {category}" if category else ""
        if each.champion:
            roles.setdefault(each.champion.id, []).append(f"serves{there}")
        if each.challenger:
            roles.setdefault(each.challenger.id, []).append(f"on trial{there}, {each.share:.0%}")
    return {id_: "; ".join(said) for id_, said in roles.items()}


async def _card(guild: str, ending: str) -> None:
    from bot.tuning.reports import examined
    from tuning.evaluation.report import markdown
    from tuning.registry.card import history, model_card
    from tuning.registry.store import Registry

    async with opening.stores() as stores:
        adapter = await the_adapter(stores, guild, ending)
        found = await examined(stores, adapter.guild, adapter.id)
        registry = Registry(stores.database, stores.settings.data_dir)
        events = await registry.events(adapter.guild, adapter.id)
    print(model_card(adapter, markdown(found.report, found.verdict) if found else ""))
    print(history(events), flush=True)


async def _datasets(guild: str, as_json: bool) -> None:
    from dataclasses import replace

    from agent.contracts import GuildId
    from tuning.datasets.item import Split
    from tuning.datasets.store import DatasetStore

    async with opening.stores() as stores:
        known = await DatasetStore(stores.database).all(GuildId(guild))
    if as_json:
        # `asdict` cannot copy a Counter.
        print_json([replace(each, counts=dict(each.counts)) for each in known])
        return
    rows = [
        (
            each.id[:12],
            each.task,
            f"{each.made_at:%Y-%m-%d}",
            *(each.counts.get(split, 0) for split in Split),
            each.replaced_by[:12],
        )
        for each in known
    ]
    print_table(("version", "task", "made", *Split, "replaced by"), rows)
    note(f"{Count(len(known)):# version|# versions}.")


async def _show(guild: str, version: str) -> None:
    from agent.contracts import GuildId
    from tuning.datasets.card import card as data_card
    from tuning.datasets.store import DatasetStore

    async with opening.stores() as stores:
        found = await DatasetStore(stores.database).get(GuildId(guild), version)
    print(data_card(found), flush=True)


async def _diff(guild: str, before: str, after: str, as_json: bool) -> None:
    from agent.contracts import GuildId
    from tuning.datasets.store import DatasetStore

    async with opening.stores() as stores:
        found = await DatasetStore(stores.database).diff(GuildId(guild), before, after)
    if as_json:
        print_json(found)
        return
    changes = {"added": found.added, "removed": found.removed, "moved": found.moved}
    print_table(("what", "item"), [(what, item) for what, items in changes.items() for item in items])
    note(", ".join(f"{len(items)} {what}" for what, items in changes.items()) + ".")


async def _export(guild: str, version: str, file: Path) -> None:
    from agent.contracts import GuildId
    from tuning.datasets.files import export_jsonl
    from tuning.datasets.store import DatasetStore

    async with opening.stores() as stores:
        found = await DatasetStore(stores.database).get(GuildId(guild), version)
    export_jsonl(found, file)
    note(f"{Count(len(found.entries)):# item is|# items are} in {file}.")
