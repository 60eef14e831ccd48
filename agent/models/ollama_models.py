"""What the Ollama servers have, and giving them more: behind `lorekeeper models` and `doctor`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

from ollama import ProgressResponse

from agent.errors import ModelError
from agent.models._ollama.client import ModelFacts, OllamaClient, Tag
from agent.models._ollama.config import addresses_of, canonical, check_version
from agent.models._ollama.errors import no_such_model, pull_refusal, translated
from agent.models._ollama.own import OWN_MODELS, OwnModel
from agent.models.choosing import (
    Engine,
    Field,
    chosen_chat_model,
    chosen_embedder,
    engine_of_chat_model,
    engine_of_embedder,
    keep_choice,
    refuse_overridden,
)
from agent.models.library import installed_names
from agent.models.weights import ModelKind
from agent.settings import Settings

_CONNECT_SECONDS = 3.0
_ANSWER_SECONDS = 10.0
"""For what a server knows by heart."""

_T = TypeVar("_T")

PullProgress = Callable[[int, int, str], None]
"""Called with the bytes done and the bytes in all, as far as they are known, and what is being done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OllamaEntry:
    """A model that a server has."""

    server: str
    name: str
    fit: tuple[ModelKind, ...]
    """For chat, as an embedder, both, or neither."""
    size: int
    """Bytes."""
    quantization: str
    parameters: int
    """0 when unknown."""
    context_tokens: int
    """That it was trained for; 0 when unknown."""
    digest: str
    loaded: bool
    """In memory now."""
    in_use: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OllamaListing:
    entries: tuple[OllamaEntry, ...]
    problems: tuple[ModelError, ...]
    """One for each server that could not be asked."""


async def list_ollama(settings: Settings) -> OllamaListing:
    """Ask every server what it has. Raises `ConfigurationError` for a bad OLLAMA_HOST."""
    found, problems = await _of_each(settings, lambda address: _entries(address, settings))
    return OllamaListing(entries=tuple(chain.from_iterable(found)), problems=tuple(problems))


async def memory_on_ollama(settings: Settings, name: str) -> int:
    """Return the bytes that a model takes where it is loaded, on the server that gives it most; 0 when none.

    Raises `ConfigurationError` for a bad OLLAMA_HOST, `ModelError` when no server could be asked.
    """
    found, problems = await _of_each(settings, lambda address: _memory(address, name))
    if problems and not found:
        raise problems[0]
    return max(found, default=0)


async def use_ollama_model(settings: Settings, name: str) -> None:
    """Keep the choice of a model of Ollama for every later start, for what it is fit for.

    Raises `ModelMissingError` when no server has it, `ModelError` when it is fit for nothing here, and
    `ConfigurationError` when a setting overrides the choice.
    """
    fit = await _fit(settings, name)
    field: Field = "chat_model" if ModelKind.CHAT in fit else "embedder"
    refuse_overridden(settings, field, name)
    await asyncio.to_thread(keep_choice, settings, field, name)


async def pull_model(settings: Settings, name: str, progress: PullProgress) -> None:
    """Have every server get a model. May be cancelled; another pull goes on where it stopped.

    A server that cannot does not keep the others from it. Raises `ModelError` for the first of them,
    `ConfigurationError`.
    """
    failures: list[ModelError] = []
    own = OWN_MODELS.get(canonical(name))
    for address in addresses_of(settings.ollama_host):
        try:
            async with _asking(address, name) as client:
                if own is None:
                    await _pulled(client, name, progress)
                else:
                    await _given(client, name, own, settings, progress)
        except ModelError as error:
            failures.append(pull_refusal(address, name, error))
    if failures:
        raise failures[0]


async def check_ollama(settings: Settings) -> str:
    """Say for each server what it is and how it has the models in use. Raises `ModelError` with all of it."""
    names = names_in_use(settings)
    states, problems = await _of_each(settings, lambda address: _state(address, names))
    said = "; ".join([*map(str, problems), *(state.said for state in states)])
    if problems:
        raise type(problems[0])(said, problems[0].hint)
    if len({state.digests for state in states}) > 1:
        raise ModelError(f"The servers differ in a model. {said}", f"Run: lorekeeper models pull {names[0]}")
    return said


def names_in_use(settings: Settings) -> tuple[str, ...]:
    """The models in use that Ollama runs. Raises `ModelMissingError`, `ConfigurationError`."""
    ollama = bool(settings.ollama_host)
    chat, embedder = chosen_chat_model(settings), chosen_embedder(settings)
    engines = {
        chat: engine_of_chat_model(chat, installed_names(settings), ollama=ollama),
        embedder: engine_of_embedder(embedder, ollama=ollama),
    }
    return tuple(name for name, engine in engines.items() if engine is Engine.OLLAMA)


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    said: str
    digests: tuple[str, ...]


@asynccontextmanager
async def _asking(address: str, model: str) -> AsyncIterator[OllamaClient]:
    client = OllamaClient(address, _CONNECT_SECONDS)
    try:
        with translated(address, model):
            async with asyncio.timeout(_ANSWER_SECONDS):
                version = await client.version()
            check_version(address, version)
            yield client
    except TimeoutError as error:
        raise ModelError(f"Ollama at {address} accepts connections and does not answer.") from error
    finally:
        await client.close()


async def _of_each(
    settings: Settings, work: Callable[[str], Awaitable[_T]]
) -> tuple[list[_T], list[ModelError]]:
    """Do the work with the address of each server, all at once; return what came of it, and what failed."""
    failures: list[ModelError] = []

    async def tried(address: str) -> list[_T]:
        try:
            return [await work(address)]
        except ModelError as error:
            failures.append(error)
            return []

    done = await asyncio.gather(*map(tried, addresses_of(settings.ollama_host)))
    return list(chain.from_iterable(done)), failures


async def _memory(address: str, name: str) -> int:
    """What is in memory goes by the first name that it was called by; others may share its files."""
    async with _asking(address, name) as client:
        wanted = await client.facts(name)
        named = {tag.name for tag in await client.tags()}
        # One that was removed stays in memory for a while, and nothing is known of it.
        running = [(each.model, each.size or 0) for each in (await client.ps()).models if each.model in named]
        files = [await client.facts(model) for model, _ in running]
    same = [
        size
        for (_, size), each in zip(running, files, strict=True)
        if (each.weights, each.adapters) == (wanted.weights, wanted.adapters)
    ]
    return max(same, default=0)


async def _entries(address: str, settings: Settings) -> list[OllamaEntry]:
    in_use = {canonical(name) for name in names_in_use(settings)}
    async with _asking(address, "") as client:
        tags, loaded = await asyncio.gather(client.tags(), client.loaded())
        facts = await asyncio.gather(*(client.facts(tag.name) for tag in tags))
    return [
        _entry(address, tag, each, loaded=tag.digest in loaded, in_use=canonical(tag.name) in in_use)
        for tag, each in zip(tags, facts, strict=True)
    ]


def _entry(address: str, tag: Tag, facts: ModelFacts, *, loaded: bool, in_use: bool) -> OllamaEntry:
    return OllamaEntry(
        server=address,
        name=tag.name,
        fit=fitness(facts),
        size=tag.size,
        quantization=tag.quantization,
        parameters=facts.parameters,
        context_tokens=facts.context_tokens,
        digest=facts.digest,
        loaded=loaded,
        in_use=in_use,
    )


def fitness(facts: ModelFacts) -> tuple[ModelKind, ...]:
    """What a model can be used for here."""
    kinds = ((ModelKind.CHAT, facts.chats), (ModelKind.EMBEDDER, facts.embeds))
    return tuple(kind for kind, can in kinds if can)


async def _fit(settings: Settings, name: str) -> Sequence[ModelKind]:
    addresses = addresses_of(settings.ollama_host)
    failures: list[ModelError] = []
    for address in addresses:
        try:
            async with _asking(address, name) as client:
                fit = fitness(await client.facts(name))
        except ModelError as error:
            failures.append(error)
            continue
        if not fit:
            raise ModelError(f"{name} can neither chat nor embed.", "See `lorekeeper models list`.")
        return fit
    raise failures[0]


async def _state(address: str, names: Sequence[str]) -> _State:
    async with _asking(address, "") as client:
        version = await client.version()
        tags, loaded = await asyncio.gather(client.tags(), client.loaded())
        manifests = {canonical(tag.name): tag.digest for tag in tags}
        missing = [name for name in names if canonical(name) not in manifests]
        if missing:
            raise no_such_model(address, missing[0])
        digests = [(await client.facts(name)).digest for name in names]
    states = [
        f"{name} {digest[:12]} {'loaded' if manifests[canonical(name)] in loaded else 'not loaded yet'}"
        for name, digest in zip(names, digests, strict=True)
    ]
    has = ", ".join(states) or "no model of it is in use"
    return _State(said=f"{address} is {version}: {has}", digests=tuple(digests))


async def _pulled(client: OllamaClient, name: str, progress: PullProgress) -> None:
    layers: dict[str, tuple[int, int]] = {}
    async with aclosing(client.pulling(name)) as steps:
        async for step in steps:
            if step.digest and step.total:
                layers[step.digest] = (step.completed or 0, step.total)
            _tell(progress, layers, step)


def _tell(progress: PullProgress, layers: dict[str, tuple[int, int]], step: ProgressResponse) -> None:
    done = sum(done for done, _ in layers.values())
    total = sum(total for _, total in layers.values())
    # Statuses hold a digest, which tells a person nothing.
    what = "" if step.digest else step.status or ""
    progress(done, total, what)


async def _given(
    client: OllamaClient, name: str, own: OwnModel, settings: Settings, progress: PullProgress
) -> None:
    path = await asyncio.to_thread(own.file, settings.data_dir)
    size = path.stat().st_size
    progress(0, size, "from the wheel")
    digest = await client.upload(path)
    await client.create(model=name, files={path.name: digest}, license=own.licence)
    progress(size, size, "from the wheel")
