"""A candidate in one line, of one member or of several."""

from __future__ import annotations

import pytest

from tuning.patterns.phrases import Gist, Phrase, line, said


@pytest.mark.parametrize(
    ("counted", "members", "days", "begins"),
    [
        (Phrase("corrections", {"count": 1}), 1, 1, "1 correction by 1 member on 1 day: "),
        (Phrase("remarks", {"count": 1}), 1, 1, "1 remark by 1 member on 1 day: "),
        (Phrase("remarks", {"count": 6}), 1, 2, "6 remarks by 1 member on 2 days: "),
    ],
)
def test_a_candidate_of_one_is_in_the_singular(counted: Phrase, members: int, days: int, begins: str) -> None:
    gist = Gist(
        counted=counted,
        members=members,
        days=days,
        about="hot tub",
        question="How warm is the hot tub?",
        happens="misrouted",
        category="plumbing",
        target="pool",
    )
    assert line(gist) == begins + "questions about hot tub go to plumbing instead of pool"


@pytest.mark.parametrize(
    ("phrase", "words"),
    [
        (
            Phrase("agreement", {"count": 1, "voices": 3, "chosen": "pool", "admins": 1}),
            "1 of 3 says pool, 1 admin among them",
        ),
        (Phrase("cause style", {"count": 1, "total": 1}), "1 of 1 is a matter of style"),
        (Phrase("few new", {"new": 1, "before": 40}), "only 1 new label beside 40 known ones"),
        (Phrase("aside fresh", {"remarks": 1, "members": 1}), "1 remark of 1 new member does not count yet"),
    ],
)
def test_verbs_agree_with_their_numbers(phrase: Phrase, words: str) -> None:
    assert said([phrase]) == words
