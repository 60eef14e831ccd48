"""Times, authors and sources that a question limits itself to. The clock: Sunday, 22 November 2026."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from agent.contracts import Constraints
from agent.understanding.constraints import read_constraints, without_constraints

NOW = datetime(2026, 11, 22, 15, 30, tzinfo=UTC)
AUTHORS = ("Marta Ruiz", "Luis", "José Ángel Pérez", "Ana Gil", "Ana Mora", "")
SOURCES = (
    ("Pool manual", "/kb/pool/pool-manual.md"),
    ("Boiler contract 2024", "/kb/heating/contrato-caldera.pdf"),
    ("Car manual", "https://example.org/docs/car%20manual.html?v=2"),
    ("Pool", "/kb/pool.txt"),
    ("Holiday packing list", "entry:1"),
)


def _read(text: str, language: str = "en") -> Constraints:
    return read_constraints(text, NOW, language, AUTHORS, SOURCES)


@pytest.mark.parametrize(
    ("text", "author", "said"),
    [
        ("What did Marta say about the pump?", "Marta Ruiz", "did Marta say"),
        ("what has marta ruiz written about the pump", "Marta Ruiz", "has marta ruiz written"),
        ("According to Marta, when was it replaced?", "Marta Ruiz", "According to Marta,"),
        ("What Luis said about the roof", "Luis", "Luis said"),
        ("what was recommended by Luis?", "Luis", "recommended by Luis"),
        ("Find Luis's notes on the roof", "Luis", "Luis's notes"),
        ("Según Marta, ¿cuándo se cambió?", "Marta Ruiz", "Según Marta,"),
        ("¿Qué dijo Marta sobre la bomba?", "Marta Ruiz", "dijo Marta"),
        ("¿Qué nos contó jose angel perez?", "José Ángel Pérez", "nos contó jose angel perez"),
        ("¿qué comentó José del tejado?", "José Ángel Pérez", "comentó José"),
        ("los mensajes de Luis sobre el tejado", "Luis", "mensajes de Luis"),
        ("what did Ana Gil say?", "Ana Gil", "did Ana Gil say"),
        ("what did Ana say?", "", ""),
        ("what did Pedro say?", "", ""),
        ("what did Martina say?", "", ""),
        ("when is Marta's birthday?", "", ""),
        ("which pump was repaired by Luis?", "", ""),
        ("what did Marta buy?", "", ""),
        ("what did Marta say to what Luis said?", "", ""),
    ],
)
def test_an_author_is_one_known_name_beside_a_word_for_saying(text: str, author: str, said: str) -> None:
    constraints = _read(text)
    assert (constraints.author_name, constraints.said) == (author, (said,) if said else ())


@pytest.mark.parametrize(
    ("text", "source", "said"),
    [
        ("What does it say in pool-manual.md about sand?", "Pool manual", "pool-manual.md"),
        ("what stands in the pool manual about sand", "Pool manual", "in the pool manual"),
        ("in our car manual, which oil?", "Car manual", "in our car manual"),
        (
            "according to the boiler contract, who pays?",
            "Boiler contract 2024",
            "according to the boiler contract",
        ),
        ("¿qué pone en el contrato de la caldera?", "Boiler contract 2024", "en el contrato de la caldera"),
        ("según el contrato, ¿quién paga?", "Boiler contract 2024", "según el contrato"),
        ("is sunscreen in the holiday packing list?", "Holiday packing list", "in the holiday packing list"),
        ("open car manual.html", "Car manual", "car manual.html"),
        ("what stands in pool.txt", "Pool", "pool.txt"),
        ("what does it say in the manual?", "", ""),
        ("how much water is in the pool?", "", ""),
        ("how much water is in the boiler?", "", ""),
        ("what is in the holiday house?", "", ""),
        ("who signed the boiler contract?", "", ""),
        ("in the tax report", "", ""),
    ],
)
def test_a_source_is_the_one_that_the_words_name(text: str, source: str, said: str) -> None:
    constraints = _read(text)
    assert (constraints.source, constraints.said) == (source, (said,) if said else ())


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("what broke since March 2024 but before June 2025?", date(2024, 3, 1), date(2025, 5, 31)),
        ("what broke last summer?", date(2026, 6, 1), date(2026, 8, 31)),
        ("did we spend more in 2023 than in 2024?", None, None),
        ("when did we replace the pump?", None, None),
    ],
)
def test_periods_are_taken_together(text: str, since: date | None, until: date | None) -> None:
    constraints = _read(text)
    assert (constraints.since, constraints.until) == (since, until)


def test_everything_at_once_is_said_in_order() -> None:
    constraints = _read("What did Marta say last summer about the sand in the pool manual?")
    assert constraints == Constraints(
        since=date(2026, 6, 1),
        until=date(2026, 8, 31),
        author_name="Marta Ruiz",
        source="Pool manual",
        said=("last summer", "did Marta say", "in the pool manual"),
    )


@pytest.mark.parametrize(
    ("text", "language", "rest"),
    [
        ("What did Marta say about the pump last summer?", "en", "What about the pump?"),
        ("What did we spend on chlorine in 2023?", "en", "What did we spend on chlorine?"),
        ("In 2023, what did we spend on chlorine?", "en", "what did we spend on chlorine?"),
        ("According to Marta, who has the key?", "en", "who has the key?"),
        ("Según Marta, ¿quién tiene la llave?", "es", "¿quién tiene la llave?"),
        ("¿El verano pasado, quién limpió la piscina?", "es", "¿quién limpió la piscina?"),
        ("¿Cuánto gastamos en cloro en los últimos 3 meses?", "es", "¿Cuánto gastamos en cloro?"),
        ("which oil, in the car manual?", "en", "which oil, in the car manual?"),
        ("who has the key?", "en", "who has the key?"),
        ("yesterday?", "en", "yesterday?"),
    ],
)
def test_the_search_text_is_the_question_without_dates_and_author(
    text: str, language: str, rest: str
) -> None:
    assert without_constraints(text, _read(text, language)) == rest


def test_a_guild_that_knows_nobody_and_nothing_yet() -> None:
    text = "What did Marta say in the manual?"
    assert read_constraints(text, NOW, "en", (), ()) == Constraints()
