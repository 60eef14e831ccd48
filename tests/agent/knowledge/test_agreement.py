"""What a question finds does not depend on the store: Weaviate and LanceDB side by side on the sample."""

import json
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from agent.contracts import GUILD_WIDE, Passage, SourceId
from agent.knowledge._weaviate.words import indexed_terms
from agent.knowledge.lance import open_store
from agent.knowledge.protocol import IndexSpec, KnowledgeStore, SearchQuery
from agent.models.protocol import Vector
from tests.agent.knowledge.factories import discard, new_alias, open_at
from tests.agent.knowledge.passages import HOME, passages_of
from tests.servers.weaviate import WeaviateServer

SAMPLE: Final = Path(__file__).parents[3] / "examples" / "household"
DIMENSION: Final = 64


def _vector(text: str) -> Vector:
    """The sum of a direction for each term, so that related texts are near; no model is needed for that."""
    terms = indexed_terms(text).split() or [""]
    parts = [np.random.default_rng(zlib.crc32(term.encode())).standard_normal(DIMENSION) for term in terms]
    total = np.sum(parts, axis=0)
    return np.asarray(total / np.linalg.norm(total), dtype=np.float32)


def _sources() -> Iterator[list[Passage]]:
    """The sample's paragraphs and entries, a source a file."""
    for path in sorted(SAMPLE.rglob("*")):
        if path.suffix == ".md" and path.parent != SAMPLE:
            texts = path.read_text("utf-8").split("\n\n")
        elif path.suffix == ".jsonl" and path.parent.name == "entries":
            texts = [json.loads(line)["text"] for line in path.read_text("utf-8").splitlines()]
        else:
            continue
        source = SourceId(str(path.relative_to(SAMPLE)))
        found = passages_of(source, *(text for text in texts if text.strip()))
        yield [replace(one, title=path.stem, location="") for one in found]


def _questions() -> list[str]:
    lines = (SAMPLE / "questions" / "test.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["question"] for line in lines]


@pytest.fixture
async def both(weaviate_server: WeaviateServer, tmp_path: Path) -> AsyncIterator[tuple[KnowledgeStore, ...]]:
    """LanceDB and Weaviate with the sample in each."""
    alias = new_alias()
    stores = (await open_store(tmp_path), await open_at(weaviate_server, alias=alias))
    for store in stores:
        await store.open_index(IndexSpec(embedder="test@0", dimension=DIMENSION, chunker="1"))
        for passages in _sources():
            vectors = {passage.id: _vector(passage.text) for passage in passages}
            await store.put_source(HOME, passages[0].source, passages, vectors)
        await store.optimize()
    yield stores
    for store in stores:
        await store.close()
    discard(weaviate_server, alias)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
async def test_both_stores_find_the_same(both: tuple[KnowledgeStore, ...], alpha: float) -> None:
    """Equal scores may come in any order, so a few first places may differ."""
    same_first, shared, differences = [], [], []
    for question in _questions():
        vector = _vector(question)
        query = SearchQuery(
            guild=HOME, text=question, vector=vector, may_see=frozenset({GUILD_WIDE}), alpha=alpha
        )
        one, other = [await store.search(query) for store in both]
        ids = [[item.passage.id for item in found] for found in (one, other)]
        same_first.append(ids[0][:1] == ids[1][:1])
        shared.append(len(set(ids[0]) & set(ids[1])) / max(len(ids[0]), 1) if ids[0] else 1.0)
        scores = {item.passage.id: item for item in one}
        differences += [
            abs(item.lexical - scores[item.passage.id].lexical)
            for item in other
            if item.passage.id in scores and item.lexical and scores[item.passage.id].lexical
        ]
    assert len(same_first) > 50
    assert np.mean(same_first) > 0.98
    assert np.mean(shared) > 0.97
    assert alpha == 1.0 or np.percentile(differences, 95) < 0.01
