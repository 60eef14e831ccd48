"""What the last page of `/setup` says is missing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.readiness import Found, lines_of
from bot.texts import ENGLISH, LANGUAGES

_READY = Found(missing=(), missing_in={}, reads_messages=True, answers_unasked=True, topics=3, sources=5)
_WORDS = ENGLISH.setup
_TOPICS = "✅ There are 3 topics."


@pytest.mark.parametrize(
    ("found", "lines"),
    [
        (_READY, [_WORDS.nothing_missing, _TOPICS, _WORDS.next_ask]),
        (replace(_READY, sources=0), [_WORDS.nothing_missing, _TOPICS, _WORDS.no_sources]),
        (replace(_READY, topics=0), [_WORDS.nothing_missing, _WORDS.no_topics, _WORDS.next_ask]),
        (
            replace(_READY, reads_messages=False, answers_unasked=False),
            [_WORDS.nothing_missing, _TOPICS, _WORDS.next_ask],
        ),
        (
            replace(_READY, reads_messages=False),
            [_WORDS.nothing_missing, _WORDS.missing_content, _TOPICS, _WORDS.next_ask],
        ),
        (
            replace(_READY, missing=("attach_files",)),
            [
                "⚠️ I lack the permission “Attach Files” on this server: give it to my role.",
                _TOPICS,
                _WORDS.next_ask,
            ],
        ),
        (
            replace(_READY, missing_in={7: ("send_messages",), 8: ()}),
            ["⚠️ I lack “Send Messages” in <#7>, where I should answer.", _TOPICS, _WORDS.next_ask],
        ),
    ],
)
def test_what_is_missing_is_named_and_what_to_do_next(found: Found, lines: list[str]) -> None:
    assert lines_of(found, ENGLISH) == lines


def test_what_is_missing_everywhere_is_not_said_of_each_channel() -> None:
    found = replace(_READY, missing=("send_messages",), missing_in={7: ("send_messages", "view_channel")})
    said = [line for line in lines_of(found, ENGLISH) if "Send Messages" in line]
    assert len(said) == 1
    assert "<#" not in said[0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_permission_of_the_invite_link_has_a_name(language: str) -> None:
    from bot.client import PERMISSIONS

    asked = {name for name, on in PERMISSIONS if on and name != "read_messages"}
    assert asked <= LANGUAGES[language].setup.permissions.keys()
