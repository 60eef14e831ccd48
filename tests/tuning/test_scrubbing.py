"""What the scrubber finds of a test set in two languages, and what it leaves alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tuning.scrubbing import AUTHORS, ROWS, TOPICS, line_of, measure
from tuning.scrubbing.finds import Kind
from tuning.scrubbing.scrubber import Scrubber


@pytest.fixture(scope="module")
def scrubber() -> Scrubber:
    return Scrubber(AUTHORS, keep=TOPICS)


@pytest.mark.parametrize(("of", "recall", "wrong"), [("development", 0.98, 0), ("held out", 0.82, 2)])
def test_it_finds_what_is_personal_and_leaves_the_rest(of: str, recall: float, wrong: int) -> None:
    """The bounds are what was measured."""
    measured = measure(of)
    print(of, *measured.missed, "leaves not:", *measured.wrong, sep="\n")
    print(*(f"{kind}: {measured.found[kind]} of {measured.total[kind]}" for kind in Kind), sep="\n")
    assert measured.recall >= recall, measured.missed
    assert len(measured.wrong) <= wrong, measured.wrong


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("", ""),
        ("ana garcía y ben", "[name] y [name]"),
        ("The Pool Guy cleans the pool", "[name] cleans the pool"),
        ("Mark can mark the valve", "[name] can mark the valve"),
        ("joists, not Jo or jo", "joists, not [name] or jo"),
        ("Anastasia's anaconda", "Anastasia's anaconda"),
        ("mail ana@example.com, call 415-555-0199", "mail [email], call [phone]"),
        ("rtsp://admin:hunter2@camera.local/1", "rtsp://[secret]/1"),
        ("[name] wrote [email]", "[name] wrote [email]"),
        ("the key is in https://example.com/m.pdf?page=2", "the key is in https://example.com/m.pdf?page=2"),
    ],
)
def test_a_placeholder_says_what_stood_there(scrubber: Scrubber, text: str, scrubbed: str) -> None:
    assert scrubber.scrub(text) == scrubbed


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["text"])
def test_scrubbing_twice_changes_nothing_more(scrubber: Scrubber, row: dict[str, str]) -> None:
    once = scrubber.scrub(line_of(row["text"]).text)
    assert scrubber.scrub(once) == once


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("card 4242 4242 4242 4242", "card 4242 4242 4242 4243"),
        ("GB82 WEST 1234 5698 7654 32", "GB83 WEST 1234 5698 7654 32"),
        ("12345678Z", "12345678A"),
        ("203.0.113.77", "203.0.113.777"),
    ],
)
def test_a_checksum_decides_where_digits_prove_nothing(right: str, wrong: str) -> None:
    assert Scrubber().find(right)
    assert not Scrubber().find(wrong)


@pytest.mark.parametrize(
    "piece", ["a ", "1 ", "1-", "a.", "a@", "A b ", "calle A ", "12 Oak ", "code is ", "::"]
)
def test_no_text_takes_long(scrubber: Scrubber, piece: str) -> None:
    scrubber.scrub(piece * 2_000)


@given(st.text(alphabet="aA1 .:@[]-/#é\n", max_size=60))
def test_finds_are_in_order_and_apart(text: str) -> None:
    finds = Scrubber(AUTHORS).find(text)
    edges = [edge for find in finds for edge in (find.start, find.end)]
    assert edges == sorted(edges)
    assert all(0 <= find.start < find.end <= len(text) for find in finds)
