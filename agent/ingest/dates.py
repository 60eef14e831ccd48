"""Dates as people write them in headings, front matter and columns, in English and Spanish.

Only a full date counts: "May 2024" names no day, and a made-up one would answer "when did we" wrongly.
12.05.2024 is read day first, as is 12/05/2024 where it stands in a Spanish column; elsewhere the latter
could be either and is not read, unless one part is over 12.
"""

from __future__ import annotations

import re
from datetime import date

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
    found = _match(text)
    return _read(found, day_first=False) if found else None


def read_date(value: str, *, day_first: bool = False) -> Day | None:
    """A whole value that is a date: an ISO time stamp, "12 May 2024". `day_first` settles 12/05/2024."""
    found = _match(value)
    return _read(found, day_first=day_first) if found and not value[found.end() :].strip() else None


def date_in_name(name: str) -> Day | None:
    """The ISO date in a file's name: `2024-05-12 pump.md`."""
    match = _IN_NAME.search(name)
    return _day(*map(int, match.groups())) if match else None


def _match(text: str) -> re.Match[str] | None:
    return next(filter(None, (shape.match(text) for shape in _SHAPES)), None)


def _read(match: re.Match[str], *, day_first: bool) -> Day | None:
    parts = match.groupdict()
    year, day = int(parts["year"]), int(parts["day"])
    if not parts["month"].isdigit():
        return _day(year, _MONTH.get(parts["month"].casefold(), 0), day)
    month = int(parts["month"])
    if (
        match.start("day") > match.start("year")
        or day_first
        or parts["sep"] == "."
        or day > 12
        or day == month
    ):
        return _day(year, month, day)
    return _day(year, day, month) if month > 12 else None


def _day(year: int, month: int, day: int) -> Day | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
