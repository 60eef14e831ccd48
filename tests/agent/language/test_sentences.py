"""Where sentences end: tables in English and Spanish, and what holds for any text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.language.sentences import split_sentences


def _pieces(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


@pytest.mark.parametrize(
    "sentences",
    [
        ["The pump leaks.", "We called Marta!", "Why?", "No idea"],
        ["Dr. Smith replaced the pump on 12.05.2024 at 3 a.m. today.", "It weighs 3.5 kg, e.g. with oil."],
        ["See No. 5 in the manual.", "J. Smith came at 5 p.m. and left.", "It cost $3.50."],
        ["Mr. Lee et al. wrote it.", "Vol. 2 is here."],
        ["He said that it leaks.", "Then: nothing (see p. 5).", "See https://a.example/b.c?d=1 for more"],
        ["It took approx. 3 hours.", "Really?!", "Yes..."],
        ["El Sr. García cambió la bomba.", "Costó 120,50 € p. ej. en Leroy.", "¿Cuánto pesa?", "¡Mucho!"],
        ["La Sra. Pérez vive en la Avda. Mayor núm. 5.", "Vino el Dr. Ruiz.", "D. Juan no."],
        ["Cambiada el 12.05.2024 a las 5 p. m. por Luis.", "Compra aprox. 3 kg de sal.", "Tel. 555 123."],
        ["Cambiada el 12 de mayo.", "320 € en total.", "Tiene 3.5 kg. de arena"],
        ["😀 It leaks.", "Fix it 🔧."],
        ["مرحبا.", "كيف حالك؟", "بخير."],
        ["the pump broke.", "we bought another one for 300 euros."],
    ],
)
def test_prose_is_split_at_its_sentences(sentences: list[str]) -> None:
    assert _pieces(" ".join(sentences)) == sentences


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", []),
        ("  \n\t\n ", []),
        ("one\n\ntwo", ["one", "two"]),
        ("one\r\n\r\ntwo", ["one", "two"]),
        ("one \n   \n two", ["one", "two"]),
        ("# Pool\nThe pump leaks. Badly.", ["# Pool", "The pump leaks.", "Badly."]),
        ("Pool\n====\nThe pump leaks.", ["Pool", "The pump leaks."]),
        ("---\ntitle: Pool\n---\nThe pump leaks.", ["title: Pool", "The pump leaks."]),
        (
            "Things to buy:\n- Sand. 25 kg.\n- Chlorine\n\nDone.",
            ["Things to buy:", "- Sand. 25 kg.", "- Chlorine", "Done."],
        ),
        ("1. Close the valve.\n2. Open it.", ["1. Close the valve.", "2. Open it."]),
        ("- A long\n  item\n* next", ["- A long\n  item", "* next"]),
        ("| a | b |\n|---|---|\n| 1. | 2 |\nEnd.", ["| a | b |", "|---|---|", "| 1. | 2 |", "End."]),
        (
            "The sentence that somebody wrapped at the\nend of a line. And the next.",
            ["The sentence that somebody wrapped at the\nend of a line.", "And the next."],
        ),
        (
            "A line that is as long as lines are where an editor wrapped\nMarta wrote it. Yes.",
            ["A line that is as long as lines are where an editor wrapped\nMarta wrote it.", "Yes."],
        ),
        ("Date: 2024-05-12\nCost: 320 €\nWho: Marta", ["Date: 2024-05-12", "Cost: 320 €", "Who: Marta"]),
    ],
)
def test_lines_with_a_shape_stand_alone(text: str, pieces: list[str]) -> None:
    assert _pieces(text) == pieces


def test_a_long_list_item_is_split_at_its_sentences() -> None:
    sentence = "The pump was replaced by a plumber whom Marta knows from work."
    item = "- " + " ".join([sentence] * 6)
    assert _pieces(item) == ["- " + sentence] + [sentence] * 5


@given(st.text(alphabet=st.sampled_from("aB. \n\r-#|1?!:é😀\u2028\u200b\t"), max_size=80))
def test_spans_are_ordered_trimmed_and_lose_no_word(text: str) -> None:
    spans = split_sentences(text)
    flat = [offset for span in spans for offset in span]
    assert flat == sorted(flat)
    assert all(text[start:end] == text[start:end].strip() != "" for start, end in spans)
    covered = {at for start, end in spans for at in range(start, end)}
    assert not [at for at, sign in enumerate(text) if sign.isalnum() and at not in covered]


def test_a_long_text_takes_no_longer_than_its_length() -> None:
    assert len(split_sentences("The pump leaks today. " * 10_000)) == 10_000
