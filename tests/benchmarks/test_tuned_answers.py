"""Which words of a paragraph are quoted for an answer."""

from __future__ import annotations

import pytest

from benchmarks.tuned_answers_data import clause

_TEXT = (
    "Harvard was founded in 1636, and is named after John Harvard. "
    "It has 7,200 undergraduates and, since 1977, their sisters: 14,000 graduate students study there too. "
    "In 1636 nobody knew that."
)


@pytest.mark.parametrize(
    ("answer", "question", "expected"),
    [
        ("John Harvard", "After whom is it named?", "and is named after John Harvard."),
        ("1636", "When was Harvard founded?", "Harvard was founded in 1636, "),
        ("1636", "When did nobody know that?", "In 1636 nobody knew that."),
        ("14,000", "How many graduate students are there?", "14,000 graduate students study there too."),
        ("1977", "Since when?", "It has 7,200 undergraduates and, since 1977, "),
        ("7,200 undergraduates and, since 1977", "Who?", "It has 7,200 undergraduates and, since 1977, "),
        ("63", "Of which number is it part?", ""),
    ],
)
def test_the_clause_of_the_sentence_that_shares_most_words_is_quoted(
    answer: str, question: str, expected: str
) -> None:
    assert clause(_TEXT, answer, question) == expected
