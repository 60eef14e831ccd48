"""`/tuning`: what admins are shown and asked, what their buttons do, and the schedule."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

import pytest
import pytest_asyncio
from sqlalchemy import delete

from agent.contracts import LOCAL_GUILD, Category, GuildId, MemberId, Slug
from agent.database import tables
from agent.serving.served import Task
from bot.cogs.tuning import Tuning
from tests.bot.discord.admins import said, the_admin
from tests.bot.discord.conftest import Stage
from tests.bot.tuned import a_waiting_run, an_examined
from tests.discord.errors import DiscordError
from tests.discord.model import Message
from tuning.loop.loop import Steps
from tuning.loop.plan import Plan
from tuning.loop.run import Move, Run
from tuning.loop.state import State
from tuning.registry.adapter import Adapter
from tuning.runs.contracts import Progress

pytestmark = pytest.mark.asyncio(loop_scope="session")

_TABLES: Final = (
    tables.tuning_events,
    tables.tuning_plans,
    tables.serving,
    tables.adapter_events,
    tables.adapters,
)


class OnPaper(Steps):
    """Trains in three steps, each when it is let, and refuses what comes of it."""

    def __init__(self) -> None:
        self.let = asyncio.Semaphore(0)
        self.stopped = False

    async def take(self, run: Run, tell: Callable[[Progress], None]) -> Move | None:
        if run.state is State.ASKED:
            return Move(to=State.DATASET, facts={"dataset": "d" * 64, "labels": 40})
        if run.state is State.DATASET:
            return Move(to=State.TRAINING)
        try:
            for step in (1, 2, 3):
                tell(Progress(step=step, steps=3, loss=0.5, validation=0.25, seconds_left=120.0))
                await self.let.acquire()
        except asyncio.CancelledError:
            self.stopped = True
            raise
        return Move(to=State.REFUSED, note="It is *no* better.")

    async def obstacle(self, run: Run) -> str:
        return ""

    async def clean(self, run: Run) -> None: ...

    async def settle(self, run: Run) -> None: ...

    async def serve(self, run: Run, member: MemberId | None, share: float) -> Move:
        raise AssertionError

    async def decline(self, run: Run, member: MemberId) -> None:
        raise AssertionError

    async def adapter(self, guild: GuildId, ending: str) -> Adapter:
        raise AssertionError

    async def promote(self, adapter: Adapter, member: MemberId, share: float, category: Slug | None) -> None:
        raise AssertionError

    async def take_back(
        self, guild: GuildId, task: Task, member: MemberId | None, category: Slug | None
    ) -> str:
        raise AssertionError


@pytest_asyncio.fixture(loop_scope="session")
async def tuned(stage: Stage) -> AsyncIterator[Stage]:
    """The bot, with `#general` for what admins are told; nothing of tuning is left afterwards."""
    channel = stage.loopback.channel("general")
    await stage.bot.state.change_config(
        LOCAL_GUILD,
        lambda config: config.with_alerts(channel.id),
        by=MemberId("1"),
        action="anomalies tell",
        detail={},
    )
    yield stage
    await stage.stop()
    async with stage.installation.stores.database.write() as connection:
        for table in _TABLES:
            await connection.execute(delete(table))
        await connection.execute(delete(tables.bot_values).where(tables.bot_values.c.name.like("tuning of%")))
    for task in Task:
        stage.installation.stores.assignments.forget(LOCAL_GUILD, task)
    stage.installation.stores.assignments.forget(LOCAL_GUILD, Task.ANSWER, Slug("pool"))


def cog_of(stage: Stage) -> Tuning:
    cog = stage.bot.get_cog(Tuning.__name__)
    assert isinstance(cog, Tuning)
    return cog


async def the_question(stage: Stage) -> Message:
    """The message that asks the admins, once the schedule looked."""
    guild = stage.bot.get_guild(stage.loopback.guild.id)
    assert guild is not None
    await cog_of(stage).look(guild)

    def asked() -> Message | None:
        messages = list(stage.loopback.channel("general").messages)
        return next((each for each in reversed(messages) if "passed the gate" in each.content), None)

    return await stage.loopback.wait.until(asked, 20, "the question")


async def test_status_says_who_serves_and_what_the_plan_allows(tuned: Stage) -> None:
    admin = await the_admin(tuned)
    words = await said(tuned, admin, "tuning status")
    assert "**the choice of topics**: the model as it is" in words
    assert "By itself it works from 1:00 to 6:00. In seven days: 0 of 3 runs, 0 of 240 minutes." in words
    assert "Nothing was trained yet." in words


async def test_it_speaks_the_admins_language(tuned: Stage) -> None:
    admin = await the_admin(tuned, locale="es-ES")
    assert "**las respuestas**: el modelo tal cual" in await said(tuned, admin, "tuning status")


async def test_a_run_by_hand_is_shown_as_it_goes_and_says_how_it_ended(
    tuned: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    cog, steps = cog_of(tuned), OnPaper()
    monkeypatch.setattr(cog.loop, "_steps", steps)
    admin = await the_admin(tuned)
    shown = await tuned.loopback.wait.answered(await admin.slash("tuning run", task=Task.ROUTE))
    assert not shown.is_ephemeral
    await tuned.loopback.wait.until(lambda: "step 1 of 3" in shown.content or None, 20, "the first step")
    assert "held out 0.250 · 2 min left" in shown.content
    assert "step 1 of 3" in await said(tuned, admin, "tuning status")
    busy = await said(tuned, admin, "tuning run", task=Task.ANSWER)
    assert "is at work" in busy

    steps.let.release()
    steps.let.release()
    await tuned.loopback.wait.until(lambda: "step 3 of 3" in shown.content or None, 20, "the last step")
    steps.let.release()
    await tuned.loopback.wait.until(lambda: "refused" in shown.content or None, 20, "the end")
    assert r"It is \*no\* better." in shown.content
    assert not shown.components

    async def audited() -> bool:
        actions = [each.action for each in await tuned.bot.state.changes(LOCAL_GUILD)]
        return actions[:2] == ["tuning refused", "tuning run"]

    await tuned.until(audited)


async def test_a_run_is_stopped_by_its_button(tuned: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = OnPaper()
    monkeypatch.setattr(cog_of(tuned).loop, "_steps", steps)
    admin = await the_admin(tuned)
    shown = await tuned.loopback.wait.answered(await admin.slash("tuning run", task=Task.ROUTE))
    await tuned.loopback.wait.until(lambda: "step 1" in shown.content or None, 20, "the first step")
    pressed = await admin.clicks(shown, "Stop")
    assert "What served goes on serving" in (await tuned.loopback.wait.answered(pressed)).content
    await tuned.until(lambda: steps.stopped)
    assert "cancelled" in shown.content


async def test_admins_are_asked_once_with_the_report_and_let_it_serve_after_a_restart(tuned: Stage) -> None:
    run = await a_waiting_run(tuned.installation.stores)
    asked = await the_question(tuned)
    assert "✅ better than what serves: 100.0% against 50.0%" in asked.content
    assert {file.filename.rpartition(".")[2] for file in asked.attachments} == {"png", "md"}
    await tuned.stop()
    await tuned.start()
    assert (await the_question(tuned)).id == asked.id

    admin = await the_admin(tuned)
    pressed = await admin.clicks(asked, "Let it serve")
    assert "serves now" in (await tuned.loopback.wait.answered(pressed)).content
    serving = await tuned.installation.stores.assignments.get(LOCAL_GUILD, Task.ROUTE)
    assert serving.champion is not None
    assert (serving.champion.id, serving.challenger) == (run.adapter, None)
    assert f"`{run.adapter[-8:]}` serves now" in asked.content
    assert f"<@{admin.id}>" in asked.content
    assert not asked.components
    again = [each for each in await tuned.bot.state.changes(LOCAL_GUILD) if each.action == "tuning promote"]
    assert [each.member for each in again] == [str(admin.id)]


async def test_a_trial_is_tried_and_a_second_press_comes_too_late(tuned: Stage) -> None:
    run = await a_waiting_run(tuned.installation.stores)
    asked = await the_question(tuned)
    admin = await the_admin(tuned)
    first, second = await admin.clicks(asked, "Try it"), await admin.clicks(asked, "Refuse")
    assert "on trial with 20% of the questions" in (await tuned.loopback.wait.answered(first)).content
    assert "decided this already" in (await tuned.loopback.wait.answered(second)).content
    serving = await tuned.installation.stores.assignments.get(LOCAL_GUILD, Task.ROUTE)
    assert serving.challenger is not None
    assert (serving.challenger.id, serving.share, serving.champion) == (run.adapter, 0.2, None)


async def test_who_may_not_administer_decides_nothing(tuned: Stage) -> None:
    run = await a_waiting_run(tuned.installation.stores)
    asked = await the_question(tuned)
    pressed = await tuned.loopback.member("ana").clicks(asked, "Let it serve")
    assert "may" in (await tuned.loopback.wait.answered(pressed)).content
    assert (await cog_of(tuned).loop.log.run(LOCAL_GUILD, run.id)).state is State.APPROVAL
    with pytest.raises((LookupError, DiscordError)):
        await tuned.loopback.member("ana").slash("tuning status")


async def test_an_adapter_serves_the_answers_about_one_topic(tuned: Stage) -> None:
    stores, pool = tuned.installation.stores, Slug("pool")
    await stores.catalog.put_category(LOCAL_GUILD, Category(slug=pool, name="Pool"))
    adapter = await an_examined(stores, task=Task.ANSWER, tone="sailor")
    admin = await the_admin(tuned)
    assert "serves now" in await said(tuned, admin, "tuning promote", adapter=adapter.id, topic="Pool")
    words = await said(tuned, admin, "tuning status")
    assert f"**the answers (pool)**: adapter `{adapter.id[-8:]}`" in words
    assert "**the answers**: the model as it is" in words
    assert "what serves all other questions" in await said(
        tuned, admin, "tuning rollback", task=Task.ANSWER, topic="pool"
    )
    details = [each.detail for each in await tuned.bot.state.changes(LOCAL_GUILD)][:2]
    assert [each["topic"] for each in details] == [pool, pool]
    assert "There is no topic" in await said(tuned, admin, "tuning run", task=Task.ANSWER, topic="attic")
    assert "one adapter" in await said(tuned, admin, "tuning run", task=Task.ROUTE, topic="pool")


async def test_without_a_trial_in_the_plan_none_is_offered(tuned: Stage) -> None:
    await a_waiting_run(tuned.installation.stores, Plan(share=0.0))
    labels = {
        button["label"] for row in (await the_question(tuned)).components for button in row["components"]
    }
    assert labels == {"Let it serve", "Refuse"}


async def test_what_was_decided_in_the_terminal_is_told_too(tuned: Stage) -> None:
    run = await a_waiting_run(tuned.installation.stores)
    asked = await the_question(tuned)
    log = cog_of(tuned).loop.log
    await log.move(run, Move(to=State.REFUSED, note="An admin declined it."), tuned.bot.now())
    guild = tuned.bot.get_guild(tuned.loopback.guild.id)
    assert guild is not None
    await cog_of(tuned).look(guild)
    assert "An admin declined it." in asked.content
    assert not asked.components


async def test_an_adapter_is_promoted_and_rolled_back_by_command(tuned: Stage) -> None:
    adapter = await an_examined(tuned.installation.stores)
    admin = await the_admin(tuned)
    report_ = await tuned.loopback.wait.answered(await admin.slash("tuning report"))
    assert "The gate lets it pass." in report_.content
    assert len(report_.attachments) == 2
    assert "on trial with 30%" in await said(
        tuned, admin, "tuning promote", adapter=adapter.id[-8:], share=30
    )
    assert "is on trial with 30% of the questions" in await said(tuned, admin, "tuning status")
    assert "serves now" in await said(tuned, admin, "tuning promote", adapter=adapter.id[-8:])
    assert f"adapter `{adapter.id[-8:]}`, since" in await said(tuned, admin, "tuning status")
    assert "the model as it is" in await said(tuned, admin, "tuning rollback", task=Task.ROUTE)
    assert "serves already" in await said(tuned, admin, "tuning rollback", task=Task.ROUTE)
    offered = await admin.types("tuning report", "adapter", adapter.id[-8:])
    assert list(offered.values()) == [adapter.id]


async def test_the_plan_is_changed_in_what_is_given(tuned: Stage) -> None:
    admin = await the_admin(tuned)
    words = await said(tuned, admin, "tuning schedule", begin=23, end=7, approval=False, trial=0)
    assert "from 23:00 to 7:00" in words
    assert "serves without asking. There is no trial before that." in words
    assert "0 of 9 minutes" in await said(tuned, admin, "tuning budget", minutes=9)
    plan = await cog_of(tuned).loop.plans.get(LOCAL_GUILD)
    assert (plan.quiet_from, plan.quiet_to, plan.approval, plan.share) == (23, 7, False, 0.0)
    assert (plan.minutes_a_week, plan.runs_a_week) == (9, 3)
    assert "0 of 3 runs" in await said(tuned, admin, "tuning budget")
