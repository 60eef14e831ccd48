"""A real Ollama with its models in a temporary folder."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.servers.binaries import OLLAMA_SERVER
from tests.servers.server import Server, answers, free_ports


class OllamaServer(Server):
    """Has no model until `create` made one."""

    name = "Ollama"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (self.port,) = free_ports(1)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> Sequence[str]:
        return [str(OLLAMA_SERVER), "serve"]

    def environment(self) -> Mapping[str, str]:
        return {
            "OLLAMA_HOST": f"127.0.0.1:{self.port}",
            "OLLAMA_MODELS": str(self.folder / "models"),
            "HOME": str(self.folder),
        }

    def ready(self) -> bool:
        return answers(f"{self.url}/api/version")

    def create(self, model: str, gguf: Path, **settings: Any) -> None:
        """Make a model of a GGUF file; `settings` as in Ollama's POST /api/create."""
        content = gguf.read_bytes()
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        with httpx.Client(base_url=self.url, timeout=60.0, trust_env=False) as client:
            client.post(f"/api/blobs/{digest}", content=content).raise_for_status()
            request = {"model": model, "files": {gguf.name: digest}, "stream": False, **settings}
            client.post("/api/create", json=request).raise_for_status()
