"""What is Weaviate's own: tenants, generations, turns of writers, versions behind an alias, exact filters."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date
from typing import Any

import httpx
import pytest

from agent.contracts import GuildId, MemberId, Slug, SourceId
from agent.errors import ConfigurationError, StoreBusyError, StoreError
from agent.knowledge._weaviate.batches import insert
from agent.knowledge._weaviate.lease import Lease
from agent.knowledge._weaviate.ledger import GuildState, Retired
from agent.knowledge._weaviate.nodes import Address, Nodes, addresses_of
from agent.knowledge._weaviate.rows import row_id, tenant_of, to_row
from agent.knowledge._weaviate.words import asked_terms, indexed_terms
from agent.knowledge.weaviate import WeaviateStore
from tests.agent.knowledge.factories import discard, new_alias, open_at
from tests.agent.knowledge.passages import (
    HOME,
    MANUAL,
    NEW_SPEC,
    NOTES,
    PUMP,
    SPEC,
    WORK,
    a_vector,
    about,
    ids,
    passages_of,
    put,
)
from tests.servers.weaviate import WeaviateServer


@pytest.fixture
def alias(weaviate_server: WeaviateServer) -> Any:
    name = new_alias()
    yield name
    discard(weaviate_server, name)


@pytest.fixture
async def store(weaviate_server: WeaviateServer, alias: str) -> AsyncIterator[WeaviateStore]:
    """A store with the empty index v1."""
    opened = await open_at(weaviate_server, alias=alias)
    await opened.open_index(SPEC)
    yield opened
    await opened.close()


@pytest.fixture
async def other(
    weaviate_server: WeaviateServer, alias: str, store: WeaviateStore
) -> AsyncIterator[WeaviateStore]:
    """Another process, as far as the server can tell."""
    opened = await open_at(weaviate_server, alias=alias)
    yield opened
    await opened.close()


async def _of_server(server: WeaviateServer, path: str) -> Any:
    async with httpx.AsyncClient(base_url=f"{server.url}/v1", trust_env=False) as client:
        return (await client.get(path)).json()


async def _until(holds: Callable[[], Any], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not await holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("urls", "expected"),
    [
        ("http://one:8080", [Address(host="one", port=8080, grpc_port=50051, secure=False)]),
        ("https://one", [Address(host="one", port=443, grpc_port=50051, secure=True)]),
        (
            "http://a:1?grpc_port=2, http://b:3/?grpc_port=4,",
            [
                Address(host="a", port=1, grpc_port=2, secure=False),
                Address(host="b", port=3, grpc_port=4, secure=False),
            ],
        ),
    ],
)
def test_addresses_are_read(urls: str, expected: list[Address]) -> None:
    assert list(addresses_of(urls, 50051)) == expected


@pytest.mark.parametrize(
    "url",
    ["localhost:8080", "ftp://one", "http://", "http://one:x", "http://one:8080/v1",
     "http://one:50051", "http://one:99999"],
)  # fmt: skip
def test_what_is_no_address_is_named(url: str) -> None:
    with pytest.raises(ConfigurationError, match="WEAVIATE_URL names"):
        addresses_of(url, 50051)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Replacing the PUMPS", "replac the pump"),
        ("El calentador está en el garaje, junto a las tuberías.",
         "el calentador esta en el garaj junto a las tuberia"),
        ("a_b-c3 " + "x" * 41, "a b c3"),
        ("🏊 ¿? \n", ""),
    ],
)  # fmt: skip
def test_words_are_indexed_as_the_embedded_store_does(text: str, terms: str) -> None:
    assert indexed_terms(text) == terms


def test_function_words_are_not_asked_for() -> None:
    assert asked_terms("when did we replace the pump pumps") == "replac pump pump"


def test_a_state_tells_which_rows_are_searched() -> None:
    old = Retired(generation=1, since=100.0)
    state = GuildState(version="v1", revision=2, passages=5, retired=(old,))
    after = state.changed(retire=[2], passages=-2, now=150.0)

    assert [state.holds(generation) for generation in (1, 2, 3)] == [False, True, False]
    assert [after.holds(generation) for generation in (1, 2, 3)] == [False, False, True]
    assert after.passages == 3
    assert after.overdue(151.0, 50.0) == [1]
    assert after.without([1]).retired == (Retired(generation=2, since=150.0),)


async def test_a_guild_is_a_tenant_that_comes_with_its_first_passage_and_goes_with_it(
    store: WeaviateStore, weaviate_server: WeaviateServer, alias: str
) -> None:
    async def tenants() -> set[str]:
        return {each["name"] for each in await _of_server(weaviate_server, f"/schema/{alias}_v1/tenants")}

    assert await store.search(about("pump")) == ()
    assert await tenants() == {"ledger"}
    await put(store, PUMP)
    assert await tenants() == {"ledger", tenant_of(HOME)}
    await store.drop_guild(HOME)
    assert await tenants() == {"ledger"}


async def test_filters_are_properties_that_are_matched_whole(
    store: WeaviateStore, weaviate_server: WeaviateServer, alias: str
) -> None:
    schema = await _of_server(weaviate_server, f"/schema/{alias}_v1")
    properties = {each["name"]: each for each in schema["properties"]}
    for name in ("category", "source", "visibility", "language", "author", "author_name"):
        assert properties[name]["tokenization"] == "field"
        assert properties[name]["indexFilterable"]
        assert not properties[name]["indexSearchable"]
    assert properties["date"]["indexRangeFilters"]
    assert properties["searched"]["tokenization"] == "whitespace"
    assert schema["multiTenancyConfig"]["enabled"]


async def test_another_process_sees_what_was_written_at_once(
    store: WeaviateStore, other: WeaviateStore
) -> None:
    await put(store, PUMP)
    assert ids(await other.search(about("pump"))) == ["p1"]
    for text in ("a new pump", "an older pump"):
        await put(store, replace(PUMP, text=text))
        assert [each.passage.text for each in await other.search(about("pump"))] == [text]
    await store.delete_sources(HOME, [NOTES])
    assert await other.search(about("pump")) == ()


async def test_processes_take_turns_and_the_last_one_wins_whole(
    store: WeaviateStore, other: WeaviateStore
) -> None:
    """Two processes put the same source at once, again and again; there is never a mix or a double."""
    done = asyncio.Event()

    async def write(writer: WeaviateStore, name: str) -> None:
        for turn in range(6):
            await put(writer, *passages_of(NOTES, *(f"{name}{turn} pump {place}" for place in range(5))))

    async def read(reader: WeaviateStore) -> int:
        reads = 0
        while not done.is_set():
            found = await reader.search(about("pump"))
            assert len({each.passage.text.split()[0] for each in found}) <= 1
            assert len(found) in (0, 5)
            reads += 1
        return reads

    readers = asyncio.gather(read(store), read(other))
    await asyncio.gather(write(store, "one"), write(other, "two"))
    done.set()

    assert min(await readers) > 3
    assert await store.count(HOME) == 5
    assert len(await other.passages_of(HOME, NOTES)) == 5


async def test_two_processes_that_make_the_same_version_make_one(
    store: WeaviateStore, other: WeaviateStore
) -> None:
    made = await asyncio.gather(*(each.open_index(NEW_SPEC) for each in (store, other, store, other)))
    assert {each.name for each in made} == {"v2"}
    assert [each.name for each in await store.versions()] == ["v1", "v2"]


async def test_a_flip_is_seen_by_every_process_and_never_as_an_empty_or_wrong_answer(
    store: WeaviateStore, other: WeaviateStore
) -> None:
    await store.open_index(NEW_SPEC)
    for version in ("v1", "v2"):
        await put(
            store, *passages_of(NOTES, *(f"{version} pump {place}" for place in range(4))), version=version
        )
    flips = 0

    async def ask(reader: WeaviateStore) -> int:
        asked = 0
        while flips < 12:
            before = flips
            found = await reader.search(about("pump"))
            versions = {each.passage.text.split()[0] for each in found}
            assert len(found) == 4
            assert len(versions) == 1
            if before == flips:
                asked += 1
        return asked

    async def flip() -> None:
        nonlocal flips
        while flips < 12:
            name = "v2" if flips % 2 == 0 else "v1"
            await store.activate(name)
            found = await other.search(about("pump"))
            assert {each.passage.text.split()[0] for each in found} == {name}
            flips += 1

    _, *asked = await asyncio.gather(flip(), ask(store), ask(other))
    assert min(asked) > 3


async def test_what_a_killed_writer_left_is_never_found_and_goes_with_the_next_write(
    store: WeaviateStore, weaviate_server: WeaviateServer, alias: str
) -> None:
    """A process that died between inserting and the ledger leaves rows of the next generation."""
    await put(store, PUMP)
    left = replace(PUMP, id=type(PUMP.id)("left"), source=MANUAL, text="a pump that nobody kept")
    row = to_row(left, a_vector(left.text), generation=2)
    await store._nodes.call(
        lambda client: (
            client.collections.use(f"{alias}_v1").with_tenant(tenant_of(HOME)).data.insert_many([row])
        )
    )
    for query in (about("pump nobody kept"), replace(about("pump nobody"), vector=None)):
        assert ids(await store.search(query)) == ["p1"]
    assert await store.get(HOME, [left.id]) == ()

    again = await open_at(weaviate_server, alias=alias)
    await put(again, replace(PUMP, text="the second pump"))
    assert [each.passage.text for each in await again.search(about("pump nobody kept"))] == [
        "the second pump"
    ]
    await again.close()


async def test_a_writer_that_died_is_not_waited_for_long(
    weaviate_server: WeaviateServer, alias: str, store: WeaviateStore
) -> None:
    await store._nodes.call(
        lambda client: client.alias.create(alias_name=f"{alias}_v1_writer", target_collection=f"{alias}_v1")
    )
    patient = await open_at(weaviate_server, alias=alias, stale_seconds=1.0)
    await put(patient, PUMP)
    assert await patient.count(HOME) == 1
    await patient.close()


async def test_a_writer_that_lives_is_waited_for_and_then_named(
    weaviate_server: WeaviateServer, alias: str, store: WeaviateStore
) -> None:
    nodes = Nodes(addresses_of(f"{weaviate_server.url}?grpc_port={weaviate_server.grpc_port}", 1))
    holder = Lease(nodes, f"{alias}_v1", stale_seconds=2.0, wait_seconds=1.0)
    impatient = await open_at(weaviate_server, alias=alias, stale_seconds=2.0, lock_seconds=3.0)
    async with holder.turn():
        with pytest.raises(StoreBusyError, match="Another process has been writing"):
            await put(impatient, PUMP)
    await holder.close()
    await put(impatient, PUMP)
    await impatient.close()
    await nodes.close()


async def test_a_writer_that_slept_too_long_gives_way(weaviate_server: WeaviateServer, alias: str) -> None:
    store = await open_at(weaviate_server, alias=alias, stale_seconds=1.0)
    await store.open_index(SPEC)
    lease = store._writer("v1")._lease
    async with lease.turn():
        lease.require()
        time.sleep(0.8)  # noqa: ASYNC251 -- the whole process sleeps, as under SIGSTOP
        with pytest.raises(StoreBusyError, match="took over"):
            lease.require()
    await put(store, PUMP)
    assert await store.count(HOME) == 1
    await store.close()


async def test_replaced_rows_leave_the_server_with_a_later_write(
    weaviate_server: WeaviateServer, alias: str
) -> None:
    store = await open_at(weaviate_server, alias=alias, grace_seconds=0.0)
    await store.open_index(SPEC)
    for number in range(4):
        await put(store, replace(PUMP, text=f"pump {number}"))
    path = f"/objects?class={alias}_v1&tenant={tenant_of(HOME)}"
    held = [each["properties"]["text"] for each in (await _of_server(weaviate_server, path))["objects"]]
    assert sorted(held) == ["pump 2", "pump 3"]
    await store.delete_sources(HOME, [NOTES])
    assert (await _of_server(weaviate_server, path))["objects"] == []
    await store.close()


async def test_an_idle_guild_is_put_to_sleep_and_wakes_up_for_a_question(
    weaviate_server: WeaviateServer, alias: str
) -> None:
    store = await open_at(weaviate_server, alias=alias, idle_seconds=0.4)
    await store.open_index(SPEC)
    await put(store, PUMP)

    async def asleep() -> bool:
        tenants = await _of_server(weaviate_server, f"/schema/{alias}_v1/tenants")
        status = {each["name"]: each["activityStatus"] for each in tenants}
        return status[tenant_of(HOME)] in ("INACTIVE", "COLD")

    for _ in range(2):
        await _until(asleep)
        assert await store.count(HOME) == 1
        assert ids(await store.search(about("pump"))) == ["p1"]
    await store.close()


async def test_questions_are_answered_while_the_server_writes_down_what_it_holds(
    store: WeaviateStore,
) -> None:
    await put(store, *passages_of(NOTES, *(f"pump {place}" for place in range(20))))
    done = asyncio.Event()

    async def ask() -> int:
        asked = 0
        while not done.is_set():
            assert len(await store.search(about("pump 3"))) >= 20
            asked += 1
        return asked

    asking = asyncio.create_task(ask())
    for number in range(3):
        await put(store, *passages_of(MANUAL, f"roof {number}"))
        await store.optimize()
    done.set()
    assert await asking > 0


async def test_words_rank_right_at_once_after_optimizing(store: WeaviateStore) -> None:
    """Weaviate's pruning takes the first of many unwritten matches for the best ones."""
    texts = [f"pump number {place}" for place in range(300)] + ["pump pump pump"]
    await put(store, *passages_of(NOTES, *texts))
    await store.optimize()
    found = await store.search(replace(about("pump"), vector=None, limit=1))
    assert [each.passage.text for each in found] == ["pump pump pump"]


async def test_a_long_source_is_read_whole(store: WeaviateStore) -> None:
    many = passages_of(NOTES, *(f"line {place}" for place in range(2350)))
    await put(store, *many)
    assert await store.passages_of(HOME, NOTES) == tuple(many)
    assert await store.recategorise(HOME, Slug("none"), Slug("pool")) == 0
    assert await store.delete_sources(HOME, [NOTES]) == len(many)
    assert await store.count(HOME) == 0


@pytest.mark.parametrize("day", [date(1, 1, 1), date(1542, 7, 9), date(1969, 12, 31), date(9999, 12, 31)])
async def test_days_of_every_year_are_filtered(store: WeaviateStore, day: date) -> None:
    kept = replace(PUMP, date=day, author=MemberId("7"))
    await put(store, kept)
    found = await store.search(replace(about("pump"), since=day, until=day))
    assert [each.passage for each in found] == [kept]


async def test_rejected_objects_of_a_batch_are_an_error_that_names_them(
    store: WeaviateStore, alias: str
) -> None:
    """The good ones of the batch are stored by Weaviate, and are not found."""
    short = to_row(PUMP, a_vector("pump")[:3], generation=0)
    await insert(store._nodes, f"{alias}_v1", tenant_of(HOME), [short])
    with pytest.raises(StoreError, match="dimension"):
        await put(store, PUMP)
    assert await store.count(HOME) == 0
    assert await store.search(replace(about("pump"), vector=None)) == ()


def test_ids_follow_from_guild_passage_and_generation() -> None:
    assert row_id(HOME, PUMP.id, 1) == row_id(HOME, PUMP.id, 1)
    others = {row_id(WORK, PUMP.id, 1), row_id(HOME, type(PUMP.id)("p2"), 1), row_id(HOME, PUMP.id, 2)}
    assert len({row_id(HOME, PUMP.id, 1), *others}) == 4
    assert row_id(GuildId("a"), type(PUMP.id)("bc"), 1) != row_id(GuildId("ab"), type(PUMP.id)("c"), 1)


async def test_the_doctor_reads_version_nodes_replicas_and_counts(store: WeaviateStore) -> None:
    await put(store, PUMP)
    line = await store.check()
    assert "1.35.2 (1 of 1 node healthy)" in line
    assert "1 passage in v1, the active one of 1 index version, 1 replica" in line


async def test_a_closed_store_says_so(weaviate_server: WeaviateServer, alias: str) -> None:
    store = await open_at(weaviate_server, alias=alias)
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.versions()


async def test_sources_that_are_put_at_once_are_each_seen_whole_or_not_at_all(
    store: WeaviateStore, other: WeaviateStore
) -> None:
    """Each is replaced once, and the old and the new one are of different lengths."""
    sources = [SourceId(f"source {number}") for number in range(8)]
    done = asyncio.Event()

    async def write() -> None:
        for length in (130, 20):
            made = (passages_of(each, *(f"pump {place}" for place in range(length))) for each in sources)
            await asyncio.gather(*(put(store, *passages) for passages in made))

    async def read(reader: WeaviateStore) -> int:
        reads = 0
        while not done.is_set():
            found = await reader.search(replace(about("pump"), limit=2000))
            assert set(Counter(each.passage.source for each in found).values()) <= {20, 130}
            reads += 1
        return reads

    readers = asyncio.gather(read(store), read(other))
    await write()
    done.set()

    assert min(await readers) > 3
    assert await other.count(HOME) == 20 * len(sources)
    assert [len(await other.passages_of(HOME, each)) for each in sources] == [20] * len(sources)


async def test_a_source_that_fails_beside_others_takes_none_of_them_along(store: WeaviateStore) -> None:
    async def refused() -> None:
        with pytest.raises(StoreError):
            await store.put_source(HOME, MANUAL, passages_of(MANUAL, "no vector"), {})

    others = [passages_of(SourceId(f"source {number}"), "a pump", "a roof") for number in range(3)]
    await asyncio.gather(put(store, *others[0]), refused(), *(put(store, *each) for each in others[1:]))
    assert await store.count(HOME) == 6
    await put(store, *passages_of(MANUAL, "a vector"))
    assert await store.count(HOME) == len(await store.search(about("pump roof vector"))) == 7


async def test_a_clock_that_is_ahead_deletes_nothing_that_a_search_may_need(
    store: WeaviateStore,
    other: WeaviateStore,
    weaviate_server: WeaviateServer,
    alias: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """How long a replaced row has been is told by the server's clock alone."""
    await put(store, PUMP)
    await put(store, replace(PUMP, text="the second pump"))
    await asyncio.sleep(0.5)
    tomorrow = time.time() + 86_400.0
    monkeypatch.setattr(time, "time", lambda: tomorrow)
    await put(other, *passages_of(MANUAL, "a roof"))
    monkeypatch.undo()
    path = f"/objects?class={alias}_v1&tenant={tenant_of(HOME)}"
    held = [each["properties"]["text"] for each in (await _of_server(weaviate_server, path))["objects"]]
    assert sorted(held) == sorted(["a roof", "the second pump", PUMP.text])


async def test_a_turn_knows_the_server_s_time(store: WeaviateStore) -> None:
    lease = store._writer("v1")._lease
    async with lease.turn():
        assert abs(lease.now() - time.time()) < 5.0


async def test_a_write_changes_no_schema(
    store: WeaviateStore, weaviate_server: WeaviateServer, alias: str
) -> None:
    """The server is set as compose.yaml sets it; without that it would add whatever it is sent."""
    before = await _of_server(weaviate_server, f"/schema/{alias}_v1")
    strange = to_row(PUMP, a_vector(PUMP.text), generation=1)
    strange.properties["strange"] = "unknown"
    with pytest.raises(StoreError, match="strange"):
        await insert(store._nodes, f"{alias}_v1", tenant_of(HOME), [strange])
    assert await _of_server(weaviate_server, f"/schema/{alias}_v1") == before
    with pytest.raises(StoreError):
        await insert(store._nodes, f"{alias}_v9", tenant_of(HOME), [to_row(PUMP, a_vector("pump"), 1)])
    classes = (await _of_server(weaviate_server, "/schema"))["classes"]
    assert [each["class"] for each in classes if each["class"].startswith(alias)] == [f"{alias}_v1"]
