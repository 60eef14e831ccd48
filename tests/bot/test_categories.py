"""Renaming and merging: everything follows, a stop is finished by the same command, twice is once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.contracts import Category, Example, GuildId, Slug
from agent.errors import StoreError, UnknownCategoryError, UsageError
from agent.runtime import Stores, open_stores
from agent.settings import Settings
from bot.categories import add_topics, edit_category, merge_category, remove_category, rename_category
from bot.topics import Topic
from tests.agent.catalog.samples import SOURCE, example
from tests.agent.knowledge.passages import SPEC, passages_of, put

HOME = GuildId("local")
POOL, SPA, CAR = Slug("pool"), Slug("spa"), Slug("car")
Change = Callable[[Stores], Awaitable[Any]]


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    async with open_stores(Settings(data_dir=tmp_path)) as opened:
        await opened.store.open_index(SPEC)
        for slug in (POOL, CAR):
            await opened.catalog.put_category(HOME, Category(slug=slug, name=slug.title()))
        await opened.catalog.put_examples(HOME, [example("When?"), example("How far?", CAR)])
        source = replace(SOURCE, guild=HOME, category=POOL)
        await opened.catalog.put_source(source, "one two")
        passages = passages_of(source.id, "one", "two", guild=HOME)
        await put(opened.store, *(replace(each, category=POOL) for each in passages))
        yield opened


async def _rename(stores: Stores) -> int:
    return await rename_category(stores, HOME, POOL, SPA)


async def _merge(stores: Stores) -> int:
    return await merge_category(stores, HOME, POOL, CAR)


async def _passages(stores: Stores) -> list[tuple[str, str | None]]:
    ids = [each.id for each in passages_of(SOURCE.id, "one", "two", guild=HOME)]
    return [(each.id, each.category) for each in await stores.store.get(HOME, ids)]


async def _state(stores: Stores) -> tuple[Any, ...]:
    """Everything that names a category."""
    return (
        [each.slug for each in await stores.catalog.categories(HOME)],
        [(each.question, each.category) for each in await stores.catalog.examples(HOME)],
        [each.category for each in await stores.catalog.sources(HOME)],
        sorted(await _passages(stores)),
    )


@pytest.mark.parametrize(("change", "now"), [(_rename, SPA), (_merge, CAR)])
async def test_everything_follows_and_passages_keep_their_ids(
    stores: Stores, change: Change, now: Slug
) -> None:
    before = await _passages(stores)
    assert await change(stores) == 2
    slugs, examples, sources, passages = await _state(stores)
    assert slugs == sorted({CAR, now})
    assert ("When?", now) in examples
    assert sources == [now]
    assert passages == sorted((id_, now) for id_, _ in before)


class _KilledError(StoreError):
    """The process ended here."""


def _dies_at(stores: Stores, monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    """Let the store or the catalog fail at their `call`th change together."""
    left = [call]

    def dying(change: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def changed(*arguments: Any) -> Any:
            left[0] -= 1
            if not left[0]:
                raise _KilledError("killed")
            return await change(*arguments)

        return changed

    for room, name in (
        (stores.store, "recategorise"),
        (stores.catalog, "rename_category"),
        (stores.catalog, "merge_category"),
    ):
        monkeypatch.setattr(room, name, dying(getattr(room, name)))


@pytest.mark.parametrize("call", [1, 2, 3])
@pytest.mark.parametrize("change", [_rename, _merge])
async def test_a_stop_anywhere_is_finished_by_the_same_command(
    stores: Stores, change: Change, call: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_stores(Settings(data_dir=tmp_path)) as undisturbed:
        assert await _state(undisturbed) == await _state(stores)
    with monkeypatch.context() as dying:
        _dies_at(stores, dying, call)
        with pytest.raises(_KilledError):
            await change(stores)
    await change(stores)
    finished = await _state(stores)
    assert POOL not in finished[0]
    assert {category for _, category in finished[3]} <= set(finished[0])
    assert await change(stores) == 0
    assert await _state(stores) == finished


async def test_what_was_taken_in_meanwhile_follows_when_the_command_is_repeated(stores: Stores) -> None:
    await _rename(stores)
    late = passages_of(SOURCE.id, "one", guild=HOME)
    await put(stores.store, *(replace(each, category=POOL) for each in late))
    assert await _rename(stores) == 1
    assert {category for _, category in await _passages(stores)} == {SPA}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda s: rename_category(s, HOME, "boats", "ships"), UnknownCategoryError),
        (lambda s: rename_category(s, HOME, POOL, CAR), UsageError),
        (lambda s: rename_category(s, HOME, POOL, "Not a slug"), UsageError),
        (lambda s: merge_category(s, HOME, POOL, "boats"), UnknownCategoryError),
        (lambda s: merge_category(s, HOME, "boats", POOL), UnknownCategoryError),
        (lambda s: merge_category(s, HOME, POOL, POOL), UsageError),
        (lambda s: edit_category(s, HOME, "boats", "Boats", None), UnknownCategoryError),
        (lambda s: remove_category(s, HOME, "boats"), UnknownCategoryError),
    ],
)
async def test_what_makes_no_sense_changes_nothing(
    stores: Stores, change: Change, error: type[Exception]
) -> None:
    before = await _state(stores)
    with pytest.raises(error):
        await change(stores)
    assert await _state(stores) == before


async def test_the_slug_of_before_is_understood(stores: Stores) -> None:
    await _rename(stores)
    assert (await edit_category(stores, HOME, POOL, None, "Bubbles")).slug == SPA
    await merge_category(stores, HOME, POOL, CAR)
    assert await stores.catalog.former_slugs(HOME) == {POOL: CAR, SPA: CAR}


async def test_topics_are_added_once_and_leave_what_is_there(stores: Stores) -> None:
    topics = [
        Topic(name="Pool", about="Another", questions=("When?", "Why?")),
        Topic(name="Bees", about="Hives", questions=("How many?",)),
    ]
    assert [each.slug for each in await add_topics(stores, HOME, topics)] == ["bees"]
    assert await add_topics(stores, HOME, topics) == ()
    assert {each.name: each.description for each in await stores.catalog.categories(HOME)} == {
        "Pool": "",
        "Car": "",
        "Bees": "Hives",
    }
    kept = {each.question: (each.category, each.origin) for each in await stores.catalog.examples(HOME)}
    assert kept["When?"] == (POOL, "import")
    assert kept["Why?"] == (POOL, "template")
    assert kept["How many?"] == ("bees", "template")


async def test_an_example_that_moved_stays_where_it_is(stores: Stores) -> None:
    await stores.catalog.put_examples(HOME, [Example(question="How many?", category=CAR, origin="admin")])
    await add_topics(stores, HOME, [Topic(name="Bees", questions=("How many?",))])
    assert ("How many?", CAR) in [
        (each.question, each.category) for each in await stores.catalog.examples(HOME)
    ]
