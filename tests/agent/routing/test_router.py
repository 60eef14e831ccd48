"""The router over a real catalog and real embedders."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from agent.catalog.sql import SqlCatalog
from agent.contracts import LOCAL_GUILD, Category, Example, GuildId, Route, RouteDecision, Slug
from agent.errors import UnknownGuildError
from agent.models.protocol import ChatModel
from agent.routing import guilds
from agent.routing.memory import RoutingMemory
from tests.agent.routing.conftest import CAR, CATEGORIES, COOKING, EXAMPLES, POOL, MakeRouter, teach
from tests.agent.routing.models import CountingEmbedder, TunedModel

VAGUE = "What did we write down about the thing last week?"


def best(route: Route) -> Slug:
    return route.scores[0].category


def total(route: Route) -> float:
    return sum(score.probability for score in route.scores) + route.out_of_scope


@pytest.mark.parametrize(
    ("question", "category"),
    [
        ("How often must I put chlorine in the pool?", POOL),
        ("At which pressure do I pump up the car tyres?", CAR),
        ("How many minutes does the bread bake?", COOKING),
        ("¿Cuánto cloro hay que echar a la piscina?", POOL),
        ("¿Qué taller arregló los frenos del coche?", CAR),
        ("¿Qué harina usamos para hacer el pan?", COOKING),
    ],
)
async def test_questions_in_both_languages_find_english_labels(
    taught: SqlCatalog, make_router: MakeRouter, question: str, category: Slug
) -> None:
    route = await make_router(taught).route(LOCAL_GUILD, question)
    assert best(route) == category
    assert total(route) == pytest.approx(1.0)
    assert route.decision is not RouteDecision.OUT_OF_SCOPE
    assert {"examples", "description"} == set(route.scores[0].contributions)


async def test_a_strange_question_is_likelier_out_of_scope(
    taught: SqlCatalog, make_router: MakeRouter
) -> None:
    router = make_router(taught)
    strange = await router.route(LOCAL_GUILD, "Who was the second president of Portugal?")
    familiar = await router.route(LOCAL_GUILD, "When was the pool pump replaced?")
    assert strange.out_of_scope > 0.5 > familiar.out_of_scope
    assert strange.decision is RouteDecision.OUT_OF_SCOPE
    assert strange.categories == ()


async def test_no_categories_yet(catalog: SqlCatalog, make_router: MakeRouter) -> None:
    route = await make_router(catalog).route(LOCAL_GUILD, "When did we replace our pool pump?")
    assert (route.decision, route.scores, route.out_of_scope) == (RouteDecision.UNFILTERED, (), 0.0)
    assert route.reason == "no categories yet"


async def test_unknown_guild(catalog: SqlCatalog, make_router: MakeRouter) -> None:
    with pytest.raises(UnknownGuildError):
        await make_router(catalog).route(GuildId("nowhere"), "Where?")


async def test_one_category_without_examples(catalog: SqlCatalog, make_router: MakeRouter) -> None:
    await teach(catalog, CATEGORIES[:1], ())
    router = make_router(catalog)
    route = await router.route(LOCAL_GUILD, "How much chlorine does the swimming pool need?")
    assert total(route) == pytest.approx(1.0)
    strange = await router.route(LOCAL_GUILD, "Who was the second president of Portugal?")
    assert strange.out_of_scope > route.out_of_scope


async def test_descriptions_alone(catalog: SqlCatalog, make_router: MakeRouter) -> None:
    await teach(catalog, CATEGORIES, ())
    route = await make_router(catalog).route(LOCAL_GUILD, "When are the brakes of the car serviced?")
    assert best(route) == CAR
    assert route.examples == ()


async def test_a_hundred_categories(catalog: SqlCatalog, make_router: MakeRouter) -> None:
    many = [Category(slug=Slug(f"room-{k}"), name=f"Room {k}") for k in range(97)]
    await teach(catalog, [*many, *CATEGORIES], EXAMPLES)
    route = await make_router(catalog).route(LOCAL_GUILD, "What tyre pressure does the car need?")
    assert best(route) == CAR
    assert len(route.scores) == 100
    assert total(route) == pytest.approx(1.0)


@pytest.mark.parametrize("question", ["🎉🎉🎉", "?", "مرحبا كيف الحال", "pool " * 5000, ""])
async def test_odd_questions_have_a_route(taught: SqlCatalog, make_router: MakeRouter, question: str) -> None:
    assert total(await make_router(taught).route(LOCAL_GUILD, question)) == pytest.approx(1.0)


async def test_the_order_of_labels_does_not_matter(
    catalog: SqlCatalog, make_router: MakeRouter, tmp_path: Path
) -> None:
    shuffled = list(EXAMPLES)
    random.Random(0).shuffle(shuffled)
    await teach(catalog, CATEGORIES, EXAMPLES)
    first = await make_router(catalog).route(LOCAL_GUILD, VAGUE)
    await catalog.remove_examples(LOCAL_GUILD, [example.question for example in EXAMPLES])
    await teach(catalog, CATEGORIES[::-1], shuffled)
    assert await make_router(catalog).route(LOCAL_GUILD, VAGUE) == first


async def test_a_new_label_decides_the_next_question(taught: SqlCatalog, make_router: MakeRouter) -> None:
    router = make_router(taught)
    before = await router.route(LOCAL_GUILD, VAGUE)
    assert before.categories != (COOKING,)
    await taught.put_examples(LOCAL_GUILD, [Example(question=VAGUE, category=COOKING, origin="correction")])
    after = await router.route(LOCAL_GUILD, VAGUE.upper().rstrip("?"))
    assert after.categories == (COOKING,)
    assert after.examples[0].question == VAGUE
    await taught.put_examples(LOCAL_GUILD, [Example(question=VAGUE, category=CAR, origin="correction")])
    assert (await router.route(LOCAL_GUILD, VAGUE)).categories == (CAR,)


async def test_a_new_label_decides_while_a_fit_runs_in_the_background(
    taught: SqlCatalog, make_router: MakeRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guilds, "_AT_ONCE", 0)
    router = make_router(taught)
    await router.route(LOCAL_GUILD, VAGUE)
    await taught.put_examples(LOCAL_GUILD, [Example(question=VAGUE, category=COOKING)])
    assert (await router.route(LOCAL_GUILD, VAGUE)).categories == (COOKING,)


async def test_a_category_that_goes_is_never_routed_to(taught: SqlCatalog, make_router: MakeRouter) -> None:
    router = make_router(taught)
    await router.route(LOCAL_GUILD, "How much chlorine goes in per week?")
    await taught.remove_category(LOCAL_GUILD, POOL)
    route = await router.route(LOCAL_GUILD, "How much chlorine goes in per week?")
    assert {score.category for score in route.scores} == {CAR, COOKING}


async def test_guilds_do_not_see_each_others_labels(taught: SqlCatalog, make_router: MakeRouter) -> None:
    other = GuildId("other")
    await taught.create_guild(other)
    await taught.put_category(other, CATEGORIES[0])
    router = make_router(taught)
    assert (await router.route(LOCAL_GUILD, "Which garage repaired the brakes?")).categories == (CAR,)
    route = await router.route(other, "Which garage repaired the brakes?")
    assert [score.category for score in route.scores] == [POOL]
    assert route.examples == ()


async def test_a_dropped_guild_leaves_no_vector_behind(
    taught: SqlCatalog, make_router: MakeRouter, e5: CountingEmbedder, tmp_path: Path
) -> None:
    router = make_router(taught)
    await router.route(LOCAL_GUILD, VAGUE)
    memory, asked = RoutingMemory(tmp_path / "routing.db"), [example.question for example in EXAMPLES]
    assert len(memory.recall(LOCAL_GUILD, e5.info.digest, asked)) == len(EXAMPLES)
    await taught.remove_examples(LOCAL_GUILD, asked[:1])
    await router.route(LOCAL_GUILD, VAGUE)
    assert len(memory.recall(LOCAL_GUILD, e5.info.digest, asked)) == len(EXAMPLES) - 1
    await taught.drop_guild(LOCAL_GUILD)
    await router.forget_guild(LOCAL_GUILD)
    assert memory.recall(LOCAL_GUILD, e5.info.digest, asked) == {}


async def test_a_restart_embeds_no_label_again(
    taught: SqlCatalog, make_router: MakeRouter, e5: CountingEmbedder
) -> None:
    before, after = CountingEmbedder(e5), CountingEmbedder(e5)
    first = await make_router(taught, first=before, second=None).route(LOCAL_GUILD, VAGUE)
    assert set(before.texts) >= {example.question for example in EXAMPLES}
    again = await make_router(taught, first=after, second=None).route(LOCAL_GUILD, VAGUE)
    assert after.texts == [VAGUE]
    assert again == first


async def test_questions_at_the_same_time_agree(taught: SqlCatalog, make_router: MakeRouter) -> None:
    router = make_router(taught)
    routes = await asyncio.gather(*(router.route(LOCAL_GUILD, VAGUE) for _ in range(5)))
    assert all(route == routes[0] for route in routes)


def _as_labelled(question: str) -> str:
    category = {example.question: example.category for example in EXAMPLES}.get(question, COOKING)
    return category.capitalize()


async def test_an_unexamined_model_is_not_asked(taught: SqlCatalog, make_router: MakeRouter) -> None:
    model = TunedModel(_as_labelled)
    route = await make_router(taught, chat=model).route(LOCAL_GUILD, VAGUE)
    assert (model.calls, route.model_asked) == (0, False)


async def test_a_model_that_proved_itself_decides_doubtful_questions_only(
    taught: SqlCatalog, make_router: MakeRouter
) -> None:
    """The model is a stand-in for a perfectly tuned one."""
    model = TunedModel(_as_labelled)
    router = make_router(taught, chat=model)
    assert await router.study(LOCAL_GUILD) == len(EXAMPLES) == model.calls
    assert await router.study(LOCAL_GUILD) == 0
    sure = await router.route(LOCAL_GUILD, "When did we replace the pool pump?")
    assert (sure.model_asked, model.calls) == (False, len(EXAMPLES))
    alone = await make_router(taught).route(LOCAL_GUILD, "Where do we keep the winter things?")
    told = await router.route(LOCAL_GUILD, "Where do we keep the winter things?")
    assert told.model_asked
    assert "model" in told.scores[0].contributions
    chance = {score.category: score.probability for score in alone.scores}
    assert {s.category: s.probability for s in told.scores}[COOKING] > chance[COOKING]
    assert total(told) == pytest.approx(1.0)


async def test_a_model_is_examined_only_by_what_it_did_not_learn(
    taught: SqlCatalog, make_router: MakeRouter
) -> None:
    model = TunedModel(_as_labelled)
    unseen = {example.question for example in EXAMPLES[:3]} | {"Who asked this?"}
    assert await make_router(taught, chat=model).study(LOCAL_GUILD, among=unseen) == 3 == model.calls
    assert await make_router(taught, chat=model).study(LOCAL_GUILD, among=()) == 0


async def test_a_model_that_always_says_the_same_stays_without_a_say(
    taught: SqlCatalog, make_router: MakeRouter
) -> None:
    model = TunedModel(lambda _: "Car")
    router = make_router(taught, chat=model)
    await router.study(LOCAL_GUILD)
    before = model.calls
    await router.route(LOCAL_GUILD, "How long does the lasagne bake in the oven?")
    assert model.calls == before


async def test_the_bundled_model_can_be_examined(
    taught: SqlCatalog, make_router: MakeRouter, chat_model: ChatModel
) -> None:
    router = make_router(taught, chat=chat_model)
    assert await router.study(LOCAL_GUILD, questions=3) == 3
    assert total(await router.route(LOCAL_GUILD, VAGUE)) == pytest.approx(1.0)


async def test_a_spanish_guild_uses_the_multilingual_embedder_alone(
    catalog: SqlCatalog, make_router: MakeRouter
) -> None:
    await teach(
        catalog,
        [Category(slug=POOL, name="Piscina", description="La piscina: bomba, cloro, filtro y lona")],
        [Example(question="¿Cuándo cambiamos la bomba de la piscina?", category=POOL)],
    )
    both = await make_router(catalog).route(LOCAL_GUILD, "How much chlorine does the pool need?")
    alone = await make_router(catalog, second=None).route(
        LOCAL_GUILD, "How much chlorine does the pool need?"
    )
    assert both == alone
