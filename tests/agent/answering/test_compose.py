from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from agent.answering.compose import declined_answer, extractive_answer, sources_block, spoken_date
from agent.answering.extract import Extract
from agent.answering.quotes import quote_of, verify
from agent.contracts import Constraints, EvidenceItem, Searched, Slug, SourceKind
from tests.agent.answering.evidence import NOTHING_SPECIAL, evidence, item

MAY = date(2024, 5, 14)


def whole(found: EvidenceItem, number: int = 1) -> Extract:
    text = found.passage.text
    return Extract(item=found, number=number, start=0, end=len(text), text=text, score=1.0, cosine=0.9)


@pytest.mark.parametrize(
    ("question", "language", "text", "kind", "expected"),
    [
        ("What pump?", "en", "A Hayward.", SourceKind.ENTRY, "“A Hayward.” [1]"),
        ("¿Qué bomba?", "es", "Una Hayward.", SourceKind.ENTRY, "«Una Hayward.» [1]"),
        ("When did we replace it?", "en", "New pump.", SourceKind.ENTRY, "On 14 May 2024: “New pump.” [1]"),
        ("¿Cuándo la cambiamos?", "es", "Bomba.", SourceKind.ENTRY, "El 14 de mayo de 2024: «Bomba.» [1]"),
        ("When should we replace it?", "en", "In ten years.", SourceKind.ENTRY, "“In ten years.” [1]"),
        ("When did we buy it?", "en", "On 3 May 2024.", SourceKind.FILE, "“On 3 May 2024.” [1]"),
        ("Wann?", "de", "Gestern.", SourceKind.FILE, "“Gestern.” [1]"),
        ("What?", "en", "A\n two-line\x1b[2J note", SourceKind.FILE, "“A two-line[2J note” [1]"),
        ("What?", "en", "He said “no”.", SourceKind.FILE, "«He said “no”.» [1]"),
        ("What?", "en", "Both “no” and «sí».", SourceKind.FILE, '“Both "no" and «sí».” [1]'),
    ],
)
def test_the_extract_is_the_answer(
    question: str, language: str, text: str, kind: SourceKind, expected: str
) -> None:
    found = item(text, kind=kind, on=MAY)
    answer, quotes = extractive_answer(question, [whole(found)], language)
    assert answer == expected
    assert [quote.text for quote in quotes] == [text]


@pytest.mark.parametrize(
    "text",
    [
        "Plain. Two sentences!",
        "He said “no” to 450.50 euros",
        'A 5" pipe "fits" «bien» and “well”',
        "| Pump | 450 |\n| Filter | 90 |",
        "hid\u00adden \u202e marks\x1b[31m",
        "See [7], and ask: “why?”",
    ],
)
@pytest.mark.parametrize("language", ["en", "es"])
def test_every_extractive_answer_is_proved(text: str, language: str) -> None:
    found = item(text, on=MAY, kind=SourceKind.ENTRY)
    answer, _ = extractive_answer("When did we do it?", [whole(found), whole(found)], language)
    result = verify(answer, evidence(found))
    assert result.ok, result.problems


def searched(**changes: object) -> Searched:
    return replace(NOTHING_SPECIAL, **changes)  # type: ignore[arg-type]


NOTHING = "I don't know: nothing that is kept here answers that."


@pytest.mark.parametrize(
    ("about", "first", "second"),
    [
        (searched(), NOTHING, "Searched: everything."),
        (
            searched(categories=(Slug("pool"),)),
            "I don't know: nothing in *Pool* answers that.",
            "Searched: *Pool*.",
        ),
        (
            searched(categories=(Slug("pool"), Slug("garden")), widened=True),
            NOTHING,
            "Searched: *Pool* and *garden*, then everything else.",
        ),
        (
            searched(constraints=Constraints(since=MAY, author_name="Ana", source="manual")),
            NOTHING,
            "Searched: everything, from 14 May 2024, said by Ana, in “manual”.",
        ),
        (
            searched(constraints=Constraints(until=MAY), queries=("a", "x" * 100)),
            NOTHING,
            f"Searched: everything, until 14 May 2024, also for “{'x' * 79}…”.",
        ),
    ],
)
def test_a_refusal_names_what_was_searched(about: Searched, first: str, second: str) -> None:
    assert declined_answer(about, "en", {Slug("pool"): "Pool"}) == f"{first}\n{second}"


def test_a_refusal_speaks_spanish() -> None:
    about = searched(
        categories=(Slug("pool"),),
        constraints=Constraints(since=MAY, until=date(2024, 6, 1)),
        queries=("¿bomba?", "bomba piscina"),
    )
    assert declined_answer(about, "es", {Slug("pool"): "Agua"}).splitlines() == [
        "No lo sé: nada en *Agua* responde a eso.",
        "He buscado en: *Agua*, del 14 de mayo de 2024 al 1 de junio de 2024, también por «bomba piscina».",
    ]


def test_sources_are_listed_once_by_number() -> None:
    pump = item("New pump. It hums.", title="Log", location="Pool › Pump", on=MAY, author_name="Ana")
    page = item("Open the valve.", title="manual.pdf", location="page 3", link="https://x.test/m")
    quotes = [quote_of(page, 2, 0, 4), quote_of(pump, 1, 0, 9), quote_of(pump, 1, 10, 18)]
    assert sources_block(quotes) == (
        "Sources:\n[1] Log › Pool › Pump, 14 May 2024, by Ana\n[2] manual.pdf › page 3, https://x.test/m"
    )
    assert sources_block(quotes[1:], "es") == "Fuentes:\n[1] Log › Pool › Pump, 14 de mayo de 2024, por Ana"
    assert sources_block([]) == ""


def test_a_file_name_cannot_command_the_terminal() -> None:
    quotes = [quote_of(item("x", title="a\x1b]0;owned\x07\nb\u202e"), 1, 0, 1)]
    assert sources_block(quotes) == "Sources:\n[1] a]0;owned b"


@pytest.mark.parametrize(
    ("language", "expected"), [("en", "1 March 2025"), ("es", "1 de marzo de 2025"), ("fr", "1 March 2025")]
)
def test_dates_are_spoken(language: str, expected: str) -> None:
    assert spoken_date(date(2025, 3, 1), language) == expected
