"""Topics before they are categories: proposals out of channels, the text of the form, the templates."""

from __future__ import annotations

import pytest

from agent.understanding.clean import clean_question
from bot.templates import Template, topics_of
from bot.texts import LANGUAGES
from bot.topics import (
    ABOUT_CHARACTERS,
    MOST_TOPICS,
    NAME_CHARACTERS,
    Seen,
    Topic,
    as_text,
    from_text,
    propose,
    spoken_name,
)

_FORM = 4000


@pytest.mark.parametrize(
    ("name", "spoken"),
    [
        ("pool", "Pool"),
        ("pool-and-spa", "Pool and spa"),
        ("🏊│pool", "Pool"),
        ("💬・car_repairs", "Car repairs"),
        ("01-recipes", "Recipes"),
        ("recipes-2", "Recipes"),
        ("piscina-y-jardín", "Piscina y jardín"),
        ("c++", "C++"),
        ("q&a", "Q&a"),
        ("---", ""),
        ("x" * 80, "X" + "x" * (NAME_CHARACTERS - 1)),
    ],
)
def test_a_channel_is_called_as_a_person_would(name: str, spoken: str) -> None:
    assert spoken_name(name) == spoken


@pytest.mark.parametrize(
    ("channels", "proposed"),
    [
        ([], []),
        ([Seen(name="pool"), Seen(name="car")], ["Pool", "Car"]),
        ([Seen(name="general"), Seen(name="off-topic"), Seen(name="👋-welcome")], []),
        ([Seen(name="bienvenida"), Seen(name="normas"), Seen(name="cocina")], ["Cocina"]),
        ([Seen(name="general-2"), Seen(name="bot-commands"), Seen(name="staff")], []),
        ([Seen(name="pool"), Seen(name="🏊-pool"), Seen(name="Pool")], ["Pool"]),
        ([Seen(name="a"), Seen(name="🎉"), Seen(name="日本語")], []),
        ([Seen(name="help", tags=("Billing", "Log in", "general"))], ["Billing", "Log in"]),
        ([Seen(name="help", tags=("solved",))], ["Help"]),
        ([Seen(name="billing"), Seen(name="help", tags=("Billing", "API"))], ["Billing", "API"]),
    ],
)
def test_what_channels_suggest(channels: list[Seen], proposed: list[str]) -> None:
    assert [topic.name for topic in propose(channels)] == proposed


@pytest.mark.parametrize(
    ("about", "kept"),
    [
        ("Pump and filter", "Pump and filter"),
        ("Pump\nand   filter", "Pump and filter"),
        ("See <#123> and https://example.org **now**", "See and now"),
        ("<@&9> only", "only"),
        ("word " * 60, " ".join(["word"] * 17) + " …"),
    ],
)
def test_what_stands_beside_a_channel_says_what_it_is_about(about: str, kept: str) -> None:
    assert propose([Seen(name="pool", about=about)])[0].about == kept


def test_no_more_are_proposed_than_a_guild_begins_with_and_they_fit_into_the_form() -> None:
    proposed = propose(Seen(name=f"{'topic' * 12}-{at}x", about="word " * 60) for at in range(60))
    proposed += propose(Seen(name=f"t{at}-{'y' * 60}", about="word " * 60) for at in range(60))
    assert len(proposed[:MOST_TOPICS]) == MOST_TOPICS
    text = as_text(proposed[:MOST_TOPICS], _FORM)
    assert len(text) <= _FORM
    assert from_text(text, ()) == proposed[:MOST_TOPICS]


def test_lines_that_do_not_fit_are_cut() -> None:
    topics = [Topic(name=f"Topic {at}", about="x" * 500) for at in range(10)]
    text = as_text(topics, 1000)
    assert len(text) <= 1000
    assert [line.split(":")[0] for line in text.splitlines()] == [topic.name for topic in topics]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Pool: water", [("Pool", "water", ("Why?",))]),
        ("pool:  clean: water ", [("pool", "clean: water", ("Why?",))]),
        ("Car\n\n  Pool  ", [("Car", "", ()), ("Pool", "", ("Why?",))]),
        ("Car: one\nCAR: two", [("CAR", "two", ())]),
        ("", []),
        ("Car: " + "x" * 900, [("Car", "x" * ABOUT_CHARACTERS, ())]),
    ],
)
def test_the_form_is_read_line_by_line(text: str, read: list[tuple[str, str, tuple[str, ...]]]) -> None:
    topics = from_text(text, [Topic(name="Pool", about="old", questions=("Why?",))])
    assert [(topic.name, topic.about, topic.questions) for topic in topics] == read


@pytest.mark.parametrize("line", [": water", "🎉: party", "x" * 61, "日本"])
def test_a_line_of_which_no_topic_can_be_made_is_known(line: str) -> None:
    assert [topic.unusable for topic in from_text(f"Pool\n{line}", ())] == [False, True]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", Template)
def test_a_template_can_be_accepted_as_it_is(template: Template, language: str) -> None:
    topics = topics_of(template, language)
    assert len({topic.slug for topic in topics}) == len(topics) <= MOST_TOPICS
    assert not any(topic.unusable for topic in topics)
    assert all(topic.about and len(topic.questions) >= 4 for topic in topics)
    assert from_text(as_text(topics, _FORM), topics) == topics
    questions = [question for topic in topics for question in topic.questions]
    assert len(set(questions)) == len(questions)
    assert all(question.endswith("?") and clean_question(question, 200) == question for question in questions)


@pytest.mark.parametrize("template", Template)
def test_a_template_has_the_same_topics_in_each_language(template: Template) -> None:
    counts = {language: len(topics_of(template, language)) for language in LANGUAGES}
    assert len(set(counts.values())) == 1
    english, spanish = (topics_of(template, language) for language in ("en", "es"))
    assert {topic.slug for topic in english}.isdisjoint({topic.slug for topic in spanish})
