"""What an answer looks like, and that its text can do nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contracts import (
    Answer,
    AnswerKind,
    Failed,
    PassageId,
    Quote,
    Route,
    RouteDecision,
    Slug,
    SourceId,
)
from bot.rendering import (
    neutral_line,
    neutralise,
    render_answer,
    render_failure,
    render_status,
    spoken_part,
)
from bot.texts import LANGUAGES

_EN, _ES = LANGUAGES["en"], LANGUAGES["es"]
_NAMES = {Slug("pool"): "Pool", Slug("car"): "Car_s"}
_QUOTE = Quote(
    text="We replaced the pump.",
    number=1,
    passage=PassageId("p"),
    source=SourceId("s"),
    title="Pool diary",
    location="2024 › May",
    start=0,
    end=21,
    category=Slug("pool"),
    date=date(2024, 5, 14),
    author_name="Ana",
    link="https://discord.com/channels/1/2/3",
)
_ANSWER = Answer(text="“We replaced the pump.” [1]", kind=AnswerKind.EXTRACTIVE, quotes=(_QUOTE,))
_ROUTE = Route(
    scores=(),
    out_of_scope=0.1,
    decision=RouteDecision.UNION,
    categories=(Slug("pool"), Slug("car")),
    model_asked=False,
    reason="",
)


def _shown(answer: Answer, route: Route | None = None) -> str:
    return "\n".join(render_answer(answer, route, _NAMES, _EN).messages)


def test_an_answer_ends_with_its_sources_and_its_topic() -> None:
    assert _shown(_ANSWER) == (
        "“We replaced the pump.” [1]\n\n"
        "-# \\[1] [Pool diary › 2024 › May](<https://discord.com/channels/1/2/3>), 14 May 2024, by Ana\n"
        "-# Topic: Pool"
    )


def test_it_speaks_spanish() -> None:
    shown = render_answer(_ANSWER, None, _NAMES, _ES).messages[0]
    assert "14 de mayo de 2024, por Ana" in shown
    assert shown.endswith("-# Tema: Pool")


def test_a_source_is_listed_once_and_without_a_link_by_its_name() -> None:
    local = replace(_QUOTE, number=2, link="", title="notes_2024.md", location="", date=None, author_name="")
    shown = _shown(replace(_ANSWER, quotes=(_QUOTE, replace(_QUOTE, text="Other."), local)))
    assert shown.count("Pool diary") == 1
    assert "-# \\[2] notes\\_2024.md\n" in shown


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "file:///etc/passwd", "https://a b", "https://" + "a" * 600]
)
def test_only_web_addresses_become_links(link: str) -> None:
    assert "](<" not in _shown(replace(_ANSWER, quotes=(replace(_QUOTE, link=link),)))


def test_a_title_cannot_end_its_own_link() -> None:
    shown = _shown(replace(_ANSWER, quotes=(replace(_QUOTE, title="a](https://evil.example)"),)))
    assert re.findall(r"(?<!\\)\]\(<?([^)>]+)", shown) == ["https://discord.com/channels/1/2/3"]


def test_without_quotes_the_topic_is_what_was_searched() -> None:
    answer = Answer(text="Words.", kind=AnswerKind.GENERATED)
    assert _shown(answer, _ROUTE).endswith("-# Topic: Pool and Car\\_s")
    assert "Topic" not in _shown(answer, replace(_ROUTE, decision=RouteDecision.OUT_OF_SCOPE))
    assert "Topic" not in _shown(replace(answer, kind=AnswerKind.DECLINED), _ROUTE)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("@everyone", "@\u2060everyone"),
        ("@HERE", "@\u2060HERE"),
        ("<@123> <@!123> <@&9> <#7>", "<\u2060@123> <\u2060@!123> <\u2060@&9> <\u2060#7>"),
        ("</ask:12>", "<\u2060/ask:12>"),
        ("[safe](https://evil.example)", "[safe]\\(https://evil.example)"),
        ("# Big", "\\# Big"),
        ("-# [1] forged", "\\-# [1] forged"),
        ("> not said", "\\> not said"),
        ("||hidden||", "\\|\\|hidden\\|\\|"),
        ("**bold** and `<@1>`", "**bold** and `<@1>`"),
        ("```\n# code @everyone\n```", "```\n# code @everyone\n```"),
        ("half\ud800", "half\ufffd"),
        ("me@example.org", "me@example.org"),
    ],
)
def test_text_of_a_model_is_harmless(text: str, shown: str) -> None:
    assert neutralise(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a*b*c_d", "a\\*b\\*c\\_d"),
        ("`code`", "\\`code\\`"),
        ("||x||", "\\|\\|x\\|\\|"),
        ("see https://example.org/a_b_c now", "see https://example.org/a_b_c now"),
        ("back\\slash", "back\\\\slash"),
        ("@everyone", "@\u2060everyone"),
    ],
)
def test_verbatim_text_shows_its_signs(text: str, shown: str) -> None:
    assert neutralise(text, verbatim=True) == shown


_ATTACKS = st.lists(
    st.sampled_from(
        [
            "@everyone",
            "@here",
            "<@12>",
            "<@&12>",
            "[a](https://e.example)",
            "\n# ",
            "\n-# ",
            "`",
            "```",
            "|",
            "x ",
            "\\",
        ]
    ),
    max_size=12,
).map("".join)


@given(_ATTACKS)
def test_verbatim_text_pings_nobody_and_hides_no_link(text: str) -> None:
    shown = neutralise(text, verbatim=True)
    assert not re.search(r"@(everyone|here)|<@[&!]?\d", shown)
    assert "](" not in shown
    assert not re.search(r"^(#|-#)", shown, re.MULTILINE)
    assert "```" not in shown


@given(_ATTACKS)
def test_an_answer_is_found_again_without_its_small_print(text: str) -> None:
    answer = replace(_ANSWER, kind=AnswerKind.EXTRACTIVE, text=f"Said: {text}")
    first = render_answer(answer, None, _NAMES, _EN).messages[0]
    assert "Pool diary" not in spoken_part(first)
    assert spoken_part(first).startswith("Said:")


def test_a_name_stands_on_one_line() -> None:
    assert neutral_line("a\n# b @everyone") == "a # b @\u2060everyone"


@pytest.mark.parametrize(
    ("categories", "shown"),
    [((), "🔎 Searching …"), ((Slug("pool"), Slug("car")), "🔎 Searching *Pool* and *Car\\_s* …")],
)
def test_the_status_says_where_it_searches(categories: tuple[Slug, ...], shown: str) -> None:
    assert render_status(categories, _NAMES, _EN) == shown


def test_a_failure_is_one_line_with_its_id_and_a_wrong_question_has_none() -> None:
    failed = Failed(message="The model @everyone is away.", hint="Wait.", error_id="ab12", retryable=True)
    assert render_failure(failed, _EN) == "⚠️ The model @\u2060everyone is away. Wait. (error ab12)"
    assert render_failure(replace(failed, misuse=True), _EN) == "The model @\u2060everyone is away. Wait."
