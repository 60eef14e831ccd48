"""Both languages say everything, with the same placeholders."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import pytest

from bot.policy import Reason
from bot.texts import LANGUAGES, texts_for


def _flat(texts: Any) -> Iterator[tuple[str, str]]:
    for field in fields(texts):
        value = getattr(texts, field.name)
        if is_dataclass(value):
            yield from ((f"{field.name}.{key}", text) for key, text in _flat(value))
        elif isinstance(value, Mapping):
            yield from ((f"{field.name}.{key}", text) for key, text in value.items())
        elif field.name != "language":
            yield field.name, value


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_there_with_the_same_placeholders(language: str) -> None:
    english, other = dict(_flat(LANGUAGES["en"])), dict(_flat(LANGUAGES[language]))
    assert english.keys() == other.keys()
    assert {key: _placeholders(text) for key, text in english.items()} == {
        key: _placeholders(text) for key, text in other.items()
    }
    assert all(text.strip() for text in other.values())


def test_languages_are_not_each_other() -> None:
    english, spanish = dict(_flat(LANGUAGES["en"])), dict(_flat(LANGUAGES["es"]))
    assert [key for key in english if english[key] == spanish[key]] == ["not_answered"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_decision_has_words(language: str) -> None:
    assert set(LANGUAGES[language].decisions) == set(Reason)


@pytest.mark.parametrize("language", LANGUAGES)
def test_discord_takes_the_lengths(language: str) -> None:
    texts = LANGUAGES[language]
    assert all(len(text) <= 100 for text in texts.descriptions.values())
    assert all(len(text) <= 100 for text in texts.reasons.values())
    assert len(texts.not_helpful_title) <= 45


@pytest.mark.parametrize(
    ("asked", "spoken"),
    [
        (["es-419"], "es"),
        (["es-ES"], "es"),
        (["en-GB"], "en"),
        (["fr", "es"], "es"),
        (["", "xx"], "en"),
        ([], "en"),
    ],
)
def test_the_first_spoken_language_is_taken(asked: list[str], spoken: str) -> None:
    assert texts_for(*asked).language == spoken
