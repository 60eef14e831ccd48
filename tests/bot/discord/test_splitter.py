"""What is cut, where, and that nothing is lost or broken by it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.splitter import LIMIT, lay_out, split

_LINK = re.compile(r"\[[^\]\n]*\]\(<https://[^)\n]*>\)|https://\S+")
_WORDS = st.text(alphabet="abcdé .,!?ñ中👩🏽\u200d🚒é`*_-", min_size=1, max_size=300).filter(
    lambda text: "```" not in text
)
_CODE_BLOCKS = st.builds(
    lambda language, lines: f"```{language}\n" + "\n".join(lines) + "\n```",
    st.sampled_from(["", "py", "json"]),
    st.lists(st.text(alphabet="xyz =()#é", min_size=1, max_size=400), min_size=1, max_size=20),
)
_LINKS = st.builds(
    lambda words, path: f"[{words}](<https://example.org/{path}>)",
    st.text(alphabet="ab c", min_size=1, max_size=40),
    st.text(alphabet="abc123/-", min_size=1, max_size=120),
)
_LISTS = st.builds(
    lambda mark, items: "\n".join(f"{mark} {item}" for item in items),
    st.sampled_from(["-", "*", "1."]),
    st.lists(st.text(alphabet="abc de.", min_size=1, max_size=200), min_size=1, max_size=15),
)
_TEXTS = st.lists(st.one_of(_WORDS, _CODE_BLOCKS, _LINKS, _LISTS), min_size=1, max_size=12).map("\n\n".join)


def _bare(text: str) -> str:
    """The text without what cutting may add or drop: white space, and fences with their language."""
    return re.sub(r"\s+", "", re.sub(r"```(?:py|json)?\n?", "", text))


@given(_TEXTS, st.integers(min_value=200, max_value=LIMIT))
def test_every_message_fits_and_nothing_is_lost(text: str, limit: int) -> None:
    messages = split(text, limit)
    assert all(0 < len(message) <= limit for message in messages)
    # Apart, as they are shown: a backtick at the end of one would else be read with the fence of the next.
    assert _bare("\n".join(messages)) == _bare(text)


@given(_TEXTS, st.integers(min_value=200, max_value=LIMIT))
def test_fences_are_whole_and_links_are_in_one_message(text: str, limit: int) -> None:
    messages = split(text, limit)
    assert all(message.count("```") % 2 == 0 for message in messages)
    for link in _LINK.findall(text):
        assert any(link in message for message in messages)


@given(st.lists(st.text(alphabet="abc de.", min_size=1, max_size=150), min_size=2, max_size=30))
def test_a_list_item_is_never_parted(items: list[str]) -> None:
    lines = [f"- {item}" for item in items]
    messages = split("\n".join(lines), 300)
    assert [line.rstrip() for message in messages for line in message.split("\n")] == [
        line.rstrip() for line in lines
    ]


def test_a_list_that_fits_stands_whole_in_the_next_message() -> None:
    listed = "\n".join(f"- item {number}" for number in range(5))
    assert split(f"{'word ' * 398}\n\n{listed}")[1] == listed


def test_what_is_indented_stays_with_its_item() -> None:
    items = [f"- {'a' * 80}\n  {'b' * 80}" for _ in range(4)]
    assert split("\n".join(items), 200) == items


def test_code_is_cut_between_lines_and_keeps_its_language() -> None:
    lines = [f"print({number})" for number in range(100)]
    messages = split("Look:\n```py\n" + "\n".join(lines) + "\n```\nDone.", 500)
    assert messages[0].startswith("Look:")
    pieces = [piece for message in messages for piece in re.findall(r"```py\n(.*?)\n```", message, re.DOTALL)]
    assert len(pieces) > 2
    assert "\n".join(pieces).split("\n") == lines


def test_a_fence_that_nobody_closed_is_closed() -> None:
    assert split("```py\nx = 1") == ["```py\nx = 1\n```"]


@pytest.mark.parametrize("letter", ["👩🏽\u200d🚒", "e\u0301", "🏳\ufe0f\u200d🌈", "👍🏿"])
def test_a_letter_of_several_code_points_is_not_parted(letter: str) -> None:
    for message in split(letter * 200, 101):
        assert message == letter * (len(message) // len(letter))


def test_sentences_are_kept_whole_where_they_can_be() -> None:
    messages = split("This is one sentence of some length. " * 20, 200)
    assert all(message.rstrip().endswith(".") for message in messages)


def test_a_link_longer_than_a_message_is_cut_all_the_same() -> None:
    assert all(len(message) <= 200 for message in split(f"https://example.org/{'a' * 900}", 200))


def test_long_code_becomes_a_file() -> None:
    code = "\n".join(f"line {number}" for number in range(800))
    layout = lay_out(f"Here:\n```python\n{code}\n```", "-# [1] Source")
    assert layout.messages == ("Here:\n`code-1.py`\n\n-# [1] Source",)
    assert [(file.name, file.text) for file in layout.files] == [("code-1.py", code + "\n")]


def test_a_very_long_answer_becomes_a_file_with_its_beginning_and_its_sources_shown() -> None:
    body = "A sentence that goes on for a while. " * 400
    layout = lay_out(body, "-# [1] Source")
    assert [file.text for file in layout.files] == [body]
    assert layout.messages[0].startswith("A sentence")
    assert layout.messages[-1].endswith("-# [1] Source")
    assert len(layout.messages) == 2


@pytest.mark.parametrize("length", [1, 1999, 2000, 2001, 8000])
def test_an_answer_of_any_length_is_laid_out(length: int) -> None:
    layout = lay_out("a" * length)
    assert all(len(message) <= LIMIT for message in layout.messages)
    assert sum(map(len, layout.messages)) == length


def test_a_9000_character_answer_with_a_5000_character_code_block() -> None:
    code = "\n".join("y" * 49 for _ in range(100))
    layout = lay_out(f"{'Words come first. ' * 110}\n```\n{code}\n```\n{'Words follow. ' * 140}")
    assert [file.name for file in layout.files] == ["code-1.txt"]
    assert all("```" not in message for message in layout.messages)


def test_nothing_but_white_space_is_no_message() -> None:
    assert split(" \n\n ") == []
