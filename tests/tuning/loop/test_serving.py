"""Who serves while a run is tried, promoted and taken back, over the real registry and the real journal."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agent.contracts import EpisodeId, FeedbackKind, Slug
from agent.errors import ModelBrokenError, UsageError
from agent.ids import new_id
from agent.runtime import Stores
from agent.serving.served import Task
from tests.agent.journal.episodes import an_event
from tests.tuning.loop.guilds import DAY, Clock, ask, brought_to, judged, registered
from tests.tuning.loop.paper import ADMIN, HOME
from tuning.loop.aim import EVERYTHING, Aim
from tuning.loop.loop import Loop
from tuning.loop.opening import open_loop
from tuning.loop.plan import Plan
from tuning.loop.run import Run, Why
from tuning.loop.state import State
from tuning.loop.tools import Tools
from tuning.patterns.log import Event, Facts
from tuning.patterns.log import State as PatternState
from tuning.patterns.pattern import Action
from tuning.registry.adapter import Adapter
from tuning.registry.events import Act
from tuning.runs.bases import find_base

UP_TO_APPROVAL = (
    State.DATASET,
    State.TRAINING,
    State.EXPORTING,
    State.EVALUATING,
    State.GATED,
    State.APPROVAL,
)
ALWAYS = Plan(quiet_from=0, quiet_to=0, canary_days=0.0, canary_votes=3)


@pytest.fixture
def loop(stores: Stores) -> Loop:
    return open_loop(stores)


@pytest.fixture
async def adapter(tools: Tools, tmp_path: Path) -> Adapter:
    base = await find_base(tools.settings)
    return await registered(tools, tmp_path, base.digest, "one")


async def waiting(
    loop: Loop, tools: Tools, adapter: Adapter, pattern: str = "", aim: Aim = EVERYTHING
) -> Run:
    """A run of the adapter that waits for an admin."""
    why = Why.PATTERN if pattern else Why.HAND
    run = await loop.ask(HOME, Task.ANSWER, why=why, pattern=pattern, plan=ALWAYS, aim=aim)
    facts = {"adapter": adapter.id, "digest": adapter.digest, "base_digest": adapter.base_digest}
    return await brought_to(tools, run, UP_TO_APPROVAL, **facts)


async def serving(stores: Stores) -> tuple[str | None, str | None, float]:
    now = await stores.assignments.get(HOME, Task.ANSWER)
    champion, challenger = now.champion, now.challenger
    return champion and champion.id, challenger and challenger.id, now.share


async def test_it_is_tried_then_promoted_then_taken_back(
    loop: Loop, tools: Tools, stores: Stores, adapter: Adapter
) -> None:
    run = await waiting(loop, tools, adapter)
    assert await serving(stores) == (None, None, 0.0)

    tried = await loop.approve(HOME, run.id, ADMIN)
    assert (tried.state, tried.baseline) == (State.CANARY, 0.5)
    assert await serving(stores) == (None, adapter.id, 0.2)

    assert await loop.watch(HOME) == ()
    await judged(stores, 1, digest=adapter.digest, count=3)
    (champion,) = await loop.watch(HOME)
    assert champion.state is State.CHAMPION
    assert await serving(stores) == (adapter.id, None, 0.0)

    assert await loop.rollback(HOME, Task.ANSWER, ADMIN) == adapter.id
    assert (await loop.log.run(HOME, run.id)).state is State.ROLLED_BACK
    assert await serving(stores) == (None, None, 0.0)

    acts = [(each.act, each.member) for each in await tools.registry.events(HOME, adapter.id)]
    assert acts == [
        (Act.ADDED, None),
        (Act.CHALLENGER, ADMIN),
        (Act.PROMOTED, None),
        (Act.ROLLED_BACK, ADMIN),
    ]


async def test_a_challenger_that_members_like_less_is_taken_back(
    loop: Loop, tools: Tools, stores: Stores, adapter: Adapter
) -> None:
    await judged(stores, 1, count=30)
    run = await waiting(loop, tools, adapter)
    tried = await loop.approve(HOME, run.id, ADMIN)
    assert tried.baseline == pytest.approx(0.968, abs=0.001)

    await judged(stores, 1, count=20)
    await judged(stores, -1, digest=adapter.digest, count=2)
    (over,) = await loop.watch(HOME)
    assert over.state is State.ROLLED_BACK
    assert over.note == "Members were content with 0% of 2 judged questions; before it, with 97% at least."
    assert await serving(stores) == (None, None, 0.0)
    assert await loop.watch(HOME) == ()


async def test_a_champion_that_members_like_less_is_taken_back(
    loop: Loop, tools: Tools, stores: Stores, adapter: Adapter, tmp_path: Path
) -> None:
    await judged(stores, 1, count=30)
    older = await registered(tools, tmp_path, adapter.base_digest, "older")
    await tools.promotion.promote(HOME, Task.ANSWER, older.id, None, now=tools.clock())
    run = await waiting(loop, tools, adapter)
    await loop.approve(HOME, run.id, ADMIN, share=1.0)
    assert (await serving(stores))[0] == adapter.id

    await judged(stores, -1, digest=adapter.digest, count=2)
    (over,) = await loop.watch(HOME)
    assert over.state is State.ROLLED_BACK
    assert (await serving(stores))[0] == older.id


async def test_a_champion_of_long_ago_is_left_to_admins(
    loop: Loop, tools: Tools, stores: Stores, adapter: Adapter, clock: Clock
) -> None:
    run = await waiting(loop, tools, adapter)
    await loop.approve(HOME, run.id, ADMIN, share=1.0)
    clock.now += timedelta(days=29)
    await judged(stores, -1, digest=adapter.digest, count=20)
    assert await loop.watch(HOME) == ()
    assert (await serving(stores))[0] == adapter.id


async def test_nobody_says_anything_for_a_week(
    loop: Loop, tools: Tools, adapter: Adapter, clock: Clock
) -> None:
    run = await waiting(loop, tools, adapter)
    await loop.approve(HOME, run.id, ADMIN)
    clock.now += 6 * DAY
    assert await loop.watch(HOME) == ()
    clock.now += DAY
    (champion,) = await loop.watch(HOME)
    assert champion.state is State.CHAMPION


@pytest.mark.parametrize(("share", "state"), [(0.2, State.CANARY), (1.0, State.CHAMPION)])
async def test_killed_as_an_admin_agreed_it_goes_on(
    share: float, state: State, loop: Loop, tools: Tools, adapter: Adapter
) -> None:
    """What was killed had put the adapter into service, and not written down that the run moved on."""
    run = await waiting(loop, tools, adapter)
    await tools.promotion.promote(HOME, Task.ANSWER, adapter.id, ADMIN, share=share, now=tools.clock())
    (moved,) = await loop.watch(HOME)
    assert (moved.state, moved.id) == (state, run.id)
    promotions = {Act.CHALLENGER, Act.PROMOTED}
    events = await tools.registry.events(HOME, adapter.id)
    assert sum(each.act in promotions for each in events) == 1


async def test_killed_as_it_became_champion_it_goes_on(
    loop: Loop, tools: Tools, stores: Stores, adapter: Adapter
) -> None:
    run = await waiting(loop, tools, adapter)
    await loop.approve(HOME, run.id, ADMIN)
    await tools.promotion.promote(HOME, Task.ANSWER, adapter.id, None, now=tools.clock())
    (moved,) = await loop.watch(HOME)
    assert moved.state is State.CHAMPION


@pytest.mark.parametrize("share", [0.2, 1.0])
async def test_taken_out_of_service_elsewhere_it_is_rolled_back(
    share: float, loop: Loop, tools: Tools, adapter: Adapter
) -> None:
    run = await waiting(loop, tools, adapter)
    await loop.approve(HOME, run.id, ADMIN, share=share)
    await tools.promotion.rollback(HOME, Task.ANSWER, ADMIN, now=tools.clock())
    (over,) = await loop.watch(HOME)
    assert (over.state, over.note) == (State.ROLLED_BACK, "Another adapter was put in its place.")


async def test_a_champion_that_made_room_for_a_better_one_stays_what_it_was(
    loop: Loop, tools: Tools, adapter: Adapter, tmp_path: Path
) -> None:
    run = await waiting(loop, tools, adapter)
    await loop.approve(HOME, run.id, ADMIN, share=1.0)
    newer = await registered(tools, tmp_path, adapter.base_digest, "newer")
    await loop.promote(HOME, newer.id[-8:], ADMIN)
    assert await loop.watch(HOME) == ()
    assert (await loop.log.run(HOME, run.id)).state is State.CHAMPION


async def test_it_does_not_serve_on_another_base(
    loop: Loop, tools: Tools, stores: Stores, adapter: Adapter
) -> None:
    run = await waiting(loop, tools, replace(adapter, base_digest="another"))
    with pytest.raises(ModelBrokenError, match="another one than when the run began"):
        await loop.approve(HOME, run.id, ADMIN)
    assert await serving(stores) == (None, None, 0.0)


async def test_a_run_for_a_category_is_tried_promoted_and_taken_back_there_alone(
    loop: Loop, tools: Tools, stores: Stores, adapter: Adapter
) -> None:
    async def serving_there(category: Slug) -> str | None:
        champion = (await stores.assignments.get(HOME, Task.ANSWER, category)).champion
        return champion.id if champion else None

    pool, spa = Slug("pool"), Slug("spa")
    await judged(stores, 1, count=12)
    for number in range(12):
        elsewhere = await ask(stores, "Who drives?", "car", f"c{number}")
        vote = an_event(elsewhere, FeedbackKind.VOTE, {"vote": -1}, guild=HOME, at=elsewhere.asked_at)
        await stores.journal.add_feedback(vote)
    run = await waiting(loop, tools, adapter, aim=Aim(category=pool))
    assert run.aim == Aim(category=pool)
    with pytest.raises(UsageError, match="waits for a decision"):
        await loop.ask(HOME, Task.ANSWER, aim=Aim(category=pool))
    assert (await loop.ask(HOME, Task.ANSWER, plan=ALWAYS)).open
    await loop.cancel(HOME, (await loop.log.runs(HOME))[0].id)

    tried = await loop.approve(HOME, run.id, ADMIN)
    assert tried.baseline == pytest.approx(0.923, abs=0.001), "of what was asked about pools"
    assert (await stores.assignments.get(HOME, Task.ANSWER, pool)).share == 0.2
    await stores.catalog.rename_category(HOME, pool, spa)
    await judged(stores, 1, digest=adapter.digest, count=3)
    (champion,) = await loop.watch(HOME)
    assert (champion.state, await serving_there(spa)) == (State.CHAMPION, adapter.id)
    assert await loop.watch(HOME) == ()
    assert await serving(stores) == (None, None, 0.0)

    assert await loop.rollback(HOME, Task.ANSWER, ADMIN, category=spa) == adapter.id
    assert await serving_there(spa) is None
    (over,) = await loop.watch(HOME)
    assert over.state is State.ROLLED_BACK


async def test_an_adapter_for_all_may_serve_a_category_beside(
    loop: Loop, tools: Tools, stores: Stores, adapter: Adapter
) -> None:
    run = await waiting(loop, tools, adapter)
    await loop.approve(HOME, run.id, ADMIN, share=1.0)
    await loop.promote(HOME, adapter.id, ADMIN, category=Slug("car"))
    there = await stores.assignments.get(HOME, Task.ANSWER, Slug("car"))
    assert there.champion is not None
    assert await loop.rollback(HOME, Task.ANSWER, ADMIN, category=Slug("car")) == adapter.id
    assert (await loop.log.run(HOME, run.id)).state is State.CHAMPION
    assert (await serving(stores))[0] == adapter.id


async def test_with_nothing_in_service_there_is_nothing_to_take_back(loop: Loop) -> None:
    with pytest.raises(UsageError, match="nothing to take back"):
        await loop.rollback(HOME, Task.ANSWER, ADMIN)


async def test_its_pattern_is_done_when_it_serves_all(loop: Loop, tools: Tools, adapter: Adapter) -> None:
    facts = Facts(
        task=Task.ANSWER,
        category=None,
        medoid=EpisodeId("e1"),
        action=Action.FINE_TUNE_ANSWERS,
        met=(),
        remarks=9,
        members=3,
    )
    stable = Event(id=new_id(), pattern="p1", at=tools.clock(), state=PatternState.STABLE, facts=facts)
    await tools.patterns.add(HOME, [stable])
    run = await waiting(loop, tools, adapter, pattern="p1")
    await loop.approve(HOME, run.id, ADMIN)
    assert (await tools.patterns.standing(HOME))["p1"].state is PatternState.STABLE
    await loop.promote(HOME, adapter.id, ADMIN)
    for _ in range(2):
        await loop.watch(HOME)
        assert (await tools.patterns.standing(HOME))["p1"].state is PatternState.DONE


async def test_what_an_admin_declined_is_in_the_audit_trail(
    loop: Loop, tools: Tools, adapter: Adapter
) -> None:
    run = await waiting(loop, tools, adapter)
    await loop.decline(HOME, run.id, ADMIN)
    last = (await tools.registry.events(HOME, adapter.id))[-1]
    assert (last.act, last.member) == (Act.REFUSED, ADMIN)
