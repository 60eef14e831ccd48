import pytest

from agent.knowledge._words import searched_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("When did we replace our pool pump?", "replace pool pump"),
        ("¿Cuándo cambiamos la bomba de la piscina?", "cambiamos bomba piscina"),
        ("¿QUÉ tál ÉSTÁ?", ""),
        ("the of and", ""),
        ("sea, son, era, once, no", "sea son era once no"),
        ("error E-42 of the WP_200", "error E 42 WP_200"),
        ("水泵 насос", "水泵 насос"),
        ("🏊 \ud800 \x00 ''", ""),
        ("", ""),
    ],
)
def test_searched_words(text: str, words: str) -> None:
    assert searched_words(text) == words
