from __future__ import annotations

import pytest

from agent.answering.cues import (
    AnswerType,
    answer_type,
    asks_for_latest,
    asks_when_it_happened,
    holds,
    tells_a_date,
)
from agent.answering.words import content_words, language_of, numbers_in


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("When did we replace the pump?", AnswerType.DATE),
        ("¿Cuándo cambiamos la bomba?", AnswerType.DATE),
        ("What year was it built?", AnswerType.DATE),
        ("How much did it cost?", AnswerType.NUMBER),
        ("¿Cuántos litros caben?", AnswerType.NUMBER),
        ("Who fixed the roof when it leaked?", AnswerType.PERSON),
        ("¿Quién arregló el tejado?", AnswerType.PERSON),
        ("Where is the key?", AnswerType.PLACE),
        ("¿Dónde está la llave?", AnswerType.PLACE),
        ("Why does it hum?", AnswerType.REASON),
        ("¿Por qué zumba?", AnswerType.REASON),
        ("Which pump do we have?", AnswerType.OTHER),
        ("", AnswerType.OTHER),
    ],
)
def test_the_first_question_word_tells_the_kind(question: str, expected: AnswerType) -> None:
    assert answer_type(question) is expected


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (AnswerType.DATE, "It was in 1973.", True),
        (AnswerType.DATE, "El 3 de mayo.", True),
        (AnswerType.DATE, "Every Tuesday.", True),
        (AnswerType.DATE, "It may hum.", False),
        (AnswerType.NUMBER, "For $450.", True),
        (AnswerType.NUMBER, "Dos kilos.", True),
        (AnswerType.NUMBER, "It hums.", False),
        (AnswerType.PERSON, "Then Tom came.", True),
        (AnswerType.PERSON, "He came.", False),
        (AnswerType.PLACE, "We met in Murcia.", True),
        (AnswerType.REASON, "Because it is old.", True),
        (AnswerType.REASON, "It is old.", False),
        (AnswerType.OTHER, "", True),
    ],
)
def test_a_text_holds_a_kind_of_answer(kind: AnswerType, text: str, expected: bool) -> None:
    assert holds(kind, text) is expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("When did we replace the pump?", True),
        ("When was the boiler installed?", True),
        ("What day did Olive die?", True),
        ("How long ago did we move?", True),
        ("¿Cuándo cambiamos la bomba?", True),
        ("¿Cuándo se instaló la caldera?", True),
        ("¿Cuándo murió Olive?", True),
        ("¿Cuándo fue la última revisión?", True),
        ("¿Cuándo hemos podado el arce?", True),
        ("When should we prune the maple?", False),
        ("When do the peas go in?", False),
        ("When is the tax due?", False),
        ("¿Cuándo hay que podar el arce?", False),
        ("¿Cuándo tenemos que pagar?", False),
        ("¿Cuándo vence el seguro?", False),
        ("Who was it?", False),
    ],
)
def test_only_past_events_are_dated_by_their_entry(question: str, expected: bool) -> None:
    assert asks_when_it_happened(question) is expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is the latest price?", True),
        ("¿Cuál fue la última factura?", True),
        ("What do we pay now?", True),
        ("What did it cost?", False),
    ],
)
def test_the_newest_is_asked_for(question: str, expected: bool) -> None:
    assert asks_for_latest(question) is expected


@pytest.mark.parametrize(("text", "expected"), [("May 2024", True), ("on 14 May", True), ("we may", False)])
def test_may_is_a_month_only_beside_a_number(text: str, expected: bool) -> None:
    assert tells_a_date(text) is expected


@pytest.mark.parametrize(
    ("one", "other"),
    [("pumps", "pump"), ("converted", "conversion"), ("Cámbialo", "cambialos"), ("replaced", "replacing")],
)
def test_forms_of_a_word_are_one_word(one: str, other: str) -> None:
    assert content_words(one) == content_words(other) != ()


def test_function_words_say_nothing() -> None:
    assert content_words("When did we? ¿Cuándo lo hicimos con el?") == content_words("hicimos")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("When did we do it?", "en"), ("¿Cuándo lo hicimos?", "es"), ("Hayward 3000", ""), ("", "")],
)
def test_function_words_tell_the_language(text: str, expected: str) -> None:
    assert language_of(text) == expected


def test_numbers_lose_their_leading_zeros() -> None:
    assert numbers_in("2024-05-14, 0, 450.50 and 10:30") == ("2024", "5", "14", "0", "450.50", "10:30")
