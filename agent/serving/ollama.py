"""Adapters on Ollama: for each a model of its own, under a name that says its digest, on a copy of the base.

What a name means never changes: which adapter serves is decided by the assignments alone, so promotion and
rollback are no matter of Ollama's. A model is made of files whose digests are checked, and is loaded before
it is called. See slots.py for why the base is copied.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import make_url

from agent.contracts import ModelInfo
from agent.errors import LorekeeperError, ModelError, ModelMissingError
from agent.models._ollama.config import OllamaConfig
from agent.models._ollama.making import Maker
from agent.models.file_in_use import find_file
from agent.models.ollama import OllamaChatModel
from agent.models.protocol import ChatMessage, ChatModel, ChatOptions
from agent.serving.files import checked_file
from agent.serving.served import ServedAdapter, Task, adapter_file
from agent.serving.slots import SlotCopies, slot_for
from agent.settings import Settings

_log = logging.getLogger(__name__)

SERVE: Final = "lorekeeper-adapter"
JUDGE: Final = "lorekeeper-judge"
"""The models under these names serve, or are judged."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Laid:
    """A model of ours on a server."""

    name: str
    weights: str
    adapter: str


class OllamaEngine:
    """Implements `AdapterEngine`."""

    def __init__(self, config: OllamaConfig, settings: Settings, family: str, base: OllamaChatModel) -> None:
        self._config = config
        self._settings = settings
        self._base = base
        self._owner = owner_of(settings)
        self._family = family
        self._makers = [Maker(address, config.patience.connect) for address in config.addresses]
        self._models: dict[str, OllamaChatModel] = {}
        """By the adapter's digest."""
        self._serving: frozenset[str] = frozenset()
        self._changing = asyncio.Lock()

    @classmethod
    async def open(cls, config: OllamaConfig, settings: Settings, family: str) -> OllamaEngine:
        """Find servers that have the base. Its own models are called after `family`. Raises `ModelError`."""
        return cls(config, settings, family, await OllamaChatModel.open(config))

    @property
    def base(self) -> ChatModel:
        """See `AdapterEngine.base`."""
        return self._base

    def base_digest(self) -> str:
        """See `AdapterEngine.base_digest`; empty when the servers do not say."""
        return self._base.weights

    async def adapted(self, adapter: ServedAdapter, task: Task) -> ChatModel:
        """See `AdapterEngine.adapted`."""
        model = self._models.get(adapter.digest)
        if model is None or adapter.base_digest != self.base_digest():
            model = await self.make(adapter, task)
        return _View(self, adapter, task, model)

    async def prepare(self, adapters: Collection[tuple[ServedAdapter, Task]]) -> Mapping[str, ModelError]:
        """See `AdapterEngine.prepare`. What the data folder holds no file of any longer is removed."""
        self._serving = frozenset(adapter.digest for adapter, _ in adapters)
        problems: dict[str, ModelError] = {}
        for adapter, task in sorted(adapters, key=lambda each: each[0].id):
            try:
                await self.make(adapter, task)
            except ModelError as error:
                problems[adapter.id] = error
        async with self._changing:
            await self._on_each(self._remove_lost)
        return problems

    async def close(self) -> None:
        """See `AdapterEngine.close`. Models that serve stay on the servers; those that are judged go."""
        for model in self._models.values():
            await model.close()
        if self._family == JUDGE:
            await self._on_each(self._remove_all)
        for maker in self._makers:
            await maker.close()
        await self._base.close()

    async def make(self, adapter: ServedAdapter, task: Task) -> OllamaChatModel:
        """See that every server has the adapter's model, and that it is loaded. Raises `ModelError`."""
        async with self._changing:
            try:
                await self._lay(adapter, task)
            except ModelError:
                raise
            except LorekeeperError as error:
                # As a rule there is no room for the copy of the base.
                raise ModelError(str(error), error.hint) from error
            model = self._models.get(adapter.digest)
            if model is None:
                config = replace(self._config, model=self._name(adapter), known_as=self._base.info.name)
                model = await OllamaChatModel.open(config)
            await model.load()
            self._models[adapter.digest] = model
            return model

    async def _lay(self, adapter: ServedAdapter, task: Task) -> None:
        data_dir, digest = self._settings.data_dir, self.base_digest()
        file = await asyncio.to_thread(checked_file, adapter, data_dir, digest)
        base = await find_file(self._settings, self._config.model)
        copies = SlotCopies(base.path, digest, data_dir, f"{self._family}-{self._owner}")
        slot = slot_for(adapter.digest, task, await self._taken(copies), self._serving)
        try:
            await self._on_each(lambda maker: self._lay_on(maker, adapter, file, copies, slot))
        finally:
            copies.discard(slot)

    async def _lay_on(
        self, maker: Maker, adapter: ServedAdapter, file: Path, copies: SlotCopies, slot: str
    ) -> None:
        weights = await asyncio.to_thread(copies.digest, slot)
        wanted = _Laid(name=self._name(adapter), weights=weights, adapter=adapter.digest)
        laid = await self._laid(maker)
        if wanted not in laid:
            if not await maker.has(weights):
                await maker.give(await asyncio.to_thread(copies.file, slot), weights)
            await maker.give(file, adapter.digest)
            await maker.make(wanted.name, weights, adapter.digest, await maker.like(self._config.model))
        for other in laid:
            if other.weights == weights and other.name != wanted.name:
                await self._remove(maker, other)

    async def _taken(self, copies: SlotCopies) -> dict[str, str]:
        """The adapter on each slot, by digest, at any server."""
        found = [laid for each in await self._on_each(self._laid) for laid in each]
        slots = [copies.slot_of(laid.weights) for laid in found]
        return {slot: laid.adapter for slot, laid in zip(slots, found, strict=True) if slot is not None}

    async def _laid(self, maker: Maker) -> list[_Laid]:
        models = await maker.models(self._prefix)
        return [
            _Laid(name=name.removesuffix(":latest"), weights=facts.weights, adapter=facts.adapters[0])
            for name, facts in models.items()
            if facts.adapters
        ]

    async def _remove_lost(self, maker: Maker) -> None:
        for laid in await self._laid(maker):
            path = self._settings.data_dir / adapter_file(laid.adapter)
            if laid.adapter not in self._serving and not path.exists():
                await self._remove(maker, laid)

    async def _remove_all(self, maker: Maker) -> None:
        for laid in await self._laid(maker):
            await self._remove(maker, laid)

    async def _remove(self, maker: Maker, laid: _Laid) -> None:
        # Whoever still calls it holds the model himself, and his call ends before Ollama lets go of it.
        self._models.pop(laid.adapter, None)
        await maker.remove(laid.name)

    async def _on_each(self, work: Callable[[Maker], Coroutine[Any, Any, _T]]) -> list[_T]:
        """Do the work at every server; what fails at some is told to the log, what fails at all is raised."""
        done: list[_T] = []
        failures: list[ModelError] = []
        for maker in self._makers:
            try:
                done.append(await work(maker))
            except ModelError as error:
                failures.append(error)
        if not done:
            raise failures[0]
        for failure in failures:
            _log.warning("one Ollama has the adapters of the others not: %s", failure)
        return done

    @property
    def _prefix(self) -> str:
        return f"{self._family}/{self._owner}-"

    def _name(self, adapter: ServedAdapter) -> str:
        return f"{self._prefix}{adapter.digest[:12]}"


class _View:
    """A `ChatModel` that makes its model anew where somebody has removed it from the servers."""

    def __init__(
        self, engine: OllamaEngine, adapter: ServedAdapter, task: Task, model: OllamaChatModel
    ) -> None:
        self._engine = engine
        self._adapter = adapter
        self._task = task
        self._model = model

    @property
    def info(self) -> ModelInfo:
        return replace(
            self._model.info,
            digest=self._engine.base.info.digest,
            adapter=self._adapter.id,
            adapter_digest=self._adapter.digest,
        )

    async def chat(
        self, messages: Sequence[ChatMessage], options: ChatOptions = ChatOptions()
    ) -> AsyncGenerator[str, None]:
        begun = False
        try:
            async with aclosing(self._model.chat(messages, options)) as pieces:
                async for piece in pieces:
                    begun = True
                    yield piece
            return
        except ModelMissingError:
            if begun:
                raise
        model = await self._engine.make(self._adapter, self._task)
        async with aclosing(model.chat(messages, options)) as pieces:
            async for piece in pieces:
                yield piece

    async def structured(
        self,
        messages: Sequence[ChatMessage],
        schema: Mapping[str, Any],
        options: ChatOptions = ChatOptions(),
    ) -> Any:
        return await self._called(lambda model: model.structured(messages, schema, options))

    async def likelihoods(self, messages: Sequence[ChatMessage], labels: Sequence[str]) -> tuple[float, ...]:
        return await self._called(lambda model: model.likelihoods(messages, labels))

    async def close(self) -> None:
        """The engine's are closed with it."""

    async def _called(self, call: Callable[[OllamaChatModel], Coroutine[Any, Any, _T]]) -> _T:
        try:
            return await call(self._model)
        except ModelMissingError:
            return await call(await self._engine.make(self._adapter, self._task))


def owner_of(settings: Settings) -> str:
    """A short name of the database that says what serves: who shares it shares models on a server too."""
    url = settings.database_url.get_secret_value()
    kept = make_url(url).render_as_string() if url else str(settings.data_dir.resolve())
    return hashlib.sha256(kept.encode()).hexdigest()[:6]
