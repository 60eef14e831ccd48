"""`lorekeeper run` from the settings to the end of the process: one clear line for each way not to start."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import aiohttp
import discord

from agent.errors import ConfigurationError, LorekeeperError
from agent.language.counts import Count
from agent.runtime import open_installation
from agent.settings import Settings
from bot.client import PERMISSIONS, Lorekeeper, point_discord_at
from bot.health import Check, HealthServer, checks_of
from bot.output import note
from bot.shards import chosen_shards, shard_states

_PORTAL = "https://discord.com/developers/applications"


async def run_bot(settings: Settings) -> None:
    """Serve Discord until SIGTERM or SIGINT. Raises `ConfigurationError` for a token or an intent that
    Discord refuses and for a health port that is taken, `LorekeeperError` when Discord cannot be reached.
    """
    token = settings.discord_token.get_secret_value().strip()
    if not token:
        raise ConfigurationError("DISCORD_TOKEN is not set.", f"Copy the bot's token from {_PORTAL}.")
    if settings.discord_api:
        point_discord_at(settings.discord_api)
    shards = chosen_shards(settings.discord_shards, settings.discord_shard_count)
    async with open_installation(settings) as installation, Lorekeeper(installation, **shards) as bot:
        bot.add_listener(_announcing(bot), "on_ready")
        _stop_on_signals(bot)
        async with HealthServer(settings, readiness_checks(bot), lambda: shard_states(bot)):
            await _serve(bot, token)


def readiness_checks(bot: Lorekeeper) -> Mapping[str, Check]:
    """What has to answer for members to be answered."""

    async def connected() -> None:
        closed = [str(state.shard) for state in shard_states(bot) if not state.connected]
        if closed or not bot.is_ready():
            which = f" Closed shards: {', '.join(closed)}." if closed else ""
            raise LorekeeperError(
                f"Discord is not connected.{which}", "The bot connects by itself; the log says more."
            )

    return {**checks_of(bot.installation), "discord": connected}


async def invitation(settings: Settings) -> str:
    """Log in without connecting; return the bot's name and its invite link. Raises as `run_bot` does."""
    if settings.discord_api:
        point_discord_at(settings.discord_api)
    async with discord.Client(intents=discord.Intents.none()) as client:
        with _explained(client):
            await client.login(settings.discord_token.get_secret_value().strip())
        assert client.user is not None
        return f"{client.user}; invite it: {_invite_link(client.user.id)}"


async def _serve(bot: Lorekeeper, token: str) -> None:
    with _explained(bot):
        await bot.start(token)


@contextmanager
def _explained(client: discord.Client) -> Iterator[None]:
    try:
        yield
    except discord.LoginFailure as error:
        raise ConfigurationError(
            "Discord refuses DISCORD_TOKEN.", f"Reset the bot's token at {_PORTAL} and copy the new one."
        ) from error
    except discord.PrivilegedIntentsRequired as error:
        raise ConfigurationError(
            "Discord does not let this bot read messages: the message content intent is off.",
            f"Switch it on at {_PORTAL}/{client.application_id}/bot, or set "
            "LOREKEEPER_DISCORD_MESSAGE_CONTENT=false to answer mentions and direct messages only.",
        ) from error
    except (aiohttp.ClientError, OSError, discord.DiscordException) as error:
        raise LorekeeperError(
            f"Discord cannot be reached: {error}.", "Check the network of this machine, then run again."
        ) from error


def _invite_link(application: int) -> str:
    scopes = ("bot", "applications.commands")
    return discord.utils.oauth_url(application, permissions=PERMISSIONS, scopes=scopes)


def _announcing(bot: Lorekeeper) -> Callable[[], Coroutine[Any, Any, None]]:
    """Say once, on standard error, who is connected and how to invite it."""
    said = False

    async def on_ready() -> None:
        nonlocal said
        if said:
            return
        said = True
        # What is there now stays: to look through it for garbage again and again stops everybody's answers.
        gc.freeze()
        shards = f", shards {_listed(bot.shards)} of {bot.shard_count}" if bot.shard_ids else ""
        note(f"Connected as {bot.user} to {Count(len(bot.guilds)):# server|# servers}{shards}. Ctrl-C stops.")
        note(f"Invite it: {_invite_link(bot.me_id)}")

    return on_ready


def _listed(shards: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(shards)))


def _stop_on_signals(bot: Lorekeeper) -> None:
    """SIGTERM is what `docker stop` and systemd send; discord.py knows SIGINT only, and not before login."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        note("Stopping: running answers may end first.")
        bot.stop_soon()

    for signal_ in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_, stop)
