"""The words of a text that carry what it says, in English and Spanish at once.

Words are compared folded: lower case, without accents, and without the endings of number and tense, so that
"replaced pumps" meets "replace the pump". Both lists of function words always apply: few of them mean
something in the other language, and a question is often too short to tell its language.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_ENDINGS = re.compile(r"(?:'s|’s|ing|ed|es|s|e|ando|iendo|ado|ido|ada|ida|aron|ieron|amos|imos|os|as|o|a)$")
_SHORTEST_STEM = 3
_LONGEST_STEM = 5
"""Letters. Words that begin alike mean alike more often than not: "convert" and "conversion"."""

_ENGLISH = frozenset(
    """
    a about after all also an and any are as at be because been before being between both but by can could
    did do does during each for from get got had has have he her here him his how i if in into is it its just
    me more most much many my no not of on one or other our out over own she should so some such than that
    the their them then there these they this those through to too under until up us very was we were what
    when where which while who whom whose why will with would you your
    """.split()  # noqa: SIM905  a list of a hundred literals reads worse
)
_SPANISH = frozenset(
    """
    a al algo ante como con contra cual cuales cuando cuanta cuantas cuanto cuantos de del desde donde
    durante el ella ellas ellos en entre era eran es esa esas ese eso esos esta estaba estan estas este
    esto estos fue fueron ha han has hasta hay he hemos hizo la las le les lo los mas me mi mis muy no
    nos nosotros nuestra nuestras nuestro nuestros o para pero por porque que quien quienes se segun ser
    si sin sobre son su sus tambien te tiene tu tus un una unas uno unos y ya yo
    """.split()  # noqa: SIM905
)
_FUNCTION_WORDS = _ENGLISH | _SPANISH


def fold(text: str) -> str:
    """Lower case, without accents."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def content_words(text: str) -> tuple[str, ...]:
    """The stems of the words that are no function words, in order, repeated as often as they occur."""
    words = (match[0] for match in _WORD.finditer(fold(text)))
    return tuple(_stem(word) for word in words if word not in _FUNCTION_WORDS)


def language_of(text: str) -> str:
    """`en`, `es`, or empty when the function words do not tell; of a question or a passage, in a moment."""
    words = [match[0] for match in _WORD.finditer(fold(text))]
    english, spanish = (sum(word in known for word in words) for known in (_ENGLISH, _SPANISH))
    if english == spanish:
        return ""
    return "en" if english > spanish else "es"


def numbers_in(text: str) -> tuple[str, ...]:
    """Every number of the text as written, without leading zeros."""
    return tuple(match[0].lstrip("0") or "0" for match in _NUMBER.finditer(text))


@lru_cache(maxsize=8192)
def _stem(word: str) -> str:
    shortened = _ENDINGS.sub("", word)
    return (shortened if len(shortened) >= _SHORTEST_STEM else word)[:_LONGEST_STEM]
