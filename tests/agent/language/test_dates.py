"""Periods and days in English and Spanish. The clock of every test: Sunday, 22 November 2026."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from agent.language.dates import read_periods, relative_date

NOW = datetime(2026, 11, 22, 15, 30, tzinfo=UTC)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


@pytest.mark.parametrize(
    ("text", "language", "since", "until", "said"),
    [
        ("What did we do on 12 May 2024?", "en", "2024-05-12", "2024-05-12", "on 12 May 2024"),
        ("What did we do on May 12th, 2024?", "en", "2024-05-12", "2024-05-12", "on May 12th, 2024"),
        ("what happened 2024-05-12", "en", "2024-05-12", "2024-05-12", "2024-05-12"),
        ("what happened on 12.05.2024?", "en", "2024-05-12", "2024-05-12", "on 12.05.2024"),
        ("what happened on 25/05/2024?", "en", "2024-05-25", "2024-05-25", "on 25/05/2024"),
        ("what happened on 05/25/2024?", "en", "2024-05-25", "2024-05-25", "on 05/25/2024"),
        ("¿qué pasó el 12/05/2024?", "es", "2024-05-12", "2024-05-12", "el 12/05/2024"),
        ("¿Qué hicimos el 3 de mayo?", "es", "2026-05-03", "2026-05-03", "el 3 de mayo"),
        ("What did we do on 3 December?", "en", "2025-12-03", "2025-12-03", "on 3 December"),
        ("¿qué pasó el 12 de mayo de 2024?", "es", "2024-05-12", "2024-05-12", "el 12 de mayo de 2024"),
        ("What did we spend in 2023?", "en", "2023-01-01", "2023-12-31", "in 2023"),
        ("¿Cuánto gastamos en 2023?", "es", "2023-01-01", "2023-12-31", "en 2023"),
        ("¿Cuánto gastamos en el año 2023?", "es", "2023-01-01", "2023-12-31", "en el año 2023"),
        ("What did we plant in May?", "en", "2026-05-01", "2026-05-31", "in May"),
        ("What did we plant in December?", "en", "2025-12-01", "2025-12-31", "in December"),
        ("What did we plant in May 2024?", "en", "2024-05-01", "2024-05-31", "in May 2024"),
        ("What was sown in February of 2024?", "en", "2024-02-01", "2024-02-29", "in February of 2024"),
        ("¿qué plantamos en mayo de 2024?", "es", "2024-05-01", "2024-05-31", "en mayo de 2024"),
        ("¿qué se cambió en marzo?", "es", "2026-03-01", "2026-03-31", "en marzo"),
        ("who cleaned the pool last summer?", "en", "2026-06-01", "2026-08-31", "last summer"),
        ("¿quién limpió la piscina el verano pasado?", "es", "2026-06-01", "2026-08-31", "el verano pasado"),
        ("¿quién limpió el pasado verano?", "es", "2026-06-01", "2026-08-31", "el pasado verano"),
        ("what broke last winter", "en", "2025-12-01", "2026-02-28", "last winter"),
        ("what broke last autumn", "en", "2025-09-01", "2025-11-30", "last autumn"),
        ("what broke in the summer of 2024", "en", "2024-06-01", "2024-08-31", "in the summer of 2024"),
        ("qué se rompió en el invierno de 2023", "es", "2022-12-01", "2024-02-29", "en el invierno de 2023"),
        ("what have we bought since March?", "en", "2026-03-01", None, "since March"),
        ("what have we bought since March 2024?", "en", "2024-03-01", None, "since March 2024"),
        ("since last summer, what broke?", "en", "2026-06-01", None, "since last summer"),
        ("¿qué hemos comprado desde marzo?", "es", "2026-03-01", None, "desde marzo"),
        ("desde el 3 de marzo, ¿qué compramos?", "es", "2026-03-03", None, "desde el 3 de marzo"),
        ("from 2024 onwards", "en", "2024-01-01", None, "from 2024 onwards"),
        ("facturas a partir de 2024", "es", "2024-01-01", None, "a partir de 2024"),
        ("who repaired the roof before 2022?", "en", None, "2021-12-31", "before 2022"),
        ("¿quién reparó el tejado antes de 2022?", "es", None, "2021-12-31", "antes de 2022"),
        ("what did we pay until June 2025", "en", None, "2025-06-30", "until June 2025"),
        ("¿qué pagamos hasta junio de 2025?", "es", None, "2025-06-30", "hasta junio de 2025"),
        ("what did we buy after 2022?", "en", "2023-01-01", None, "after 2022"),
        ("¿qué compramos después de mayo de 2022?", "es", "2022-06-01", None, "después de mayo de 2022"),
        (
            "costs between March and June 2023",
            "en",
            "2023-03-01",
            "2023-06-30",
            "between March and June 2023",
        ),
        ("entre marzo y junio de 2023", "es", "2023-03-01", "2023-06-30", "entre marzo y junio de 2023"),
        ("between November and March", "en", "2025-11-01", "2026-03-31", "between November and March"),
        ("from March to June 2023", "en", "2023-03-01", "2023-06-30", "from March to June 2023"),
        ("de 2021 a 2023", "es", "2021-01-01", "2023-12-31", "de 2021 a 2023"),
        ("desde marzo hasta mayo", "es", "2026-03-01", "2026-05-31", "desde marzo hasta mayo"),
        ("what did we do last week?", "en", "2026-11-09", "2026-11-15", "last week"),
        ("¿qué hicimos la semana pasada?", "es", "2026-11-09", "2026-11-15", "la semana pasada"),
        ("what did we do last month?", "en", "2026-10-01", "2026-10-31", "last month"),
        ("¿qué hicimos el mes pasado?", "es", "2026-10-01", "2026-10-31", "el mes pasado"),
        ("what did we do last year?", "en", "2025-01-01", "2025-12-31", "last year"),
        ("¿cuánto gastamos el año pasado?", "es", "2025-01-01", "2025-12-31", "el año pasado"),
        ("what did we do this year?", "en", "2026-01-01", "2026-12-31", "this year"),
        ("¿cuánto hemos gastado este mes?", "es", "2026-11-01", "2026-11-30", "este mes"),
        ("what did Marta say yesterday?", "en", "2026-11-21", "2026-11-21", "yesterday"),
        ("¿qué dijo Marta ayer?", "es", "2026-11-21", "2026-11-21", "ayer"),
        ("¿qué dijo Marta antes de ayer?", "es", "2026-11-20", "2026-11-20", "antes de ayer"),
        ("what came the day before yesterday", "en", "2026-11-20", "2026-11-20", "the day before yesterday"),
        ("what came last Friday", "en", "2026-11-20", "2026-11-20", "last Friday"),
        ("what came last Sunday", "en", "2026-11-15", "2026-11-15", "last Sunday"),
        ("what was planted last November", "en", "2025-11-01", "2025-11-30", "last November"),
        ("¿qué pasó el pasado octubre?", "es", "2026-10-01", "2026-10-31", "el pasado octubre"),
        ("¿qué pasó el lunes pasado?", "es", "2026-11-16", "2026-11-16", "el lunes pasado"),
        ("¿qué pasó el lunes?", "es", "2026-11-16", "2026-11-16", "el lunes"),
        ("what did we buy two weeks ago?", "en", "2026-11-02", "2026-11-08", "two weeks ago"),
        ("¿qué compramos hace tres meses?", "es", "2026-08-01", "2026-08-31", "hace tres meses"),
        ("what broke a year ago", "en", "2025-01-01", "2025-12-31", "a year ago"),
        ("bills in the last 3 months", "en", "2026-08-22", "2026-11-22", "in the last 3 months"),
        ("bills over the past year", "en", "2025-11-22", "2026-11-22", "over the past year"),
        ("facturas de los últimos 3 meses", "es", None, None, ""),
        (
            "¿qué compramos en los últimos tres meses?",
            "es",
            "2026-08-22",
            "2026-11-22",
            "en los últimos tres meses",
        ),
    ],
)
def test_a_period_is_read(text: str, language: str, since: str | None, until: str | None, said: str) -> None:
    periods = read_periods(text, NOW, language)
    found = [(period.since, period.until, text[slice(*period.span)]) for period in periods]
    assert found == ([(_day(since), _day(until), said)] if said else [])


@pytest.mark.parametrize(
    "text",
    [
        "When did we replace the pool pump?",
        "¿Cuándo cambiamos la bomba de la piscina?",
        "When did we last service the boiler?",
        "How do I reinstall Windows 95?",
        "Which oil does a 2019 Toyota need?",
        "Where is the 2019 tax return?",
        "¿Dónde está la declaración de 2019?",
        "What was in last year's tax return?",
        "¿cuánto fue la compra de la semana pasada?",
        "Who serviced the pump installed in 2019?",
        "¿Quién revisó la bomba instalada en 2019?",
        "What do we plant in May?",
        "How do I close the pool in winter?",
        "¿Qué se planta en mayo?",
        "What is due this month?",
        "How is power generated today?",
        "Where is the card that I ordered over a week ago?",
        "what did the mail from last week say?",
        "When is the ITV due in 2028?",
        "what may have broken the pump?",
        "on what day do we march?",
        "How long does a 2000 W heater run on 2000 litres?",
        "which tyres last longest?",
        "What did it cost on 12/05/2024?",
        "What happened on 45/60/2024?",
        "what was built before 0001-01-01?",
        "call 2023-555-1234",
        "router 192.168.20.24",
        "take the bins out on Friday",
        "Is version 2.10.2024.1 installed?",
        "until when is the guarantee valid?",
        "¿desde cuándo gotea?",
        "",
    ],
)
def test_what_is_doubtful_is_not_read(text: str) -> None:
    assert read_periods(text, NOW, "en") == ()


def test_the_caller_may_settle_the_order_of_numeric_dates() -> None:
    first, second = (read_periods("on 12/05/2024", NOW, "en", day_first=order) for order in (True, False))
    assert (first[0].since, second[0].since) == (date(2024, 5, 12), date(2024, 12, 5))


@pytest.mark.parametrize(
    ("text", "language", "day", "said"),
    [
        ("yesterday we replaced the pool pump with a Hayward", "en", "2026-11-21", "yesterday"),
        ("we replaced the pump last Friday", "en", "2026-11-20", "last Friday"),
        ("we replaced the pump on Friday", "en", "2026-11-20", "on Friday"),
        ("today we cleaned the filter", "en", "2026-11-22", "today"),
        ("3 days ago Luis painted the fence", "en", "2026-11-19", "3 days ago"),
        ("on 12 May 2024 the boiler was serviced", "en", "2024-05-12", "on 12 May 2024"),
        ("tomorrow the plumber comes", "en", "2026-11-23", "tomorrow"),
        ("the MOT is on 3 March 2027", "en", "2027-03-03", "on 3 March 2027"),
        ("hoy cambié el aceite", "es", "2026-11-22", "hoy"),
        ("el lunes pasado vino el fontanero", "es", "2026-11-16", "el lunes pasado"),
        ("anteayer cambiamos la bomba", "es", "2026-11-20", "anteayer"),
        ("hace dos días cambiamos la bomba", "es", "2026-11-20", "hace dos días"),
        ("mañana viene el fontanero", "es", "2026-11-23", "mañana"),
        ("esta mañana vino el fontanero", "es", "2026-11-22", "esta mañana"),
    ],
)
def test_the_day_of_a_fact(text: str, language: str, day: str, said: str) -> None:
    found = relative_date(text, NOW, language)
    assert found is not None
    assert (found[0], text[slice(*found[1])]) == (_day(day), said)


@pytest.mark.parametrize(
    "text",
    [
        "the pool pump is a Hayward",
        "last summer we painted the house",
        "in May 2024 we bought the heater",
        "the guarantee runs until 12 May 2027",
        "the bins go out on Friday",
        "we clean the filter every Friday",
        "por la mañana se riega",
        "on 12 May 2024 and on 13 May 2025 the boiler was serviced",
        "the pump leaks since yesterday",
    ],
)
def test_no_day_is_made_up(text: str) -> None:
    assert relative_date(text, NOW, "en") is None
