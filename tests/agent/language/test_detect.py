"""English and Spanish are told apart on a few words; other languages when there is enough to tell."""

from __future__ import annotations

import pytest

from agent.language.detect import by_words, decide, detect_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("When did we replace our pool pump?", "en"),
        ("how do I reset my pump", "en"),
        ("what about the filter?", "en"),
        ("Cuándo cambiamos la bomba?", "es"),
        ("¿Bomba nueva?", "es"),
        ("que aceite lleva el coche", "es"),
        ("y los filtros?", "es"),
        ("¿Quién tiene la llave del cobertizo?", "es"),
        ("Wann haben wir die Pumpe im Garten gewechselt?", "de"),
        ("Was ist das für eine Pumpe?", "de"),
        ("Quand avons-nous changé la pompe de la piscine ?", "fr"),
        ("The boiler was serviced in May.\nThe next service is due in November.", "en"),
        ("La caldera se revisó en mayo y la próxima revisión toca en noviembre.", "es"),
    ],
)
def test_detects(text: str, language: str) -> None:
    assert detect_language(text, default="xx") == language


@pytest.mark.parametrize("text", ["", "   ", "42", "🎉🎉", "ok", "pH", "\x00\x01", "\ud800", "?!"])
def test_a_text_that_cannot_tell_is_of_the_default_language(text: str) -> None:
    assert detect_language(text, default="es") == "es"


def test_a_very_long_text_is_detected_by_its_beginning() -> None:
    assert detect_language("La bomba de la piscina es nueva. " * 5000, default="en") == "es"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("the pump", "en"),
        ("la bomba", ""),
        ("the pump and el pool", "en"),
        ("¡nueva!", "es"),
        ("the el", ""),
        ("", ""),
    ],
)
def test_words_speak_for_a_language_only_when_it_has_more(text: str, language: str) -> None:
    assert by_words(text) == language


@pytest.mark.parametrize(
    ("letters", "words", "guess", "score", "language"),
    [
        (10, "es", "it", 0.99, "es"),
        (200, "es", "it", 0.99, "it"),
        (200, "es", "it", 0.4, "es"),
        (200, "en", "es", 0.99, "en"),
        (200, "", "de", 0.95, "de"),
        (200, "", "de", 0.5, "xx"),
        (10, "", "", 0.0, "xx"),
    ],
)
def test_decision(letters: int, words: str, guess: str, score: float, language: str) -> None:
    assert decide(letters=letters, words=words, guess=guess, score=score, default="xx") == language
