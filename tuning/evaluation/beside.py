"""A model of its own beside the base that it was made from, as an engine to judge it with.

Both are in this process, also where Ollama serves: otherwise the gate would compare the speed of two engines.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from agent.errors import ModelError
from agent.models.library import thread_count
from agent.models.protocol import ChatModel
from agent.serving.protocol import AdapterEngine
from agent.serving.served import ServedAdapter, Task
from agent.settings import Settings
from tuning.runs.bases import BaseModel


class BesideEngine:
    """Implements `AdapterEngine`: who asks for the adapter that is called as the model is given the model."""

    def __init__(self, engine: AdapterEngine, model: ChatModel) -> None:
        self._engine = engine
        self.model = model

    @property
    def base(self) -> ChatModel:
        """See `AdapterEngine.base`."""
        return self._engine.base

    def base_digest(self) -> str:
        """See `AdapterEngine.base_digest`."""
        return self._engine.base_digest()

    async def adapted(self, adapter: ServedAdapter, task: Task) -> ChatModel:
        """See `AdapterEngine.adapted`."""
        return self.model if self._is_model(adapter) else await self._engine.adapted(adapter, task)

    async def prepare(self, adapters: Collection[tuple[ServedAdapter, Task]]) -> Mapping[str, ModelError]:
        """See `AdapterEngine.prepare`. The model is loaded already."""
        return await self._engine.prepare([each for each in adapters if not self._is_model(each[0])])

    async def close(self) -> None:
        """See `AdapterEngine.close`."""
        await self.model.close()
        await self._engine.close()

    def _is_model(self, adapter: ServedAdapter) -> bool:
        return adapter.id == self.model.info.name


async def open_beside(
    settings: Settings, base: BaseModel, file: Path, digest: str, name: str
) -> BesideEngine:
    """Open the GGUF file of a model beside its base. Raises `ModelBrokenError`."""
    # C code that may not fit this machine; who uses Ollama for all else meets it here first.
    from agent.models.llama import LlamaChatModel, LlamaConfig
    from agent.serving.embedded import EmbeddedEngine

    def config(path: Path, digest: str, name: str) -> LlamaConfig:
        return LlamaConfig(
            path=path,
            name=name,
            digest=digest,
            threads=thread_count(settings),
            context_tokens=settings.context_tokens,
        )

    engine = await EmbeddedEngine.open(config(base.path, base.digest, base.name), settings.data_dir)
    try:
        model = await LlamaChatModel.open(config(file, digest, name))
    except ModelError:
        await engine.close()
        raise
    return BesideEngine(engine, model)
