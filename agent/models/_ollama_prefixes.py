"""What embedding models were trained to find before a question and before a passage.

Ollama passes a text on as it is, so whoever asks must know. Without its prefixes a model still answers, and
finds less. As their model cards say; a model that is not here was trained without, or is not known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from agent.models.protocol import EmbedKind

_SEARCH = "Represent this sentence for searching relevant passages: "
_TASK = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: "


@dataclass(frozen=True, slots=True)
class Prefixes:
    query: str = ""
    passage: str = ""

    def before(self, text: str, kind: EmbedKind) -> str:
        return (self.query if kind is EmbedKind.QUERY else self.passage) + text


_TRAINED_WITH: tuple[tuple[str, Prefixes], ...] = (
    (r"\be5\b.*instruct", Prefixes(query=_TASK)),
    (r"\be5\b", Prefixes(query="query: ", passage="passage: ")),
    (r"nomic-embed-text", Prefixes(query="search_query: ", passage="search_document: ")),
    (r"embeddinggemma", Prefixes(query="task: search result | query: ", passage="title: none | text: ")),
    (r"qwen3-embedding", Prefixes(query=_TASK)),
    (r"snowflake-arctic-embed2", Prefixes(query="query: ")),
    (r"snowflake-arctic-embed|mxbai-embed-large|\bbge-(small|base|large)\b", Prefixes(query=_SEARCH)),
)
"""The first whose pattern is found in the model's name."""


def prefixes_of(model: str) -> Prefixes:
    """Return those of a model by its name in Ollama, whoever published it there."""
    name = model.lower().replace("_", "-")
    return next((each for pattern, each in _TRAINED_WITH if re.search(pattern, name)), Prefixes())
