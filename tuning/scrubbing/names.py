"""Names: those of the guild's members, wherever they stand, and those that a text introduces itself.

A list of first names would not know the members' own and would take *Rosa* out of a question on roses. So the
guild's author names are looked for, without regard to case and accents, and words that announce a person
("my neighbour Colin", "me llamo", "Sra.") give away the rest.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from tuning.scrubbing.finds import Find, Kind

_SHORTEST_PART = 3
_WORD: Final = re.compile(r"\w+")
_WORDS_TOO: Final = frozenset(
    _WORD.findall(
        # Names that are words of a question as well count only with a capital letter.
        "alba amber angel art august april blanca bill bob cielo concha cruz daisy dawn dolores drew eva "
        "esperanza faith flor frank gene grace grant hazel heather holly hope iris ivy jack jade jasmine "
        "joy june lance lily luz mar marina mark may mercedes miles nieves olive pat paz penny pepper perla "
        "pilar ray rich rob robin rosa rose ruby sal sandy sierra sky sol sue summer violet virginia will"
    )
)
_PARTICLES: Final = frozenset({"del", "las", "los", "van", "von", "der", "den", "the", "and"})
_NO_NAMES: Final = (
    r"(?!(?:The|An?|I|El|La|Los|Las|Una?|English|Spanish|French|German|Italian|Portuguese|American|British|"
    r"Mexican|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)\b)"
)
_CAPITALISED: Final = rf"{_NO_NAMES}[A-ZÀ-ÖØ-Þ][\w'’-]*[^\W\d_]"
_NAME: Final = rf"(?P<found>{_CAPITALISED}(?:\s+(?:[A-Z]\.\s+)?{_CAPITALISED}){{0,2}})"
_PEOPLE: Final = (
    "neighbou?r|wife|husband|son|daughter|brother|sister|mother|father|mum|mom|dad|uncle|aunt|cousin|friend|"
    "boss|landlord|tenant|plumber|electrician|gardener|mechanic|builder|painter|nanny|cleaner|in[ -]law|"
    "vecin[oa]|espos[oa]|mujer|marido|hij[oa]|herman[oa]|madre|padre|t[íi][oa]|prim[oa]|amig[oa]|cuñad[oa]|"
    "suegr[oa]|abuel[oa]|niet[oa]|yerno|nuera|jef[ea]|caser[oa]|inquilin[oa]|fontaner[oa]|electricista|"
    "jardiner[oa]|mecánic[oa]|piscinero|pintora?"
)
_TALK: Final = (
    "(?:talked|talk|spoke|speak) (?:to|with)|habl(?:é|a|ar|ó|amos) con|ask|pregunt(?:a|é|ar) a|"
    "hi|hey|hello|hola|dear|estimad[oa]|querid[oa]|(?:signed|regards|firmado|saludos|atentamente)[,:]?"
)
_INTRODUCED: Final = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\b(?i:my name is|i am called|was called|is called|me llamo|mi nombre es|se llama)\s+{_NAME}",
        rf"\b(?:(?i:i['’]?m)|I am|(?i:soy))\s+{_NAME}",
        rf"\b(?i:mr|mrs|ms|miss|dr|dra|prof|sr|sra|srta|don|doña|señor|señora)\b\.?\s+{_NAME}",
        rf"\b(?i:{_PEOPLE})\b(?:,|\s+(?i:is|was|es)(?:\s+called)?)?\s+{_NAME}",
        rf"\b(?i:{_TALK})\s+{_NAME}",
    )
)


class Names:
    """The names of one guild's authors. `keep` are words that stay although a name holds them: topics."""

    def __init__(self, names: Iterable[str], keep: Collection[str] = ()) -> None:
        kept = {_folded(word) for text in keep for word in _WORD.findall(text)}
        forms = {form for name in names for form in _forms(name) if _folded(form) not in kept}
        anyhow = {_folded(form) for form in forms}
        # The longest first: an alternation takes the first that fits, and "Ana García" is one name.
        ordered = sorted(anyhow, key=lambda form: (-len(form), form))
        self._pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, ordered))})(?!\w)") if ordered else None

    def find(self, text: str) -> Iterator[Find]:
        for pattern in _INTRODUCED:
            for match in pattern.finditer(text):
                yield Find(Kind.NAME, *match.span("found"))
        if self._pattern is not None:
            for match in self._pattern.finditer(_folded(text)):
                if _counts(text[match.start() : match.end()]):
                    yield Find(Kind.NAME, *match.span())


def _forms(name: str) -> Iterator[str]:
    """A name as it may be written: whole, and each of its parts."""
    if whole := " ".join(name.split()):
        yield whole
    for part in _WORD.findall(name):
        if len(part) >= _SHORTEST_PART and not part.isdigit() and _folded(part) not in _PARTICLES:
            yield part


def _counts(written: str) -> bool:
    ambiguous = len(written) < _SHORTEST_PART or _folded(written) in _FOLDED_WORDS
    return written[:1].isupper() or not ambiguous


def _folded(text: str) -> str:
    """Without case and accents, of the same length, so that offsets stay what they are."""
    return "".join(_folded_letter(letter) for letter in text)


def _folded_letter(letter: str) -> str:
    plain = unicodedata.normalize("NFKD", letter)[0].lower()
    return plain if len(plain) == 1 else letter


_FOLDED_WORDS: Final = frozenset(map(_folded, _WORDS_TOO))
