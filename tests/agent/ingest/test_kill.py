"""kill -9 in the middle of an ingest and of a re-index, in a process of its own, and what comes after."""

import signal
from pathlib import Path

import pytest

from agent.contracts import LOCAL_GUILD
from agent.ingest.reindex import Reindexer
from agent.ingest.report import Outcome
from agent.models.protocol import Embedder
from agent.settings import Settings
from tests.agent.database.processes import start
from tests.agent.ingest.house import (
    OtherEmbedder,
    everything,
    ingestor_of,
    make_guild,
    open_knowledge,
    opened_catalog,
)

_OPEN = """
import asyncio, os, signal, sys
from pathlib import Path
from agent.contracts import LOCAL_GUILD
from agent.ingest import storing
from agent.ingest.reindex import Reindexer
from agent.models.library import open_embedder
from agent.settings import Settings
from tests.agent.ingest.house import OtherEmbedder, ingestor_of, make_guild, open_knowledge, opened_catalog

# One after the other, so that it is known what was stored when it died.
storing.STORED_AT_ONCE = 1
kept, files, models, at = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])

def killing(method):
    calls = 0
    async def killed(*given, **named):
        nonlocal calls
        calls += 1
        if calls == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return await method(*given, **named)
    return killed
"""

_INGEST = (
    _OPEN
    + """
async def main():
    embedder = await open_embedder(Settings(data_dir=models, threads=1))
    store = await open_knowledge(kept)
    async with opened_catalog(kept) as catalog:
        await make_guild(catalog)
        owner = {"store": store, "catalog": catalog}[sys.argv[5]]
        owner.put_source = killing(owner.put_source)
        await ingestor_of(store, catalog, embedder).ingest(LOCAL_GUILD, [files], visibility="guild")
asyncio.run(main())
"""
)

_REINDEX = (
    _OPEN
    + """
async def main():
    embedder = OtherEmbedder(await open_embedder(Settings(data_dir=models, threads=1)))
    store = await open_knowledge(kept)
    async with opened_catalog(kept) as catalog:
        store.put_source = killing(store.put_source)
        await Reindexer(store, catalog, embedder).run()
asyncio.run(main())
"""
)


def write(folder: Path, count: int) -> dict[str, list[str]]:
    """So many files of two passages each; what they must become."""
    expected = {}
    for number in range(count):
        path = folder / f"{number}.md"
        path.write_text(f"# First\n\nOne of {number}.\n\n# Second\n\nTwo of {number}.")
        expected[str(path)] = [f"First\n\nOne of {number}.", f"Second\n\nTwo of {number}."]
    return expected


def kill_during(code: str, kept: Path, folder: Path, settings: Settings, *more: str) -> None:
    kept.mkdir(exist_ok=True)
    process = start(code, kept, folder, settings.data_dir, *more)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL, errors


@pytest.mark.parametrize("at", ["store", "catalog"])
async def test_a_killed_ingest_leaves_no_half_source_and_resumes(
    tmp_path: Path, folder: Path, model_settings: Settings, embedder: Embedder, at: str
) -> None:
    """`catalog` kills between the passages and their record, the worst moment."""
    expected = write(folder, 4)
    kill_during(_INGEST, tmp_path / "kept", folder, model_settings, "3", at)
    store = await open_knowledge(tmp_path / "kept")
    async with opened_catalog(tmp_path / "kept") as catalog:
        before = [source.uri for source in await catalog.sources(LOCAL_GUILD)]
        assert before == list(expected)[:2]
        assert await store.count(LOCAL_GUILD) == (4 if at == "store" else 6)
        report = await ingestor_of(store, catalog, embedder).ingest(LOCAL_GUILD, [folder])
        assert report.ok
        assert report.count(Outcome.UNCHANGED) == 2
        assert [target.added for target in report.targets[2:]] == [2 if at == "store" else 0, 2]
        assert await everything(store, catalog) == expected
    await store.close()


async def test_a_killed_reindex_leaves_the_old_index_and_resumes(
    tmp_path: Path, folder: Path, model_settings: Settings, embedder: Embedder
) -> None:
    expected = write(folder, 4)
    store = await open_knowledge(tmp_path / "kept")
    async with opened_catalog(tmp_path / "kept") as catalog:
        await make_guild(catalog)
        await ingestor_of(store, catalog, embedder).ingest(LOCAL_GUILD, [folder])
        kill_during(_REINDEX, tmp_path / "kept", folder, model_settings, "3")
        old, new = await store.versions()
        assert (old.active, new.active, new.passages) == (True, False, 4)
        other = OtherEmbedder(embedder)
        report = await Reindexer(store, catalog, other).run()
        assert (report.version, report.sources, report.passages) == (new.name, 2, 8)
        assert await everything(store, catalog) == expected
    await store.close()
