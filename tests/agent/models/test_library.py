"""Listing, installing and choosing models."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from gguf import GGUFWriter

from agent.errors import (
    ConfigurationError,
    DiskFullError,
    ModelBrokenError,
    ModelMissingError,
    UsageError,
)
from agent.models.choosing import BUNDLED_CHAT_MODEL, chosen_chat_model, chosen_embedder
from agent.models.library import (
    ModelEntry,
    install_model,
    list_models,
    open_chat_model,
    use_model,
)
from agent.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    """A GGUF file that is whole, and no model."""
    return made_gguf(tmp_path / "My Model.gguf")


@pytest.fixture
def cut_file(tmp_path: Path) -> Path:
    path = made_gguf(tmp_path / "cut.gguf")
    os.truncate(path, path.stat().st_size - 8)
    return path


def made_gguf(path: Path) -> Path:
    writer = GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_license("mit")
    writer.add_tensor("token_embd.weight", np.zeros((8, 8), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


async def entry(settings: Settings, name: str) -> ModelEntry:
    return next(entry for entry in await list_models(settings) if entry.name == name)


async def test_the_bundled_models_are_listed_and_the_defaults_in_use(settings: Settings) -> None:
    entries = await list_models(settings)
    assert {e.name: e.in_use for e in entries} == {
        "smollm2-135m": True,
        "multilingual-e5-small": True,
        "all-minilm-l6-v2": False,
    }
    assert all(e.bundled and not e.problem and e.size > 1e7 and len(e.digest) == 64 for e in entries)


async def test_an_installed_model_is_whole_and_recorded(settings: Settings, model_file: Path) -> None:
    seen: list[tuple[int, int]] = []
    made = await install_model(settings, model_file, progress=lambda *done: seen.append(done))
    assert (made.name, made.licence, made.problem) == ("my-model", "mit", "")
    assert made.size > 256
    assert seen[-1] == (made.size, made.size)
    assert await entry(settings, "my-model") == made
    folder = settings.data_dir / "models" / "chat"
    assert sorted(path.name for path in folder.iterdir()) == ["my-model.gguf", "my-model.json"]


async def test_a_broken_file_is_not_installed(settings: Settings, cut_file: Path) -> None:
    with pytest.raises(ModelBrokenError, match="cut short"):
        await install_model(settings, cut_file)
    assert not (settings.data_dir / "models" / "chat").exists()


@pytest.mark.parametrize("name", ["smollm2-135m", "../x", "A B", ".hidden"])
async def test_a_name_that_cannot_be_is_refused(settings: Settings, model_file: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be installed as"):
        await install_model(settings, model_file, name=name)


async def test_a_full_disk_leaves_nothing(
    settings: Settings, model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage(model_file)._replace(free=0)
    monkeypatch.setattr("agent.models.library.shutil.disk_usage", lambda _: full)
    with pytest.raises(DiskFullError, match="no room"):
        await install_model(settings, model_file)
    assert not list((settings.data_dir / "models" / "chat").iterdir())


async def test_an_installed_model_that_changed_is_a_problem(settings: Settings, model_file: Path) -> None:
    await install_model(settings, model_file)
    copy = settings.data_dir / "models" / "chat" / "my-model.gguf"
    copy.write_bytes(copy.read_bytes() + b"x")
    assert "changed since it was installed" in (await entry(settings, "my-model")).problem
    with pytest.raises(ModelBrokenError, match="changed"):
        await use_model(settings, "my-model")


async def test_a_choice_is_kept_and_a_setting_wins_over_it(settings: Settings, model_file: Path) -> None:
    await install_model(settings, model_file)
    await use_model(settings, "my-model")
    assert (await entry(settings, "my-model")).in_use
    await use_model(settings, "all-minilm-l6-v2")
    assert (chosen_chat_model(settings), chosen_embedder(settings)) == ("my-model", "all-minilm-l6-v2")
    explicit = Settings(
        data_dir=settings.data_dir, chat_model=BUNDLED_CHAT_MODEL, embedder="multilingual-e5-small"
    )
    assert chosen_chat_model(explicit) == BUNDLED_CHAT_MODEL
    assert chosen_embedder(explicit) == "multilingual-e5-small"
    with pytest.raises(ConfigurationError, match="LOREKEEPER_CHAT_MODEL is set"):
        await use_model(explicit, "my-model")


async def test_a_path_can_be_chosen(settings: Settings, model_file: Path) -> None:
    assert await use_model(settings, str(model_file)) == str(model_file)
    assert chosen_chat_model(settings) == str(model_file)
    shutil.move(model_file, settings.data_dir)
    assert "no model file" in (await entry(settings, str(model_file))).problem


@pytest.mark.parametrize("name", ["no-such-model", "/no/such.gguf", "all-minilm"])
async def test_a_model_that_is_not_there_cannot_be_chosen(settings: Settings, name: str) -> None:
    with pytest.raises(ModelMissingError):
        await use_model(settings, name)


async def test_a_damaged_choice_names_its_file(settings: Settings) -> None:
    (settings.data_dir / "models").mkdir(parents=True)
    (settings.data_dir / "models" / "use.json").write_text('{"embeder": 1}')
    with pytest.raises(ConfigurationError, match=r"use\.json"):
        await list_models(settings)


async def test_a_gguf_by_path_that_is_cut_short_is_one_clear_error(
    settings: Settings, cut_file: Path
) -> None:
    explicit = Settings(data_dir=settings.data_dir, chat_model=str(cut_file))
    with pytest.raises(ModelBrokenError, match="cut short"):
        await open_chat_model(explicit)


async def test_a_whole_gguf_that_is_no_model_is_one_clear_error(settings: Settings, model_file: Path) -> None:
    explicit = Settings(data_dir=settings.data_dir, chat_model=str(model_file))
    with pytest.raises(ModelBrokenError, match="cannot load"):
        await open_chat_model(explicit)
