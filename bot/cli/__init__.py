"""The terminal: one file for each command or group of commands.

Nothing heavy is imported here or at the top of the files beside it: `lorekeeper --help` answers in under
half a second, so models, stores and the graph are imported by the commands that need them.
"""

from __future__ import annotations

import typer

from bot.cli import (
    annotate,
    anomalies,
    ask,
    categories,
    chat,
    doctor,
    guilds,
    health,
    index,
    ingest,
    labels,
    models,
    move,
    patterns,
    privacy,
    run,
    sources,
    stats,
    system,
    tune,
)

app = typer.Typer(
    name="lorekeeper",
    help="A private knowledge bot that quotes its sources and learns from its community.",
    epilog='Example: lorekeeper ask "When did we replace our pool pump?"',
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command, example in (
    (chat.chat, "lorekeeper chat"),
    (ask.ask, 'lorekeeper ask "When did we replace our pool pump?" --json'),
    (ingest.ingest, "lorekeeper ingest ~/notes manual.pdf --category pool"),
    (ingest.remember, 'lorekeeper remember "Yesterday we replaced the pool pump with a Hayward."'),
    (doctor.doctor, "lorekeeper doctor --json"),
    (health.health, "lorekeeper health"),
    (move.move, "lorekeeper move --to weaviate --url http://localhost:8080"),
    (move.backup, "lorekeeper backup ~/backups/2026-11-22"),
    (move.restore, "lorekeeper restore ~/backups/2026-11-22"),
    (run.run, "lorekeeper run"),
    (stats.stats, "lorekeeper stats --days 90 --plot stats.png"),
    (system.version, "lorekeeper version"),
):
    app.command(epilog=f"Example: {example}")(command)
for group, name in (
    (sources.app, "sources"),
    (categories.app, "categories"),
    (labels.app, "labels"),
    (annotate.app, "annotate"),
    (patterns.app, "patterns"),
    (anomalies.app, "anomalies"),
    (tune.app, "tune"),
    (models.app, "models"),
    (index.app, "index"),
    (guilds.app, "guilds"),
    (privacy.app, "privacy"),
):
    app.add_typer(group, name=name)

__all__ = ["app"]
