"""The checks of `lorekeeper doctor`. Each stands alone: one that fails does not hide the others."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from agent.errors import LorekeeperError
from agent.models.protocol import ChatMessage, EmbedKind
from agent.runtime import open_index, open_routing_embedder, open_stores, require_passages
from agent.settings import Settings
from bot import opening

_LOW_DISK_MB = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    part: str
    ok: bool
    said: str
    todo: str = ""
    """What to do; empty when it is well."""


async def examine() -> AsyncIterator[Finding]:
    """Check every part in turn. Only a configuration that cannot be read ends it early."""
    try:
        settings = opening.settings()
    except LorekeeperError as error:
        yield Finding(part="configuration", ok=False, said=str(error), todo=error.hint)
        return
    yield Finding(part="configuration", ok=True, said=f"data in {settings.data_dir}")
    for part, check in _checks(settings).items():
        try:
            said = await check(settings)
        except LorekeeperError as error:
            yield Finding(part=part, ok=False, said=str(error), todo=error.hint)
        else:
            yield Finding(part=part, ok=True, said=said)


def _checks(settings: Settings) -> dict[str, Callable[[Settings], Awaitable[str]]]:
    return CHECKS | ({"ollama": _ollama} if settings.ollama_host else {})


async def _disk(settings: Settings) -> str:
    folder = next(each for each in (settings.data_dir, *settings.data_dir.parents) if each.exists())
    free = shutil.disk_usage(folder).free / 2**20
    if free < _LOW_DISK_MB:
        raise LorekeeperError(
            f"Only {free:.0f} MB free at {folder}.", "Free some space, or move LOREKEEPER_DATA_DIR."
        )
    return f"{free / 1024:.1f} GB free"


async def _journal(settings: Settings) -> str:
    async with open_stores(settings) as stores:
        return await stores.journal.check()


async def _knowledge(settings: Settings) -> str:
    async with open_stores(settings) as stores:
        await require_passages(stores, await stores.store.versions())
        return await stores.store.check()


async def _embedder(settings: Settings) -> str:
    async with opening.embedder(settings) as embedder, open_stores(settings) as stores:
        await embedder.embed(["doctor"], EmbedKind.QUERY)
        await open_index(stores.store, embedder)
        info = embedder.info
        return f"{info.name} on {info.engine}, {embedder.dimension} dimensions, {info.digest[:12]}"


async def _routing_embedder(settings: Settings) -> str:
    embedder = await open_routing_embedder(settings)
    try:
        await embedder.embed(["doctor"], EmbedKind.QUERY)
        info = embedder.info
        return f"{info.name} on {info.engine}, for English questions, {info.digest[:12]}"
    finally:
        await embedder.close()


async def _language_model(settings: Settings) -> str:
    from agent.models.library import open_chat_model

    model = await open_chat_model(settings)
    try:
        await model.likelihoods([ChatMessage(role="user", content="Is it well? A yes, B no.")], ["A", "B"])
        info = model.info
        return f"{info.name} on {info.engine}, context of {info.context_tokens} tokens, {info.digest[:12]}"
    finally:
        await model.close()


async def _ollama(settings: Settings) -> str:
    from agent.models.ollama_models import check_ollama

    return await check_ollama(settings)


async def _discord(settings: Settings) -> str:
    if not settings.discord_token.get_secret_value():
        return "no DISCORD_TOKEN: `lorekeeper run` needs one"
    from bot.running import invitation

    return await invitation(settings)


CHECKS: dict[str, Callable[[Settings], Awaitable[str]]] = {
    "disk": _disk,
    "journal": _journal,
    "knowledge": _knowledge,
    "embedder": _embedder,
    "routing": _routing_embedder,
    "language model": _language_model,
    "discord": _discord,
}
