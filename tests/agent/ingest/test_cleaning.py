import pytest

from agent.ingest.cleaning import clean_link, clean_text, clean_title


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
        ("a\x00b\x1b[31mc", "ab[31mc"),
        ("pay \u202e005 EUR\u202c", "pay 005 EUR"),
        ("lone \ud800 surrogate", "lone  surrogate"),
        ("\ttabs and ñ, 日本 and 🏊 stay", "\ttabs and ñ, 日本 and 🏊 stay"),
    ],
)
def test_text_loses_what_cannot_be_shown_or_stored(given: str, expected: str) -> None:
    assert clean_text(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("  Pool \n\t pump  ", "Pool pump"),
        ("in\u200bvisible\u202e evil", "invisible evil"),
        ("x" * 300, "x" * 199 + "…"),
        ("\x00\x07", ""),
    ],
)
def test_a_title_is_one_short_visible_line(given: str, expected: str) -> None:
    assert clean_title(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://example.org/a?b=c#d", "https://example.org/a?b=c#d"),
        ("javascript:alert(1)", ""),
        ("file:///etc/passwd", ""),
        ("https://example.org/a b", ""),
        ("https://example.org/\u202egpj.exe", ""),
        ("<https://example.org>", ""),
    ],
)
def test_only_a_plain_web_address_is_a_link(given: str, expected: str) -> None:
    assert clean_link(given) == expected
