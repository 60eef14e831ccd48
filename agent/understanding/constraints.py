"""What a question limits itself to: a time, what one member said, one source.

Each limit becomes a filter, and a wrong filter hides the answer: a name counts only beside a word for saying
("what did Marta say", "según Marta") and only when it is the name of exactly one known author; words for a
source only when they fit exactly one known source and either are its file name, are its whole title, or hold
a word for a document ("in the manual").
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from agent.contracts import Constraints
from agent.language.dates import read_periods

_SAYING = (
    r"(?:say|says|said|saying|tell|tells|told|write|wrote|written|mention|mentions|mentioned|posted|post|noted|note"
    r"|explain|explained|recommend|recommends|recommended|suggest|suggested)"
)
_DICHO = (
    r"(?:(?:nos|me|te|les?) )?(?:dijo|dice|ha dicho|comento|comenta|escribio|escribe|menciono|menciona"
    r"|conto|cuenta|explico|explica|recomendo|recomienda|sugirio|sugiere|apunto|anoto|opina)"
)
_ATTRIBUTIONS = (
    r"(?:according to|segun|in the words of|en palabras de) {name}\b,?",
    rf"\b(?:did|does|has|had) {{name}} (?:\w+ )?{_SAYING}\b",
    rf"{{name}} (?:has |had |have )?(?:just |also )?{_SAYING}\b",
    rf"\b{_SAYING} by {{name}}\b",
    rf"\b{_DICHO} {{name}}\b",
    rf"\b{{name}} {_DICHO}\b",
    r"{name}['’]s (?:messages|message|notes|note|posts|post|entries|words)\b",
    r"(?:mensajes?|notas?|palabras) de {name}\b",
)
_DOCUMENT = re.compile(
    r"manual|handbook|guide|instructions|contract|policy|invoice|bill|report|receipt|warranty|letter|list|notes"
    r"|log|diary|book|recipe|file|document|page|thread|channel|article|minutes|spreadsheet|table"
    r"|instrucciones|contrato|guia|factura|informe|recibo|garantia|carta|lista|notas|diario|libro|receta|archivo"
    r"|fichero|documento|pagina|hilo|canal|poliza|acta|tabla"
)
_FUNCTION_WORD = re.compile(r"the|an?|our|my|your|of|for|to|and|el|la|los|las|una?|del?|y|nuestr[oa]s?|mi|su")
_IN_SOURCE = re.compile(
    r"\b(?:in|from|inside|according to|per|as per|en|segun|de acuerdo con|conforme a)"
    r" (?:the|our|my|your|el|la|los|las|nuestr[oa]s?|mi|su) (?P<words>[\w.-]+(?: [\w.-]+){0,5})"
)
_WORD = re.compile(r"[^\W_]+")
_FILE_NAME = re.compile(r"\w\.\w{1,5}\b(?!\.)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    value: str
    said: str


def read_constraints(
    text: str,
    now: datetime,
    language: str,
    authors: Sequence[str],
    sources: Sequence[tuple[str, str]],
) -> Constraints:
    """Read the limits out of a question.

    `now` is in the guild's time zone, `authors` are the names that the guild's sources carry, `sources` their
    (title, uri). `author_name` is the known name as it is written there, `source` the title of the one source
    meant (its uri when it has no title). `said` holds the words of the periods, then the author's, then the
    source's, verbatim.
    """
    since, until, said = _period(text, now, language)
    author = _author(text, authors)
    source = _source(text, sources)
    return Constraints(
        since=since,
        until=until,
        author_name=author.value if author else "",
        source=source.value if source else "",
        said=(*said, *(found.said for found in (author, source) if found)),
    )


def without_constraints(text: str, constraints: Constraints) -> str:
    """The question without its date and author phrases, which in a search text are only noise.

    The words for a source stay: they are often its topic too. The whole text when nothing else is left.
    """
    rest = text
    for phrase in constraints.said[: -1 if constraints.source else None]:
        rest = rest.replace(phrase, " ", 1)
    rest = re.sub(r"\s+([,.;:?!])", r"\1", " ".join(rest.split()))
    rest = re.sub(r"([¿¡])\s*[,;:]?\s*", r"\1", rest).lstrip(" ,;:")
    rest = re.sub(r",(?=[?.!])", "", rest)
    return rest if _content_words(rest) else text


def _period(text: str, now: datetime, language: str) -> tuple[date | None, date | None, tuple[str, ...]]:
    """All periods together; none when they exclude each other, since then the question compares them."""
    periods = read_periods(text, now, language)
    since = max((period.since for period in periods if period.since), default=None)
    until = min((period.until for period in periods if period.until), default=None)
    if since and until and since > until:
        return None, None, ()
    return since, until, tuple(text[slice(*period.span)] for period in periods)


def _author(text: str, authors: Sequence[str]) -> _Found | None:
    folded = _fold(text)
    found: dict[str, _Found] = {}
    called_here = {called: author for called, author in _callings(tuple(authors)).items() if called in folded}
    for called, author in called_here.items():
        for attribution in _ATTRIBUTIONS:
            match = re.search(attribution.replace("{name}", rf"(?<!\w){re.escape(called)}"), folded)
            if match:
                found.setdefault(author, _Found(value=author, said=text[slice(*match.span())]))
    return next(iter(found.values())) if len(found) == 1 else None


@lru_cache(maxsize=64)
def _callings(authors: tuple[str, ...]) -> dict[str, str]:
    """What each author may be called, folded: the whole name first, then a first name that only one has."""
    known = sorted({author for author in authors if author.strip()})
    callings = {_fold(author): author for author in known}
    firsts = [_fold(author).split()[0] for author in known]
    shared = Counter(firsts)
    for first, author in zip(firsts, known, strict=True):
        if shared[first] == 1:
            callings.setdefault(first, author)
    return callings


def _source(text: str, sources: Sequence[tuple[str, str]]) -> _Found | None:
    folded = _fold(text)
    named = _by_file_name(text, folded, sources)
    if named:
        return named
    for match in _IN_SOURCE.finditer(folded):
        words = list(_WORD.finditer(folded, match.start("words"), match.end("words")))
        for count in range(len(words), 0, -1):
            value = _the_one_source({word.group() for word in words[:count]}, sources)
            if value:
                return _Found(value=value, said=text[match.start() : words[count - 1].end()])
    return None


def _by_file_name(text: str, folded: str, sources: Sequence[tuple[str, str]]) -> _Found | None:
    if not _FILE_NAME.search(text):
        return None
    for title, uri in sources:
        for name in {_file_name(uri), title}:
            if not _FILE_NAME.search(name) or _fold(name) not in folded:
                continue
            match = re.search(rf"(?<![\w.-]){re.escape(_fold(name))}(?!\w)", folded)
            if match:
                return _Found(value=title or uri, said=text[slice(*match.span())])
    return None


def _the_one_source(words: set[str], sources: Sequence[tuple[str, str]]) -> str:
    content = {word for word in words if not _FUNCTION_WORD.fullmatch(word)}
    is_document = any(_DOCUMENT.fullmatch(word) for word in content)
    fitting = {
        title or uri
        for title, uri in sources
        for name in _name_words(title, uri)
        if (is_document and content <= name) or (len(name) > 1 and content == name)
    }
    return fitting.pop() if len(fitting) == 1 else ""


@lru_cache(maxsize=16_384)
def _name_words(title: str, uri: str) -> tuple[frozenset[str], ...]:
    """The content words of the title and of the file's name; kept, as every question asks for all of them."""
    return _content_words(title), _content_words(PurePosixPath(_file_name(uri)).stem)


def _content_words(text: str) -> frozenset[str]:
    return frozenset(word for word in _WORD.findall(_fold(text)) if not _FUNCTION_WORD.fullmatch(word))


def _file_name(uri: str) -> str:
    return unquote(urlsplit(uri).path.replace("\\", "/").rsplit("/", 1)[-1])


def _fold(text: str) -> str:
    """Lower case without accents, of the same length, so that offsets hold."""
    return "".join(_folded_sign(sign) for sign in text)


def _folded_sign(sign: str) -> str:
    if sign.isspace():
        return " "
    base = unicodedata.normalize("NFD", sign)[0].lower()
    return base if len(base) == 1 else sign
