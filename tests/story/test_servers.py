"""The whole story on the real servers: corrected, trained, proven, promoted, right, and taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from agent.settings import Settings
from tests.servers.fixtures import SMOLLM2
from tests.servers.ollama import OllamaServer
from tests.servers.weaviate import WeaviateServer
from tests.story.play import staged
from tests.story.script import ASKED_AFTER
from tuning.recipes import Recipe

RECIPE: Final = Recipe(epochs=6, max_tokens=1536)
"""Half the epochs of the default, which SmolLM2 needs to tell one topic's letter from another at all."""


@pytest.mark.usefixtures("long_story", "training")
@pytest.mark.timeout(3600)  # a training takes what the machine takes
async def test_what_members_correct_is_learnt_proven_served_and_taken_back(
    tmp_path: Path,
    ollama_server: OllamaServer,
    weaviate_server: WeaviateServer,
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = Settings(
        data_dir=tmp_path,
        ollama_host=ollama_server.url,
        chat_model=f"{SMOLLM2}:latest",
        weaviate_url=weaviate_server.url,
        weaviate_grpc_port=weaviate_server.grpc_port,
        weaviate_collection="Story",
        database_url=postgres_url,
    )
    told: list[str] = []
    async with staged(settings, monkeypatch, told.append) as story:
        assert story.stage.installation.models.engine.base.info.engine == "ollama"
        await story.prepare()
        await story.trains_by(RECIPE)
        await story.good_days()
        await story.another_way_to_ask()
        before = await story.answers()
        await story.pattern()
        message = await story.approval(await story.training())
        assert {file.filename.rpartition(".")[2] for file in message.attachments} == {"png", "md"}
        after = await story.answers()
        await story.rollback()
        assert after >= ASKED_AFTER * 3 // 4 > before, told
        assert await story.answers() == before, told
