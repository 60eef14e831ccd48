"""What every question is read against: what the asker may see, and nothing of which there are thousands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agent.contracts import GUILD_WIDE, Category, Slug, SourceId, SourceKind
from agent.guilds import GuildViews
from agent.knowledge.protocol import IndexSpec
from agent.runtime import open_stores
from agent.settings import Settings
from tests.agent.catalog.samples import HOME, SOURCE

SEEN = frozenset({GUILD_WIDE})


@pytest.mark.parametrize("kind", sorted(SourceKind))
async def test_what_a_question_may_name(tmp_path: Path, kind: SourceKind) -> None:
    async with open_stores(Settings(data_dir=tmp_path)) as stores:
        await stores.catalog.create_guild(HOME)
        await stores.store.open_index(IndexSpec(embedder="none", dimension=2, chunker="1"))
        source = replace(SOURCE, kind=kind, category=None, visibility=GUILD_WIDE)
        await stores.catalog.put_source(source, "text")
        hidden = replace(source, id=SourceId("s2"), uri="/hidden.md", visibility="channel:1")
        await stores.catalog.put_source(hidden, "text")
        view = await GuildViews(stores.catalog, stores.store).get(HOME, SEEN)
    named = () if kind in {SourceKind.CHANNEL, SourceKind.THREAD} else ((source.title, source.uri),)
    assert view.sources == named


async def test_names_are_those_of_the_last_question_that_saw_as_much(tmp_path: Path) -> None:
    async with open_stores(Settings(data_dir=tmp_path)) as stores:
        await stores.catalog.create_guild(HOME)
        views = GuildViews(stores.catalog, stores.store)
        assert views.category_names(HOME, SEEN) == {}
        for name in ("Pool", "The pool"):
            await stores.catalog.put_category(HOME, Category(slug=Slug("pool"), name=name, description=""))
            await views.get(HOME, SEEN)
            assert views.category_names(HOME, SEEN) == {"pool": name}
        assert views.category_names(HOME, frozenset({"channel:1"})) == {}
