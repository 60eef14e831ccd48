"""A new index beside the old one: questions go on, nothing that comes in or goes out meanwhile is lost."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from agent.catalog.protocol import Catalog
from agent.contracts import LOCAL_GUILD, LOCAL_MEMBER, Source
from agent.errors import StoreError
from agent.ingest import chunking, embedding
from agent.ingest.keeping import UNFINISHED
from agent.ingest.pipeline import Ingestor
from agent.ingest.reindex import Reindexer
from agent.ingest.report import IngestReport, Outcome
from agent.knowledge.protocol import KnowledgeStore
from agent.models.protocol import Embedder, EmbedKind, Vectors
from tests.agent.ingest.house import CountingEmbedder, OtherEmbedder, everything, found, ingestor_of

PUMP = "We replaced the pool pump in May."
HEDGE = "The gardener cut the hedge."


@pytest.fixture
def other(embedder: Embedder) -> OtherEmbedder:
    return OtherEmbedder(embedder)


@pytest.fixture
async def filled(ingestor: Ingestor, folder: Path) -> Ingestor:
    """Two files and an entry are in."""
    (folder / "pump.md").write_text(f"# Pool\n\n{PUMP}")
    (folder / "hedge.md").write_text(f"# Garden\n\n{HEDGE}")
    await ingestor.ingest(LOCAL_GUILD, [folder])
    await remember(ingestor, "The car has a new battery.")
    return ingestor


async def remember(ingestor: Ingestor, text: str) -> Source:
    return await ingestor.remember(
        LOCAL_GUILD, text, on=None, author=LOCAL_MEMBER, author_name="", category=None
    )


async def texts(store: KnowledgeStore, catalog: Catalog) -> list[str]:
    return sorted(text for texts in (await everything(store, catalog)).values() for text in texts)


async def test_another_embedder_gets_an_index_of_its_own(
    filled: Ingestor, store: KnowledgeStore, catalog: Catalog, other: OtherEmbedder, embedder: Embedder
) -> None:
    before = await texts(store, catalog)
    reindexer = Reindexer(store, catalog, other)
    assert await reindexer.needed()
    seen: list[tuple[int, int]] = []
    report = await reindexer.run(lambda done, of: seen.append((done, of)))
    assert (report.version, report.before, report.sources) == ("v2", "v1", 3)
    assert (report.passages, report.self_found) == (3, 1.0)
    assert seen[:3] == [(1, 3), (2, 3), (3, 3)]
    assert not await reindexer.needed()
    assert await texts(store, catalog) == before
    assert PUMP in (await found(store, other, "new pump")).text
    assert [version.name for version in await store.versions()] == ["v1", "v2"]


async def test_questions_go_on_meanwhile(
    filled: Ingestor, store: KnowledgeStore, catalog: Catalog, other: OtherEmbedder, embedder: Embedder
) -> None:
    asked = 0

    async def ask() -> None:
        nonlocal asked
        asked += 1
        assert PUMP in (await found(store, embedder, "new pump")).text

    other.before = ask
    await Reindexer(store, catalog, other).run()
    assert asked > 3


async def test_it_flips_back_in_one_step(
    filled: Ingestor, store: KnowledgeStore, catalog: Catalog, other: OtherEmbedder, embedder: Embedder
) -> None:
    reindexer = Reindexer(store, catalog, other)
    await reindexer.run()
    report = await reindexer.flip_back()
    assert (report.version, report.before, report.outdated) == ("v1", "v2", 0)
    assert PUMP in (await found(store, embedder, "new pump")).text
    await store.remove_version("v2")
    with pytest.raises(StoreError, match="no other index"):
        await reindexer.flip_back()


async def test_what_changed_since_does_not_come_back_by_flipping(
    filled: Ingestor,
    store: KnowledgeStore,
    catalog: Catalog,
    other: OtherEmbedder,
    embedder: Embedder,
    folder: Path,
) -> None:
    await Reindexer(store, catalog, other).run()
    newer = ingestor_of(store, catalog, other)
    await newer.ingest(LOCAL_GUILD, [folder / "pump.md"], visibility="channel:1")
    (folder / "hedge.md").write_text("The hedge is gone.")
    await newer.refresh(LOCAL_GUILD)
    entry = await remember(newer, "A new entry.")
    report = await Reindexer(store, catalog, other).flip_back()
    assert (report.version, report.outdated) == ("v1", 3)
    assert await store.count(LOCAL_GUILD) == 1
    await Reindexer(store, catalog, embedder).run()
    assert await texts(store, catalog) == sorted(
        [f"Pool\n\n{PUMP}", "The hedge is gone.", "A new entry.", "The car has a new battery."]
    )
    assert (await store.passages_of(LOCAL_GUILD, entry.id))[0].text == "A new entry."


async def test_another_chunker_cuts_the_kept_texts_anew(
    ingestor: Ingestor,
    store: KnowledgeStore,
    catalog: Catalog,
    counting: CountingEmbedder,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = folder / "log.md"
    path.write_text("# Log\n\n## 2024-05-12 Pump\n\nThe pump is new.\n\nIt is loud.\n\n## Other\n\nShort.")
    await ingestor.ingest(LOCAL_GUILD, [path])
    path.unlink()
    monkeypatch.setattr(embedding, "CHUNKER", "test")
    monkeypatch.setattr(chunking, "TARGET", 20)
    monkeypatch.setattr(chunking, "LONGEST", 30)
    await Reindexer(store, catalog, counting).run()
    (source,) = await catalog.sources(LOCAL_GUILD)
    passages = await store.passages_of(LOCAL_GUILD, source.id)
    assert [(p.location, p.text, bool(p.date)) for p in passages] == [
        ("Log › 2024-05-12 Pump", "2024-05-12 Pump", True),
        ("Log › 2024-05-12 Pump", "The pump is new.", True),
        ("Log › 2024-05-12 Pump", "It is loud.", True),
        ("Log › Other", "Other\n\nShort.", False),
    ]
    assert (await everything(store, catalog))[str(path)] == [passage.text for passage in passages]


async def test_what_comes_in_while_it_is_built_is_in_it(
    filled: Ingestor, store: KnowledgeStore, catalog: Catalog, other: OtherEmbedder, folder: Path
) -> None:
    arriving = ["First arrival.", "Second arrival."]

    async def arrive() -> None:
        if arriving:
            text = arriving.pop()
            (folder / f"{len(arriving)}.md").write_text(text)
            assert (await filled.ingest(LOCAL_GUILD, [folder])).ok

    other.before = arrive
    await Reindexer(store, catalog, other).run()
    kept = await texts(store, catalog)
    assert {"First arrival.", "Second arrival."} < set(kept)
    assert len(kept) == 5


async def test_what_comes_in_just_before_the_flip_is_in_it(
    filled: Ingestor,
    store: KnowledgeStore,
    catalog: Catalog,
    other: OtherEmbedder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    activate = store.activate

    async def late(name: str) -> None:
        await remember(filled, "Late arrival.")
        await activate(name)

    monkeypatch.setattr(store, "activate", late)
    await Reindexer(store, catalog, other).run()
    assert "Late arrival." in await texts(store, catalog)


async def test_what_comes_in_across_the_flip_is_refused_and_read_again(
    filled: Ingestor,
    store: KnowledgeStore,
    catalog: Catalog,
    counting: CountingEmbedder,
    other: OtherEmbedder,
    folder: Path,
) -> None:
    (folder / "late.md").write_text("Late arrival.")

    async def flip() -> None:
        counting.before = None
        await Reindexer(store, catalog, other).run()

    counting.before = flip
    report: IngestReport = await filled.ingest(LOCAL_GUILD, [folder / "late.md"])
    assert "re-indexed meanwhile" in report.stopped
    late = await catalog.source_by_uri(LOCAL_GUILD, str(folder / "late.md"))
    assert late is not None
    assert late.content_hash == UNFINISHED
    again = await ingestor_of(store, catalog, other).refresh(LOCAL_GUILD, [late.id])
    assert again.count(Outcome.CHANGED) == 1
    assert "Late arrival." in await texts(store, catalog)


async def test_what_is_forgotten_while_it_is_built_does_not_come_back(
    filled: Ingestor, store: KnowledgeStore, catalog: Catalog, other: OtherEmbedder
) -> None:
    forgotten = [source for source in await catalog.sources(LOCAL_GUILD) if source.title == "Pool"]

    async def forget() -> None:
        while forgotten:
            await filled.remove(LOCAL_GUILD, [forgotten.pop().id])

    other.before = forget
    await Reindexer(store, catalog, other).run()
    assert f"Pool\n\n{PUMP}" not in await texts(store, catalog)
    assert await store.count(LOCAL_GUILD, version="v2") == 2
    assert await store.count(LOCAL_GUILD, version="v1") == 2


async def test_an_embedder_that_finds_nothing_is_not_flipped_to(
    filled: Ingestor, store: KnowledgeStore, catalog: Catalog, embedder: Embedder
) -> None:
    class Broken(OtherEmbedder):
        """Never gives a text the vector that it gave it before."""

        sign = 1

        async def embed(self, texts: Sequence[str], kind: EmbedKind) -> Vectors:
            self.sign = -self.sign
            return np.float32(self.sign) * await super().embed(texts, kind)

    with pytest.raises(StoreError, match="v1 stays"):
        await Reindexer(store, catalog, Broken(embedder)).run()
    assert [version.name for version in await store.versions() if version.active] == ["v1"]


async def test_an_index_that_is_right_needs_nothing(
    filled: Ingestor, store: KnowledgeStore, catalog: Catalog, counting: CountingEmbedder
) -> None:
    reindexer = Reindexer(store, catalog, counting)
    assert not await reindexer.needed()
    with pytest.raises(StoreError, match="only one index"):
        await reindexer.run()


async def test_two_searches_across_the_flip_see_one_index_each(
    filled: Ingestor, store: KnowledgeStore, catalog: Catalog, other: OtherEmbedder, embedder: Embedder
) -> None:
    done = asyncio.Event()

    async def ask_until_done() -> int:
        asked = 0
        while not done.is_set():
            active = next(version for version in await store.versions() if version.active)
            assert await store.count(LOCAL_GUILD) == 3, active
            asked += 1
            await asyncio.sleep(0)
        return asked

    asking = asyncio.create_task(ask_until_done())
    await Reindexer(store, catalog, other).run()
    done.set()
    assert await asking > 0
