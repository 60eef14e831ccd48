"""Lists of any number of topics: what is on which page, and which topic is meant."""

from __future__ import annotations

import pytest
from discord import SelectOption

from agent.contracts import Category, CategoryScore, Route, RouteDecision, Slug
from bot.choosing import MOST_OPTIONS, find_topic, likeliest_first, page_chosen, topic_options
from bot.texts import ENGLISH

_SIXTY = [Category(slug=Slug(f"t{at:02}"), name=f"Topic {at:02}") for at in range(60)]


def _pages(categories: list[Category], first: tuple[SelectOption, ...] = ()) -> list[list[SelectOption]]:
    """Every page that is reached by turning over."""
    pages, page = [], 0
    while True:
        pages.append(topic_options(categories, page, ENGLISH, first))
        following = page_chosen(pages[-1][-1].value)
        if following is None or following <= page:
            return pages
        page = following


@pytest.mark.parametrize(("count", "pages"), [(1, 1), (25, 1), (26, 2), (46, 2), (47, 3), (60, 3)])
def test_every_topic_is_on_exactly_one_page(count: int, pages: int) -> None:
    turned = _pages(_SIXTY[:count])
    assert len(turned) == pages
    assert all(len(page) <= MOST_OPTIONS for page in turned)
    shown = [option.value for page in turned for option in page if page_chosen(option.value) is None]
    assert shown == [each.slug for each in _SIXTY[:count]]


def test_pages_lead_back_as_well() -> None:
    first, second, third = _pages(_SIXTY)
    assert [page_chosen(option.value) for option in (first[-1], second[0], second[-1], third[0])] == [
        1,
        0,
        2,
        1,
    ]


def test_what_comes_first_stands_on_the_first_page_only() -> None:
    router = SelectOption(label="Let me choose", value="-")
    first, *others = _pages(_SIXTY, (router,))
    assert first[0].value == "-"
    assert "-" not in {option.value for page in others for option in page}


def test_a_page_that_is_gone_is_the_last_one() -> None:
    assert topic_options(_SIXTY, 9, ENGLISH)[-1].value == "t59"


def test_names_are_cut_to_what_discord_takes() -> None:
    long = Category(slug=Slug("long"), name="n" * 200, description="d" * 200)
    option = topic_options([long], 0, ENGLISH)[0]
    assert (len(option.label), len(option.description or "")) == (100, 100)


def test_the_likeliest_come_first_and_the_others_by_name() -> None:
    scores = tuple(
        CategoryScore(category=Slug(slug), probability=chance, contributions={})
        for slug, chance in (("t41", 0.6), ("t07", 0.3))
    )
    route = Route(
        scores=scores,
        out_of_scope=0.1,
        decision=RouteDecision.SINGLE,
        categories=(),
        model_asked=False,
        reason="",
    )
    assert [each.slug for each in likeliest_first(_SIXTY[::-1], route)][:4] == ["t41", "t07", "t00", "t01"]
    assert likeliest_first(_SIXTY[::-1], None) == _SIXTY


@pytest.mark.parametrize(
    ("given", "found"),
    [("pool", "pool"), ("swimming", "pool"), ("Swimming Pool", "pool"), (" car ", "car"), ("boats", None)],
)
def test_a_topic_is_known_by_slug_former_slug_or_name(given: str, found: str | None) -> None:
    known = [Category(slug=Slug("pool"), name="Swimming pool"), Category(slug=Slug("car"), name="Car")]
    topic = find_topic(known, {Slug("swimming"): Slug("pool")}, given)
    assert (topic.slug if topic else None) == found
