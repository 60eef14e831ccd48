"""Text of strangers, made fit for a terminal, a message or a prompt."""

from __future__ import annotations

import unicodedata
from datetime import date
from types import MappingProxyType

_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_MONTHS = MappingProxyType(
    {
        "en": (
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ),
        "es": (
            "enero",
            "febrero",
            "marzo",
            "abril",
            "mayo",
            "junio",
            "julio",
            "agosto",
            "septiembre",
            "octubre",
            "noviembre",
            "diciembre",
        ),
    }
)
_DATE = MappingProxyType({"en": "{day} {month} {year}", "es": "{day} de {month} de {year}"})


def one_line(text: str) -> str:
    """Keep the words on one line, without signs that command a terminal or turn the reading direction."""
    spaced = " ".join(text.split())
    return "".join(c for c in spaced if unicodedata.category(c) != "Cc" and c not in _BIDI)


def spoken_date(day: date, language: str) -> str:
    """`14 May 2024`, `14 de mayo de 2024`; English for any other language."""
    known = language if language in _DATE else "en"
    return _DATE[known].format(day=day.day, month=_MONTHS[known][day.month - 1], year=day.year)
