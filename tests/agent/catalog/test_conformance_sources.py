"""What every catalog must do with sources and their texts, whatever keeps it."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.catalog.protocol import Catalog
from agent.contracts import Source, SourceId, SourceKind
from agent.errors import UsageError
from tests.agent.catalog.samples import HOME, SOURCE, WORK, on_one_database


async def test_a_source_comes_back_as_it_was(catalog: Catalog) -> None:
    bare = Source(
        id=SourceId("s2"),
        guild=HOME,
        uri="entry:s2",
        kind=SourceKind.ENTRY,
        title="",
        content_hash="",
        added_at=datetime(2026, 1, 1, 3, tzinfo=timezone(timedelta(hours=3))),
    )
    await catalog.put_source(bare, "")
    await catalog.put_source(SOURCE, "text")

    assert await catalog.sources(HOME) == (SOURCE, bare)
    assert await catalog.source(HOME, SOURCE.id) == SOURCE
    assert await catalog.source_by_uri(HOME, bare.uri) == bare
    assert await catalog.source_text(HOME, bare.id) == ""


async def test_no_guild_sees_the_sources_of_another(catalog: Catalog) -> None:
    await catalog.put_source(SOURCE, "secret")

    assert await catalog.sources(WORK) == ()
    assert await catalog.source(WORK, SOURCE.id) is None
    assert await catalog.source_by_uri(WORK, SOURCE.uri) is None
    with pytest.raises(UsageError, match="no source"):
        await catalog.source_text(WORK, SOURCE.id)
    assert await catalog.remove_sources(WORK, [SOURCE.id]) == 0
    assert await catalog.source_text(HOME, SOURCE.id) == "secret"


async def test_a_source_is_replaced_by_its_id(catalog: Catalog) -> None:
    await catalog.put_source(SOURCE, "before")
    moved = replace(SOURCE, uri="/notes/new.md", content_hash="1" * 64, category=None)
    await catalog.put_source(moved, "after")

    assert await catalog.sources(HOME) == (moved,)
    assert await catalog.source_text(HOME, SOURCE.id) == "after"
    assert await catalog.source_by_uri(HOME, SOURCE.uri) is None


async def test_a_uri_belongs_to_one_source_of_a_guild(catalog: Catalog) -> None:
    await catalog.put_source(SOURCE, "text")
    await catalog.put_source(replace(SOURCE, guild=WORK, id=SourceId("s2")), "text")

    with pytest.raises(UsageError, match="known already, as source s1"):
        await catalog.put_source(replace(SOURCE, id=SourceId("s2")), "text")
    assert await catalog.sources(HOME) == (SOURCE,)


async def test_removed_sources_are_counted_and_may_come_again(catalog: Catalog) -> None:
    await catalog.put_source(SOURCE, "text")

    assert await catalog.remove_sources(HOME, [SOURCE.id, SOURCE.id, SourceId("never")]) == 1
    assert await catalog.source(HOME, SOURCE.id) is None
    await catalog.put_source(replace(SOURCE, id=SourceId("s2")), "again")
    assert await catalog.source_text(HOME, SourceId("s2")) == "again"


@given(st.text(st.characters(exclude_categories=[])))
@on_one_database
async def test_a_text_comes_back_exactly(catalog: Catalog, text: str) -> None:
    await catalog.put_source(SOURCE, text)
    assert await catalog.source_text(HOME, SOURCE.id) == text


async def test_a_large_text_comes_back_exactly(catalog: Catalog) -> None:
    text = "".join(f"line {number} of the manual, with número ñ\r\n" for number in range(100_000))
    await catalog.put_source(SOURCE, text)
    assert await catalog.source_text(HOME, SOURCE.id) == text
