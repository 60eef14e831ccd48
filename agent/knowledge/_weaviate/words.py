"""The words of a passage and of a question as Weaviate's BM25 sees them.

Weaviate has no stemmer and folds no accents, so both are done here, as LanceDB does them inside: lower case,
English Snowball, then accents off. The result is indexed as it is, split at spaces, in a property of its
own; the passage's text stays verbatim in another one.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import snowballstemmer

from agent.knowledge._words import searched_words

_WORD = re.compile(r"[^\W_]+")
_LONGEST = 40
"""Characters; LanceDB leaves out what is longer, which is an address or a digest and no word."""

_stemmer = snowballstemmer.stemmer("english")


def indexed_terms(text: str) -> str:
    """Return the terms of `text` in order, separated by spaces."""
    return " ".join(term(word) for word in _words(text))


def asked_terms(text: str) -> str:
    """Return the terms of a question without function words; empty when none is left."""
    return indexed_terms(searched_words(text))


def _words(text: str) -> list[str]:
    return [word for word in _WORD.findall(text.lower()) if len(word) <= _LONGEST]


@lru_cache(maxsize=2**16)
def term(word: str) -> str:
    decomposed = unicodedata.normalize("NFKD", _stemmer.stemWord(word))
    return "".join(character for character in decomposed if not unicodedata.combining(character))
