from __future__ import annotations

import numpy as np
import pytest

from agent.answering.summary import picked, summarize_extractive
from agent.models.protocol import Embedder

CHAT = [
    ("The water under the bathroom sink is back. I put a bucket there.", "Ana, 10:02"),
    ("ok", "Leo, 10:03"),
    ("The plumber comes on Friday to change the pipe under the bathroom sink.", "Ana, 10:10"),
    ("The plumber is coming Friday for the pipe under the bathroom sink.", "Marta, 10:11"),
    ("Please turn off the main water before he comes, the valve is in the basement.", "Daniel, 10:15"),
]


async def test_a_summary_is_verbatim_in_order_and_does_not_repeat_itself(embedder: Embedder) -> None:
    found = await summarize_extractive(CHAT, embedder, 3)
    assert len(found) == 3
    assert [each.index for each in found] == sorted(each.index for each in found)
    for each in found:
        text, location = CHAT[each.index]
        assert text[each.start : each.end] == each.text
        assert each.location == location
    assert not {2, 3} <= {each.index for each in found}


@pytest.mark.parametrize("texts", [[], [("", "x")], [("ok", "x"), ("👍", "y")]])
async def test_small_talk_has_no_summary(texts: list[tuple[str, str]], embedder: Embedder) -> None:
    assert await summarize_extractive(texts, embedder) == ()


async def test_what_is_short_is_told_whole(embedder: Embedder) -> None:
    found = await summarize_extractive([("The plumber comes on Friday morning.", "p")], embedder, 3)
    assert [each.text for each in found] == ["The plumber comes on Friday morning."]


def test_the_second_pick_is_new() -> None:
    near, same, far = [1.0, 0.2], [1.0, 0.21], [0.5, 1.0]
    rows = np.array([near, same, far], dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    assert set(picked(rows, 2)) in ({0, 2}, {1, 2})
    assert picked(rows[:1], 2) == [0]
