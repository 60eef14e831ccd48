"""A look at a real installation: what is found, what is mended, and that nothing of it can train."""

from __future__ import annotations

import ast
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

import tuning.anomalies
from agent.contracts import Category, Constraints, GuildId, MemberId, PassageId, Searched, Slug
from agent.ids import new_id
from agent.runtime import Installation, open_installation
from agent.settings import load_settings
from tests.agent.journal.episodes import NOON, an_episode
from tuning.anomalies.anomaly import Action, Kind, State
from tuning.anomalies.quoting import quotes_of, subject_of
from tuning.anomalies.watch import Watch

pytestmark = pytest.mark.asyncio(loop_scope="module")

POOL = Slug("pool")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def installation(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    folder = tmp_path_factory.mktemp("watched")
    async with open_installation(load_settings(None, data_dir=folder, threads=2)) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def guild(installation: Installation) -> GuildId:
    """One of the test's own."""
    guild = GuildId(new_id())
    await installation.stores.catalog.create_guild(guild)
    await installation.stores.catalog.put_category(guild, Category(slug=POOL, name="Pool"))
    return guild


async def told(installation: Installation, guild: GuildId, folder: Path, **texts: str) -> list[Path]:
    """Files with these names and texts, taken in under Pool."""
    paths = [folder / f"{name}.md" for name in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        path.write_text(text, "utf-8")
    report = await installation.ingestor.ingest(guild, paths, category=POOL)
    assert report.ok
    return paths


async def asked(
    installation: Installation, guild: GuildId, days_ago: float, number: int, *, starved: bool = False
) -> None:
    searched = Searched(
        categories=(POOL,), constraints=Constraints(), widened=starved, queries=(), index_version="v1"
    )
    passages = [
        passage.id
        for source in await installation.stores.catalog.sources(guild)
        for passage in await installation.stores.store.passages_of(guild, source.id)
    ]
    episode = an_episode(
        guild=guild,
        member=MemberId(f"m{number % 6}"),
        asked_at=NOON - timedelta(days=days_ago),
        searched=searched,
        evidence=tuple((PassageId(each), 0.5) for each in passages),
        question="How long does the pump run?",
    )
    await installation.stores.journal.record(replace(episode, id=type(episode.id)(new_id())))


async def test_a_file_that_changed_is_read_again(
    installation: Installation, guild: GuildId, tmp_path: Path
) -> None:
    (path,) = await told(installation, guild, tmp_path, pump="The pump runs eight hours.")
    watch = Watch(installation)
    assert await watch.look(guild, NOON) == ()
    path.write_text("The pump runs ten hours.", "utf-8")
    (found,) = await watch.look(guild, NOON)
    assert (found.found.kind, found.state, found.note) == (
        Kind.STALE,
        State.ACTED,
        "sources read again: 1",
    )
    (source,) = await installation.stores.catalog.sources(guild)
    assert await installation.stores.catalog.source_text(guild, source.id) == "The pump runs ten hours."
    assert await watch.look(guild, NOON) == (), "nothing is left to do"


async def test_a_file_that_is_gone_is_asked_about_and_not_removed(
    installation: Installation, guild: GuildId, tmp_path: Path
) -> None:
    (path,) = await told(installation, guild, tmp_path, pump="The pump runs eight hours.")
    path.unlink()
    (found,) = await Watch(installation).look(guild, NOON)
    assert (found.state, found.open, found.found.figures["gone"]) == (State.RAISED, True, 1)
    assert await installation.stores.catalog.sources(guild)
    assert await subject_of(installation.stores, found) == "pump"


async def test_what_the_index_lost_is_put_back(
    installation: Installation, guild: GuildId, tmp_path: Path
) -> None:
    await told(installation, guild, tmp_path, pump="The pump runs eight hours.")
    stores = installation.stores
    entry = await installation.ingestor.remember(
        guild,
        "The heater is off in May.",
        on=None,
        author=MemberId("ana"),
        author_name="",
        category=POOL,
    )
    for day in range(8, 34):
        await asked(installation, guild, day, day)
    for number in range(14):
        await asked(installation, guild, number / 3, number, starved=True)
    sources = [source.id for source in await stores.catalog.sources(guild)]
    await stores.store.delete_sources(guild, sources)
    (found,) = await Watch(installation).look(guild, NOON)
    assert (found.found.kind, found.found.subject, found.state) == (Kind.RETRIEVAL, POOL, State.ACTED)
    for source in (*sources, entry.id):
        assert await stores.store.passages_of(guild, source)
    assert all(source.content_hash for source in await stores.catalog.sources(guild))


async def test_where_the_index_lost_nothing_a_person_is_asked(
    installation: Installation, guild: GuildId, tmp_path: Path
) -> None:
    await told(installation, guild, tmp_path, pump="The pump runs eight hours.")
    for day in range(8, 34):
        await asked(installation, guild, day, day)
    for number in range(14):
        await asked(installation, guild, number / 3, number, starved=True)
    (found,) = await Watch(installation).look(guild, NOON)
    assert (found.found.kind, found.state) == (Kind.RETRIEVAL, State.RAISED)


async def test_two_sources_that_disagree_are_quoted(
    installation: Installation, guild: GuildId, tmp_path: Path
) -> None:
    one, other = "The pool pump runs 8 hours a day.", "The pool pump runs 10 hours a day."
    await told(installation, guild, tmp_path, manual=one, notice=other)
    await asked(installation, guild, 1, 1)
    (found,) = await Watch(installation).look(guild, NOON)
    assert (found.found.kind, found.open) == (Kind.CONTRADICTION, True)
    quoted = await quotes_of(installation.stores, found)
    assert {each.text for each in quoted} == {one, other}
    assert not any(str(value) in (one, other) for value in found.found.figures.values())
    await installation.ingestor.remove(guild, found.found.sources[:1])
    assert await quotes_of(installation.stores, found) == (), "what was removed is quoted no more"


async def test_what_not_everybody_may_read_is_not_compared(
    installation: Installation, guild: GuildId, tmp_path: Path
) -> None:
    path = tmp_path / "staff.md"
    path.write_text("The pool pump runs 8 hours a day.", "utf-8")
    await installation.ingestor.ingest(guild, [path], category=POOL, visibility="channel:7")
    await told(installation, guild, tmp_path, notice="The pool pump runs 10 hours a day.")
    await asked(installation, guild, 1, 1)
    assert await Watch(installation).look(guild, NOON) == ()


async def test_no_anomaly_leads_to_training() -> None:
    """Nothing under tuning/anomalies knows labels, patterns, datasets or training, and no action is one."""
    folder = Path(tuning.anomalies.__file__).parent
    known = set()
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                known.add(node.module)
            elif isinstance(node, ast.Import):
                known.update(alias.name for alias in node.names)
    own = {each for each in known if each.startswith("tuning.anomalies")}
    assert {each for each in known if each.startswith("tuning.")} == own | {"tuning.event_table"}
    assert set(Action) == {Action.REINDEX, Action.REFRESH, Action.ASK}
