"""What every knowledge store must do, whatever keeps it."""

import asyncio
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from agent.contracts import GUILD_WIDE, GuildId, MemberId, PassageId, Slug, SourceId, SourceKind
from agent.errors import StoreError
from agent.knowledge.protocol import KnowledgeStore
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

POOL, SPA = Slug("pool"), Slug("spa")

WHOLE = replace(
    PUMP,
    category=POOL,
    visibility="channel:7",
    author=MemberId("42"),
    author_name='Ana "the" O\'Neil',
    date=date(2024, 5, 3),
    language="en",
    link="https://example.org/pool",
    kind=SourceKind.THREAD,
    text="Häuser\n\tund 'Öl' – \"¿qué?\" \\ 🏊",
)


async def test_a_passage_comes_back_as_it_was(store: KnowledgeStore) -> None:
    await put(store, WHOLE)

    assert await store.passages_of(HOME, NOTES) == (WHOLE,)
    assert await store.get(HOME, [WHOLE.id]) == (WHOLE,)
    query = replace(about("und Öl"), may_see=frozenset({"channel:7"}))
    assert [item.passage for item in await store.search(query)] == [WHOLE]


async def test_what_was_put_a_moment_ago_is_found_by_words_and_by_vector(store: KnowledgeStore) -> None:
    await put(store, *passages_of(NOTES, "the heater hums", "the roof leaks"))
    await store.optimize()
    await put(store, *passages_of(MANUAL, "press the green button"))

    by_words = replace(about("green"), vector=None)
    by_vector = replace(about("press the green button"), text="", limit=1)
    assert ids(await store.search(by_words)) == ["manual/0"]
    assert ids(await store.search(by_vector)) == ["manual/0"]


@pytest.mark.parametrize("words", ["pumps", "PUMP", "púmp", "replacing the pump", "what about that pump?"])
async def test_words_match_in_any_case_accent_and_number(store: KnowledgeStore, words: str) -> None:
    await put(store, PUMP)
    assert ids(await store.search(replace(about(words), vector=None))) == ["p1"]


@pytest.mark.parametrize(
    "words", ["calentador", "CALENTADOR", "dónde está el calentador", "garaje", "tuberias"]
)
async def test_spanish_words_match_too(store: KnowledgeStore, words: str) -> None:
    await put(store, *passages_of(NOTES, "El calentador está en el garaje, junto a las tuberías."))
    assert ids(await store.search(replace(about(words), vector=None))) == ["notes/0"]


async def test_title_and_place_are_searched_as_well(store: KnowledgeStore) -> None:
    await put(
        store, replace(PUMP, title="Boiler manual", location="Faults › Low pressure", text="Fill it up.")
    )
    assert ids(await store.search(replace(about("boiler"), vector=None))) == ["p1"]
    assert ids(await store.search(replace(about("pressure"), vector=None))) == ["p1"]


@pytest.mark.parametrize(
    "text",
    ["", " \n", "'", '"', '"pump', "pump'; --", "pump AND (", "-pump +*", "pump~2^3", "title:pump", "\\",
     "🏊", "🏊\u200d♀️ 🏊", "\x00", "\u202epmup", "the of and", "¿?", "\ud800", "%_[a]{1}",
     "pump " * 800, "x" * 4000],
)  # fmt: skip
async def test_no_text_is_an_error(store: KnowledgeStore, text: str) -> None:
    await put(store, PUMP)
    assert ids(await store.search(replace(about("pump"), text=text))) == ["p1"]
    assert ids(await store.search(replace(about("pump"), text=text, vector=None))) in ([], ["p1"])


async def test_similarity_is_the_cosine_and_lexical_says_whether_words_matched(store: KnowledgeStore) -> None:
    await put(
        store, *passages_of(NOTES, *(f"heater number {number}" for number in range(80)), "a lone walrus")
    )
    for change in ({}, {"alpha": 0.0}, {"alpha": 1.0}, {"text": ""}):
        query = replace(about("heater number 3"), text="walrus", limit=100)
        found = await store.search(replace(query, **change))
        assert found
        for item in found:
            cosine = float(np.dot(a_vector("heater number 3"), a_vector(item.passage.text)))
            assert item.similarity == pytest.approx(cosine, abs=1e-5)
            assert item.lexical == 0.0 or item.passage.text == "a lone walrus"
        walrus = [item.lexical for item in found if item.passage.text == "a lone walrus"]
        assert all(score > 0 for score in walrus) == (change not in ({"alpha": 1.0}, {"text": ""}))


async def test_alpha_weighs_words_against_the_vector(store: KnowledgeStore) -> None:
    await put(store, *passages_of(NOTES, "zebra crossing", "walrus beach", "some filler", "other filler"))
    query = replace(about("zebra crossing"), text="walrus")

    assert ids(await store.search(replace(query, alpha=0.05)))[0] == "notes/1"
    assert ids(await store.search(replace(query, alpha=0.95)))[0] == "notes/0"
    assert ids(await store.search(replace(query, alpha=0.0))) == ["notes/1"]


async def test_results_are_best_first_and_no_more_than_asked(store: KnowledgeStore) -> None:
    await put(store, *passages_of(NOTES, *(f"pump of house {number}" for number in range(30))))
    for limit in (0, 1, 7, 100):
        found = await store.search(replace(about("pump of house 4"), limit=limit))
        assert len(found) == min(limit, 30)
        assert [item.score for item in found] == sorted((item.score for item in found), reverse=True)
    assert ids(found)[0] == "notes/4"


async def test_a_filter_comes_before_ranking(store: KnowledgeStore) -> None:
    """The one passage of a category is found, although hundreds of others match better."""
    texts = [f"the pump was replaced {number} times" for number in range(300)]
    many = passages_of(NOTES, *texts, "no water in the tub")
    many[-1] = replace(many[-1], category=SPA)
    await put(store, *many)

    found = await store.search(replace(about("the pump was replaced"), categories=(SPA,)))
    assert ids(found) == ["notes/300"]


async def test_who_may_see_nothing_finds_nothing(store: KnowledgeStore) -> None:
    await put(store, PUMP)
    assert await store.search(replace(about("pump"), may_see=frozenset())) == ()
    assert await store.search(replace(about("pump"), may_see=frozenset({"channel:7"}))) == ()


async def test_neither_words_nor_vector_finds_nothing(store: KnowledgeStore) -> None:
    await put(store, PUMP)
    assert await store.search(replace(about("pump"), text="", vector=None)) == ()


async def test_put_replaces_the_whole_source_and_no_other(store: KnowledgeStore) -> None:
    await put(store, *passages_of(NOTES, "old heater", "old roof", "old pool"))
    await put(store, *passages_of(MANUAL, "press the button"))
    await put(store, *passages_of(NOTES, "new heater", "old roof"))

    assert [one.text for one in await store.passages_of(HOME, NOTES)] == ["new heater", "old roof"]
    assert ids(await store.passages_of(HOME, MANUAL)) == ["manual/0"]
    assert await store.search(replace(about("old"), vector=None, sources=(MANUAL,))) == ()
    found = await store.search(about("old pool heater roof button"))
    assert sorted(ids(found)) == ["manual/0", "notes/0", "notes/1"]
    assert await store.count(HOME) == 3


async def test_putting_nothing_removes_the_source(store: KnowledgeStore) -> None:
    await put(store, *passages_of(NOTES, "heater", "roof"))
    await store.put_source(HOME, NOTES, [], {})
    await store.put_source(WORK, NOTES, [], {})

    assert await store.passages_of(HOME, NOTES) == ()
    assert await store.count(HOME) == 0


async def test_a_stored_passage_keeps_its_vector(store: KnowledgeStore) -> None:
    kept, changed = passages_of(NOTES, "the heater", "the roof")
    await put(store, kept, changed)
    moved, new = replace(kept, start=99, end=109, category=SPA), replace(changed, text="the new roof")
    await store.put_source(HOME, NOTES, [moved, new], {new.id: a_vector(new.text)})

    assert await store.passages_of(HOME, NOTES) == (moved, new)
    best = (await store.search(replace(about("the heater"), text="")))[0]
    assert best.passage == moved
    assert best.similarity == pytest.approx(1.0, abs=1e-5)


async def test_what_cannot_be_put_changes_nothing(store: KnowledgeStore) -> None:
    await put(store, PUMP)
    unknown = replace(PUMP, id=PassageId("p2"))
    flat = np.ones(3, dtype=np.float32)
    for passages, vectors in (
        ([PUMP, unknown], {}),
        ([unknown], {unknown.id: flat}),
        ([PUMP, PUMP], {}),
        ([replace(PUMP, source=MANUAL)], {}),
        ([replace(PUMP, guild=WORK)], {}),
    ):
        with pytest.raises(StoreError):
            await store.put_source(HOME, NOTES, passages, vectors)
    assert await store.passages_of(HOME, NOTES) == (PUMP,)


async def test_a_vector_of_another_embedder_is_refused(store: KnowledgeStore) -> None:
    await put(store, PUMP)
    assert ids(await store.search(replace(about("pump"), embedder=SPEC.embedder))) == ["p1"]
    with pytest.raises(StoreError, match="The index in use is of"):
        await store.search(replace(about("pump"), embedder="another:0"))


async def test_a_vector_of_another_dimension_is_refused(store: KnowledgeStore) -> None:
    await put(store, PUMP)
    with pytest.raises(StoreError, match="shape"):
        await store.search(replace(about("pump"), vector=np.ones(3, dtype=np.float32)))


async def test_get_keeps_the_order_asked(store: KnowledgeStore) -> None:
    await put(store, *passages_of(NOTES, "a", "b", "c"))
    wanted = [PassageId(name) for name in ("notes/2", "nowhere", "notes/0")]
    assert ids(await store.get(HOME, wanted)) == ["notes/2", "notes/0"]
    assert await store.get(HOME, []) == ()
    assert await store.get(WORK, wanted) == ()


async def test_vectors_come_back_to_the_bit(store: KnowledgeStore) -> None:
    await put(store, *passages_of(NOTES, "a", "b", "c"))
    wanted = [PassageId(name) for name in ("notes/2", "nowhere", "notes/0")]

    found = await store.vectors_of(HOME, wanted)
    assert {name: vector.tobytes() for name, vector in found.items()} == {
        "notes/0": a_vector("a").tobytes(),
        "notes/2": a_vector("c").tobytes(),
    }
    assert await store.vectors_of(HOME, []) == {}
    assert await store.vectors_of(WORK, wanted) == {}


async def test_vectors_are_of_the_version_asked_for(empty_store: KnowledgeStore) -> None:
    assert await empty_store.vectors_of(HOME, [PUMP.id]) == {}
    await empty_store.open_index(SPEC)
    await empty_store.open_index(replace(SPEC, dimension=2, embedder="flat@0"))
    await put(empty_store, PUMP)
    east = np.array([1.0, 0.0], dtype=np.float32)
    await empty_store.put_source(HOME, NOTES, [PUMP], {PUMP.id: east}, version="v2")

    assert (await empty_store.vectors_of(HOME, [PUMP.id]))[PUMP.id].tobytes() == a_vector(PUMP.text).tobytes()
    assert (await empty_store.vectors_of(HOME, [PUMP.id], version="v2"))[PUMP.id].tobytes() == east.tobytes()


async def test_passages_come_in_the_order_of_the_source(store: KnowledgeStore) -> None:
    many = passages_of(NOTES, *map(str, range(12)))
    await put(store, *reversed(many))
    assert await store.passages_of(HOME, NOTES) == tuple(many)


async def test_deleted_sources_are_gone_from_every_version(store: KnowledgeStore) -> None:
    both = [*passages_of(NOTES, "heater", "roof"), *passages_of(MANUAL, "button")]
    await store.open_index(NEW_SPEC)
    for version in ("v1", "v2"):
        await put(store, *both[:2], version=version)
        await put(store, both[2], version=version)

    assert await store.delete_sources(HOME, [MANUAL], version="v2") == 1
    assert await store.count(HOME, version="v1") == 3
    assert await store.delete_sources(HOME, [NOTES, SourceId("x' OR '1'='1")]) == 4
    assert await store.delete_sources(HOME, []) == 0
    assert await store.delete_sources(WORK, [MANUAL]) == 0
    assert ids(await store.search(about("heater roof button"))) == ["manual/0"]
    assert await store.search(about("heater"), version="v2") == ()


async def test_an_author_s_passages_are_gone_from_every_version_and_others_stay(
    store: KnowledgeStore,
) -> None:
    ana, ben = MemberId("ana"), MemberId('b"en')
    notes = [
        replace(one, author=author)
        for one, author in zip(passages_of(NOTES, "heater", "roof", "pump"), (ana, ben, ana), strict=True)
    ]
    manual = replace(passages_of(MANUAL, "button")[0], author=ana)
    theirs = replace(PUMP, guild=WORK, author=ana)
    await store.open_index(NEW_SPEC)
    for version in ("v1", "v2"):
        await put(store, *notes, version=version)
        await put(store, manual, version=version)
    await put(store, theirs)

    assert ids(await store.passages_by(HOME, ana)) == ["manual/0", "notes/0", "notes/2"]
    assert await store.passages_by(HOME, ana, version="v2") == (manual, notes[0], notes[2])
    assert await store.delete_by(HOME, ana) == 6
    assert await store.delete_by(HOME, ana) == 0
    await store.erase_deleted(HOME)

    for version in ("v1", "v2"):
        assert await store.passages_by(HOME, ana, version=version) == ()
        assert ids(await store.search(about("heater roof pump button"), version=version)) == ["notes/1"]
        assert await store.count(HOME, version=version) == 1
    assert await store.passages_by(WORK, ana) == (theirs,)
    await store.erase_deleted(GuildId("nobody"))


async def test_erasing_changes_nothing_that_is_found(store: KnowledgeStore) -> None:
    await put(store, *passages_of(NOTES, "heater", "roof"))
    await put(store, *passages_of(NOTES, "heater", "pump"))
    await put(store, *passages_of(MANUAL, "heater button"))
    await store.delete_sources(HOME, [MANUAL])
    before = await store.search(about("heater pump"))

    await store.erase_deleted(HOME)

    found = await store.search(about("heater pump"))
    assert [(each.passage, each.similarity) for each in found] == [
        (each.passage, pytest.approx(each.similarity)) for each in before
    ]
    await put(store, *passages_of(MANUAL, "heater button"))
    assert await store.count(HOME) == 3


async def test_a_category_moves_in_every_version(store: KnowledgeStore) -> None:
    await store.open_index(NEW_SPEC)
    one, two = passages_of(NOTES, "heater", "roof")
    for version in ("v1", "v2"):
        await put(store, replace(one, category=POOL), two, version=version)

    quoted = Slug('it\'s \\ "new"')
    assert await store.recategorise(HOME, POOL, quoted) == 1
    assert await store.recategorise(HOME, POOL, SPA) == 0
    for version in ("v1", "v2"):
        found = await store.search(replace(about("heater"), categories=(quoted,)), version=version)
        assert [item.passage.category for item in found] == [quoted]
    assert await store.recategorise(HOME, quoted, None) == 1
    assert {one.category for one in await store.passages_of(HOME, NOTES)} == {None}
    assert (await store.search(replace(about("heater"), text="", limit=1)))[0].similarity > 0.999


async def test_author_names_are_each_named_once(store: KnowledgeStore) -> None:
    names = ["Marta", "", "Ana", "Marta"]
    many = passages_of(NOTES, "a", "b", "c", "d")
    await put(store, *(replace(one, author_name=name) for one, name in zip(many, names, strict=True)))
    assert await store.author_names(HOME, frozenset({GUILD_WIDE})) == ("Ana", "Marta")
    assert await store.author_names(HOME, frozenset({"channel:1"})) == ()
    assert await store.author_names(HOME, frozenset()) == ()
    assert await store.author_names(WORK, frozenset({GUILD_WIDE})) == ()


async def test_an_unknown_guild_is_an_empty_guild(store: KnowledgeStore) -> None:
    await put(store, PUMP)
    assert await store.search(about("pump", WORK)) == ()
    assert await store.passages_of(WORK, NOTES) == ()
    assert await store.count(WORK) == 0
    assert await store.recategorise(WORK, POOL, SPA) == 0
    await store.drop_guild(WORK)
    assert await store.count(HOME) == 1


@pytest.mark.parametrize(
    "other", ["HOME", "home ", "home'", "ho%", "../home", "", "home\x00", "🏠", "h" * 4000]
)
async def test_guilds_are_told_apart_whatever_their_ids_hold(store: KnowledgeStore, other: str) -> None:
    theirs = replace(PUMP, guild=type(HOME)(other), text="Their pump is broken.")
    await put(store, PUMP)
    await put(store, theirs)

    assert [item.passage for item in await store.search(about("pump"))] == [PUMP]
    assert [item.passage for item in await store.search(about("pump", theirs.guild))] == [theirs]
    await store.drop_guild(theirs.guild)
    assert await store.count(theirs.guild) == 0
    assert await store.passages_of(HOME, NOTES) == (PUMP,)


async def test_a_dropped_guild_may_come_back(store: KnowledgeStore) -> None:
    await put(store, PUMP)
    await store.drop_guild(HOME)
    assert await store.search(about("pump")) == ()
    await put(store, PUMP)
    assert ids(await store.search(about("pump"))) == ["p1"]


async def test_a_store_without_an_index_is_empty_and_takes_nothing(empty_store: KnowledgeStore) -> None:
    assert await empty_store.versions() == ()
    assert await empty_store.search(about("pump")) == ()
    assert await empty_store.count(HOME) == 0
    assert await empty_store.author_names(HOME, frozenset({GUILD_WIDE})) == ()
    await empty_store.optimize()
    assert await empty_store.check()
    with pytest.raises(StoreError):
        await put(empty_store, PUMP)


async def test_a_new_version_is_filled_searched_and_made_active(store: KnowledgeStore) -> None:
    await put(store, PUMP)
    made = await store.open_index(NEW_SPEC)
    assert (made.name, made.active, made.passages) == ("v2", False, 0)
    assert (await store.open_index(SPEC)).name == "v1"

    better = replace(PUMP, text="The pump was replaced by Ana in May.")
    await put(store, better, version="v2")
    assert [item.passage for item in await store.search(about("pump"))] == [PUMP]
    assert [item.passage for item in await store.search(about("pump"), version="v2")] == [better]

    await store.activate("v2")
    assert [(one.name, one.active, one.passages) for one in await store.versions()] == [
        ("v1", False, 1),
        ("v2", True, 1),
    ]
    assert [item.passage for item in await store.search(about("pump"))] == [better]
    await store.activate("v1")
    assert [item.passage for item in await store.search(about("pump"))] == [PUMP]


async def test_the_active_version_is_named_without_counting(empty_store: KnowledgeStore) -> None:
    assert await empty_store.active() is None
    for spec, active in ((SPEC, "v1"), (NEW_SPEC, "v1")):
        await empty_store.open_index(spec)
        assert await empty_store.active() == active
    await empty_store.activate("v2")
    assert await empty_store.active() == "v2"


async def test_versions_may_differ_in_dimension(store: KnowledgeStore) -> None:
    await store.open_index(replace(SPEC, dimension=2, embedder="flat@0"))
    await put(store, PUMP)
    east = np.array([1.0, 0.0], dtype=np.float32)
    await store.put_source(HOME, NOTES, [PUMP], {PUMP.id: east}, version="v2")

    found = await store.search(replace(about("pump"), vector=east), version="v2")
    assert found[0].similarity == pytest.approx(1.0)
    assert ids(await store.search(about("pump"))) == ["p1"]


async def test_the_active_version_is_never_removed_and_no_name_used_twice(store: KnowledgeStore) -> None:
    with pytest.raises(StoreError, match="active"):
        await store.remove_version("v1")
    await store.open_index(NEW_SPEC)
    await put(store, PUMP, version="v2")
    await store.remove_version("v2")

    assert [one.name for one in await store.versions()] == ["v1"]
    assert (await store.open_index(NEW_SPEC)).name == "v3"
    assert await store.count(HOME, version="v3") == 0


async def test_an_unknown_version_is_an_error(store: KnowledgeStore) -> None:
    for call in (
        store.activate("v9"),
        store.remove_version("v9"),
        store.count(HOME, version="v9"),
        store.vectors_of(HOME, [PUMP.id], version="v9"),
        store.search(about("pump"), version="v9"),
        store.optimize(version="v9"),
        put(store, PUMP, version="v9"),
    ):
        with pytest.raises(StoreError, match="v9"):
            await call


async def test_tasks_that_write_at_once_lose_nothing(store: KnowledgeStore) -> None:
    sources = [SourceId(f"s{number}") for number in range(12)]
    await asyncio.gather(*(put(store, *passages_of(source, "one", "two")) for source in sources))
    await asyncio.gather(
        *(put(store, *passages_of(source, "three")) for source in sources[:6]),
        store.delete_sources(HOME, sources[6:]),
        store.optimize(),
    )
    assert await store.count(HOME) == 6
    assert {(await store.passages_of(HOME, source))[0].text for source in sources[:6]} == {"three"}


async def test_a_search_sees_the_old_or_the_new_source_and_never_a_mix(store: KnowledgeStore) -> None:
    generations = [passages_of(NOTES, *(f"gen{n} pump {place}" for place in range(6))) for n in range(8)]
    await put(store, *generations[0])
    done = asyncio.Event()

    async def write() -> None:
        for passages in generations[1:]:
            await put(store, *passages)
        done.set()

    async def read() -> int:
        reads = 0
        while not done.is_set():
            found = await store.search(about("gen3 pump"))
            assert len(found) == 6
            assert len({item.passage.text.split()[0] for item in found}) == 1
            reads += 1
        return reads

    _, *reads = await asyncio.gather(write(), read(), read())
    assert min(reads) > 3


async def test_optimizing_changes_nothing_that_is_found(store: KnowledgeStore) -> None:
    for number in range(10):
        await put(store, *passages_of(SourceId(f"s{number}"), f"pump {number}", f"roof {number}"))
    await store.delete_sources(HOME, [SourceId("s3")])
    before = await store.search(about("pump 5"))
    await store.optimize()
    after = await store.search(about("pump 5"))

    assert ids(after)[0] == "s5/0"
    assert sorted(ids(after)) == sorted(ids(before))


async def test_the_doctor_reads_one_line(store: KnowledgeStore) -> None:
    await put(store, PUMP)
    line = await store.check()
    assert "1 passage" in line
    assert "\n" not in line


async def test_everybody_sees_what_is_guild_wide(store: KnowledgeStore) -> None:
    mine, wide = passages_of(NOTES, "my pump", "our pump")
    await put(store, replace(mine, visibility="member:1"), wide)
    query = replace(about("pump"), may_see=frozenset({GUILD_WIDE, "member:1"}))
    assert sorted(ids(await store.search(query))) == ["notes/0", "notes/1"]
    assert ids(await store.search(about("pump"))) == ["notes/1"]
