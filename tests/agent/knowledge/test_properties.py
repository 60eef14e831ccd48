"""What must hold of every knowledge store for any content, against a model of it in plain Python."""

import asyncio
import tempfile
from collections.abc import Coroutine
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from agent.contracts import GUILD_WIDE, GuildId, Passage, PassageId, Slug, SourceId
from agent.ids import new_id
from agent.knowledge.protocol import KnowledgeStore, SearchQuery
from tests.agent.knowledge.factories import Factory
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

on_one_store = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

_nasty = st.sampled_from(
    ["pool", "POOL", "o'hara", "x' OR '1'='1", "\\", '"', "`", "--", "%", "🏊", "null", "\x00"]
)
_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
_value = _nasty | _text
_day = st.dates(date(2023, 12, 30), date(2024, 1, 3))
_sources = [NOTES, MANUAL, SourceId("it's")]


@st.composite
def _passages(draw: st.DrawFn) -> list[Passage]:
    """Passages of several sources whose metadata often agree, so that filters find some and not all."""
    categories = [None, *draw(st.lists(_value, min_size=1, max_size=2))]
    visibilities = [GUILD_WIDE, draw(_value)]
    names = ["", draw(_value)]
    return [
        replace(
            PUMP,
            id=PassageId(f"p{number}"),
            source=draw(st.sampled_from(_sources)),
            ordinal=number,
            text=f"{draw(_text)} pump",
            category=draw(st.sampled_from(categories)),
            visibility=draw(st.sampled_from(visibilities)),
            author_name=draw(st.sampled_from(names)),
            date=draw(st.none() | _day),
        )
        for number in range(draw(st.integers(1, 8)))
    ]


def _matches(passage: Passage, query: SearchQuery) -> bool:
    """The filter as the protocol tells it."""
    dated = query.since is not None or query.until is not None
    return (
        passage.visibility in query.may_see
        and (not query.categories or passage.category in query.categories)
        and (not query.sources or passage.source in query.sources)
        and (not query.author_name or passage.author_name == query.author_name)
        and (not dated or passage.date is not None)
        and (query.since is None or (passage.date is not None and passage.date >= query.since))
        and (query.until is None or (passage.date is not None and passage.date <= query.until))
    )


async def _put_all(store: KnowledgeStore, guild: GuildId, passages: list[Passage]) -> list[Passage]:
    stored = [replace(passage, guild=guild) for passage in passages]
    for source in {passage.source for passage in stored}:
        await put(store, *(passage for passage in stored if passage.source == source))
    return stored


@given(data=st.data(), passages=_passages())
@on_one_store
async def test_filters_are_exact(store: KnowledgeStore, data: st.DataObject, passages: list[Passage]) -> None:
    stored = await _put_all(store, GuildId(new_id()), passages)
    categories = {passage.category for passage in stored if passage.category is not None}
    other = st.sampled_from(["no such", "pool"])
    query = replace(
        about("pump", stored[0].guild),
        may_see=data.draw(st.frozensets(st.sampled_from([passage.visibility for passage in stored]))),
        categories=tuple(data.draw(st.sets(st.sampled_from(sorted(categories)) if categories else other))),
        sources=tuple(data.draw(st.sets(st.sampled_from(_sources)))),
        author_name=data.draw(st.sampled_from(["", *(passage.author_name for passage in stored)]) | other),
        since=data.draw(st.none() | _day),
        until=data.draw(st.none() | _day),
    )
    expected = sorted(passage.id for passage in stored if _matches(passage, query))

    for half in ({}, {"text": ""}, {"vector": None}):
        assert sorted(ids(await store.search(replace(query, **half)))) == expected


@given(passages=_passages())
@on_one_store
async def test_what_is_put_is_found_and_what_is_deleted_is_not(
    store: KnowledgeStore, passages: list[Passage]
) -> None:
    stored = await _put_all(store, GuildId(new_id()), passages)
    guild = stored[0].guild
    everything = replace(about("pump", guild), may_see=frozenset(one.visibility for one in stored))
    for passage in stored:
        by_vector = replace(everything, text="", vector=a_vector(passage.text))
        assert passage in [item.passage for item in await store.search(by_vector) if item.similarity > 0.9999]
    assert sorted(ids(await store.search(replace(everything, vector=None)))) == sorted(ids(stored))

    gone = stored[0].source
    left = sorted(passage.id for passage in stored if passage.source != gone)
    assert await store.delete_sources(guild, [gone]) == len(stored) - len(left)
    assert sorted(ids(await store.search(everything))) == left
    assert sorted(ids(await store.get(guild, [passage.id for passage in stored]))) == left


@given(guilds=st.lists(_value, min_size=2, max_size=3, unique=True), passages=_passages())
@on_one_store
async def test_no_guild_sees_another(
    store: KnowledgeStore, guilds: list[str], passages: list[Passage]
) -> None:
    for guild in guilds:
        await store.drop_guild(GuildId(guild))
    for number, guild in enumerate(guilds):
        own = [replace(passage, text=f"{passage.text} of {number}") for passage in passages]
        await _put_all(store, GuildId(guild), own)
    everything = frozenset(passage.visibility for passage in passages)

    for number, guild in enumerate(guilds):
        found = await store.search(replace(about("pump", GuildId(guild)), may_see=everything))
        assert sorted(ids(found)) == sorted(ids(passages))
        assert {item.passage.guild for item in found} == {guild}
        assert all(item.passage.text.endswith(f"of {number}") for item in found)


class _Life(RuleBasedStateMachine):
    """A store beside a dictionary of what it must hold, through writes, versions and clean-ups."""

    def __init__(self, factory: Factory) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.store = self.run(factory(Path(self.folder.name)))
        self.run(self.store.open_index(SPEC))
        self.run(self.store.open_index(NEW_SPEC))
        self.active = "v1"
        self.held: dict[tuple[str, GuildId, SourceId], list[Passage]] = {}

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.run(self.store.close())
        self.runner.close()
        self.folder.cleanup()

    versions = st.sampled_from(["v1", "v2"])
    guilds = st.sampled_from([HOME, WORK])
    sources = st.sampled_from([NOTES, MANUAL])
    slugs = st.sampled_from([Slug("pool"), Slug("spa")])

    @rule(version=versions, guild=guilds, source=sources, size=st.integers(1, 4), category=slugs)
    def put(self, version: str, guild: GuildId, source: SourceId, size: int, category: Slug) -> None:
        texts = [f"pump {place} {size} {category}" for place in range(size)]
        passages = [replace(one, category=category) for one in passages_of(source, *texts, guild=guild)]
        self.run(put(self.store, *passages, version=version))
        self.held[version, guild, source] = passages

    @rule(guild=guilds, source=sources)
    def delete(self, guild: GuildId, source: SourceId) -> None:
        gone = [self.held.pop((version, guild, source), []) for version in ("v1", "v2")]
        assert self.run(self.store.delete_sources(guild, [source])) == sum(map(len, gone))

    @rule(guild=guilds, old=slugs, new=slugs)
    def recategorise(self, guild: GuildId, old: Slug, new: Slug) -> None:
        self.run(self.store.recategorise(guild, old, new))
        for (_, owner, _), passages in self.held.items():
            if owner == guild:
                passages[:] = [replace(p, category=new) if p.category == old else p for p in passages]

    @rule(guild=guilds)
    def drop(self, guild: GuildId) -> None:
        self.run(self.store.drop_guild(guild))
        self.held = {key: passages for key, passages in self.held.items() if key[1] != guild}

    @rule(version=versions)
    def activate(self, version: str) -> None:
        self.run(self.store.activate(version))
        self.active = version

    @rule(version=versions)
    def optimize(self, version: str) -> None:
        self.run(self.store.optimize(version=version))

    @invariant()
    def holds_exactly_that(self) -> None:
        for guild in (HOME, WORK):
            expected = {
                passage.id: passage
                for (version, owner, _), passages in self.held.items()
                if (version, owner) == (self.active, guild)
                for passage in passages
            }
            for query in (replace(about("pump", guild), vector=None), replace(about("pump", guild), text="")):
                found = self.run(self.store.search(query))
                assert {item.passage.id: item.passage for item in found} == expected
                assert len(found) == len(expected)


def test_a_long_life(factory: Factory) -> None:
    run_state_machine_as_test(
        lambda: _Life(factory), settings=settings(max_examples=12, stateful_step_count=20)
    )
