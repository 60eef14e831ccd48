"""A heading names what is told; it is never the answer itself."""

from __future__ import annotations

import pytest

from agent.answering.candidates import body_of, candidates
from tests.agent.answering.evidence import evidence, item


@pytest.mark.parametrize(
    ("text", "title", "location", "body"),
    [
        ("Mooring\n\nIt costs 95 dollars.", "Mooring", "", "It costs 95 dollars."),
        ("Pump\n\nIt hums.", "Manual", "Pool › Pump", "It hums."),
        ("Pool\n\nPump\n\nIt hums.", "Manual", "Pool › Pump", "It hums."),
        ("PÚMP \n\nIt hums.", "Manual", "Pump", "It hums."),
        ("Pump", "Manual", "Pump", "Pump"),
        ("Pump\n\n", "Manual", "Pump", "Pump\n\n"),
        ("It hums.\n\nPump", "Manual", "Pump", "It hums.\n\nPump"),
        ("It hums.", "", "", "It hums."),
    ],
)
def test_the_body_begins_after_the_passages_own_headings(
    text: str, title: str, location: str, body: str
) -> None:
    passage = item(text, title=title, location=location).passage
    assert text[body_of(passage) :] == body


def test_a_short_note_is_quoted_without_its_heading() -> None:
    note = item("Mooring\n\nThe mooring costs 95 dollars a month. It is paid in May.", title="Mooring")
    (only,) = candidates("What does the mooring cost?", evidence(note))
    assert only.text == "The mooring costs 95 dollars a month. It is paid in May."
