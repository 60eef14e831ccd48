"""Which settings a running bot takes over, and which wait for a restart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.settings import Settings
from bot.reloading import LIVE, differences


@pytest.mark.parametrize(
    ("changed", "live", "waiting"),
    [
        ({}, (), ()),
        ({"rewrites": 2}, ("rewrites",), ()),
        ({"timezone": "Europe/Madrid"}, (), ("timezone",)),
        ({"repairs": 3, "answer_tokens": 99, "threads": 2}, ("answer_tokens", "repairs"), ("threads",)),
        ({"discord_token": "another"}, (), ("discord_token",)),
    ],
)
def test_changes_are_told_apart(
    changed: dict[str, Any], live: tuple[str, ...], waiting: tuple[str, ...], tmp_path: Path
) -> None:
    running, read = Settings(data_dir=tmp_path), Settings(data_dir=tmp_path, **changed)
    found = differences(running, read)
    assert (found.live, found.waiting) == (live, waiting)


def test_what_is_live_is_a_setting() -> None:
    assert set(Settings.model_fields) >= LIVE
