"""The words of an answer: an extractive one, an honest refusal, the sources; and what a model is told.

Everything here is a pure function of its arguments. Text out of a source is shown verbatim except for its
white space, the marks that would end its own quotation, and signs that command a terminal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from agent.answering.cues import asks_when_it_happened, tells_a_date
from agent.answering.display import one_line, spoken_date
from agent.answering.extract import Extract
from agent.answering.prompts import answer_messages, repair_messages, says_unknown
from agent.answering.quotes import quote_of
from agent.contracts import Constraints, Quote, Searched, Slug, SourceKind

__all__ = [
    "answer_messages",
    "declined_answer",
    "extractive_answer",
    "repair_messages",
    "says_unknown",
    "sources_block",
    "spoken_date",
]

_MARKS = MappingProxyType({"en": (("“", "”"), ("«", "»")), "es": (("«", "»"), ("“", "”"))})
_LONGEST_QUERY = 80

_TEXTS = MappingProxyType(
    {
        "en": MappingProxyType(
            {
                "on": "On {date}: {quote}",
                "nothing_in": "I don't know: nothing in {where} answers that.",
                "nothing": "I don't know: nothing that is kept here answers that.",
                "searched": "Searched: {what}.",
                "everything": "everything",
                "widened": "then everything else",
                "and": " and ",
                "since": "from {date}",
                "until": "until {date}",
                "between": "from {since} to {until}",
                "author": "said by {name}",
                "source": "in “{name}”",
                "query": "also for “{query}”",
                "sources": "Sources:",
                "by": "by {name}",
            }
        ),
        "es": MappingProxyType(
            {
                "on": "El {date}: {quote}",
                "nothing_in": "No lo sé: nada en {where} responde a eso.",
                "nothing": "No lo sé: nada de lo guardado aquí responde a eso.",
                "searched": "He buscado en: {what}.",
                "everything": "todo",
                "widened": "después en todo lo demás",
                "and": " y ",
                "since": "desde el {date}",
                "until": "hasta el {date}",
                "between": "del {since} al {until}",
                "author": "dicho por {name}",
                "source": "en «{name}»",
                "query": "también por «{query}»",
                "sources": "Fuentes:",
                "by": "por {name}",
            }
        ),
    }
)


def extractive_answer(
    question: str, extracts: Sequence[Extract], language: str
) -> tuple[str, tuple[Quote, ...]]:
    """Quote the extracts themselves, one a line; a question for a past date has it said first.

    The numbers are those of the evidence. Languages other than English and Spanish are answered in English.
    """
    past = asks_when_it_happened(question)
    lines = [_line(extract, _known(language), say_date=past) for extract in extracts]
    quotes = tuple(quote_of(each.item, each.number, each.start, each.end) for each in extracts)
    return "\n".join(lines), quotes


def declined_answer(searched: Searched, language: str, category_names: Mapping[Slug, str]) -> str:
    """Say honestly that nothing was found, and where it was looked for."""
    texts = _TEXTS[_known(language)]
    names = [f"*{one_line(category_names.get(slug, slug))}*" for slug in searched.categories]
    where = texts["and"].join(names)
    parts = [where or texts["everything"]]
    if searched.widened:
        parts.append(texts["widened"])
    parts += _constraints(searched.constraints, language)
    parts += [texts["query"].format(query=_shortened(query)) for query in searched.queries[1:]]
    alone = bool(names) and not searched.widened
    opening = texts["nothing_in"].format(where=where) if alone else texts["nothing"]
    return f"{opening}\n{texts['searched'].format(what=', '.join(parts))}"


def sources_block(quotes: Sequence[Quote], language: str = "en") -> str:
    """List each source once, by its number: `[1] Title › location, 14 May 2024, by Ana`. Empty for none."""
    by_number = {quote.number: quote for quote in reversed(quotes)}
    lines = [f"[{number}] {_described(by_number[number], language)}" for number in sorted(by_number)]
    return "\n".join([_TEXTS[_known(language)]["sources"], *lines]) if lines else ""


def _line(extract: Extract, language: str, *, say_date: bool) -> str:
    quoted = f"{_quoted(extract.text, language)} [{extract.number}]"
    passage = extract.item.passage
    told = passage.kind is not SourceKind.ENTRY and tells_a_date(extract.text)
    if not say_date or passage.date is None or told:
        return quoted
    return _TEXTS[language]["on"].format(date=spoken_date(passage.date, language), quote=quoted)


def _quoted(text: str, language: str) -> str:
    """Put quotation marks around a text that may hold some itself."""
    shown = one_line(text)
    for opening, closing in _MARKS[language]:
        if opening not in shown and closing not in shown:
            return f"{opening}{shown}{closing}"
    opening, closing = _MARKS[language][0]
    return f"{opening}{re.sub(f'[{opening}{closing}]', chr(34), shown)}{closing}"


def _constraints(constraints: Constraints, language: str) -> list[str]:
    texts = _TEXTS[_known(language)]
    said = []
    since, until = (day and spoken_date(day, language) for day in (constraints.since, constraints.until))
    if since and until:
        said.append(texts["between"].format(since=since, until=until))
    elif since:
        said.append(texts["since"].format(date=since))
    elif until:
        said.append(texts["until"].format(date=until))
    if constraints.author_name:
        said.append(texts["author"].format(name=one_line(constraints.author_name)))
    if constraints.source:
        said.append(texts["source"].format(name=one_line(constraints.source)))
    return said


def _described(quote: Quote, language: str) -> str:
    place = [one_line(part) for part in dict.fromkeys((quote.title, quote.location)) if part]
    parts = [" › ".join(place)]
    if quote.date:
        parts.append(spoken_date(quote.date, language))
    if quote.author_name:
        parts.append(_TEXTS[_known(language)]["by"].format(name=one_line(quote.author_name)))
    if quote.link:
        parts.append(one_line(quote.link))
    return ", ".join(part for part in parts if part)


def _shortened(query: str) -> str:
    shown = one_line(query)
    return shown if len(shown) <= _LONGEST_QUERY else f"{shown[: _LONGEST_QUERY - 1].rstrip()}…"


def _known(language: str) -> str:
    return language if language in _TEXTS else "en"
