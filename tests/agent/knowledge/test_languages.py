"""Hybrid search with the real embedder: English and Spanish, each on its own passages and across."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from agent.contracts import SourceId
from agent.knowledge.lance import LanceStore, open_store
from agent.knowledge.protocol import IndexSpec
from agent.models.protocol import Embedder, EmbedKind
from tests.agent.knowledge.passages import about, ids, passages_of

_ENGLISH = {
    "pump": "The old pool pump failed, so we installed a new variable-speed one on 14 May.",
    "filter": "Backwash the sand filter of the pool when the gauge shows 1.5 bar.",
    "oil": "The car takes 4.5 litres of 5W-30; the last oil change was at 82,000 km.",
    "tyres": "Winter tyres are stored in the cellar, on the left shelf.",
    "boiler": "If the boiler shows error E-42, the water pressure is too low: refill to 1.5 bar.",
    "bread": "Grandmother's rye bread rises overnight and bakes for fifty minutes at 220 degrees.",
    "router": "The wireless router stands behind the television; its password is on the sticker below.",
    "dentist": "The dentist, Dr. Weber, sees the children every six months.",
}
_SPANISH = {
    "jardin": "Los rosales del jardín se podan en febrero, antes de que broten.",
    "seguro": "El seguro de la casa vence en octubre y cuesta 380 euros al año.",
    "paella": "Para la paella del domingo usamos arroz bomba y caldo de pescado.",
    "lavadora": "La lavadora pierde agua si se carga demasiado; el técnico cambió la goma.",
}
_SPEC = IndexSpec(embedder="real", dimension=384, chunker="1")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def household(
    embedder: Embedder, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[LanceStore]:
    folder: Path = tmp_path_factory.mktemp("household")
    store = await open_store(folder)
    await store.open_index(replace(_SPEC, dimension=embedder.dimension))
    for name, text in (_ENGLISH | _SPANISH).items():
        (passage,) = passages_of(SourceId(name), text)
        passage = replace(passage, title="Notes", location="")
        vectors = await embedder.embed([text], EmbedKind.PASSAGE)
        await store.put_source(passage.guild, passage.source, [passage], {passage.id: vectors[0]})
    yield store
    await store.close()


@pytest.mark.parametrize(
    ("question", "source"),
    [
        ("When did we replace our pool pump?", "pump"),
        ("What does E-42 mean?", "boiler"),
        ("how much oil does the car need", "oil"),
        ("Where are the winter tires?", "tyres"),
        ("wifi password", "router"),
        ("¿Cuándo se podan las rosas?", "jardin"),
        ("cuanto cuesta el seguro de la casa", "seguro"),
        ("¿Qué arroz usamos en la paella?", "paella"),
        ("¿Cómo se llama el dentista de los niños?", "dentist"),
        ("When does the house insurance expire?", "seguro"),
        ("Why does the washing machine leak?", "lavadora"),
    ],
)
@pytest.mark.asyncio(loop_scope="session")
async def test_the_passage_that_answers_comes_first(
    household: LanceStore, embedder: Embedder, question: str, source: str
) -> None:
    vector = (await embedder.embed([question], EmbedKind.QUERY))[0]
    found = await household.search(replace(about(question), vector=vector, limit=3))
    assert ids(found)[0] == f"{source}/0"


@pytest.mark.parametrize(
    ("question", "source"),
    [
        ("¿Dónde están los neumáticos de invierno?", "tyres"),
        ("¿Cada cuánto van los niños al dentista?", "dentist"),
        ("¿Qué significa el error E-42 de la caldera?", "boiler"),
        ("¿A qué temperatura se hornea el pan de la abuela?", "bread"),
        ("¿Cuántos litros de aceite necesita el coche?", "oil"),
    ],
)
@pytest.mark.asyncio(loop_scope="session")
async def test_spanish_questions_find_english_passages(
    household: LanceStore, embedder: Embedder, question: str, source: str
) -> None:
    """Among English ones: the embedder leans to passages of the question's own language."""
    vector = (await embedder.embed([question], EmbedKind.QUERY))[0]
    english = tuple(SourceId(name) for name in _ENGLISH)
    found = await household.search(replace(about(question), vector=vector, sources=english, limit=3))
    assert ids(found)[0] == f"{source}/0"
