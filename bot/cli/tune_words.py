"""What `lorekeeper tune` says on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.output import note

if TYPE_CHECKING:
    from agent.runtime import Stores
    from bot.output import Progress as Bar
    from bot.texts.tuning import TuningTexts
    from tuning.loop.run import Run
    from tuning.runs.contracts import Progress


def texts_of(stores: Stores) -> TuningTexts:
    from bot.texts import texts_for

    return texts_for(stores.settings.language).tuning


class Shown:
    """A `tuning.loop.loop.Listener` for the terminal."""

    def __init__(self, bar: Bar, texts: TuningTexts) -> None:
        self.texts = texts
        self._bar = bar

    async def moved(self, run: Run) -> None:
        if run.open:
            note(f"{self.texts.states[run.state]} …")

    def progressed(self, run: Run, progress: Progress) -> None:
        from bot.tuning.words import figures_words

        self._bar(progress.step, progress.steps, figures_words(progress, self.texts))
