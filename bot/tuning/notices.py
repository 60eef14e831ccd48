"""Which messages of Discord tell of a guild's runs, and what they told: a restart goes on with them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from agent.contracts import GuildId
from agent.errors import StoreError
from bot.state.store import BotState
from tuning.loop.run import Run
from tuning.loop.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    channel: int
    message: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Of one run."""

    state: State
    """What was told of it last."""
    progress: Place | None = None
    """The message that shows how far it is; None where nobody chose a channel for that."""
    question: Place | None = None
    """The message that asks the admins."""


class Notices:
    """Of every guild, by run. Raises `StoreError`. No other process writes: a guild belongs to one."""

    def __init__(self, state: BotState) -> None:
        self._state = state
        self._changing = asyncio.Lock()

    async def all(self, guild: GuildId) -> Mapping[str, Notice]:
        kept = await self._state.value(_name(guild))
        try:
            return {} if kept is None else _NOTICES.validate_json(kept)
        except ValidationError as error:
            raise StoreError(
                f"What was told of runs in {guild} cannot be read: {error.errors()[0]['msg']}.",
                "A newer Lorekeeper may have written it; update, or report this.",
            ) from error

    async def of(self, run: Run) -> Notice | None:
        return (await self.all(run.guild)).get(run.id)

    async def change(self, run: Run, **changes: Any) -> None:
        """Write down fields of `Notice` that changed, and the others as they stand by now."""
        async with self._changing:
            kept = dict(await self.all(run.guild))
            kept[run.id] = replace(kept.get(run.id, Notice(state=run.state)), **changes)
            await self._write(run.guild, kept)

    async def forget(self, run: Run) -> None:
        """Nothing more will be told of it."""
        async with self._changing:
            kept = {key: value for key, value in (await self.all(run.guild)).items() if key != run.id}
            await self._write(run.guild, kept)

    async def _write(self, guild: GuildId, kept: Mapping[str, Notice]) -> None:
        await self._state.set_value(_name(guild), _NOTICES.dump_json(dict(kept)).decode())


def _name(guild: GuildId) -> str:
    return f"tuning of {guild}"


_NOTICES: Final = TypeAdapter(dict[str, Notice])
