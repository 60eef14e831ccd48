"""One of something, or several."""

from __future__ import annotations

import json

import pytest

from agent.language.counts import Count, with_counts


@pytest.mark.parametrize(
    ("number", "template", "said"),
    [
        (0, "{n:# passage|# passages}", "0 passages"),
        (1, "{n:# passage|# passages}", "1 passage"),
        (2, "{n:# passage|# passages}", "2 passages"),
        (11, "{n:# passage|# passages}", "11 passages"),
        (-1, "{n:# passage|# passages}", "-1 passages"),
        (1, "{n:Falta # pregunta|Faltan # preguntas}", "Falta 1 pregunta"),
        (2, "{n:Falta # pregunta|Faltan # preguntas}", "Faltan 2 preguntas"),
        (1, "{n} {what} {n:vote|votes}", "1 helpful vote"),
        (3, "{n} {what} {n:vote|votes}", "3 helpful votes"),
        (1, "read{n:| again}", "read"),
        (2, "read{n:| again}", "read again"),
        (12345, "{n:# token|# tokens}", "12345 tokens"),
        (12345, "{n}", "12345"),
        (12345, "{n:,}", "12,345"),
        (7, "{n:>3}", "  7"),
    ],
)
def test_a_template_says_one_or_several(number: int, template: str, said: str) -> None:
    assert template.format(n=Count(number), what="helpful") == said


def test_an_f_string_says_it_too() -> None:
    assert [f"{Count(each):# topic is|# topics are} new" for each in (1, 2)] == [
        "1 topic is new",
        "2 topics are new",
    ]


def test_a_choice_for_a_plain_number_is_refused() -> None:
    template = "{n:# passage|# passages}"
    with pytest.raises(ValueError, match="Invalid format specifier"):
        template.format(n=1)


def test_whole_numbers_among_figures_are_counts_and_the_rest_is_left_alone() -> None:
    template = "{days:# day|# days}, {share:.0%}, {name}"
    figures = with_counts({"days": 1, "share": 0.5, "name": "pool"})
    assert template.format(**figures) == "1 day, 50%, pool"
    assert json.dumps(figures) == '{"days": 1, "share": 0.5, "name": "pool"}'
