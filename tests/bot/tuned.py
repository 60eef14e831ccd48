"""Adapters that were examined, and runs that wait for an admin, without anything being trained."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from agent.contracts import LOCAL_GUILD
from agent.ids import new_id
from agent.runtime import Stores
from agent.serving.served import Task
from tests.tuning.evaluation.reports import report, routing_arm
from tests.tuning.registry.adapters import a_file, an_adapter
from tuning.evaluation.results import Arm
from tuning.loop.log import RunLog
from tuning.loop.plan import Plan
from tuning.loop.run import Move, Run, Why
from tuning.loop.state import State
from tuning.loop.tools import reports_folder
from tuning.pictures import Panel, Picture, Series, png_of
from tuning.registry.adapter import Adapter
from tuning.registry.store import Registry
from tuning.runs.bases import find_base

_HITS: Final = "1" * 40
_MISSES: Final = "10" * 20
_ARMS: Final = {
    Arm.FUSION_CHALLENGER: routing_arm(Arm.FUSION_CHALLENGER, _HITS),
    Arm.FUSION: routing_arm(Arm.FUSION, _MISSES),
    Arm.CHALLENGER: routing_arm(Arm.CHALLENGER, _HITS),
    Arm.UNTUNED: routing_arm(Arm.UNTUNED, _MISSES),
}


async def an_examined(stores: Stores, **changes: Any) -> Adapter:
    """An adapter of the terminal's guild in the registry, with its report, its card and a picture."""
    weights = new_id().encode()
    base = await find_base(stores.settings)
    adapter = an_adapter(weights, guild=LOCAL_GUILD, base_digest=base.digest, **changes)
    data_dir = stores.settings.data_dir
    await Registry(stores.database, data_dir).add(adapter, a_file(data_dir / "made", weights))
    folder = reports_folder(data_dir, LOCAL_GUILD)
    folder.mkdir(parents=True, exist_ok=True)
    found = replace(report(Task.ROUTE, _ARMS, serving=Arm.FUSION), challenger=adapter.id)
    (folder / f"{adapter.id}.json").write_text(found.to_json())
    (folder / f"{adapter.id}.md").write_text("# Adapter")
    panel = Panel(title="right", names=("before", "now"), series=(Series(label="right", values=(1.0, 2.0)),))
    (folder / f"{adapter.id}.png").write_bytes(png_of(Picture(title="Report", panels=(panel,))))
    return adapter


async def a_waiting_run(stores: Stores, plan: Plan | None = None) -> Run:
    """A run whose adapter passed the gate and waits for an admin."""
    adapter = await an_examined(stores)
    log, now = RunLog(stores.database), stores.clock()
    run = await log.ask(LOCAL_GUILD, Task.ROUTE, now, plan or Plan(), why=Why.HAND)
    facts = {
        "adapter": adapter.id,
        "digest": adapter.digest,
        "base_digest": adapter.base_digest,
        "dataset": adapter.dataset,
        "labels": 120,
    }
    for state in list(State)[1 : list(State).index(State.APPROVAL) + 1]:
        run = await log.move(run, Move(to=state, facts=facts), now)
    return run
