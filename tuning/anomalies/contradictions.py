"""Do two sentences contradict each other? A rule for English and Spanish, precise rather than complete.

Two sentences do when they use the very same words, but for words that say little, and differ in just one of

* a number of something, of which both have as many;
* a date or a time of what happens or happened once: when something opens, ends, is due, was built, was born;
* a "not".

What the rule leaves out on purpose: other words for the same thing, and what was so once. "The pump cost 300
euros" and "the pump cost 410 euros" may both be true of two pumps; a log of measurements contradicts nothing.
tests/tuning/contradictions.jsonl is what its precision is measured on.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import snowballstemmer

from agent.contracts import Passage
from agent.language.sentences import Span, split_sentences

_WORDS: Final = 3
"""Fewer words in common say nothing of what a sentence is about."""
_LONGEST: Final = 300
"""Characters; a longer sentence says more than one thing."""


class Difference(StrEnum):
    NUMBER = "number"
    DATE = "date"
    NEGATION = "negation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    difference: Difference
    one: Passage
    other: Passage
    one_span: Span
    other_span: Span
    """Of the sentences, as offsets into the texts of the sources."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gist:
    """What a sentence says, in parts that can be compared."""

    words: frozenset[str]
    numbers: tuple[str, ...]
    """Sorted, with their units."""
    dates: tuple[str, ...]
    negated: bool
    once: bool
    """Whether it is about what happens once."""
    past: bool


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in letters if not unicodedata.combining(sign))


def _set(words: str) -> frozenset[str]:
    return frozenset(_plain(words).split())


_STEMMERS: Final = {
    code: snowballstemmer.stemmer(name) for code, name in (("en", "english"), ("es", "spanish"))
}
_MONTHS: Final = (
    "january february march april may june july august september october november december "
    "enero febrero marzo abril mayo junio julio agosto septiembre setiembre octubre noviembre diciembre"
)
_DAYS: Final = (
    "monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays "
    "saturdays sundays lunes martes miercoles jueves viernes sabado sabados domingo domingos"
)
_COUNTS: Final = {
    **{
        word: str(n)
        for n, word in enumerate(
            ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"], 1
        )
    },
    **{
        word: str(n)
        for n, word in enumerate(
            ["dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve", "diez"], 2
        )
    },
    "eleven": "11",
    "twelve": "12",
    "once": "11",
    "doce": "12",
}
_NOT: Final = _set("not no never cannot without nor neither nunca jamas sin tampoco ni")
_EMPTY: Final = _set(
    "a an the of in on at to for from by with and or is are be been was were has have had do does did "
    "it its this that these those there our we you your they their i my usually always please about "
    "around approximately now currently today just also only still will shall can may must should el la "
    "los las lo un una unos unas de del en al para por con y o es son ser esta estan este estos esto "
    "esa ese se su sus nuestro nuestra nuestros nuestras tu tus mi mis que hay ha han siempre "
    "normalmente aproximadamente ahora hoy solo tambien todavia puede pueden debe deben"
)
_PAST: Final = _set(
    "was were had did paid bought went took got came cost measured read yesterday ago last fue fueron "
    "era eran estaba estaban costo pago pagamos compro compramos midio medimos tenia habia ayer hace "
    "pasado"
)
_PRESENT: Final = _set(
    "is are be must should can may will every each per es son debe deben puede pueden cada se"
)
_ONCE: Final = _set(
    "open opens opened opening close closes closed closing expires expired expiry ends ended begins "
    "began starts started due deadline born founded built valid warranty abre abrio abren cierra cerro "
    "cierran caduca vence termina termino empieza empezo plazo nacio fundo construyo construida "
    "construido fundada fundado valido valida garantia"
)
_NAMED: Final = _set(
    "page step version chapter section room number no article level season paso pagina capitulo seccion "
    "sala numero articulo nivel temporada"
)
"""What a number after is the name of."""
_MONTH_NAMES: Final = _set(_MONTHS)
_CALENDAR: Final = _MONTH_NAMES | _set(_DAYS)
_PAST_ENDING: Final = re.compile(r"\b[^\W\d_]{2,}(?:ed|ó|aron|ieron|amos|imos)\b")
_SHORT_NOT: Final = re.compile(r"\b(?:ca|wo)n['’]t\b|n['’]t\b")
_DAY: Final = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?")
_BEFORE_MAY: Final = _set("in of since until by early late from")
_TOKENS: Final = re.compile(
    r"\d{1,4}(?:[./-]\d{1,2}){2}|\d+:\d{2}|\d+(?:st|nd|rd|th)\b|\d+(?:[.,]\d+)*|[^\W\d_]+|[%€$£°]"
)
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_NUMERIC_DATE: Final = re.compile(r"\d{1,4}(?:[./-]\d{1,2}){2}|\d+:\d{2}")
_UNIT: Final = frozenset("%€$£°")


def contradictions(pairs: Iterable[tuple[Passage, Passage]]) -> Iterator[Contradiction]:
    """Every contradiction between the sentences of two passages, one a pair at most."""
    gists: dict[str, list[tuple[Span, _Gist]]] = {}
    for one, other in pairs:
        if one.language != other.language or one.source == other.source:
            continue
        for passage in (one, other):
            if passage.id not in gists:
                gists[passage.id] = list(_gists(passage))
        if found := _first(one, other, gists[one.id], gists[other.id]):
            yield found


def difference(one: str, other: str, language: str) -> Difference | None:
    """In what two sentences of a language contradict each other; None when they do not, as far as is seen."""
    return _difference(_gist(one, language), _gist(other, language))


def _first(
    one: Passage, other: Passage, ones: Iterable[tuple[Span, _Gist]], others: Iterable[tuple[Span, _Gist]]
) -> Contradiction | None:
    by_words: dict[frozenset[str], list[tuple[Span, _Gist]]] = {}
    for span, gist in others:
        by_words.setdefault(gist.words, []).append((span, gist))
    for span, gist in ones:
        for other_span, other_gist in by_words.get(gist.words, ()):
            if differs := _difference(gist, other_gist):
                return Contradiction(
                    difference=differs, one=one, other=other, one_span=span, other_span=other_span
                )
    return None


def _gists(passage: Passage) -> Iterator[tuple[Span, _Gist]]:
    for start, end in split_sentences(passage.text):
        if end - start <= _LONGEST:
            span = (passage.start + start, passage.start + end)
            yield span, _gist(passage.text[start:end], passage.language)


def _difference(one: _Gist, other: _Gist) -> Difference | None:
    if one.words != other.words or len(one.words) < _WORDS or one.past or other.past:
        return None
    differs = [
        kind
        for kind, same in (
            (Difference.NUMBER, one.numbers == other.numbers),
            (Difference.DATE, one.dates == other.dates),
            (Difference.NEGATION, one.negated == other.negated),
        )
        if not same
    ]
    if len(differs) != 1:
        return None
    comparable = {
        Difference.NUMBER: _units(one) == _units(other) and _one_apart(one.numbers, other.numbers),
        Difference.DATE: one.once and len(one.dates) == len(other.dates),
        Difference.NEGATION: True,
    }
    return differs[0] if comparable[differs[0]] else None


def _units(gist: _Gist) -> Counter[str]:
    """What is counted, how often: "3 weeks" against "4 weeks", not against "4 euros"."""
    return Counter(number.partition(" ")[2] for number in gist.numbers)


def _one_apart(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether one number alone differs: where several do, it is another case that is told of."""
    return (Counter(one) - Counter(other)).total() == 1


def _gist(sentence: str, language: str) -> _Gist:
    tokens = _TOKENS.findall(_SHORT_NOT.sub(" not", _plain(sentence)))
    numbers: list[str] = []
    dates: list[str] = []
    words: set[str] = set()
    stem = _STEMMERS.get(language, _STEMMERS["en"]).stemWord
    for place, token in enumerate(tokens):
        value = _COUNTS.get(token, token)
        if _is_date(tokens, place):
            dates.append(token)
        elif value[0].isdecimal():
            unit = _unit(tokens, place)
            # A number of nothing is the name of something: page 3, a door's code.
            (numbers.append if unit else words.add)(f"{value.replace(',', '.')} {unit}")
        elif token not in _EMPTY and token not in _NOT and token not in _UNIT:
            words.add(stem(token))
    heard = frozenset(tokens)
    happened = bool(heard & _PAST) or bool(_PAST_ENDING.search(sentence.casefold()))
    return _Gist(
        words=frozenset(words),
        numbers=tuple(sorted(numbers)),
        dates=tuple(sorted(dates)),
        negated=bool(heard & _NOT),
        once=bool(heard & _ONCE),
        past=happened and not heard & _PRESENT,
    )


def _is_date(tokens: list[str], place: int) -> bool:
    word = tokens[place]
    if word == "may":
        return _is_month(tokens, place)
    if word in _CALENDAR or _YEAR.fullmatch(word) or _NUMERIC_DATE.fullmatch(word):
        return True
    near = (
        tokens[max(0, place - 1) : place]
        + [each for each in tokens[place + 1 : place + 3] if each != "de"][:1]
    )
    day = _DAY.fullmatch(word)
    return day is not None and (not word.isdecimal() or any(each in _MONTH_NAMES for each in near))


def _is_month(tokens: list[str], place: int) -> bool:
    """Whether "may" is the month and not what one is allowed."""
    after = tokens[place + 1] if place + 1 < len(tokens) else ""
    before = tokens[place - 1] if place else ""
    return before in _BEFORE_MAY or before[:1].isdecimal() or after[:1].isdecimal()


def _unit(tokens: list[str], place: int) -> str:
    """The sign or word beside a number that says of what it is one."""
    after = tokens[place + 1] if place + 1 < len(tokens) else ""
    before = tokens[place - 1] if place else ""
    if before in _NAMED:
        return ""
    if after in _UNIT or before in _UNIT:
        return after if after in _UNIT else before
    return after if after.isalpha() and after not in _EMPTY else ""
