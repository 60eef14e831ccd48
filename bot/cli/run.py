"""`lorekeeper run`: the Discord bot."""

from __future__ import annotations

from typing import Annotated

import typer

from bot import opening, output

ShardsOption = Annotated[
    str,
    typer.Option("--shards", help="The shards of this process, as 0,1 or 0-3, when several serve the bot."),
]
CountOption = Annotated[int, typer.Option("--shard-count", min=0, help="How many shards there are in all.")]


def run(shards: ShardsOption = "", shard_count: CountOption = 0) -> None:
    """Run the Discord bot until Ctrl-C or SIGTERM; docs/discord.md says how to make one."""
    settings = opening.settings()
    chosen = {"discord_shards": shards, "discord_shard_count": shard_count}
    given = {name: value for name, value in chosen.items() if value}
    # Imported here: no other command may wait for discord.py.
    from bot.running import run_bot

    output.run(run_bot(settings.model_copy(update=given)))
