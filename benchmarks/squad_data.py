"""SQuAD 2.0 in a knowledge store: what measuring and fitting share.

304 paragraphs of 8 articles. The article is the category, a paragraph is a passage.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.contracts import (
    GUILD_WIDE,
    LOCAL_GUILD,
    Constraints,
    Evidence,
    EvidenceItem,
    GuildId,
    Passage,
    PassageId,
    Searched,
    Slug,
    SourceId,
)
from agent.ingest.chunking import embedding_text
from agent.ingest.embedding import embed_passages, index_spec
from agent.knowledge.lance import open_store
from agent.knowledge.protocol import KnowledgeStore, SearchQuery
from agent.models.level import LevelEmbedder
from agent.models.protocol import Embedder, EmbedKind
from benchmarks.report import DATA

SEED = 7
RETRIEVED = 8
NOTHING_SEARCHED = Searched(
    categories=(), constraints=Constraints(), widened=False, queries=(), index_version="v1"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question of the data set."""

    text: str
    category: Slug
    passage: PassageId
    answers: tuple[str, ...]
    """Every gold answer; empty when the question has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What every measurement needs, opened once."""

    store: KnowledgeStore
    embedder: Embedder
    routing_embedder: Embedder
    """The same without levelling, which the router does itself."""
    passages: Mapping[PassageId, Passage]
    questions: Sequence[Asked]


def load_questions(path: Path) -> tuple[list[Passage], list[Asked]]:
    """The paragraphs as passages, one source an article, and the questions on them."""
    passages: list[Passage] = []
    questions: list[Asked] = []
    for article in json.loads(path.read_text("utf-8"))["data"]:
        slug = Slug(article["title"].casefold().replace("_", "-"))
        start = 0
        for ordinal, paragraph in enumerate(article["paragraphs"]):
            passage = _passage(slug, article["title"].replace("_", " "), paragraph["context"], ordinal, start)
            start = passage.end + 1
            passages.append(passage)
            questions += [
                Asked(
                    text=each["question"],
                    category=slug,
                    passage=passage.id,
                    answers=tuple(dict.fromkeys(answer["text"] for answer in each["answers"])),
                )
                for each in paragraph["qas"]
            ]
    return passages, questions


def fitting_categories(questions: Sequence[Asked]) -> frozenset[Slug]:
    """The half of the articles that weights are fitted on."""
    categories = sorted({asked.category for asked in questions})
    return frozenset(random.Random(SEED).sample(categories, len(categories) // 2))


async def open_bench(folder: Path, raw: Embedder, store: KnowledgeStore | None = None) -> Bench:
    """Put the paragraphs into an empty store, by default an embedded one of their own."""
    passages, questions = load_questions(DATA / "squad2" / "articles.json")
    embedder = await LevelEmbedder.open(raw, folder)
    store = store or await open_store(folder)
    await store.open_index(index_spec(embedder))
    bench = Bench(
        store=store,
        embedder=embedder,
        routing_embedder=raw,
        passages={passage.id: passage for passage in passages},
        questions=questions,
    )
    await put_passages(bench, passages)
    await store.optimize()
    await embedder.embed(sorted({asked.text for asked in questions}), EmbedKind.QUERY)
    return bench


async def search(
    bench: Bench,
    text: str,
    categories: tuple[Slug, ...],
    *,
    alpha: float = 0.5,
    limit: int = RETRIEVED,
    guild: GuildId = LOCAL_GUILD,
) -> Evidence:
    """Search as the agent does. `alpha` 1 is dense alone, 0 BM25 alone."""
    vector = (await bench.embedder.embed([text], EmbedKind.QUERY))[0]
    query = SearchQuery(
        guild=guild,
        text=text if alpha < 1 else "",
        vector=vector if alpha > 0 else None,
        limit=limit,
        may_see=frozenset({GUILD_WIDE}),
        categories=categories,
        alpha=alpha,
    )
    return Evidence(items=await bench.store.search(query), searched=NOTHING_SEARCHED)


async def put_passages(bench: Bench, passages: Sequence[Passage]) -> None:
    """Embed passages of one guild and put them into the store."""
    vectors = await embed_passages(bench.embedder, passages)
    for source in sorted({passage.source for passage in passages}):
        own = [passage for passage in passages if passage.source == source]
        await bench.store.put_source(own[0].guild, source, own, {each.id: vectors[each.id] for each in own})


async def read(bench: Bench, asked: Asked) -> Evidence:
    """The right paragraph and nothing else, as in the reading task of SQuAD."""
    passage = bench.passages[asked.passage]
    question = (await bench.embedder.embed([asked.text], EmbedKind.QUERY))[0]
    vector = (await bench.embedder.embed([embedding_text(passage)], EmbedKind.PASSAGE))[0]
    item = EvidenceItem(passage=passage, score=1.0, similarity=float(vector @ question), lexical=1.0)
    return Evidence(items=(item,), searched=NOTHING_SEARCHED)


def holds_answer(asked: Asked, texts: Sequence[str]) -> bool:
    """Whether a text holds a gold answer, verbatim but for case and white space."""
    shown = [_plain(text) for text in texts]
    return any(_plain(answer) in text for answer in asked.answers for text in shown)


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _passage(slug: Slug, title: str, text: str, ordinal: int, start: int) -> Passage:
    return Passage(
        id=PassageId(f"{slug}-{ordinal}"),
        guild=LOCAL_GUILD,
        source=SourceId(slug),
        ordinal=ordinal,
        title=title,
        location=f"line {ordinal + 1}",
        text=text,
        start=start,
        end=start + len(text),
        category=slug,
        language="en",
    )
