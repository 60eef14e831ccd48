"""The settings are documented whole and true, and a mistake in one is named with the right one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.errors import ConfigurationError
from agent.settings import Settings, load_settings, variable

EXAMPLE = Path(__file__).parents[2] / ".env.example"
_LINE = re.compile(r"^# ([A-Z_]+)=(.*)$", re.MULTILINE)


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)


def test_every_setting_is_documented_once_and_nothing_else() -> None:
    documented = [name for name, _ in _LINE.findall(EXAMPLE.read_text("utf-8"))]
    assert sorted(documented) == sorted(variable(name) for name in Settings.model_fields)


@pytest.mark.parametrize(("name", "value"), _LINE.findall(EXAMPLE.read_text("utf-8")))
def test_each_documented_default_is_the_default(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    field = next(field for field in Settings.model_fields if variable(field) == name)
    defaults = load_settings(None)
    if not value:
        assert field == "data_dir" or not getattr(defaults, field)
        return
    monkeypatch.setenv(name, value)
    assert getattr(load_settings(None), field) == getattr(defaults, field)


def test_each_setting_is_explained_above_its_line() -> None:
    for block in EXAMPLE.read_text("utf-8").split("\n\n")[1:]:
        lines = block.strip().splitlines()
        assert len(lines) >= 2
        assert all(line.startswith("# ") for line in lines)


def test_the_file_is_read_and_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env = tmp_path / ".env"
    env.write_text("LOREKEEPER_LANGUAGE=es\nLOREKEEPER_THREADS=3\nOTHER_PROGRAM=1\n", "utf-8")
    monkeypatch.setenv("LOREKEEPER_THREADS", "5")
    settings = load_settings(env)
    assert (settings.language, settings.threads) == ("es", 5)


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("LOREKEEPER_LANGAUGE", "LOREKEEPER_LANGUAGE"),
        ("LOREKEEPER_DATADIR", "LOREKEEPER_DATA_DIR"),
        ("LOREKEEPER_WEB_SECOND", "LOREKEEPER_WEB_SECONDS"),
        ("LOREKEEPER_OLLAMA_HOST", "OLLAMA_HOST"),
    ],
)
def test_a_misspelt_setting_names_the_right_one(
    name: str, right: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "x")
    with pytest.raises(ConfigurationError, match=f"Unknown setting {name}") as caught:
        load_settings(None)
    assert caught.value.hint == f"Did you mean {right}?"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("LOREKEEPER_THREADS", "many", "LOREKEEPER_THREADS is 'many'"),
        ("LOREKEEPER_THREADS", "-1", "LOREKEEPER_THREADS is '-1'"),
        ("LOREKEEPER_TIMEZONE", "Europe/Madird", "did you mean Europe/Madrid?"),
        ("LOREKEEPER_LANGUAGE", "fr", "LOREKEEPER_LANGUAGE is 'fr'"),
        ("LOREKEEPER_HYBRID_ALPHA", "1.5", "LOREKEEPER_HYBRID_ALPHA is '1.5'"),
    ],
)
def test_a_bad_value_is_one_clear_line(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(None)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
