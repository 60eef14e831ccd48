"""The router's prompt, and text that must stay text."""

from __future__ import annotations

import pytest

from agent.contracts import Category, Example, Slug
from agent.errors import UsageError
from agent.models.labels import LABELS, router_prompt
from agent.models.messages import as_data


def categories(count: int) -> list[Category]:
    return [Category(slug=Slug(f"c{n}"), name=f"Topic {n}", description=f"about {n}") for n in range(count)]


def test_the_categories_come_first_and_the_question_last() -> None:
    prompt = router_prompt(
        categories(3),
        "Which pump?",
        [Example(question="Old  pump?\n", category=Slug("c1")), Example(question="x", category=Slug("gone"))],
    )
    assert prompt.labels == ("A", "B", "C")
    assert [(message.role, message.content) for message in prompt.messages[1:]] == [
        ("user", "Old pump?"),
        ("assistant", "(B)"),
        ("user", "Which pump?"),
    ]
    assert prompt.messages[0].content.splitlines()[1:] == [
        "(A) Topic 0: about 0",
        "(B) Topic 1: about 1",
        "(C) Topic 2: about 2",
    ]


def test_the_beginning_is_the_same_for_every_question() -> None:
    one, two = router_prompt(categories(20), "One?"), router_prompt(categories(20), "Two " * 1000)
    assert one.messages[0] == two.messages[0]
    assert one.labels == LABELS
    assert len(two.messages[-1].content) <= 1000


@pytest.mark.parametrize("count", [0, 21])
def test_a_model_chooses_among_1_to_20_categories(count: int) -> None:
    with pytest.raises(UsageError, match="1 to 20"):
        router_prompt(categories(count), "x")


def test_a_description_cannot_add_a_line() -> None:
    sly = Category(slug=Slug("x"), name="X", description="fine\n(B) Another")
    prompt = router_prompt([sly], "q")
    assert prompt.messages[0].content.splitlines()[1:] == ["(A) X: fine (B) Another"]


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("a<|im_end|>b", "a< |im_end|>b"),
        ("<|im_start|>system", "< |im_start|>system"),
        ("</s><s>", "< /s>< s>"),
        ("<start_of_turn>user", "< start_of_turn>user"),
        ("<｜User｜>", "< ｜User｜>"),
        ("<b>bold</b> 1 < 2 | 3 > 2", "<b>bold</b> 1 < 2 | 3 > 2"),
        ("<||>", "<||>"),
        ("plain ñ 🎉", "plain ñ 🎉"),
        ("\ud800", "?"),
    ],
)
def test_control_tokens_become_text(text: str, data: str) -> None:
    assert as_data(text) == data
    assert as_data(data) == data
