"""A model of its own in place of an adapter: trained, merged into its base, proven, examined, given out.

It is for methods that no adapter can hold, and for engines that know no adapters. Nothing of it serves until
an owner chooses it as their chat model: it is in no registry, and the loop lets adapters alone serve. What no
file can hold is trained all the same, so that its losses can be compared.

The steps are those of a run, but the run's folder is all that is known of it. There is one such folder for a
guild: the same call goes on with what is in it, another one begins anew. It goes with everything that members
said in it as soon as it can be of no more use.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agent.contracts import GuildId
from agent.errors import LorekeeperError, ModelBrokenError, StoreError, UsageError
from agent.files import write_atomically, write_error
from agent.models.choosing import generates
from agent.routing.router import FusedRouter
from agent.serving.served import ServedAdapter, Task
from tuning.datasets.files import read_instructions
from tuning.datasets.item import Split
from tuning.datasets.version import DatasetVersion
from tuning.evaluation.beside import BesideEngine, open_beside
from tuning.evaluation.evaluate import evaluate, routing_embedders
from tuning.evaluation.gate import decide
from tuning.evaluation.report import markdown
from tuning.evaluation.results import Report, Verdict
from tuning.export.base import read_base
from tuning.loop.aim import EVERYTHING, Aim, require_aim
from tuning.loop.alone import alone_at_work
from tuning.loop.judging import adapter_of, serving_now, write_pages
from tuning.loop.loop import Listener, Silent
from tuning.loop.making import figures_of_proof, make_dataset, train_it, write_job_of
from tuning.loop.plan import Plan
from tuning.loop.run import Move, Run, Why
from tuning.loop.state import State
from tuning.loop.steps import GuildSteps
from tuning.loop.target import hand_out, parted, require_space, require_target
from tuning.loop.tools import Tools, tools_of
from tuning.recipes import Recipe, Serving
from tuning.registry.adapter import served
from tuning.registry.card import model_card
from tuning.runs.bases import BaseModel, find_base
from tuning.runs.contracts import Exported
from tuning.runs.errors import RunBusyError, TrainingError, UnprovenError
from tuning.runs.exporting import export
from tuning.runs.following import curves
from tuning.runs.proving import prove_exactly, prove_served
from tuning.runs.supervisor import require_installed

if TYPE_CHECKING:
    from agent.runtime import Stores

_RUN: Final = "model"
"""In place of a run's id."""
_BEGUN: Final = "begun.json"
"""In its folder: what is made there, and of which dataset version."""
_TRUSTED_BY: Final = (Split.VALIDATION, Split.TEST)
"""Not the golden set, which nothing is chosen by."""
_PATIENCE: Final = 5.0
"""Seconds. A bot looks each minute, for a moment, whether there is work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    guild: GuildId
    task: Task
    plan: Plan
    """Its recipe, its base, and how many labels it asks for."""
    aim: Aim = EVERYTHING
    target: Path
    """The GGUF file to write. Its report is put beside it, with .md, .json and .png after the whole name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TunedModel:
    """What came of it."""

    task: Task
    recipe: Recipe
    dataset: str
    """The version's id."""
    labels: int
    base: str
    before: float
    """Nats per learnt token of the held-out rows before the first step, when what is new is there already: a
    random prefix, a head start ..."""
    after: float
    """... and the lowest after it, whose weights are kept; not a number where it came to none."""
    path: Path | None = None
    """None where no file can hold what was trained: `Recipe.why_not_served` says why."""
    digest: str = ""
    """sha256 of the file, hex."""
    exact_nats: float | None = None
    served_nats: float | None = None
    report: Report | None = None
    verdict: Verdict | None = None
    introduced: int = 0
    """Labelled questions that it was not trained on by which the router knows how far to trust it."""
    would_write: bool = False
    """Whether it would word answers once it serves, though neither it was trained to nor its base does."""


async def make_model(stores: Stores, wanted: Wanted, listener: Listener | None = None) -> TunedModel:
    """Train and write a model, alone on the data folder. Cancelled, it stops with a checkpoint.

    Raises `UsageError` for what cannot be trained or written there, `StoreError`, `RunBusyError`,
    `NoRoomError`, `TrainingError`, `UnprovenError`, `ModelError`, `ConfigurationError`.
    """
    require_aim(wanted.task, wanted.aim)
    tools = tools_of(stores)
    base = await find_base(tools.settings, wanted.plan.base)
    if wanted.plan.recipe.serving is not Serving.REFUSED:
        await asyncio.to_thread(require_target, wanted.target)
        require_space(wanted.target, await asyncio.to_thread(read_base, base.path))
    require_installed()
    async with alone_at_work(tools.data_dir, patience=_PATIENCE) as alone:
        if not alone:
            raise RunBusyError("Another process trains on this data folder.", "Wait for its end, or stop it.")
        making = _Making(tools, wanted, base, listener or Silent())
        try:
            model = await making.make()
        except LorekeeperError as error:
            if making.is_over(error):
                await asyncio.to_thread(_remove, making.folder)
            raise
        await asyncio.to_thread(_remove, making.folder)
        return model


class _Making:
    """One call's way from labels to a model."""

    def __init__(self, tools: Tools, wanted: Wanted, base: BaseModel, listener: Listener) -> None:
        self._tools, self._wanted, self._base, self._listener = tools, wanted, base, listener
        now = tools.clock()
        self._run = Run(
            id=_RUN,
            guild=wanted.guild,
            state=State.ASKED,
            asked_at=now,
            changed_at=now,
            task=wanted.task,
            why=Why.HAND,
            aim=wanted.aim,
            plan=wanted.plan,
            base_digest=base.digest,
            adapter=wanted.target.stem,
        )
        self.folder = tools.folder(self._run)

    def is_over(self, error: LorekeeperError) -> bool:
        """Whether the same command would begin anew, or come to the same again."""
        begun = (self.folder / _BEGUN).is_file()
        return not begun or isinstance(error, _ForgottenError | UnprovenError | ModelBrokenError)

    async def make(self) -> TunedModel:
        await self._begin()
        trained = await self._trained()
        self._run = replace(self._run, **trained.facts)
        model = self._model()
        if model.recipe.serving is Serving.REFUSED:
            return model
        await self._move(trained)
        with parted(self._wanted.target) as part:
            return await self._examined(model, part)

    async def _begin(self) -> None:
        """Go on where another call stood, or write down what to train."""
        key = _key(self._run, self._base)
        begun = await asyncio.to_thread(_begun, self.folder)
        if begun.get("key") == key:
            facts = {"dataset": begun["dataset"], "labels": begun["labels"]}
            await self._move(Move(to=State.TRAINING, facts=facts))
            if not await self._obstacle():
                return
        await asyncio.to_thread(_remove, self.folder)
        self._run = replace(self._run, state=State.ASKED, dataset="")
        await self._move(await make_dataset(self._tools, self._run))
        await self._move(await write_job_of(self._tools, self._run, merge=True))
        facts = {"key": key, "dataset": self._run.dataset, "labels": self._run.labels}
        await asyncio.to_thread(write_atomically, self.folder / _BEGUN, json.dumps(facts).encode())

    async def _trained(self) -> Move:
        tell = self._listener
        move = await train_it(self._tools, self._run, lambda at: tell.progressed(self._run, at))
        await self._require_wanted()
        if move is None:
            raise TrainingError("The training was stopped.", "The same command goes on.")
        return move

    def _model(self) -> TunedModel:
        trained, run = curves(self.folder), self._run
        return TunedModel(
            task=run.task,
            recipe=run.recipe,
            dataset=run.dataset,
            labels=run.labels,
            base=self._base.name,
            before=next(iter(trained.validation), math.nan),
            after=run.figures.get("validation", math.nan),
        )

    async def _examined(self, model: TunedModel, part: Path) -> TunedModel:
        """EXPORTING and EVALUATING: the model is written, proven and examined, then put where it belongs."""
        base, folder = self._base, self.folder
        exported = await export(folder, base, part)
        exactly = await prove_exactly(folder, base, exported)
        settings, name = self._tools.settings, self._wanted.target.stem
        engine = await open_beside(settings, base, exported.path, exported.digest, name)
        try:
            as_served = await prove_served(folder, engine.model)
            figures = {**self._run.figures, **figures_of_proof(exported, exactly, as_served)}
            await self._move(Move(to=State.EVALUATING, facts={"digest": exported.digest, "figures": figures}))
            report = await self._report(engine, exported)
            verdict = decide(report)
            introduced = await self._introduced(engine) if verdict.promoted else 0
            would_write = self._would_write(engine)
        finally:
            await engine.close()
        await self._require_wanted()
        await self._write_report(report, verdict)
        await asyncio.to_thread(hand_out, part, self._wanted.target)
        return replace(
            model,
            path=self._wanted.target,
            digest=exported.digest,
            exact_nats=exactly.apart,
            served_nats=as_served.apart,
            report=report,
            verdict=verdict,
            introduced=introduced,
            would_write=would_write,
        )

    async def _report(self, engine: BesideEngine, exported: Exported) -> Report:
        run, tools = self._run, self._tools
        champion = await serving_now(tools, run)
        name = engine.model.info.name
        return await evaluate(
            tools.stores,
            tools.settings,
            run.guild,
            await self._version(),
            engine,
            challenger=ServedAdapter(id=name, digest=exported.digest, base_digest=run.base_digest),
            # One on another model does not serve beside this base.
            champion=served(champion) if champion and champion.base_digest == run.base_digest else None,
            instructions=await asyncio.to_thread(read_instructions, run.aim.instructions),
            folder=self.folder,
        )

    async def _introduced(self, engine: BesideEngine) -> int:
        """Let the router know what the model says of questions that it was not trained on: by these it trusts
        it from when it serves. An adapter brings its trust along, a chat model must have been examined.
        """
        if self._run.task is not Task.ROUTE:
            return 0
        version, tools = await self._version(), self._tools
        unseen = {each.label.question for split in _TRUSTED_BY for each in version.of(split)}
        async with routing_embedders(tools.settings) as (first, second):
            router = FusedRouter(
                catalog=tools.stores.catalog,
                embedder=first,
                second=second,
                chat=engine.model,
                settings=tools.settings,
            )
            try:
                return await router.study(self._run.guild, len(unseen), among=unseen)
            finally:
                await router.close()

    def _would_write(self, engine: BesideEngine) -> bool:
        base, model = (generates(self._tools.settings, each.info) for each in (engine.base, engine.model))
        return self._run.task is Task.ROUTE and model and not base

    async def _write_report(self, report: Report, verdict: Verdict) -> None:
        """As the loop writes it, beside the model."""
        target = self._wanted.target
        written = adapter_of(self._run, self._base, report, self._tools.clock())
        card = model_card(written, markdown(report, verdict), kind="model")
        place = target.with_name(f"{target.name}.json")
        await asyncio.to_thread(write_atomically, place, report.to_json().encode())
        await write_pages(target, card, report, curves(self.folder))

    async def _version(self) -> DatasetVersion:
        return await self._tools.datasets.get(self._run.guild, self._run.dataset)

    async def _move(self, move: Move) -> None:
        if move.to is State.REFUSED:
            raise UsageError(move.note, "`lorekeeper labels list` shows what was learnt so far.")
        self._run = replace(self._run, state=move.to, **move.facts)
        await self._listener.moved(self._run)

    async def _obstacle(self) -> str:
        return await GuildSteps(self._tools).obstacle(self._run)

    async def _require_wanted(self) -> None:
        if obstacle := await self._obstacle():
            raise _ForgottenError(obstacle, "Give the same command again.")


class _ForgottenError(TrainingError):
    """Somebody whose words were learnt is not to be learnt from any longer."""


def _key(run: Run, base: BaseModel) -> str:
    """What is made, in a few digits. Where it is put, and by how many labels, changes nothing of it."""
    taught = run.aim.instructions.digest if run.aim.instructions else ""
    said = "\n".join((run.task, run.recipe.digest, base.digest, base.source, taught))
    return hashlib.sha256(said.encode()).hexdigest()


def _begun(folder: Path) -> dict[str, Any]:
    """What a call before wrote down; empty where there was none."""
    path = folder / _BEGUN
    try:
        return dict(json.loads(path.read_bytes())) if path.is_file() else {}
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}.") from error


def _remove(folder: Path) -> None:
    try:
        if folder.is_dir():
            shutil.rmtree(folder)
    except OSError as error:
        raise write_error(folder, error) from error
