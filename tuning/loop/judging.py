"""From an adapter to a verdict: what it is worth, measured through the engine that will serve it."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from pathlib import Path
from typing import Final

from agent.contracts import GuildId
from agent.errors import ModelMissingError
from agent.files import write_atomically
from agent.serving.opening import open_engine
from agent.serving.served import ServedAdapter, adapter_file
from tuning.datasets.files import read_instructions
from tuning.evaluation.evaluate import evaluate
from tuning.evaluation.gate import decide
from tuning.evaluation.report import markdown, picture
from tuning.evaluation.results import Report, Verdict, read_report
from tuning.loop.run import Move, Run
from tuning.loop.serving import serve
from tuning.loop.state import State
from tuning.loop.tools import Tools, category_now, reports_folder, same_base
from tuning.pictures import PictureError, draw
from tuning.registry.adapter import Adapter, served
from tuning.registry.card import model_card
from tuning.registry.events import Act
from tuning.registry.provenance import code_version, packages_digest
from tuning.runs.bases import BaseModel
from tuning.runs.following import Curves, curves

_log = logging.getLogger(__name__)

_OF_ADAPTER: Final = ("exact_nats", "served_nats", "tolerance", "size")
"""Figures that an adapter has fields for; the others are its metrics."""


async def evaluate_it(tools: Tools, run: Run) -> Move:
    """EVALUATING: challenger and champion answer the held-out questions; the challenger is registered."""
    base = await same_base(tools, run)
    version = await tools.datasets.get(run.guild, run.dataset)
    taught = await asyncio.to_thread(read_instructions, run.aim.instructions)
    champion = await serving_now(tools, run)
    challenger = ServedAdapter(id=run.adapter, digest=run.digest, base_digest=run.base_digest)
    engine = await open_engine(tools.settings)
    try:
        report = await evaluate(
            tools.stores,
            tools.settings,
            run.guild,
            version,
            engine,
            challenger=challenger,
            champion=served(champion) if champion else None,
            instructions=taught,
            folder=tools.folder(run),
        )
    finally:
        await engine.close()
    path = report_file(tools.data_dir, run.guild, run.adapter)
    await asyncio.to_thread(write_atomically, path, report.to_json().encode())
    adapter = adapter_of(run, base, report, tools.clock())
    await tools.registry.add(adapter, tools.data_dir / adapter_file(run.digest))
    return Move(to=State.GATED)


async def pass_gate(tools: Tools, run: Run) -> Move:
    """GATED: the report becomes a verdict, and pages that people read."""
    report = await asyncio.to_thread(_read, report_file(tools.data_dir, run.guild, run.adapter))
    adapter = await tools.registry.get(run.guild, run.adapter)
    verdict = decide(report)
    place = reports_folder(tools.data_dir, run.guild) / adapter.id
    card = model_card(adapter, markdown(report, verdict))
    await write_pages(place, card, report, curves(tools.folder(run)))
    if not verdict.promoted:
        note = _said(verdict)
        await tools.registry.log(
            run.guild, adapter.id, Act.REFUSED, at=tools.clock(), detail={"because": note}
        )
        return Move(to=State.REFUSED, note=note)
    if run.plan.approval:
        return Move(to=State.APPROVAL, note="It passed the gate and waits for an admin.")
    return await serve(tools, run, None, run.plan.share)


async def serving_now(tools: Tools, run: Run) -> Adapter | None:
    """What answers the questions that the run is for."""
    own = await tools.promotion.champion(run.guild, run.task, await category_now(tools, run))
    return own or await tools.promotion.champion(run.guild, run.task)


def report_file(data_dir: Path, guild: GuildId, adapter: str) -> Path:
    return reports_folder(data_dir, guild) / f"{adapter}.json"


def adapter_of(run: Run, base: BaseModel, report: Report, now: datetime) -> Adapter:
    """What is written down of what a run made."""
    return Adapter(
        id=run.adapter,
        guild=run.guild,
        task=run.task,
        category=run.aim.category,
        tone=run.aim.tone,
        instructions=run.aim.instructions.digest if run.aim.instructions else "",
        made_at=now,
        recipe=run.recipe,
        dataset=run.dataset,
        base_digest=run.base_digest,
        base_name=base.name,
        licence=base.licence,
        code=code_version(),
        packages=packages_digest(),
        digest=run.digest,
        size=int(run.figures["size"]),
        metrics={name: value for name, value in run.figures.items() if name not in _OF_ADAPTER},
        exact_nats=run.figures["exact_nats"],
        served_nats=run.figures["served_nats"],
        tolerance=run.figures["tolerance"],
        trust=report.trust,
        parent=report.champion,
    )


async def write_pages(place: Path, card: str, report: Report, trained: Curves) -> None:
    """Write the model card with the report in it, and its picture: `place` with .md and .png after it.

    A picture that cannot be drawn is left out. Raises `StoreError`.
    """
    await asyncio.to_thread(write_atomically, place.with_name(f"{place.name}.md"), card.encode())
    try:
        drawn = await draw(picture(report, trained))
    except PictureError as error:
        _log.warning("the report of %s has no picture: %s", place.name, error)
        return
    await asyncio.to_thread(write_atomically, place.with_name(f"{place.name}.png"), drawn)


def _read(path: Path) -> Report:
    try:
        return read_report(path.read_bytes())
    except OSError as error:
        raise ModelMissingError(
            f"The report {path} cannot be read: {error.strerror}.", "Run it again."
        ) from error


def _said(verdict: Verdict) -> str:
    return "; ".join(check.detail for check in verdict.failed)
