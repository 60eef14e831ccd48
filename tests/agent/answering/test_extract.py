from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pytest

from agent.answering.candidates import candidates
from agent.answering.extract import EMBEDDED, Extract, choose, extract
from agent.answering.judge import judge
from agent.answering.vectors import sentence_vectors
from agent.contracts import Evidence, EvidenceItem, ModelInfo
from agent.models.protocol import Embedder, EmbedKind, Vectors
from tests.agent.answering.evidence import evidence, item

PUMP = item("We replaced the pool pump with a Hayward for 450 euros.", name="pump", on=date(2024, 5, 14))
OLD_PUMP = item("We replaced the pool pump with a Hydra for 300 euros.", name="old", on=date(2019, 6, 1))
MANUAL = item(
    "The filter is made of sand. Backwash the filter every two weeks in summer. "
    "In winter the pump stays off and the pipes are drained. Never run it dry. "
    + "Keep the lid closed. "
    * 12,
    name="manual",
    title="Pool manual",
    similarity=0.85,
    lexical=0.5,
)


class _Counting:
    """The real embedder, and how many texts it was given."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.texts: list[str] = []

    @property
    def info(self) -> ModelInfo:
        return self._embedder.info

    @property
    def dimension(self) -> int:
        return self._embedder.dimension

    async def embed(self, texts: Sequence[str], kind: EmbedKind) -> Vectors:
        self.texts += texts
        return await self._embedder.embed(texts, kind)

    async def close(self) -> None:
        await self._embedder.close()


async def ask(
    question: str, embedder: Embedder, *items: EvidenceItem
) -> tuple[Evidence, tuple[Extract, ...]]:
    """Extract with the similarities that a search would have found."""
    vector = (await embedder.embed([question], EmbedKind.QUERY))[0]
    rows = await embedder.embed([each.passage.text for each in items], EmbedKind.PASSAGE)
    found = evidence(
        *(
            item_like(each, float(row @ vector))
            for each, row in sorted(zip(items, rows, strict=True), key=lambda pair: -float(pair[1] @ vector))
        )
    )
    return found, await extract(question, vector, found, embedder)


def item_like(one: EvidenceItem, similarity: float) -> EvidenceItem:
    return EvidenceItem(passage=one.passage, score=similarity, similarity=similarity, lexical=one.lexical)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How often should I backwash the filter?", "Backwash the filter every two weeks in summer."),
        ("What did the pool pump cost?", PUMP.passage.text),
        ("¿Cada cuánto se lava el filtro?", "Backwash the filter every two weeks in summer."),
    ],
)
async def test_the_sentence_that_answers_is_found(
    question: str, expected: str, level_embedder: Embedder
) -> None:
    found, extracts = await ask(question, level_embedder, PUMP, MANUAL)
    assert expected in " ".join(each.text for each in extracts)
    for each in extracts:
        assert each.item is found.items[each.number - 1]
        assert each.text == each.item.passage.text[each.start : each.end]


@pytest.mark.parametrize(
    "question", ["When did we replace the pool pump?", "What did we pay for our last pool pump?"]
)
@pytest.mark.parametrize("items", [(PUMP, OLD_PUMP), (OLD_PUMP, PUMP)])
async def test_of_equals_the_newest_comes_first(
    question: str, items: tuple[EvidenceItem, ...], level_embedder: Embedder
) -> None:
    _, extracts = await ask(question, level_embedder, *items)
    assert extracts[0].item.passage.id == "pump"


async def test_few_sentences_are_embedded_and_each_once(level_embedder: Embedder) -> None:
    counting = _Counting(level_embedder)
    vector = (await level_embedder.embed(["How often do I backwash it?"], EmbedKind.QUERY))[0]
    found = evidence(PUMP, MANUAL)
    first = await extract("How often do I backwash it?", vector, found, counting)
    assert 0 < len(counting.texts) <= EMBEDDED
    assert PUMP.passage.text not in counting.texts
    before = len(counting.texts)
    assert await extract("How often do I backwash it?", vector, found, counting) == first
    assert len(counting.texts) == before


async def test_sentence_vectors_keep_the_order_and_repeats(level_embedder: Embedder) -> None:
    counting = _Counting(level_embedder)
    rows = await sentence_vectors(["a pump", "a filter", "a pump"], counting)
    assert counting.texts == ["a pump", "a filter"]
    assert rows.shape == (3, level_embedder.dimension)
    np.testing.assert_array_equal(rows[0], rows[2])
    assert (await sentence_vectors([], counting)).shape == (0, level_embedder.dimension)


@pytest.mark.parametrize("text", ["", "   \n", "🏊🏊🏊", "---\n\n***"])
async def test_evidence_without_words_gives_nothing(text: str, level_embedder: Embedder) -> None:
    vector = (await level_embedder.embed(["why?"], EmbedKind.QUERY))[0]
    assert await extract("why?", vector, evidence(item(text)), level_embedder) == ()
    assert await extract("why?", vector, evidence(), level_embedder) == ()


def test_neighbours_become_one_extract() -> None:
    found = candidates("How often do I backwash the filter of sand?", evidence(MANUAL))
    two = [each for each in found if "filter" in each.text]
    extracts = choose("How often?", two, [0.9, 0.9])
    assert [each.text for each in extracts] == [
        "The filter is made of sand. Backwash the filter every two weeks in summer."
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One short note. Of two sentences.", ["One short note. Of two sentences."]),
        ("- **Pump**: a Hayward\n- Filter: sand based", ["**Pump**: a Hayward\n- Filter: sand based"]),
        ("| Pump | Hayward |", ["Pump | Hayward |"]),
        ("## Pump and filter", ["Pump and filter"]),
        ("Yes.", ["Yes."]),
    ],
)
def test_candidates_begin_with_what_they_say(text: str, expected: list[str]) -> None:
    assert [each.text for each in candidates("pump?", evidence(item(text)))] == expected


def test_a_foreign_note_is_known_as_such() -> None:
    found = candidates(
        "When did we change the pump?",
        evidence(item("La bomba se cambió en el mes de mayo.", name="es", similarity=0.8), PUMP),
    )
    assert [each.features["foreign"] for each in found] == [1.0, 0.0]
    assert [round(each.features["near_own"], 3) for each in found] == [0.0, 0.0]
    assert round(found[0].features["near"], 3) == -0.1


@pytest.mark.parametrize(
    ("answerable", "not_answerable"),
    [
        ("What did the pool pump cost?", "Who won the 1998 World Cup?"),
        ("How often should the filter be backwashed?", "What is the capital of Mongolia?"),
        ("¿Cuánto costó la bomba de la piscina?", "¿Quién ganó el Mundial de 1998?"),
    ],
)
async def test_what_is_written_is_more_probable_than_what_is_not(
    answerable: str, not_answerable: str, level_embedder: Embedder
) -> None:
    probabilities = []
    for question in (answerable, not_answerable):
        found, extracts = await ask(question, level_embedder, PUMP, MANUAL)
        probabilities.append(judge(question, found, extracts).probability)
    assert probabilities[0] > 0.5 > probabilities[1]


def test_without_extracts_nothing_is_probable() -> None:
    assert judge("why?", evidence(PUMP), ()).probability == 0.0
