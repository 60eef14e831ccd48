"""Dates as people write them in headings, front matter and columns, in English and Spanish.

Only a full date counts: "May 2024" names no day, and a made-up one would answer "when did we" wrongly.
12/05/2024 is read day first, as most of the world writes it, and 05/25/2024 the only way it can be.
"""

from __future__ import annotations

import re
from datetime import date, datetime

from agent.contracts import Day

_MONTHS = (
    "jan|ene feb mar apr|abr may jun jul aug|ago sep|set oct nov dec|dic",
    "january february march april may june july august september october november december",
    "enero febrero marzo abril mayo junio julio agosto septiembre|setiembre octubre noviembre diciembre",
)
_MONTH = {
    name: number
    for names in _MONTHS
    for number, variants in enumerate(names.split(), start=1)
    for name in variants.split("|")
} | {"sept": 9}
_NAME = r"(?P<month>[^\W\d_]{3,10})\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th|º)?"
_WEEKDAY = (
    r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?"
    r"|lunes|martes|mi[eé]rcoles|jueves|viernes|s[aá]bado|domingo),?\s+(?:el\s+)?"
)
_SHAPES = tuple(
    re.compile(rf"\s*(?:{_WEEKDAY})?(?:{shape})(?!\w|[-/.]\d)", re.IGNORECASE)
    for shape in (
        r"(?P<year>\d{4})(?P<sep>[-/.])(?P<month>\d{1,2})(?P=sep)(?P<day>\d{1,2})(?:[T ]\d{1,2}:\d{2}\S*)?",
        r"(?P<day>\d{1,2})(?P<sep>[-/.])(?P<month>\d{1,2})(?P=sep)(?P<year>\d{4})",
        rf"{_DAY}[\s-]+(?:de\s+|of\s+)?{_NAME},?[\s-]+(?:del?\s+)?(?P<year>\d{{4}})",
        rf"{_NAME}\s+{_DAY},?\s+(?P<year>\d{{4}})",
    )
)
_IN_NAME = re.compile(r"(?<!\d)(\d{4})[-_.](\d{2})[-_.](\d{2})(?!\d)")


def leading_date(text: str) -> Day | None:
    """The full date that `text` begins with: "2024-05-12 Replaced the pump", "12 de mayo de 2024: …"."""
    for shape in _SHAPES:
        if match := shape.match(text):
            return _day(match["year"], match["month"], match["day"])
    return None


def read_date(value: object) -> Day | None:
    """A whole value that is a date: a YAML date, an ISO time stamp, "12 May 2024". Else None."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if not isinstance(value, str):
        return None
    for shape in _SHAPES:
        if (match := shape.match(value)) and not value[match.end() :].strip():
            return _day(match["year"], match["month"], match["day"])
    return None


def date_in_name(name: str) -> Day | None:
    """The ISO date in a file's name: `2024-05-12 pump.md`."""
    match = _IN_NAME.search(name)
    return _day(*match.groups()) if match else None


def _day(year: str, month: str, day: str) -> Day | None:
    first, second = int(day), int(month) if month.isdigit() else _MONTH.get(month.casefold(), 0)
    if month.isdigit() and second > 12 >= first:
        first, second = second, first
    try:
        return date(int(year), second, first)
    except ValueError:
        return None
