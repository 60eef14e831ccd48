"""What is kept of "remember that ...". The clock: Sunday, 22 November 2026."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from agent.errors import UsageError
from agent.understanding.entry import read_entry

NOW = datetime(2026, 11, 22, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "language", "fact", "day"),
    [
        (
            "remember that yesterday we replaced the pool pump with a Hayward",
            "en",
            "yesterday we replaced the pool pump with a Hayward",
            date(2026, 11, 21),
        ),
        (
            "yesterday we replaced the pool pump",
            "en",
            "yesterday we replaced the pool pump",
            date(2026, 11, 21),
        ),
        ("Note: the filter is 50 cm wide.", "en", "the filter is 50 cm wide.", None),
        ("remember that last summer we painted", "en", "last summer we painted", None),
        ("recuerda que el lunes pasado vino Luis", "es", "el lunes pasado vino Luis", date(2026, 11, 16)),
        ("apunta que hoy cambié el aceite", "es", "hoy cambié el aceite", date(2026, 11, 22)),
        ("la caldera es de 2019", "es", "la caldera es de 2019", None),
        ("who has the key? Ana.", "en", "who has the key? Ana.", None),
    ],
)
def test_the_fact_stays_verbatim_and_its_day_is_resolved(
    text: str, language: str, fact: str, day: date | None
) -> None:
    draft = read_entry(text, NOW, language)
    assert (draft.text, draft.date) == (fact, day)


@pytest.mark.parametrize(
    "text", ["", "  ", "remember that", "Recuerda que:", "note:", "remember that ...", "🔧"]
)
def test_nothing_to_remember_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="nothing to remember"):
        read_entry(text, NOW, "en")
