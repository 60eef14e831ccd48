"""Both languages say everything, with the same placeholders."""

from __future__ import annotations

import ast
import re
import string
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Final

import pytest

import bot
from agent.language.counts import Count
from bot.policy import Reason
from bot.texts import LANGUAGES, texts_for

_NUMBER_AND_PLURAL: Final = re.compile(r"\{\w+\} (?:\w+ )?(\w+s)\b")
_NO_PLURALS: Final = {"is", "has", "waits", "ms", "es", "más", "cambios"}
"""What follows a name or a number and ends in s: verbs, units, “3 más”, “3 sin cambios”."""


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


def _choices(text: str) -> set[str]:
    """The placeholders that say one or several."""
    return {name for _, name, spec, _ in string.Formatter().parse(text) if name and "|" in (spec or "")}


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


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_number_stands_before_a_plural_alone(language: str) -> None:
    found = {
        key: word
        for key, text in _flat(LANGUAGES[language])
        for word in _NUMBER_AND_PLURAL.findall(text)
        if word not in _NO_PLURALS
    }
    assert found == {}


def _said(text: str, chosen: str, number: int) -> str:
    """The text with this number for `chosen`, without its digits."""
    figures = {name: Count(2) for name in _placeholders(text)} | {chosen: Count(number)}
    return re.sub(r"\d", "", text.format(**figures))


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_is_said_in_other_words_than_none_and_two(language: str) -> None:
    choices = [(text, name) for _, text in _flat(LANGUAGES[language]) for name in _choices(text)]
    assert len(choices) > 40
    for text, name in choices:
        none, one, two = (_said(text, name, number) for number in range(3))
        assert none == two != one
        assert "|" not in one + two


def test_what_a_text_chooses_by_is_given_as_a_count() -> None:
    """Else it would fail at the first use in the language that chooses."""
    chosen = defaultdict[str, set[str]](set)
    for key, text in (each for texts in LANGUAGES.values() for each in _flat(texts)):
        chosen[key.rpartition(".")[2]] |= _choices(text)
    given = [
        (f"{path.name}:{call.lineno}", each.arg, ast.unparse(each.value))
        for path in Path(bot.__file__).parent.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "format"
        for each in call.keywords
        if isinstance(call.func.value, ast.Attribute) and each.arg in chosen[call.func.value.attr]
    ]
    assert len(given) > 25
    assert [each for each in given if not each[2].startswith("Count(")] == []
