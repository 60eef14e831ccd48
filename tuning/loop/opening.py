"""The loop of an installation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tuning.loop.log import Plans
from tuning.loop.loop import Listener, Loop
from tuning.loop.steps import GuildSteps
from tuning.loop.tools import tools_of

if TYPE_CHECKING:
    from agent.runtime import Stores


def open_loop(stores: Stores, *, listener: Listener | None = None) -> Loop:
    """The loop over these stores; one for the process.

    Nothing is opened that must be closed: a run opens its models and closes them again.
    """
    tools = tools_of(stores)
    return Loop(
        log=tools.log,
        plans=Plans(stores.database),
        steps=GuildSteps(tools),
        data_dir=stores.settings.data_dir,
        clock=stores.clock,
        listener=listener,
    )
