"""The words of a question that BM25 looks for.

Function words carry no topic, yet the rarest of them decide a BM25 ranking when nothing else matches: a
Spanish question on English passages finds whatever holds a "la". They are dropped from the question only;
in the index they cost a little space and change no score. Words that are a topic in the other language
stay ("sea", "son", "era", "once").
"""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"\w+")

_FUNCTION_WORDS = frozenset(
    word
    for line in (
        "a about after again all also am an and any are as at be because been before being below between",
        "both but by could did do does doing down during each few for from further had has have having he",
        "her here hers him his how i if in into is it its itself just me more most my not of off on only or",
        "other our out over own same she should so some such than that the their them then there these they",
        "this those through to too under until up very was we were what when where which while who whom",
        "whose why will with would you your",
        "al algo alguna algunas alguno algunos ante antes aquel aquella asi aun aunque cada como con cual",
        "cuales cualquier cuando cuanta cuantas cuanto cuantos de del desde donde el ella ellas ellos en",
        "entre eran eres es esa esas ese eso esos esta estaba estaban estamos estan estar estas este esto",
        "estos fue fueron ha haber habia habian han hasta hay hemos la las le les lo los mas mi mis mucho",
        "muy nada ni nos nosotros nuestra nuestro o os otra otras otro otros para pero por porque que quien",
        "quienes se ser si sido sobre su sus tal tambien tan te tener tengo ti tiene tienen toda todas todo",
        "todos tu tus tuvo un una unas uno unos usted y ya yo",
    )
    for word in line.split()
)


def searched_words(text: str) -> str:
    """Return the words of `text` without function words, separated by spaces; empty when none is left."""
    return " ".join(word for word in _WORD.findall(text) if _plain(word) not in _FUNCTION_WORDS)


def _plain(word: str) -> str:
    """Lower case without accents: `Cuándo` is `cuando`."""
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))
