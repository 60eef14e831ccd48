"""What a person is told when a command, a button or a form fails: never silence, never a traceback."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Coroutine
from typing import Any, Final

import discord
from discord import app_commands

from agent.errors import LorekeeperError
from agent.observing.metrics import Where, count_error
from bot.rendering import neutralise
from bot.texts import texts_for

_log = logging.getLogger(__name__)

_ALREADY_ANSWERED: Final = 40060
"""Discord's code."""


class NotAllowedError(LorekeeperError):
    """The member may not do this; the message is already in their language."""


async def tell_error(interaction: discord.Interaction, error: BaseException) -> None:
    """Answer an interaction that failed, to its member alone, and log what nobody foresaw."""
    await say(interaction, _said(interaction, error))


async def telling_errors(interaction: discord.Interaction, work: Coroutine[Any, Any, None]) -> None:
    """Do the work of a dynamic item, whose errors discord.py writes to the log and tells nobody."""
    task = asyncio.create_task(work)
    await asyncio.wait([task])
    if (error := task.exception()) is not None:
        await tell_error(interaction, error)


async def say(interaction: discord.Interaction, text: str) -> None:
    """Tell the member alone, whether or not the interaction was answered before."""
    try:
        if interaction.response.is_done():
            await interaction.followup.send(text, ephemeral=True)
        else:
            await interaction.response.send_message(text, ephemeral=True)
    except discord.NotFound:
        _log.info("an interaction is no longer there to be answered")
    except discord.HTTPException as error:
        if error.code != _ALREADY_ANSWERED:
            raise
        _log.info("an interaction was told twice and is answered already")


def _said(interaction: discord.Interaction, error: BaseException) -> str:
    texts = texts_for(interaction.locale.value)
    if isinstance(error, app_commands.CommandInvokeError):
        error = error.original
    count_error(type(error), Where.INTERACTION.value)
    if isinstance(error, LorekeeperError):
        return neutralise(f"{error} {error.hint}".strip())
    if isinstance(error, app_commands.NoPrivateMessage):
        return texts.guild_only
    if isinstance(error, app_commands.MissingPermissions):
        return texts.not_allowed.format(what=", ".join(error.missing_permissions))
    error_id = secrets.token_hex(4)
    _log.error("interaction failed error_id=%s", error_id, exc_info=error)
    return texts.went_wrong.format(error_id=error_id)
