"""Periods that a question asks for, and the day that a remembered fact speaks of, in English and Spanish.

A wrong period hides the right passage, while a missing one only costs precision: whatever is doubtful is not
read. A bare year counts only after `in`, `since` and the like, never inside a name (`the 2019 tax return`,
`Windows 95`, `last year's bill`); `in May` and `this week` count only in a sentence about the past, not in
"what do we plant in May?"; a period that lies wholly in the future is no filter on what is already written.

Numeric dates: with dots, and in Spanish, the day comes first. In English `12/05/2024` could be either, so it
is not read unless one part is over 12 or the caller says which it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from agent.language import _moments
from agent.language._moments import Clock, Moment, read_moment, trailing_start

Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Days that a text limits itself to. At least one end is set."""

    since: date | None
    until: date | None
    """Both inclusive."""
    span: Span
    """Where in the text it is said, preposition included."""


_MAY_HOLD_DATE = re.compile(
    r"\d{4}|\d[./-]\d|\b(?:\d{1,2}(?:st|nd|rd|th)?\s+(?:of|de)?\s*[a-zñ]{3}|ago|hace|last|past|this|est[ea]|today"
    r"|tomorrow|yesterday|hoy|ayer|mañana|ante?ayer|antier|anoche|[uú]ltim|pasad|januar|februar|march|april|may"
    r"|june|july|august|sep?ti?em|setiem|oct[ou]|novi?em|dici?em|decem|enero|febre|marzo|abril|junio"
    r"|julio|agosto|monday|tuesday|wednesday|thursday|friday|saturday|sunday|lunes|martes|mi[eé]rc|jueves"
    r"|viernes|s[aá]bado|domingo|spring|summer|autumn|fall|winter|primavera|verano|oto[ñn]o|invierno)",
    re.IGNORECASE,
)
_PAST = re.compile(
    r"\b(?:did|was|were|had|bought|spent|paid|made|said|told|sold|went|came|took|found|broke|wrote|got|gave"
    r"|built|began|kept|left|lost|met|put|ran|saw|sent|spoke|thought|cost|have (?:i|we|you|they|been)"
    r"|has (?:he|she|it|been)|(?!(?:need|feed|speed|weed|seed|shed|bleed|indeed)\b)\w{2,}ed"
    r"|(?!qué\b|café\b|sé\b|té\b|bebé\b)\w+[óé]|\w+(?:aron|ieron|amos|imos|aste|iste)|hizo|hice|fue|hubo|dijo"
    r"|puso|vino|estuvo|tuvo|trajo|hemos|habéis|había\w*|estaba\w*|tenía\w*|(?:he|ha|han) \w+[dt]o)\b",
    re.IGNORECASE,
)
_PRESENT = re.compile(
    r"\b(?:is|are|do (?:i|we|you|they)|does|can|should|must|will"
    r"|es|son|están?|hay|puedo|puede|podemos|debo|debemos|suele)\b",
    re.IGNORECASE,
)
_PART_OF_NOUN = re.compile(
    r"\b(?:the|a|an|our|my|his|her|their|your|that|el|la|los|las|un|una|nuestr[oa]s?|mi|su|tu)\s+[\w-]+\s+"
    r"(?:\w+ed|bought|made|built|from|\w+[ai]d[oa]s?|hech[oa]s?|del?)\s+$"
    r"|\b(?:del?|of|from|over|(?:more|less)\s+than|about|around|almost|nearly|unos|casi)\s+(?:el\s+|la\s+|the\s+)?$",
    re.IGNORECASE,
)
"""Before a date of a thing, `the pump installed [in 2019]`, or is inexact: `over [a week ago]`."""


Relation = Literal["between", "trailing", "since", "until", "before", "after", "within"]


def _phrase(lead: str, moment: str, rest: str = "") -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){lead}(?P<moment>{moment}){rest}(?!['’]s\b)(?!\w)", re.IGNORECASE)


_ANY = _moments.ANY
_PHRASES: tuple[tuple[Relation, re.Pattern[str]], ...] = (
    ("between", _phrase(r"(?:between|entre)\s+", _ANY, rf"\s+(?:and|y|e)\s+(?P<end>{_ANY})")),
    (
        "between",
        _phrase(
            r"(?:from|desde|del?)\s+", _ANY, rf"\s+(?:to|until|till|through|hasta|al?)\s+(?P<end>{_ANY})"
        ),
    ),
    ("trailing", _phrase(r"(?:(?:in|over|during|within|en|durante)\s+)?", _moments.TRAILING)),
    ("since", _phrase(r"(?:since|desde|a\s+partir\s+del?)\s+", _ANY)),
    ("since", _phrase(r"from\s+", _ANY, r"\s+on(?:wards?)?\b")),
    ("until", _phrase(r"(?:until|till|up\s+to|hasta)\s+", _ANY)),
    ("before", _phrase(r"(?:(?<!day )before|antes\s+del?(?!\s+ayer))\s+", _ANY)),
    ("after", _phrase(r"(?:after|despu[eé]s\s+del?|tras)\s+", _ANY)),
    ("within", _phrase(r"(?:(?:in|on|during|en|durante|the|el)\s+)?", _moments.STANDALONE)),
    ("within", _phrase(r"(?:in|during|throughout|en|durante)\s+", _moments.AFTER_PREPOSITION)),
    ("within", _phrase(r"(?:on|el)\s+", _moments.DAY_AFTER_ARTICLE)),
    ("within", _phrase("", _moments.COMING)),
)
"""The first shape that matches a stretch of text has it, so the more telling ones stand first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    relation: Relation
    since: date | None
    until: date | None
    span: Span


def read_periods(
    text: str, now: datetime, language: str, *, day_first: bool | None = None
) -> tuple[Period, ...]:
    """The periods that a question limits itself to, in the order of the text, none overlapping.

    `now` is in the guild's time zone. `day_first` settles numeric dates; None reads them as the module says.
    """
    if not _MAY_HOLD_DATE.search(text):
        return ()
    clock = Clock(now=now, day_first=_day_first(language, day_first))
    return tuple(
        Period(since=reading.since, until=reading.until, span=reading.span)
        for reading in sorted(_readings(text, clock), key=lambda reading: reading.span)
        if _begun(reading, clock)
    )


def relative_date(text: str, now: datetime, language: str) -> tuple[date, Span] | None:
    """The day on which a remembered fact happened, and where it says so: `yesterday`, `el 12 de mayo`.

    Only a single named day counts: of "last summer" or "in May" no day is known, and a day before, after,
    since or until something is not when it happened. None when no day, or more than one, is said.
    """
    if not _MAY_HOLD_DATE.search(text):
        return None
    clock = Clock(now=now, day_first=_day_first(language, None))
    days = [
        (reading.since, reading.span)
        for reading in _readings(text, clock)
        if reading.relation == "within" and reading.since and reading.since == reading.until
    ]
    return days[0] if len({day for day, _ in days}) == 1 else None


def _day_first(language: str, given: bool | None) -> bool | None:
    return True if given is None and language == "es" else given


def _overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _begun(reading: _Reading, clock: Clock) -> bool:
    first = reading.since or reading.until
    return first is not None and first <= clock.now.date()


def _readings(text: str, clock: Clock) -> list[_Reading]:
    past = bool(_PAST.search(text)) and not _PRESENT.search(text)
    taken: list[Span] = []
    found: list[_Reading] = []
    for relation, shape in _PHRASES:
        for match in shape.finditer(text):
            if any(_overlap(match.span(), span) for span in taken):
                continue
            taken.append(match.span())
            ends = _ends(relation, match, clock, past)
            if ends and not _PART_OF_NOUN.search(text, max(0, match.start() - 60), match.start()):
                found.append(_Reading(relation=relation, since=ends[0], until=ends[1], span=match.span()))
    return found


def _ends(
    relation: Relation, match: re.Match[str], clock: Clock, past: bool
) -> tuple[date | None, date | None] | None:
    if relation == "trailing":
        return trailing_start(match["moment"], clock), clock.now.date()
    if relation == "between":
        return _between(match["moment"], match["end"], clock)
    moment = read_moment(match["moment"], clock)
    if moment is None or (moment.vague and not past and relation != "since"):
        return None
    return _limits(moment, relation)


def _between(first: str, second: str, clock: Clock) -> tuple[date, date] | None:
    """A year that only the second end names is the first one's too; without any, the latest such stretch."""
    start, end = read_moment(first, clock), read_moment(second, clock)
    if start and end and start.yearless:
        start = read_moment(f"{first} {end.end.year}", clock)
        if start and start.start > end.end:
            start = read_moment(f"{first} {end.end.year - 1}", clock)
    return (start.start, end.end) if start and end and start.start <= end.end else None


def _limits(moment: Moment, relation: Relation) -> tuple[date | None, date | None]:
    day = timedelta(days=1)
    if relation == "since":
        return moment.start, None
    if relation == "until":
        return None, moment.end
    if relation == "before":
        return None, moment.start - day
    if relation == "after":
        return moment.end + day, None
    return moment.start, moment.end
