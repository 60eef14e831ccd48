"""`lorekeeper stats`: how members are served."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot import opening
from bot.output import GuildOption, JsonOption, note, print_json, run

DaysOption = Annotated[int, typer.Option("--days", min=1, max=366, help="Of how many days, today included.")]
PlotOption = Annotated[
    Path | None, typer.Option("--plot", metavar="FILE", dir_okay=False, help="Draw a picture (PNG) too.")
]


def stats(
    days: DaysOption = 30,
    guild: GuildOption = "local",
    plot: PlotOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show questions, satisfaction, routing accuracy, unanswered topics and latency."""
    run(_stats(days, guild, plot, as_json))


async def _stats(days: int, guild: str, plot: Path | None, as_json: bool) -> None:
    from agent.contracts import GuildId
    from agent.files import write_atomically
    from bot.figures import picture_of, statistics_of, words_of
    from bot.texts import texts_for
    from tuning.pictures import draw

    guild_id = GuildId(guild)
    async with opening.stores() as stores:
        names = {each.slug: each.name for each in await stores.catalog.categories(guild_id)}
        statistics = await statistics_of(stores, guild_id, now=stores.clock(), days=days)
        texts = texts_for(stores.settings.language).stats
    if as_json:
        print_json(statistics)
    else:
        print(words_of(statistics, names, texts), flush=True)
    if plot is not None:
        png = await draw(picture_of(statistics, names, texts))
        write_atomically(plot, png)
        note(f"The picture is in {plot}.")
