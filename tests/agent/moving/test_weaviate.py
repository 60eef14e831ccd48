"""Knowledge goes to a real Weaviate and back, also when the server or the copy dies in between."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.catalog.sql import SqlCatalog
from agent.contracts import SourceId
from agent.errors import StoreError
from agent.knowledge.protocol import KnowledgeStore
from agent.moving.backup import backup, restore
from agent.moving.copying import Moved, move
from agent.moving.ends import Ends, Part
from agent.runtime import open_knowledge
from agent.settings import Settings
from tests.agent.database.processes import start
from tests.agent.knowledge.factories import discard, new_alias, open_at
from tests.agent.knowledge.passages import HOME, SPEC, WORK, about, passages_of, put
from tests.agent.moving.house import a_source, ends, kept, opened, put_source, settings_over
from tests.servers.weaviate import WeaviateServer


async def moved(what: Ends) -> Moved:
    return await move(what, lambda _done, _total, _what: None)


@pytest.fixture
def collection(weaviate_server: WeaviateServer) -> Iterator[str]:
    name = new_alias()
    yield name
    discard(weaviate_server, name)


@pytest.fixture
def served(house: Settings, weaviate_server: WeaviateServer, collection: str) -> Settings:
    """The house with its knowledge in an empty Weaviate."""
    url = f"{weaviate_server.url}?grpc_port={weaviate_server.grpc_port}"
    return house.model_copy(update={"weaviate_url": url, "weaviate_collection": collection})


async def test_knowledge_goes_to_weaviate_and_back(house: Settings, served: Settings) -> None:
    before = await kept(house)

    done = await moved(ends(house, served, Part.KNOWLEDGE))

    assert (done.rows, done.passages) == (0, 8)
    assert await kept(served) == before == await kept(house)
    async with opened(served) as (_, store):
        assert (await store.search(about("notes one of home")))[0].passage.text == "notes one of home"
        assert [(each.spec, each.active) for each in await store.versions()] == [(SPEC, True)]
    again = await moved(ends(house, served, Part.KNOWLEDGE))
    assert again.passages == 0
    assert again.digests == done.digests

    (house.data_dir / "knowledge").rename(house.data_dir / "old")
    back = await moved(ends(served, house, Part.KNOWLEDGE))
    assert back.digests == done.digests
    assert await kept(house) == before


async def test_a_second_run_brings_weaviate_in_line(house: Settings, served: Settings) -> None:
    await moved(ends(house, served, Part.KNOWLEDGE))
    async with opened(house) as (database, store):
        await put_source(database, store, a_source("notes", WORK, content_hash="1"), "other")
        await store.delete_sources(HOME, [SourceId("manual")])
        await SqlCatalog(database).remove_sources(HOME, [SourceId("manual")])

    assert (await moved(ends(house, served, Part.KNOWLEDGE))).passages == 1
    assert await kept(served) == await kept(house)
    async with opened(served) as (_, store):
        assert (await store.count(HOME), await store.count(WORK)) == (2, 3)


async def test_a_weaviate_that_holds_something_else_is_refused(house: Settings, served: Settings) -> None:
    async with opened(served) as (_, store):
        await store.open_index(SPEC)
        await put(store, *passages_of(SourceId("theirs"), "theirs"))
    with pytest.raises(StoreError, match=f"{served.weaviate_collection}.* already holds 1 passage of"):
        await moved(ends(house, served, Part.KNOWLEDGE))


async def test_weaviate_is_backed_up_and_restored(
    house: Settings, served: Settings, weaviate_server: WeaviateServer, tmp_path: Path
) -> None:
    await moved(ends(house, served, Part.KNOWLEDGE))
    await backup(served, tmp_path / "backup", lambda _done, _total, _what: None)
    assert await kept(settings_over(tmp_path / "backup")) == await kept(house)

    fresh = served.model_copy(update={"data_dir": tmp_path / "fresh", "weaviate_collection": new_alias()})
    try:
        await restore(tmp_path / "backup", fresh, lambda _done, _total, _what: None)
        assert await kept(fresh) == await kept(house)
    finally:
        discard(weaviate_server, fresh.weaviate_collection)


_KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from agent.knowledge.weaviate import WeaviateStore
from agent.moving.copying import move
from agent.moving.ends import Part
from tests.agent.moving.house import ends, settings_over

method, calls = WeaviateStore.put_source, 0

def killed(*given, **named):
    global calls
    calls += 1
    if calls == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return method(*given, **named)

WeaviateStore.put_source = killed
house = settings_over(Path(sys.argv[1]))
served = house.model_copy(update={"weaviate_url": sys.argv[2], "weaviate_collection": sys.argv[3]})
asyncio.run(move(ends(house, served, Part.KNOWLEDGE), lambda done, total, what: None))
"""


async def test_a_killed_copy_to_weaviate_goes_on(
    house: Settings, served: Settings, weaviate_server: WeaviateServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = start(_KILLED, house.data_dir, served.weaviate_url, served.weaviate_collection)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL, errors

    async def open_soon(settings: Settings) -> KnowledgeStore:
        """Believe after a second, not after thirty, that the writer is dead."""
        if not settings.weaviate_url:
            return await open_knowledge(settings)
        return await open_at(weaviate_server, alias=settings.weaviate_collection, stale_seconds=1.0)

    monkeypatch.setattr("agent.moving.ends.open_knowledge", open_soon)
    assert (await moved(ends(house, served, Part.KNOWLEDGE))).passages == 4
    assert await kept(served) == await kept(house)
