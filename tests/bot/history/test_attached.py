"""Which attached files are read as words."""

from __future__ import annotations

import pytest

from bot.history.attached import MOST_BYTES, is_text


@pytest.mark.parametrize(
    ("name", "content_type", "size", "kept"),
    [
        ("notes.txt", "text/plain; charset=utf-8", 10, True),
        ("NOTES.MD", None, 10, True),
        ("list.csv", "application/octet-stream", MOST_BYTES, True),
        ("message", "text/plain; charset=utf-8", 10, True),
        ("notes.txt", "text/plain", MOST_BYTES + 1, False),
        ("page.html", "text/html", 10, False),
        ("run.sh", "text/plain", 10, False),
        ("pump.png", "image/png", 10, False),
        ("paper.pdf", "application/pdf", 10, False),
        ("message", None, 10, False),
    ],
)
def test_only_small_plain_text_is_kept(name: str, content_type: str | None, size: int, kept: bool) -> None:
    assert is_text(name, content_type, size) is kept
