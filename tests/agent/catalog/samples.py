"""Guilds, categories and a source that the catalog's tests share."""

from datetime import UTC, date, datetime
from typing import Final

from hypothesis import HealthCheck, settings

from agent.contracts import Example, GuildId, MemberId, Slug, Source, SourceId, SourceKind

HOME, WORK, NOWHERE = GuildId("home"), GuildId("work"), GuildId("nowhere")
POOL, CAR, SPA = Slug("pool"), Slug("car"), Slug("spa")

SOURCE = Source(
    id=SourceId("s1"),
    guild=HOME,
    uri="/notes/pool.md",
    kind=SourceKind.FILE,
    title="The pool",
    content_hash="0" * 64,
    visibility="channel:7",
    category=POOL,
    category_probability=0.75,
    author=MemberId("ana"),
    author_name="Ana",
    date=date(2024, 5, 3),
    language="en",
    added_at=datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC),
    link="https://example.org/pool",
)

on_one_database: Final = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def example(question: str, category: Slug = POOL, origin: str = "import") -> Example:
    return Example(question=question, category=category, origin=origin)
