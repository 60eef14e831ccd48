"""`lorekeeper run`: the Discord bot."""

from __future__ import annotations

from bot import opening, output


def run() -> None:
    """Run the Discord bot until Ctrl-C or SIGTERM; docs/discord.md says how to make one."""
    settings = opening.settings()
    # Imported here: no other command may wait for discord.py.
    from bot.running import run_bot

    output.run(run_bot(settings))
