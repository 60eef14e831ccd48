"""The date expressions of English and Spanish, and the days that each one covers.

A *moment* is one expression, `12 May 2024`, `last summer`, `hace dos semanas`, with the first and last day
that it covers. Both languages are always read, since a short question does not tell its own.

Seasons are the meteorological ones of the northern hemisphere, three whole months each. Two winters touch a
year, so `winter of 2023` runs from December 2022 to February 2024. A week begins on Monday.

The library dateparser turns one expression into a date. It is not asked to *find* expressions: its search
takes "we" for Wednesday. Importing it costs a third of a second, so it is imported when first needed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What one expression covers, both days inclusive."""

    start: date
    end: date
    yearless: bool = False
    """No year was said; the nearest one in the past was taken."""
    vague: bool = False
    """It means the past only in a sentence about the past: `in May`, `this year`, `on Friday`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Against what expressions are read."""

    now: datetime
    day_first: bool | None
    """How `12/05/2024` is read; with None it stays unread unless one part is over 12."""


_MONTH = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december"
    r"|enero|febrero|marzo|abril|mayo|junio|julio|agosto|sep?tiembre|octubre|noviembre|diciembre)\b"
)
_ANY_MONTH = rf"(?:{_MONTH}|(?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|ene|abr|ago|dic)\b\.?)"
_WEEKDAY = (
    r"(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday"
    r"|lunes|martes|mi[eé]rcoles|jueves|viernes|s[aá]bado|domingo)\b"
)
_SEASON = r"(?:spring|summer|autumn|fall|winter|primavera|verano|oto[ñn]o|invierno)\b"
_QUANTITY = r"%|€|\$|(?:euros?|dollars?|km|kg|w|rpm|lit\w+|steps|hours?|horas|people|personas)\b"
_YEAR = rf"(?:19|20)\d\d\b(?![.,/:-]?\d|\s*(?:{_QUANTITY}))"
_NUMERIC = (
    r"(?<![\d.])(?:(?:19|20)\d\d-\d\d-\d\d|\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d\d"
    r"|\d{1,2}/\d{1,2}/\d\d)(?![./-]?\d)"
)
_DAY_MONTH = (
    rf"\d{{1,2}}(?:st|nd|rd|th|º)?\s+(?:of\s+|de\s+)?{_ANY_MONTH}|{_ANY_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?\b"
)
_OF_YEAR = rf"(?:,?\s+|\s+(?:of|de|del)\s+){_YEAR}"
_UNIT = r"(?:days?|weeks?|months?|years?|d[ií]as?|semanas?|mes(?:es)?|años?)\b"
_CALENDAR = r"(?:week|month|year|semana|mes|año)\b"
_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
    "un": 1, "una": 1, "dos": 2, "tres": 3, "cuatro": 4, "cinco": 5, "seis": 6, "siete": 7, "ocho": 8,
    "nueve": 9, "diez": 10, "once": 11, "doce": 12,
}  # fmt: skip
_COUNT = rf"(?:\d{{1,3}}|{'|'.join(_NUMBERS)})"

_DATED = rf"{_NUMERIC}|(?:{_DAY_MONTH}){_OF_YEAR}"
_NAMED_DAYS = {
    "the day before yesterday": -2, "anteayer": -2, "antier": -2, "antes de ayer": -2,
    "yesterday": -1, "last night": -1, "ayer": -1, "anoche": -1,
    "today": 0, "this morning": 0, "this afternoon": 0, "hoy": 0, "esta mañana": 0, "esta tarde": 0,
    "tomorrow": 1, "mañana": 1, "pasado mañana": 2,
}  # fmt: skip
"""Days from today."""
_NAMED_DAY = rf"(?:{'|'.join(name for name, days in _NAMED_DAYS.items() if days <= 0)})\b".replace(
    " ", r"\s+"
)
_COMING_DAY = r"(?:tomorrow|pasado\s+mañana|(?<!la )(?<!esta )(?<!ayer )mañana)\b"
_AGO = rf"{_COUNT}\s+{_UNIT}\s+ago\b|hace\s+(?:unos\s+|unas\s+)?{_COUNT}\s+{_UNIT}"
_LAST = (
    rf"(?<!the )last\s+(?:{_CALENDAR}|{_SEASON}|{_MONTH}|{_WEEKDAY})(?!\s+of\b)"
    rf"|(?:el\s+|la\s+)?(?:{_CALENDAR}|{_SEASON}|{_MONTH}|{_WEEKDAY})\s+pasad[oa]\b"
    rf"|(?:el\s+|la\s+)?pasad[oa]\s+(?:{_CALENDAR}|{_SEASON}|{_MONTH}|{_WEEKDAY})"
)
_THIS = rf"(?:this|est[ea])\s+(?:{_CALENDAR}|{_SEASON})"
_MONTH_OF_YEAR = rf"{_MONTH}{_OF_YEAR}"
_SEASON_OF_YEAR = rf"{_SEASON}{_OF_YEAR}"

_ARTICLE = r"(?:(?:the|el|la)\s+)?(?:year\s+|año\s+)?"
STANDALONE = rf"(?:{_DATED}|{_NAMED_DAY}|{_AGO}|{_LAST}|{_THIS})"
"""Expressions that say when wherever they stand."""
COMING = rf"(?:{_COMING_DAY})"
AFTER_PREPOSITION = rf"(?:{_ARTICLE}(?:{_MONTH_OF_YEAR}|{_SEASON_OF_YEAR}|{_MONTH}|{_YEAR}))"
"""Expressions that may also be part of a name (`the 2019 tax return`), unless `in` or the like precedes."""
DAY_AFTER_ARTICLE = rf"(?:{_DAY_MONTH}|{_WEEKDAY})"
"""After `on`, `el` or `since`."""
ANY = rf"(?:{STANDALONE}|{_ARTICLE}(?:{DAY_AFTER_ARTICLE}|{AFTER_PREPOSITION}))"
TRAILING = (
    rf"(?:the\s+(?:last|past)\s+(?:{_COUNT}\s+)?|(?:el|la|los|las)\s+[uú]ltim[oa]s?\s+(?:{_COUNT}\s+)?"
    rf"|[uú]ltim[oa]s\s+{_COUNT}\s+){_UNIT}(?!\s+(?:of|de)\b)"
)
"""A stretch of time that ends today: `the last 3 months`."""

_COUNTED = re.compile(rf"(?:\b(?P<count>{_COUNT})\s+)?(?P<unit>{_UNIT})")
_SEASON_MONTHS = {
    "spring": 3, "primavera": 3, "summer": 6, "verano": 6, "autumn": 9, "fall": 9, "otoño": 9, "otono": 9,
    "winter": 12, "invierno": 12,
}  # fmt: skip


def read_moment(text: str, clock: Clock) -> Moment | None:
    """Read one expression that `ANY` or `COMING` matched; None when it is doubtful or no real date."""
    said = " ".join(text.lower().split())
    for shape, read in _READERS:
        match = shape.fullmatch(said)
        if match:
            return read(match["said"], clock)
    return None


def trailing_start(text: str, clock: Clock) -> date | None:
    """The first day of a stretch that `TRAILING` matched."""
    return _counted_back(text.lower(), clock)[0]


def _counted_back(text: str, clock: Clock) -> tuple[date | None, str]:
    """The day that lies the said count of units before today (one if none is said), and the unit."""
    match = _COUNTED.search(text)
    if match is None:
        return None, ""
    count, unit = match["count"] or "1", _english_unit(match["unit"])
    return _parse(f"{_NUMBERS.get(count, count)} {unit}s ago", clock), unit


def _parse(text: str, clock: Clock) -> date | None:
    from dateparser.date import DateDataParser

    parser = DateDataParser(
        languages=["en", "es"],
        settings={
            "RELATIVE_BASE": clock.now.replace(tzinfo=None),
            "PREFER_DATES_FROM": "past",
            "DATE_ORDER": "MDY" if clock.day_first is False else "DMY",
            "PREFER_LOCALE_DATE_ORDER": False,
        },
    )
    found = parser.get_date_data(text).date_obj
    return found.date() if found else None


def _english_unit(word: str) -> str:
    return {"d": "day", "w": "week", "s": "week", "m": "month", "y": "year", "a": "year"}[word[0]]


def _span(day: date, unit: str) -> tuple[date, date]:
    """The first and last day of the calendar unit that holds `day`."""
    if unit == "week":
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=6)
    if unit == "month":
        return day.replace(day=1), _month_start(day.year, day.month + 1) - timedelta(days=1)
    if unit == "year":
        return date(day.year, 1, 1), date(day.year, 12, 31)
    return day, day


def _month_start(year: int, month: int) -> date:
    """`month` may run past 12, into later years."""
    return date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)


def _season(name: str, year: int) -> tuple[date, date]:
    month = _SEASON_MONTHS[name]
    return _month_start(year, month), _month_start(year, month + 3) - timedelta(days=1)


def _one_day(day: date | None, **more: bool) -> Moment | None:
    return Moment(start=day, end=day, **more) if day else None


def _read_numeric(text: str, clock: Clock) -> Moment | None:
    order = clock.day_first
    first, second = (int(part) for part in re.split(r"[./-]", text)[:2])
    if "." in text or first > 12 or first == second:
        order = True
    elif second > 12:
        order = False
    return _one_day(_parse(text, Clock(now=clock.now, day_first=order))) if order is not None else None


def _read_dated(text: str, clock: Clock) -> Moment | None:
    return _one_day(_parse(text, clock))


def _read_day_month(text: str, clock: Clock) -> Moment | None:
    return _one_day(_parse(text, clock), yearless=True)


def _read_named_day(text: str, clock: Clock) -> Moment | None:
    days = _NAMED_DAYS[text]
    return _one_day(clock.now.date() + timedelta(days=days), vague=days == 0)


def _read_weekday(text: str, clock: Clock) -> Moment | None:
    return _one_day(_parse(text, clock), vague=True)


def _read_ago(text: str, clock: Clock) -> Moment | None:
    return _covering(*_counted_back(text, clock))


def _read_last(text: str, clock: Clock) -> Moment | None:
    name = re.sub(r"\b(?:last|el|la|pasad[oa])\b", "", text).strip()
    today = clock.now.date()
    if name in _SEASON_MONTHS:
        spans = [_season(name, year) for year in range(today.year, today.year - 3, -1)]
        start, end = next(span for span in spans if span[1] < today)
        return Moment(start=start, end=end)
    if re.fullmatch(_CALENDAR, name):
        unit = _english_unit(name)
        return _covering(_span(today, unit)[0] - timedelta(days=1), unit)
    if re.fullmatch(_WEEKDAY, name):
        return _one_day(_parse(name, clock))
    month = _covering(_parse(name, clock), "month")
    if month and month.end >= today:
        return _covering(_parse(f"1 {name} {today.year - 1}", clock), "month")
    return month


def _read_this(text: str, clock: Clock) -> Moment | None:
    name = text.split()[-1]
    today = clock.now.date()
    if name in _SEASON_MONTHS:
        spans = [_season(name, year) for year in (today.year, today.year - 1)]
        begun = [span for span in spans if span[0] <= today and span[1].year >= today.year]
        return Moment(start=begun[0][0], end=begun[0][1], vague=True) if begun else None
    start, end = _span(today, _english_unit(name))
    return Moment(start=start, end=end, vague=True)


def _read_season_of_year(text: str, clock: Clock) -> Moment:
    name, year = text.split()[0].rstrip(","), int(text[-4:])
    start, end = _season(name, year)
    if end.year > year:
        start = _season(name, year - 1)[0]
    return Moment(start=start, end=end)


def _read_month_of_year(text: str, clock: Clock) -> Moment | None:
    return _covering(_parse(f"1 {text}", clock), "month")


def _read_month(text: str, clock: Clock) -> Moment | None:
    return _covering(_parse(text, clock), "month", yearless=True, vague=True)


def _read_year(text: str, clock: Clock) -> Moment:
    return Moment(start=date(int(text), 1, 1), end=date(int(text), 12, 31))


def _covering(day: date | None, unit: str, **more: bool) -> Moment | None:
    if day is None:
        return None
    start, end = _span(day, unit)
    return Moment(start=start, end=end, **more)


_READERS: tuple[tuple[re.Pattern[str], Callable[[str, Clock], Moment | None]], ...] = tuple(
    (re.compile(rf"{_ARTICLE}(?P<said>{shape})"), read)
    for shape, read in (
        (_NAMED_DAY, _read_named_day),
        (_COMING_DAY, _read_named_day),
        (_NUMERIC, _read_numeric),
        (_DATED, _read_dated),
        (_AGO, _read_ago),
        (_LAST, _read_last),
        (_THIS, _read_this),
        (_DAY_MONTH, _read_day_month),
        (_MONTH_OF_YEAR, _read_month_of_year),
        (_SEASON_OF_YEAR, _read_season_of_year),
        (_WEEKDAY, _read_weekday),
        (_MONTH, _read_month),
        (_YEAR, _read_year),
    )
)
