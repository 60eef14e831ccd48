"""What a run starts from, in the words of a person."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.errors import ModelMissingError, UsageError
from agent.settings import Settings
from tuning.runs.bases import find_base, hub_name


@pytest.mark.parametrize(
    ("named", "ollama", "expected"),
    [
        ("", False, ""),
        ("hf:owner/name", True, "owner/name"),
        ("hf:owner/name", False, "owner/name"),
        ("owner/name", False, "owner/name"),
        ("owner/name", True, ""),
        ("./owner/name", False, ""),
        ("owner/name.gguf", False, ""),
        ("owner/name:4b", False, ""),
        ("smollm2-135m", False, ""),
    ],
)
def test_which_names_are_of_the_hub(named: str, ollama: bool, expected: str) -> None:
    assert hub_name(named, ollama) == expected


async def test_what_serves_is_what_is_trained_on(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    base = await find_base(settings)
    assert base.is_served
    assert (base.name, base.licence) == ("smollm2-135m", "Apache-2.0")
    assert await find_base(settings, "smollm2-135m") == base
    by_path = await find_base(settings, str(base.path))
    assert (by_path.path, by_path.digest, by_path.source) == (base.path, base.digest, base.source)


async def test_the_same_model_unquantized_may_be_trained_on(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    folder = tmp_path / "model"
    folder.mkdir()
    with pytest.raises(UsageError, match=r"has no config\.json"):
        await find_base(settings, str(folder))
    (folder / "config.json").write_text("{}")
    served = await find_base(settings)
    for named, source in ((str(folder), str(folder)), ("hf:owner/name", "owner/name")):
        base = await find_base(settings, named)
        assert (base.path, base.digest, base.source) == (served.path, served.digest, source)
        assert not base.is_served


async def test_a_base_that_is_not_here_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelMissingError, match="There is no chat model nobody here"):
        await find_base(Settings(data_dir=tmp_path), "nobody")
