"""Adapters in this process: one llama.cpp with all of them loaded, and each call chooses one or none.

llama.cpp takes adapters in only when it is made. So when one is missing, another llama.cpp is made beside the
one that serves (half a second for 135M parameters; the weights are mapped and shared, the caches are not) and
takes its place for every call that begins from then on. Calls that are under way end on the old one, which is
closed when the last of them has ended.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from agent.contracts import ModelInfo
from agent.errors import ModelBrokenError, ModelError
from agent.models.llama import AdapterFile, LlamaChatModel, LlamaConfig
from agent.models.protocol import ChatMessage, ChatModel, ChatOptions
from agent.serving.files import checked_file
from agent.serving.served import ServedAdapter, Task

_SPARE: Final = 4
"""Adapters that stay loaded though they serve no longer: a rollback finds the one before."""

_T = TypeVar("_T")


@dataclass(slots=True, eq=False)
class _Server:
    """One llama.cpp. `calls` and `retired` change under the engine's lock only."""

    model: LlamaChatModel
    adapters: Mapping[str, AdapterFile]
    """By digest, those that were needed last at the end."""
    calls: int = 0
    retired: bool = False


class EmbeddedEngine:
    """Implements `AdapterEngine`. Not bound to an event loop."""

    def __init__(self, config: LlamaConfig, data_dir: Path, model: LlamaChatModel) -> None:
        self._config = config
        self._data_dir = data_dir
        self._serving = _Server(model, {})
        self._open = {self._serving}
        self._lock = threading.Lock()
        # One thread, so that what is loaded never changes while it is being changed.
        self._hand = ThreadPoolExecutor(1, thread_name_prefix="adapters")
        self._closed = False

    @classmethod
    async def open(cls, config: LlamaConfig, data_dir: Path) -> EmbeddedEngine:
        """Load checked weights without adapters. Raises `ModelBrokenError`."""
        return cls(config, data_dir, await LlamaChatModel.open(config))

    @property
    def base(self) -> ChatModel:
        """See `AdapterEngine.base`."""
        return _View(self, None)

    @property
    def info(self) -> ModelInfo:
        """Of the model as it is."""
        return self._serving.model.info

    def base_digest(self) -> str:
        """See `AdapterEngine.base_digest`."""
        return self._config.digest

    async def adapted(self, adapter: ServedAdapter, task: Task) -> ChatModel:
        """See `AdapterEngine.adapted`. The task makes no difference here."""
        if adapter.digest not in self._serving.adapters:
            await self._by_hand(lambda: self._add(adapter))
        return _View(self, adapter)

    async def prepare(self, adapters: Collection[tuple[ServedAdapter, Task]]) -> Mapping[str, ModelError]:
        """See `AdapterEngine.prepare`."""
        wanted = {adapter for adapter, _ in adapters}
        return await self._by_hand(lambda: self._prepare(wanted))

    async def close(self) -> None:
        """See `AdapterEngine.close`."""
        with self._lock:
            self._closed = True
        await asyncio.to_thread(self._hand.shutdown)
        await asyncio.gather(*(server.model.close() for server in list(self._open)))

    @asynccontextmanager
    async def lent(self, adapter: ServedAdapter | None) -> AsyncIterator[LlamaChatModel]:
        """The model that speaks through the adapter or as it is, which stays open inside of the block."""
        server = await self._taken(adapter)
        try:
            yield server.model if adapter is None else server.model.using(adapter.digest)
        finally:
            self._given_back(server)

    async def _taken(self, adapter: ServedAdapter | None) -> _Server:
        while True:
            with self._lock:
                server = self._serving
                if adapter is None or adapter.digest in server.adapters:
                    server.calls += 1
                    return server
            # It was forgotten after this call's model had been chosen.
            await self._by_hand(lambda: self._add(adapter))

    def _given_back(self, server: _Server) -> None:
        with self._lock:
            server.calls -= 1
            over = server.retired and not server.calls and not self._closed
            if over:
                self._hand.submit(self._unload, server)

    async def _by_hand(self, work: Callable[[], _T]) -> _T:
        with self._lock:
            if self._closed:
                raise ModelError(f"The model {self._config.name} is closed.")
            done = self._hand.submit(work)
        return await asyncio.wrap_future(done)

    def _add(self, adapter: ServedAdapter) -> None:
        self._serve(self._serving.adapters, [self._file(adapter)])

    def _prepare(self, wanted: Iterable[ServedAdapter]) -> dict[str, ModelError]:
        files: list[AdapterFile] = []
        problems: dict[str, ModelError] = {}
        for adapter in wanted:
            try:
                files.append(self._file(adapter))
            except ModelError as error:
                problems[adapter.id] = error
        try:
            self._serve(self._kept(files), files)
        except ModelBrokenError:
            for adapter in wanted:
                if adapter.id not in problems:
                    problems |= self._tried(adapter)
        return problems

    def _tried(self, adapter: ServedAdapter) -> dict[str, ModelError]:
        """Add one by itself, as nobody can tell which of several llama.cpp refused."""
        try:
            self._add(adapter)
        except ModelError as error:
            return {adapter.id: error}
        return {}

    def _kept(self, wanted: Iterable[AdapterFile]) -> dict[str, AdapterFile]:
        """What stays beside `wanted`: all of it, until it is too much."""
        needed = {file.digest for file in wanted}
        spare = [file for file in self._serving.adapters.values() if file.digest not in needed]
        return {file.digest: file for file in spare[-_SPARE:]}

    def _serve(self, kept: Mapping[str, AdapterFile], wanted: Iterable[AdapterFile]) -> None:
        """Let a server with both take over, unless this one has just that."""
        adapters = {**kept}
        for file in wanted:
            adapters.pop(file.digest, None)
            adapters[file.digest] = file
        if adapters.keys() == self._serving.adapters.keys():
            with self._lock:
                self._serving.adapters = adapters
            return
        config = replace(self._config, adapters=tuple(adapters.values()))
        fresh = _Server(LlamaChatModel.load(config), adapters)
        with self._lock:
            old, self._serving = self._serving, fresh
            self._open.add(fresh)
            old.retired = True
            over = not old.calls
        if over:
            self._unload(old)

    def _unload(self, server: _Server) -> None:
        server.model.unload()
        with self._lock:
            self._open.discard(server)

    def _file(self, adapter: ServedAdapter) -> AdapterFile:
        path = checked_file(adapter, self._data_dir, self._config.digest)
        # Known by its digest, under which two guilds may have it with ids of their own.
        return AdapterFile(name=adapter.digest, path=path, digest=adapter.digest)


class _View:
    """A `ChatModel` over whichever server serves when it is called."""

    def __init__(self, engine: EmbeddedEngine, adapter: ServedAdapter | None) -> None:
        self._engine = engine
        self._adapter = adapter

    @property
    def info(self) -> ModelInfo:
        if self._adapter is None:
            return self._engine.info
        return replace(self._engine.info, adapter=self._adapter.id, adapter_digest=self._adapter.digest)

    async def chat(
        self, messages: Sequence[ChatMessage], options: ChatOptions = ChatOptions()
    ) -> AsyncGenerator[str, None]:
        async with (
            self._engine.lent(self._adapter) as model,
            aclosing(model.chat(messages, options)) as pieces,
        ):
            async for piece in pieces:
                yield piece

    async def structured(
        self,
        messages: Sequence[ChatMessage],
        schema: Mapping[str, Any],
        options: ChatOptions = ChatOptions(),
    ) -> Any:
        async with self._engine.lent(self._adapter) as model:
            return await model.structured(messages, schema, options)

    async def likelihoods(self, messages: Sequence[ChatMessage], labels: Sequence[str]) -> tuple[float, ...]:
        async with self._engine.lent(self._adapter) as model:
            return await model.likelihoods(messages, labels)

    async def close(self) -> None:
        if self._adapter is None:
            await self._engine.close()
