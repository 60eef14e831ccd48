"""One Ollama server on which models are made of a base and an adapter.

Facts that are not obvious (Ollama 0.17):
* A model that is made `from` another keeps its layers, adapters too: they would pile up. So every model is
  made of files, and is told what the base says beside its weights: template, system prompt, parameters.
* What is removed while it is in memory stays there for as long as it was to be kept, and can be neither
  called nor unloaded by then; of models that are to be kept equally long, the one whose file's name sorts
  first makes room for another. So it could drive out those that serve.
* What a server tells of a model's parameters is text, quoted as in Go: for all that occurs, as in JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from agent.errors import ModelBrokenError, ModelMissingError
from agent.models._ollama.client import ModelFacts, OllamaClient
from agent.models._ollama.errors import translated

_HOW: Final = re.compile(r"^(RENDERER|PARSER) (\S+)$", re.MULTILINE)
_KEPT: Final = ("template", "system", "license")


class Maker:
    """Raises `ModelError` and its children only."""

    def __init__(self, address: str, connect_seconds: float) -> None:
        self.address = address
        self._client = OllamaClient(address, connect_seconds)

    async def models(self, prefix: str) -> Mapping[str, ModelFacts]:
        """Return what the server has under names that begin so."""
        with translated(self.address, prefix):
            names = [tag.name for tag in await self._client.tags() if tag.name.startswith(prefix)]
            return {name: await self._client.facts(name) for name in names}

    async def like(self, base: str) -> Mapping[str, Any]:
        """Return what a model must be made with, beside weights, to be prompted as `base` is."""
        with translated(self.address, base):
            return described(await self._client.shown(base))

    async def has(self, digest: str) -> bool:
        """Whether the server has the file of this sha256."""
        with translated(self.address, digest):
            return await self._client.has_blob(digest)

    async def give(self, path: Path, digest: str) -> None:
        """Give the server a file, unless it has it."""
        with translated(self.address, path.name):
            if not await self._client.has_blob(digest):
                await self._client.send_blob(path, digest)

    async def make(self, name: str, weights: str, adapter: str, like: Mapping[str, Any]) -> None:
        """Make a model of two files that the server has, and see that it is made of just these."""
        with translated(self.address, name):
            files = {"base.gguf": f"sha256:{weights}"}
            adapters = {"adapter.gguf": f"sha256:{adapter}"}
            await self._client.make({"model": name, "files": files, "adapters": adapters, **like})
            facts = await self._client.facts(name)
        if (facts.weights, facts.adapters) != (weights, (adapter,)):
            raise ModelBrokenError(f"Ollama at {self.address} made {name} of other files than it was told.")

    async def remove(self, name: str) -> None:
        """Remove a model, if it is there, from memory too; calls that are under way end first."""
        try:
            with translated(self.address, name):
                try:
                    await self._client.unload(name)
                finally:
                    await self._client.delete(name)
        except ModelMissingError:
            return

    async def close(self) -> None:
        await self._client.close()


def described(shown: Mapping[str, Any]) -> Mapping[str, Any]:
    """What /api/create is to be told of what /api/show says."""
    like: dict[str, Any] = {part: shown[part] for part in _KEPT if shown.get(part)}
    like |= {kind.lower(): name for kind, name in _HOW.findall(shown.get("modelfile") or "")}
    parameters = parsed_parameters(shown.get("parameters") or "")
    return like | ({"parameters": parameters} if parameters else {})


def parsed_parameters(text: str) -> Mapping[str, Any]:
    """Read lines of a name and a value; a name that comes again has a list."""
    found: dict[str, list[Any]] = {}
    for line in text.splitlines():
        name, _, value = line.strip().partition(" ")
        if name:
            found.setdefault(name, []).append(_value(value.strip()))
    single = {name: values[0] for name, values in found.items() if len(values) == 1 and name != "stop"}
    return found | single


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
