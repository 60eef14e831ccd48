"""What embedding models were trained to be given, which Ollama does not see to.

Prefixes before a question and before a passage: without them a model still answers, and finds less. And for
the vocabulary of uncased BERT, what its own tokenizer does and Ollama 0.17 does not: take accents off (else
"café" has a vector at cosine 0.22 to its own). Punctuation beyond ASCII, of which Ollama makes unknown words
byte by byte, is replaced by what ASCII has for it. As the model cards say; a model that is not here is given
texts as they are.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from agent.models.protocol import EmbedKind

_SEARCH = "Represent this sentence for searching relevant passages: "
_TASK = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    query: str = ""
    passage: str = ""
    """What comes before each."""
    uncased: bool = False
    """Has the vocabulary of uncased BERT."""

    def of(self, text: str, kind: EmbedKind) -> str:
        """Return what the model is given for a text."""
        prefix = self.query if kind is EmbedKind.QUERY else self.passage
        return prefix + (_uncased(text) if self.uncased else text)


_TRAINED_WITH: tuple[tuple[str, Texts], ...] = (
    (r"\be5\b.*instruct", Texts(query=_TASK)),
    (r"\be5\b", Texts(query="query: ", passage="passage: ")),
    (r"nomic-embed-text-v2", Texts(query="search_query: ", passage="search_document: ")),
    (r"nomic-embed-text", Texts(query="search_query: ", passage="search_document: ", uncased=True)),
    (r"embeddinggemma", Texts(query="task: search result | query: ", passage="title: none | text: ")),
    (r"qwen3-embedding", Texts(query=_TASK)),
    (r"snowflake-arctic-embed2", Texts(query="query: ")),
    (
        r"snowflake-arctic-embed|mxbai-embed-large|\bbge-(small|base|large)\b",
        Texts(query=_SEARCH, uncased=True),
    ),
    (r"\ball-minilm\b", Texts(uncased=True)),
)
"""The first whose pattern is found in the model's name."""


def texts_of(model: str) -> Texts:
    """What a model is given, by its name in Ollama, whoever published it there."""
    name = model.lower().replace("_", "-")
    return next((each for pattern, each in _TRAINED_WITH if re.search(pattern, name)), Texts())


_IN_ASCII = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "…": "..."})


def _uncased(text: str) -> str:
    parted = unicodedata.normalize("NFD", text.translate(_IN_ASCII))
    return "".join(_in_ascii(each) for each in parted)


def _in_ascii(character: str) -> str:
    category = unicodedata.category(character)
    if character.isascii() or category[0] not in "PM":
        return character
    if category == "Mn":
        return ""
    return "-" if category == "Pd" else " "
