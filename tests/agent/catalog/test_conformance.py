"""What every catalog must do with guilds, categories and examples, whatever keeps it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.catalog.protocol import Catalog
from agent.contracts import Category, GuildId, MemberId, Slug, SourceId, SourceKind
from agent.errors import UnknownCategoryError, UnknownGuildError, UsageError
from agent.ids import new_id
from tests.agent.catalog.samples import CAR, HOME, NOWHERE, POOL, SOURCE, SPA, WORK, example, on_one_database


async def test_guilds_are_listed_and_made_once(catalog: Catalog) -> None:
    await catalog.create_guild(HOME)

    assert await catalog.guilds() == (HOME, WORK)
    assert len(await catalog.categories(HOME)) == 2


async def test_a_dropped_guild_takes_everything_along_and_no_other_guild(catalog: Catalog) -> None:
    for guild in (HOME, WORK):
        await catalog.put_examples(guild, [example("when?")])
        await catalog.put_source(replace(SOURCE, guild=guild), "text")

    await catalog.drop_guild(HOME)

    assert await catalog.guilds() == (WORK,)
    assert len(await catalog.examples(WORK)) == len(await catalog.sources(WORK)) == 1
    await catalog.create_guild(HOME)
    assert await catalog.categories(HOME) == await catalog.examples(HOME) == await catalog.sources(HOME) == ()


async def test_a_guild_made_again_does_not_repeat_a_revision(catalog: Catalog) -> None:
    before = await catalog.revision(HOME)
    await catalog.drop_guild(HOME)
    await catalog.create_guild(HOME)

    assert await catalog.revision(HOME) > before


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.drop_guild(NOWHERE),
        lambda c: c.revision(NOWHERE),
        lambda c: c.categories(NOWHERE),
        lambda c: c.former_slugs(NOWHERE),
        lambda c: c.put_category(NOWHERE, Category(slug=POOL, name="Pool")),
        lambda c: c.rename_category(NOWHERE, POOL, SPA),
        lambda c: c.merge_category(NOWHERE, POOL, CAR),
        lambda c: c.remove_category(NOWHERE, POOL),
        lambda c: c.examples(NOWHERE),
        lambda c: c.put_examples(NOWHERE, [example("when?")]),
        lambda c: c.remove_examples(NOWHERE, ["when?"]),
        lambda c: c.sources(NOWHERE),
        lambda c: c.source(NOWHERE, SOURCE.id),
        lambda c: c.source_by_uri(NOWHERE, SOURCE.uri),
        lambda c: c.put_source(replace(SOURCE, guild=NOWHERE), ""),
        lambda c: c.source_text(NOWHERE, SOURCE.id),
        lambda c: c.remove_sources(NOWHERE, [SOURCE.id]),
    ],
)
async def test_an_unknown_guild_is_named(
    catalog: Catalog, call: Callable[[Catalog], Awaitable[object]]
) -> None:
    with pytest.raises(UnknownGuildError, match="nowhere"):
        await call(catalog)


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.put_category(HOME, Category(slug=SPA, name="Spa")),
        lambda c: c.rename_category(HOME, POOL, SPA),
        lambda c: c.merge_category(HOME, POOL, CAR),
        lambda c: c.remove_category(HOME, POOL),
        lambda c: c.put_examples(HOME, [example("who?")]),
        lambda c: c.remove_examples(HOME, ["when?"]),
        lambda c: c.put_source(SOURCE, "text"),
        lambda c: c.remove_sources(HOME, [SourceId("s0")]),
    ],
)
async def test_each_change_raises_the_revision_of_its_guild_only(
    catalog: Catalog, change: Callable[[Catalog], Awaitable[object]]
) -> None:
    await catalog.put_examples(HOME, [example("when?")])
    await catalog.put_source(replace(SOURCE, id=SourceId("s0"), uri="/other"), "text")
    home, work = await catalog.revision(HOME), await catalog.revision(WORK)

    await change(catalog)

    assert await catalog.revision(HOME) > home
    assert await catalog.revision(WORK) == work


async def test_a_change_that_fails_does_not_raise_the_revision(catalog: Catalog) -> None:
    before = await catalog.revision(HOME)
    with pytest.raises(UnknownCategoryError):
        await catalog.put_examples(HOME, [example("when?"), example("who?", SPA)])

    assert await catalog.revision(HOME) == before
    assert await catalog.examples(HOME) == ()


async def test_categories_are_listed_by_slug_and_replaced(catalog: Catalog) -> None:
    await catalog.put_category(HOME, Category(slug=POOL, name="Piscina", description="Agua"))

    assert await catalog.categories(HOME) == (
        Category(slug=CAR, name="Car"),
        Category(slug=POOL, name="Piscina", description="Agua"),
    )
    assert (await catalog.categories(WORK))[1].name == "Pool"


async def test_replacing_a_category_keeps_its_examples(catalog: Catalog) -> None:
    await catalog.put_examples(HOME, [example("when?")])
    await catalog.put_category(HOME, Category(slug=POOL, name="Piscina"))

    assert await catalog.examples(HOME) == (example("when?"),)


@pytest.mark.parametrize("slug", ["", "Pool", "a b", "x" * 41])
async def test_a_slug_that_is_none_is_refused(catalog: Catalog, slug: str) -> None:
    with pytest.raises(UsageError, match="not a category's slug"):
        await catalog.put_category(HOME, Category(slug=Slug(slug), name="x"))
    with pytest.raises(UsageError, match="not a category's slug"):
        await catalog.rename_category(HOME, POOL, Slug(slug))


async def test_a_renamed_category_keeps_examples_sources_and_words(catalog: Catalog) -> None:
    for guild in (HOME, WORK):
        await catalog.put_examples(guild, [example("when?"), example("how far?", CAR)])
        await catalog.put_source(replace(SOURCE, guild=guild), "text")

    await catalog.rename_category(HOME, POOL, SPA)

    assert Category(slug=SPA, name="Pool", description="Water and pumps") in await catalog.categories(HOME)
    assert await catalog.examples(HOME, SPA) == (example("when?", SPA),)
    assert await catalog.sources(HOME) == (replace(SOURCE, category=SPA),)
    assert await catalog.examples(WORK, POOL) == (example("when?"),)
    assert await catalog.sources(WORK) == (replace(SOURCE, guild=WORK),)


async def test_a_merged_category_gives_its_examples_and_sources(catalog: Catalog) -> None:
    await catalog.put_examples(HOME, [example("when?"), example("how far?", CAR)])
    await catalog.put_source(SOURCE, "text")

    await catalog.merge_category(HOME, POOL, CAR)

    assert await catalog.categories(HOME) == (Category(slug=CAR, name="Car"),)
    assert await catalog.examples(HOME) == (example("how far?", CAR), example("when?", CAR))
    assert await catalog.sources(HOME) == (replace(SOURCE, category=CAR),)


async def test_what_a_category_was_called_before_is_known(catalog: Catalog) -> None:
    await catalog.rename_category(HOME, POOL, SPA)
    assert await catalog.former_slugs(HOME) == {POOL: SPA}

    await catalog.rename_category(HOME, SPA, Slug("bath"))
    assert await catalog.former_slugs(HOME) == {POOL: "bath", SPA: "bath"}

    await catalog.merge_category(HOME, Slug("bath"), CAR)
    assert await catalog.former_slugs(HOME) == {POOL: CAR, SPA: CAR, "bath": CAR}

    await catalog.put_category(HOME, Category(slug=SPA, name="Spa"))
    assert await catalog.former_slugs(HOME) == {POOL: CAR, "bath": CAR}

    await catalog.remove_category(HOME, CAR)
    assert await catalog.former_slugs(HOME) == {}
    assert await catalog.former_slugs(WORK) == {}


async def test_a_slug_that_comes_back_is_no_former_one(catalog: Catalog) -> None:
    await catalog.rename_category(HOME, POOL, SPA)
    await catalog.rename_category(HOME, SPA, POOL)

    assert await catalog.former_slugs(HOME) == {SPA: POOL}


async def test_a_removed_category_leaves_its_sources(catalog: Catalog) -> None:
    await catalog.put_examples(HOME, [example("when?"), example("how far?", CAR)])
    await catalog.put_source(SOURCE, "text")

    await catalog.remove_category(HOME, POOL)

    assert await catalog.categories(HOME) == (Category(slug=CAR, name="Car"),)
    assert await catalog.examples(HOME) == (example("how far?", CAR),)
    assert await catalog.sources(HOME) == (replace(SOURCE, category=None),)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda c: c.rename_category(HOME, SPA, Slug("new")), UnknownCategoryError),
        (lambda c: c.rename_category(HOME, POOL, CAR), UsageError),
        (lambda c: c.rename_category(HOME, POOL, POOL), UsageError),
        (lambda c: c.merge_category(HOME, SPA, CAR), UnknownCategoryError),
        (lambda c: c.merge_category(HOME, CAR, SPA), UnknownCategoryError),
        (lambda c: c.merge_category(HOME, CAR, CAR), UsageError),
        (lambda c: c.remove_category(HOME, SPA), UnknownCategoryError),
        (lambda c: c.examples(HOME, SPA), UnknownCategoryError),
        (lambda c: c.put_examples(HOME, [example("when?", SPA)]), UnknownCategoryError),
        (lambda c: c.put_examples(HOME, [example(" \n ")]), UsageError),
        (lambda c: c.put_source(replace(SOURCE, category=SPA), "text"), UnknownCategoryError),
        (lambda c: c.source_text(HOME, SOURCE.id), UsageError),
    ],
)
async def test_what_makes_no_sense_changes_nothing(
    catalog: Catalog, call: Callable[[Catalog], Awaitable[object]], error: type[UsageError]
) -> None:
    before = (await catalog.categories(HOME), await catalog.revision(HOME))
    with pytest.raises(error) as refused:
        await call(catalog)

    assert refused.value.hint
    assert type(refused.value) is error
    assert (await catalog.categories(HOME), await catalog.revision(HOME)) == before


async def test_an_unknown_category_is_told_with_the_known_ones(catalog: Catalog) -> None:
    with pytest.raises(UnknownCategoryError, match="spa") as refused:
        await catalog.remove_category(HOME, SPA)
    assert refused.value.hint == "There are: car, pool."


async def test_examples_are_counted_when_new_or_changed(catalog: Catalog) -> None:
    first = [example("when?"), example("how far?", CAR)]

    assert await catalog.put_examples(HOME, first) == 2
    assert await catalog.put_examples(HOME, first) == 0
    assert await catalog.put_examples(HOME, [example("when?", CAR), example("who?"), first[1]]) == 2
    assert await catalog.put_examples(HOME, [example("who?", origin="correction")]) == 1
    assert await catalog.put_examples(HOME, []) == 0
    assert await catalog.examples(HOME) == (
        example("how far?", CAR),
        example("when?", CAR),
        example("who?", origin="correction"),
    )
    assert await catalog.examples(WORK) == ()


async def test_questions_are_the_same_whatever_their_white_space(catalog: Catalog) -> None:
    assert await catalog.put_examples(HOME, [example(" how\n far\t? "), example("how far ?", CAR)]) == 1
    assert await catalog.examples(HOME) == (example("how far ?", CAR),)
    assert await catalog.put_examples(HOME, [example("how far  ?", CAR)]) == 0
    assert await catalog.remove_examples(HOME, ["how  far ?"]) == 1


async def test_examples_are_removed_by_question(catalog: Catalog) -> None:
    for guild in (HOME, WORK):
        await catalog.put_examples(guild, [example("when?"), example("who?")])

    assert await catalog.remove_examples(HOME, ["when?", "when?", "never asked"]) == 1
    assert await catalog.examples(HOME) == (example("who?"),)
    assert len(await catalog.examples(WORK)) == 2


async def test_ten_thousand_examples_go_in_at_once(catalog: Catalog) -> None:
    many = [example(f"question {number}", POOL if number % 2 else CAR) for number in range(10_000)]

    assert await catalog.put_examples(HOME, many) == 10_000
    assert len(await catalog.examples(HOME, CAR)) == 5_000
    assert await catalog.put_examples(HOME, [replace(one, category=POOL) for one in many]) == 5_000
    assert await catalog.remove_examples(HOME, [one.question for one in many]) == 10_000


async def test_a_question_may_be_longer_than_an_index_entry(catalog: Catalog) -> None:
    long = "why " * 25_000 + "?"
    assert await catalog.put_examples(HOME, [example(long)]) == 1
    assert await catalog.examples(HOME) == (example(long),)


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b ", " b", "c", "c\n"]), st.sampled_from([POOL, CAR])), max_size=8
    ),
    st.lists(st.sampled_from(["a", "b", " c"]), max_size=3),
)
@on_one_database
async def test_examples_behave_like_a_dictionary(
    catalog: Catalog, put: list[tuple[str, Slug]], removed: list[str]
) -> None:
    guild = GuildId(new_id())
    await catalog.create_guild(guild)
    for slug in (POOL, CAR):
        await catalog.put_category(guild, Category(slug=slug, name=slug))
    model: dict[str, Slug] = {}

    for question, category in put:
        changed = model.get(question.strip()) != category
        model[question.strip()] = category
        assert await catalog.put_examples(guild, [example(question, category)]) == changed
    gone = {question.strip() for question in removed} & model.keys()
    assert await catalog.remove_examples(guild, removed) == len(gone)

    left = {one.question: one.category for one in await catalog.examples(guild)}
    assert left == {question: slug for question, slug in model.items() if question not in gone}


async def test_tasks_that_change_one_guild_at_once_lose_nothing(catalog: Catalog) -> None:
    before = await catalog.revision(HOME)
    counts = await asyncio.gather(
        *(catalog.put_examples(HOME, [example(f"{n % 10}?", POOL)]) for n in range(40)),
        *(catalog.put_source(replace(SOURCE, id=SourceId(f"{n}"), uri=f"/{n}"), f"{n}") for n in range(20)),
    )

    assert sum(count for count in counts if count is not None) == 10
    assert len(await catalog.examples(HOME)) == 10
    assert len(await catalog.sources(HOME)) == 20
    assert await catalog.revision(HOME) == before + 60


async def test_sources_are_listed_by_uri_and_without_the_kinds_that_are_not_wanted(catalog: Catalog) -> None:
    for number, kind in enumerate(SourceKind):
        await catalog.put_source(replace(SOURCE, id=SourceId(kind), uri=f"/{9 - number}", kind=kind), "text")

    every = await catalog.sources(HOME)
    assert [each.uri for each in every] == sorted(each.uri for each in every)
    assert {each.kind for each in every} == set(SourceKind)
    without = await catalog.sources(HOME, without={SourceKind.CHANNEL, SourceKind.THREAD})
    assert without == tuple(
        each for each in every if each.kind not in {SourceKind.CHANNEL, SourceKind.THREAD}
    )


async def test_an_example_says_whose_question_and_whose_label_it_is(catalog: Catalog) -> None:
    learnt = replace(example("when?"), origin="correction", asker=MemberId("ana"), teacher=MemberId("ben"))
    assert await catalog.put_examples(HOME, [learnt]) == 1
    assert await catalog.examples(HOME) == (learnt,)

    assert await catalog.put_examples(HOME, [example("when?")]) == 1
    assert await catalog.examples(HOME) == (example("when?"),)
