"""Bad input: what is mended, and the one line for what is refused."""

from __future__ import annotations

import pytest

from agent.errors import UsageError
from agent.understanding.clean import clean_question

LIMIT = 4000


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("When did we replace the pump?", "When did we replace the pump?"),
        ("  spaces \t everywhere  ", "spaces everywhere"),
        ("two\r\nlines", "two\nlines"),
        ("one\n\n\n \n\ntwo", "one\n\ntwo"),
        ("bell\x07 and\x00 null\x1b[31m", "bell and null"),
        ("pu\u200bmp fil\u200dter \ufeffsand so\u00adft", "pump filter sand soft"),
        ("safe\u202etxt.exe\u202c \u2066x\u2069", "safetxt.exe x"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("co\u0301mo", "cómo"),
        ("¿Cuándo cambiamos la bomba? ñ ü", "¿Cuándo cambiamos la bomba? ñ ü"),
        ("متى استبدلنا المضخة؟", "متى استبدلنا المضخة؟"),
        ("מתי החלפנו את המשאבה?", "מתי החלפנו את המשאבה?"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("who is 👩\u200d🔧 here", "who is 👩\u200d🔧 here"),
        ("when 🔧🏊?", "when 🔧🏊?"),
        ("2023", "2023"),
        ("x" * LIMIT, "x" * LIMIT),
        ("x" * LIMIT + "\u200b" * 10, "x" * LIMIT),
    ],
)
def test_what_can_be_mended_is_mended(text: str, cleaned: str) -> None:
    assert clean_question(text, LIMIT) == cleaned


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "The question is empty."),
        (" \n\t ", "The question is empty."),
        ("\u00a0\u2003", "The question is empty."),
        ("\u200b\u202e\x07", "The question holds only characters that cannot be seen."),
        ("\x00", "The question holds only characters that cannot be seen."),
        ("x" * 100_000, "The question is 100,000 characters long; at most 4,000 are allowed."),
        ("x" * (LIMIT + 1), "The question is 4,001 characters long; at most 4,000 are allowed."),
        ("🔧🏊", 'There is no question in "🔧🏊".'),
        ("👍" * 50, f'There is no question in "{"👍" * 20}…".'),
        ("?!…", 'There is no question in "?!…".'),
    ],
)
def test_what_is_no_question_is_refused_with_one_line_and_a_hint(text: str, line: str) -> None:
    with pytest.raises(UsageError) as refused:
        clean_question(text, LIMIT)
    assert str(refused.value) == line
    assert refused.value.hint


def test_cleaning_twice_changes_nothing() -> None:
    once = clean_question(" a\u200b \u0301b \r\n\r\n c ", LIMIT)
    assert clean_question(once, LIMIT) == once
