from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agent.answering.quotes import CitedQuote, cited, locate, quote_of, renumbered, verify
from tests.agent.answering.evidence import evidence, item

PUMP = "In May we replaced the pool pump with a Hayward, for 450.50 euros.  It hums."

_word = st.text(alphabet="abcdeñóüß ΩЖ7".replace(" ", ""), min_size=1, max_size=6)
_words = st.lists(_word, min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("quote", "text", "expected"),
    [
        ("replaced the pool pump", PUMP, "replaced the pool pump"),
        ("REPLACED  the\npool pump", PUMP, "replaced the pool pump"),
        ("450.50 euros. It hums", PUMP, "450.50 euros.  It hums"),
        ('the "new" pump - it\'s loud...', "the “new” pump – it’s loud…", "the “new” pump – it’s loud…"),
        ("the «new» pump", 'the "new" pump', 'the "new" pump'),
        ("cafe\u0301", "un café solo", "café"),
        ("café", "un cafe\u0301 solo", "cafe\u0301"),
        ("STRASSE", "die Straße hier", "Straße"),
        ("hidden break", "hid\u00adden\u200b break", "hid\u00adden\u200b break"),
        ("pump", "pumps, then a pump", "pump"),
    ],
)
def test_a_quote_is_found_however_it_is_set(quote: str, text: str, expected: str) -> None:
    span = locate(quote, text)
    assert span is not None
    assert text[slice(*span)] == expected


@pytest.mark.parametrize(
    ("quote", "text"),
    [
        ("", PUMP),
        ("…", "so it goes…"),
        ("replaced the pump", PUMP),
        ("replace the pool pump", PUMP),
        ("for 450", PUMP),
        ("50 euros", PUMP),
        ("45", PUMP),
        ("5 degrees", "it fell to -5 degrees"),
        ("10", "on 10:30"),
        ("cafe", "un café solo"),
        ("cafe", "un cafe\u0301 solo"),
        ("Stras", "die Straße"),
        ("10 m2", "10 m²"),
        ("in May ... a Hayward", PUMP),
    ],
)
def test_other_content_is_not_found(quote: str, text: str) -> None:
    assert locate(quote, text) is None


@given(words=_words, data=st.data())
def test_any_part_is_found_with_white_space_and_case_mangled(words: list[str], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(words) - 1))
    last = data.draw(st.integers(first, len(words) - 1))
    gaps = data.draw(st.lists(st.sampled_from([" ", "\n", " \t ", "\u00a0"]), min_size=len(words)))
    text = "".join(word + gap for word, gap in zip(words, gaps, strict=False))
    part = words[first : last + 1]
    mangled = "  ".join(data.draw(st.sampled_from([word, word.upper(), word.title()])) for word in part)
    span = locate(mangled, text)
    assert span is not None
    assert _plain(text[slice(*span)]) == _plain(mangled)


@given(words=_words, data=st.data())
def test_a_changed_word_is_never_found(words: list[str], data: st.DataObject) -> None:
    changed = data.draw(st.integers(0, len(words) - 1))
    other = data.draw(_word)
    assume(other.casefold() not in {word.casefold() for word in words})
    quote = [*words[:changed], other, *words[changed + 1 :]]
    assert locate(" ".join(quote), " ".join(words)) is None


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().casefold()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ('It was "a Hayward" [2].', [[("a Hayward", (2,))]]),
        ("Fue «una Hayward» [1]. Costó “450 euros” [2].", [[("una Hayward", (1,))], [("450 euros", (2,))]]),
        (
            'Notes say "It hums. Loudly." [1] It was "a Hayward" [2].',
            [[("It hums. Loudly.", (1,))], [("a Hayward", (2,))]],
        ),
        ('It was "a Hayward". [2] It is loud.', [[("a Hayward", (2,))], []]),
        ('Both "one" and "two" [1, 3].', [[("one", (1, 3)), ("two", (1, 3))]]),
        ('As [4] says, it is "a Hayward".', [[("a Hayward", (4,))]]),
        ('It is "a Hayward".', [[("a Hayward", ())]]),
        ('The text "see [9] there" [1]', [[("see [9] there", (1,))]]),
        ("", []),
        ("[1]", []),
    ],
)
def test_claims_are_read_with_their_quotes(
    answer: str, expected: list[list[tuple[str, tuple[int, ...]]]]
) -> None:
    quotes = [list(claim.quotes) for claim in cited(answer)]
    assert quotes == [
        [CitedQuote(text=text, numbers=numbers) for text, numbers in claim] for claim in expected
    ]


FOUND = evidence(
    item(PUMP, name="a", at=100, on=date(2024, 5, 14)),
    item("La depuradora se limpia cada 2 semanas.", name="b", at=0),
)


def test_a_proved_quote_has_the_stored_text_and_the_offsets_of_the_source() -> None:
    result = verify("On 14 May 2024: «REPLACED the pool pump» [1].", FOUND)
    assert result.ok
    assert [quote.text for quote in result.quotes] == ["replaced the pool pump"]
    quote = result.quotes[0]
    assert (quote.start - 100, quote.end - 100) == locate("replaced the pool pump", PUMP)
    assert (quote.number, quote.passage, quote.date) == (1, "a", date(2024, 5, 14))


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("We replaced it in May.", "has no quote"),
        ("", "quotes nothing"),
        ("   \n", "quotes nothing"),
        ('It is "a Hayward" [1]. It is very good.', "has no quote"),
        ('It is "a Hayward".', "names no source number"),
        ('It is "a Hayward" [3].', "no source [3]"),
        ('It is "a Hayward" [0].', "no source [0]"),
        ('It is "a Hayward" [2].', "not the words of source [2]"),
        ('It is "a Hayward" [1, 2].', "not the words of source [2]"),
        ('It is "a Bosch" [1].', "not the words of source [1]"),
        ('It is "with a" [1].', "says nothing"),
        ('In 2019: "replaced the pool pump" [1].', "number 2019"),
        ("It is “a Hayward [1].", "has no quote"),
    ],
)
def test_what_is_not_proved_is_a_problem(answer: str, problem: str) -> None:
    result = verify(answer, FOUND)
    assert not result.ok
    assert problem in " ".join(result.problems)


def test_the_same_quote_twice_is_shown_once() -> None:
    result = verify('It is "a Hayward" [1]. Truly "a Hayward" [1].', FOUND)
    assert result.ok
    assert len(result.quotes) == 1


def test_a_quote_carries_what_people_need_to_find_it() -> None:
    found = item(PUMP, title="Log", location="Pool › Pump", author_name="Ana", link="https://x.test/1", at=7)
    quote = quote_of(found, 2, 3, 6)
    assert (quote.text, quote.start, quote.end) == ("May", 10, 13)
    assert (quote.title, quote.location, quote.author_name) == ("Log", "Pool › Pump", "Ana")
    assert quote.link == "https://x.test/1"


def test_sources_are_numbered_in_the_order_of_the_answer() -> None:
    found = evidence(item("It is «loud» [3]."), item("It leaks."), item("It hums."))
    answer = 'It "hums" [3], and "leaks" [2]. Notes: “It is «loud» [3].” [1]'
    text, quotes = renumbered(answer, verify(answer, found).quotes)
    assert text == 'It "hums" [1], and "leaks" [2]. Notes: “It is «loud» [3].” [3]'
    assert [(quote.text, quote.number) for quote in quotes] == [
        ("hums", 1),
        ("leaks", 2),
        ("It is «loud» [3].", 3),
    ]
