import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.catalog.slugs import check_slug, slug_of
from agent.errors import UsageError


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Pool", "pool"),
        ("Jardín", "jardin"),
        ("Jardín y flores", "jardin-y-flores"),
        ("  Pool -- & -- Spa! ", "pool-spa"),
        ("Straße 7", "strasse-7"),
        ("Smørrebrød", "smorrebrod"),
        ("Œuvres", "oeuvres"),
        ("ﬁnances", "finances"),
        ("Diyarbakır İstanbul", "diyarbakir-istanbul"),
        ("x" * 60, "x" * 40),
        ("x" * 39 + " y", "x" * 39),
    ],
)
def test_slug_of_a_name(name: str, slug: str) -> None:
    assert slug_of(name) == slug


@pytest.mark.parametrize("name", ["", "   ", "!?", "料理", "🏊", "---"])
def test_a_name_without_latin_letters_has_no_slug(name: str) -> None:
    with pytest.raises(UsageError, match="No slug can be made"):
        slug_of(name)


@given(st.text())
def test_what_slug_of_makes_is_a_slug(name: str) -> None:
    try:
        slug = slug_of(name)
    except UsageError:
        assert not re.search("[a-z0-9]", name)
    else:
        assert check_slug(slug) == slug == slug_of(slug)


@pytest.mark.parametrize("text", ["a", "7", "garden-tools", "a-", "x" * 40])
def test_slugs(text: str) -> None:
    assert check_slug(text) == text


@pytest.mark.parametrize("text", ["", "-a", "Pool", "a b", "jardín", "a_b", "x" * 41, "pool\n", "٣"])
def test_what_is_no_slug(text: str) -> None:
    with pytest.raises(UsageError, match="is not a category's slug"):
        check_slug(text)
