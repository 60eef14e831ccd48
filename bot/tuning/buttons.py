"""The buttons under messages about runs. They carry the run in their ids, so they outlive a restart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Self

import discord
from discord import ui

from bot.errors import telling_errors
from bot.texts.tuning import TuningTexts
from bot.views import BaseView, bot_of
from tuning.loop.run import Run
from tuning.loop.state import WORKING, State

if TYPE_CHECKING:
    from bot.cogs.tuning import Tuning

_ID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class Choice(StrEnum):
    """What a button does; part of the ids of buttons that are out there, so never renamed."""

    PROMOTE = "promote"
    TRY = "try"
    REFUSE = "refuse"
    STOP = "stop"


_STYLES: Final = {
    Choice.PROMOTE: discord.ButtonStyle.success,
    Choice.TRY: discord.ButtonStyle.primary,
    Choice.REFUSE: discord.ButtonStyle.danger,
    Choice.STOP: discord.ButtonStyle.secondary,
}


class RunButton(ui.DynamicItem[ui.Button[ui.View]], template=rf"lk:g:(?P<choice>[a-z]+):(?P<run>{_ID})"):
    """A button under a message about a run."""

    def __init__(self, choice: Choice, run: str, label: str | None = None) -> None:
        style = _STYLES[choice]
        super().__init__(ui.Button(label=label, style=style, custom_id=f"lk:g:{choice}:{run}"))
        self.choice = choice
        self.run = run

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(Choice(match["choice"]), match["run"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        await telling_errors(interaction, _cog(interaction).chosen(interaction, self.choice, self.run))


def buttons_of(run: Run, texts: TuningTexts) -> BaseView:
    """What an admin can do about a run as it stands; nothing when it is past that."""
    labels = {
        Choice.PROMOTE: texts.button_promote,
        Choice.TRY: texts.button_canary,
        Choice.REFUSE: texts.button_refuse,
        Choice.STOP: texts.button_cancel,
    }
    view = BaseView()
    for choice in choices_of(run):
        view.add_item(RunButton(choice, run.id, labels[choice]))
    return view


def choices_of(run: Run) -> Sequence[Choice]:
    """What the buttons under a message about a run may do as it stands."""
    if run.state in WORKING:
        return (Choice.STOP,)
    if run.state is not State.APPROVAL:
        return ()
    return (Choice.PROMOTE, *((Choice.TRY,) if 0 < run.plan.share < 1 else ()), Choice.REFUSE)


def _cog(interaction: discord.Interaction[Any]) -> Tuning:
    from bot.cogs.tuning import Tuning

    cog = bot_of(interaction).get_cog(Tuning.__name__)
    assert isinstance(cog, Tuning)
    return cog
