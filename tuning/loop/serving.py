"""Putting an adapter into service and taking it out again, and looking at it while it serves."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from agent.contracts import GuildId, MemberId, Slug
from agent.errors import UsageError
from agent.language.counts import Count
from agent.serving.served import Assignment, Task
from tuning.loop import canary
from tuning.loop.canary import WATCHED, Finding, Satisfaction, is_worse, judge_canary
from tuning.loop.run import Move, Run
from tuning.loop.state import State
from tuning.loop.tools import Tools, category_now, same_base
from tuning.patterns.log import State as PatternState
from tuning.registry.adapter import Adapter
from tuning.registry.events import champions

_GONE: Final = Move(to=State.ROLLED_BACK, note="Another adapter was put in its place.")


async def serve(tools: Tools, run: Run, member: MemberId | None, share: float) -> Move:
    """Let the run's adapter serve; changes nothing where it does already."""
    await same_base(tools, run)
    category, baseline = await category_now(tools, run), run.baseline
    if baseline is None:
        before = await canary.before(
            tools.stores.journal, run.guild, run.task, run.digest, tools.clock(), category
        )
        baseline = canary.baseline_of(before.judged)
    tried = 0 < share < 1
    now = await tools.stores.assignments.get(run.guild, run.task, category)
    if not _serves(now, run.adapter, share if tried else 1.0):
        await tools.promotion.promote(
            run.guild,
            run.task,
            run.adapter,
            member,
            share=share if tried else 1.0,
            category=category,
            now=tools.clock(),
        )
    return Move(to=State.CANARY if tried else State.CHAMPION, facts={"baseline": baseline})


async def go_on(tools: Tools, run: Run) -> Move | None:
    """APPROVAL: nothing, unless an admin agreed and this was killed before it could write it down."""
    now = await _assigned(tools, run)
    for share in (1.0, now.share):
        if share > 0 and _serves(now, run.adapter, share):
            return await serve(tools, run, None, share)
    return None


async def look_at_canary(tools: Tools, run: Run) -> Move | None:
    """CANARY: promote it, take it back, or wait."""
    now = await _assigned(tools, run)
    if _serves(now, run.adapter, 1.0):
        return Move(to=State.CHAMPION)
    if now.challenger is None or now.challenger.id != run.adapter:
        return _GONE
    said = await _satisfaction(tools, run)
    finding = judge_canary(said, _baseline(run), run.plan, tools.clock() - run.changed_at)
    if finding is Finding.WAIT:
        return None
    if finding is Finding.WORSE:
        category = await category_now(tools, run)
        await tools.promotion.withdraw(run.guild, run.task, None, category=category, now=tools.clock())
        return _worse(said, run)
    return await serve(tools, run, None, 1.0)


async def look_at_champion(tools: Tools, run: Run) -> Move | None:
    """CHAMPION: its pattern is done; take it back when members are less content than before."""
    await _settle(tools, run)
    now, category = await _assigned(tools, run), await category_now(tools, run)
    if now.champion is None or now.champion.id != run.adapter:
        renamed = await tools.stores.catalog.former_slugs(run.guild)
        stack = champions(await tools.registry.events(run.guild), run.task, category, renamed)
        return None if run.adapter in stack else _GONE
    if now.challenger is not None or tools.clock() - run.changed_at > WATCHED:
        return None
    said = await _satisfaction(tools, run)
    if not is_worse(said, _baseline(run)):
        return None
    await tools.promotion.rollback(run.guild, run.task, None, category=category, now=tools.clock())
    return _worse(said, run)


async def promote(
    tools: Tools, adapter: Adapter, member: MemberId, share: float, category: Slug | None
) -> None:
    renamed = await tools.stores.catalog.former_slugs(adapter.guild)
    await tools.promotion.promote(
        adapter.guild,
        adapter.task,
        adapter.id,
        member,
        share=share,
        category=renamed.get(category, category) if category else None,
        now=tools.clock(),
    )


async def take_back(
    tools: Tools, guild: GuildId, task: Task, member: MemberId | None, category: Slug | None
) -> str:
    now = await tools.stores.assignments.get(guild, task, category)
    taken = now.challenger or now.champion
    if taken is None:
        raise UsageError(f"There is nothing to take back: the model serves {task} as it is.")
    await tools.promotion.rollback(guild, task, member, category=category, now=tools.clock())
    return taken.id


async def _assigned(tools: Tools, run: Run) -> Assignment:
    return await tools.stores.assignments.get(run.guild, run.task, await category_now(tools, run))


def _serves(now: Assignment, adapter: str, share: float) -> bool:
    """Whether it is in service as it is to be."""
    if share >= 1:
        return now.champion is not None and now.champion.id == adapter
    return now.challenger is not None and now.challenger.id == adapter and now.share == share


def _baseline(run: Run) -> float:
    return canary.baseline_of(()) if run.baseline is None else run.baseline


async def _satisfaction(tools: Tools, run: Run) -> Satisfaction:
    longest = canary.LONGEST + WATCHED + timedelta(days=1)
    start = run.changed_at - longest
    return await canary.since(tools.stores.journal, run.guild, run.task, run.digest, start)


def _worse(said: Satisfaction, run: Run) -> Move:
    note = (
        f"Members were content with {said.rate:.0%} of "
        f"{Count(len(said.judged)):# judged question|# judged questions}; "
        f"before it, with {_baseline(run):.0%} at least."
    )
    return Move(to=State.ROLLED_BACK, note=note)


async def _settle(tools: Tools, run: Run) -> None:
    """Say that its pattern is dealt with; it may be settled, or closed, already."""
    if not run.pattern:
        return
    standing = (await tools.patterns.standing(run.guild)).get(run.pattern)
    if standing is not None and not standing.over:
        await tools.patterns.settle(run.guild, run.pattern, PatternState.DONE, tools.clock())
