"""Draw docs/pictures/chat.svg: what a newcomer sees. `python -m benchmarks.picture`.

The sample is loaded into a temporary folder and asked for real; only the prompt signs are added.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

from agent.answering.compose import sources_block
from agent.contracts import Answered, Question
from agent.runtime import open_installation
from agent.settings import load_settings
from benchmarks.household import ASKED
from bot.chat.screen import explain
from bot.sample import load_sample

PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "chat.svg"
QUESTIONS = (
    "When did we replace our pool pump?",
    "¿Cuánto costó la célula de sal en 2025?",
    "What is the capital of Mongolia?",
)
_WHY_LINES = 10
_REMOTE_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""Rich names a font on the web; a picture in a private project asks nobody for anything."""


async def main() -> None:
    console = Console(record=True, width=100, force_terminal=True)
    with tempfile.TemporaryDirectory() as folder:
        async with open_installation(load_settings(None, data_dir=Path(folder))) as installation:
            await load_sample(installation)
            console.print(Text("$ make chat", style="bold"))
            for number, text in enumerate(QUESTIONS):
                events = [
                    event async for event in installation.agent.ask(Question(text=text, asked_at=ASKED))
                ]
                answered = events[-1]
                if not isinstance(answered, Answered):
                    raise TypeError(f"{text} was not answered: {answered}")
                console.print(Text.assemble(("> ", "bold green"), text))
                block = sources_block(answered.answer.quotes, answered.answer.language)
                console.print(Text(f"{answered.answer.text}\n\n{block}".strip()), end="\n\n")
                if number == 0:
                    console.print(Text.assemble(("> ", "bold green"), "/why"))
                    why = explain(answered).splitlines()[:_WHY_LINES]
                    console.print(Text("\n".join(why), style="dim"), end="\n\n")
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(_REMOTE_FONT.sub("", console.export_svg(title="Lorekeeper")), "utf-8")


if __name__ == "__main__":
    asyncio.run(main())
