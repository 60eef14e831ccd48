"""`lorekeeper chat`: the terminal chat. Answers stream; a line that begins with / steers."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.output import GuildOption, run


def chat(
    guild: GuildOption = "local",
    name: Annotated[str, typer.Option(help="Your name, put on what you tell it to remember.")] = "",
    sample: Annotated[
        bool, typer.Option("--sample", help="First load the sample knowledge base, if there is no other.")
    ] = False,
) -> None:
    """Open a chat with streaming answers; /help lists what a line may begin with."""
    from agent.contracts import Asker, GuildId
    from bot.chat.session import chat_session

    run(chat_session(GuildId(guild), Asker(name=name), sample=sample))
