"""From a dataset version and an adapter to a report, through the engine that will serve the adapter.

It can be killed and begun again: what a model said is kept in the run's folder and not asked twice. It gives
way to members: no model is called while a question is answered in this process.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from agent.contracts import GuildId
from agent.models.choosing import generates
from agent.models.level import LevelEmbedder
from agent.models.library import open_embedder
from agent.models.protocol import ChatModel, Embedder
from agent.observing.metrics import REGISTRY
from agent.routing.memory import MEMORY_FILE, RoutingMemory
from agent.routing.placing import Placer
from agent.runtime import open_routing_embedder
from agent.serving.protocol import AdapterEngine
from agent.serving.served import ServedAdapter, Task, Trust
from agent.settings import Settings
from tuning.datasets.item import Split
from tuning.datasets.rows_of import rows_of
from tuning.datasets.version import DatasetVersion
from tuning.evaluation.answers import AnswerModels, AnswerOptions, evaluate_answers
from tuning.evaluation.judge import Judge, read_scores
from tuning.evaluation.kept import FILE, Kept, Pause
from tuning.evaluation.questions import answer_questions, instruction_questions, routing_questions
from tuning.evaluation.results import AnswerArm, Arm, JudgeQuality, Report, RoutingArm, arm_of
from tuning.evaluation.routing import RoutingModels, evaluate_routing
from tuning.recipes import Objective
from tuning.registry.provenance import code_version
from tuning.training.rows import Row

if TYPE_CHECKING:
    from agent.runtime import Stores

_log = logging.getLogger(__name__)

SCORES_FILE: Final = "scores.jsonl"
"""People's scores of answers, in the guild's folder of tuning: what the judge is calibrated by."""
_PATIENCE: Final = 30.0
"""Seconds. A bot that never rests must not keep its guild from learning."""
_LOOK_EVERY: Final = 0.1
_RUNNING: Final = "lorekeeper_questions_running"


async def give_way() -> None:
    """Return when no question is being answered in this process, or after half a minute."""
    until = time.monotonic() + _PATIENCE
    # A gauge tells nobody that it changed.
    while REGISTRY.get_sample_value(_RUNNING) and time.monotonic() < until:  # noqa: ASYNC110
        await asyncio.sleep(_LOOK_EVERY)


@dataclass(frozen=True, slots=True)
class _Contest:
    """Who is compared over what."""

    stores: Stores
    settings: Settings
    guild: GuildId
    version: DatasetVersion
    base: ChatModel
    challenger: ChatModel
    champion: ChatModel | None
    champion_trust: Trust | None
    instructions: Mapping[Split, Sequence[Row]]
    kept: Kept
    pause: Pause


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What a contest adds to a report."""

    serving: Arm
    routing: tuple[RoutingArm, ...] = ()
    answers: tuple[AnswerArm, ...] = ()
    judge: JudgeQuality | None = None
    left_out: int


async def evaluate(
    stores: Stores,
    settings: Settings,
    guild: GuildId,
    version: DatasetVersion,
    engine: AdapterEngine,
    *,
    challenger: ServedAdapter,
    champion: ServedAdapter | None,
    instructions: Mapping[Split, Sequence[Row]] = MappingProxyType({}),
    folder: Path,
    pause: Pause = give_way,
    seed: int = 0,
) -> Report:
    """Compare a challenger with the champion and with every baseline on the held-out questions of a version,
    and of the instructions that an adapter for answers was trained on beside it.

    `engine` is one to judge with, not the one that answers members. `folder` is the run's, in which what
    models said is kept. A champion that cannot be loaded does not serve either: the model as it is stands in
    its place. Raises `ModelError` where the challenger cannot be loaded or a model fails, `StoreError`, and
    `UsageError` for people's scores that are none.
    """
    task = version.task
    models, champion = await _loaded(engine, task, challenger, champion)
    contest = _Contest(
        stores=stores,
        settings=settings,
        guild=guild,
        version=version,
        base=engine.base,
        challenger=models[0],
        champion=models[1],
        champion_trust=champion.trust if champion else None,
        instructions=instructions,
        kept=await asyncio.to_thread(Kept, folder / FILE),
        pause=pause,
    )
    found = await (_route(contest) if task is Task.ROUTE else _answer(contest))
    info = engine.base.info
    return Report(
        guild=guild,
        task=task,
        made_at=stores.clock(),
        dataset=version.id,
        challenger=challenger.id,
        challenger_digest=challenger.digest,
        champion=champion.id if champion else "",
        champion_digest=champion.digest if champion else "",
        base=info.name,
        base_digest=engine.base_digest(),
        engine=f"{info.engine} {info.engine_version}".strip(),
        code=await asyncio.to_thread(code_version),
        seed=seed,
        serving=found.serving,
        routing=found.routing,
        answers=found.answers,
        judge=found.judge,
        left_out=found.left_out,
    )


async def _loaded(
    engine: AdapterEngine, task: Task, challenger: ServedAdapter, champion: ServedAdapter | None
) -> tuple[tuple[ChatModel, ChatModel | None], ServedAdapter | None]:
    """Load both at once; return the models and the champion, which is None where it cannot serve."""
    wanted = [each for each in (challenger, champion) if each is not None]
    problems = await engine.prepare([(each, task) for each in wanted])
    if challenger.id in problems:
        raise problems[challenger.id]
    if champion is not None and champion.id in problems:
        _log.warning("the champion %s does not serve: %s", champion.id, problems[champion.id])
        champion = None
    adapted = await engine.adapted(challenger, task)
    return (adapted, await engine.adapted(champion, task) if champion else None), champion


async def _route(contest: _Contest) -> _Found:
    categories = await contest.stores.catalog.categories(contest.guild)
    questions, gone = routing_questions(contest.version, {category.slug for category in categories})
    models = RoutingModels(
        base=contest.base,
        challenger=contest.challenger,
        champion=contest.champion,
        champion_trust=contest.champion_trust,
    )
    async with _placer(contest.settings) as placer:
        arms = await evaluate_routing(
            contest.guild,
            categories,
            questions,
            placer,
            models,
            scope_threshold=contest.settings.scope_threshold,
            kept=contest.kept,
            pause=contest.pause,
        )
    return _Found(serving=_serving_router(contest, arms), routing=arms, left_out=gone)


def _serving_router(contest: _Contest, arms: Sequence[RoutingArm]) -> Arm:
    if contest.champion is not None:
        return Arm.FUSION_CHAMPION
    untuned = arm_of(arms, Arm.FUSION_UNTUNED)
    return Arm.FUSION_UNTUNED if untuned and untuned.trust else Arm.FUSION


@asynccontextmanager
async def routing_embedders(settings: Settings) -> AsyncIterator[tuple[Embedder, Embedder | None]]:
    """Open what the router places questions with; the second is None where it would be the first again."""
    async with AsyncExitStack() as stack:
        first = await open_embedder(settings)
        stack.push_async_callback(first.close)
        second = await open_routing_embedder(settings)
        stack.push_async_callback(second.close)
        yield first, None if first.info.digest == second.info.digest else second


@asynccontextmanager
async def _placer(settings: Settings) -> AsyncIterator[Placer]:
    """Place questions as the router does, with a memory of its own that is gone afterwards."""
    async with routing_embedders(settings) as (first, second):
        with TemporaryDirectory(prefix="lorekeeper-") as folder:
            yield Placer(first, second, RoutingMemory(Path(folder) / MEMORY_FILE))


async def _answer(contest: _Contest) -> _Found:
    settings = contest.settings
    judge = Judge(contest.base, contest.kept, contest.pause)
    scores = await asyncio.to_thread(read_scores, scores_file(settings.data_dir, contest.guild))
    quality = await judge.calibrate(scores) if scores else None
    of = contest.stores, contest.guild, contest.version
    shots = await rows_of(*of, Split.TRAIN, Objective.SFT)
    async with _leveled(settings) as embedder:
        questions, gone = await answer_questions(*of, embedder)
        asked = [each for each in questions if quality or not each.needs_judge]
        asked += instruction_questions(contest.instructions)
        arms = await evaluate_answers(
            asked,
            AnswerModels(
                base=contest.base,
                challenger=contest.challenger,
                champion=contest.champion,
                shots=shots,
            ),
            options=AnswerOptions(tokens=settings.answer_tokens, threshold=settings.answer_threshold),
            embedder=embedder,
            judge=judge,
            kept=contest.kept,
            pause=contest.pause,
        )
    return _Found(
        serving=_serving_writer(contest),
        answers=arms,
        judge=replace(quality, position_bias=judge.position_bias) if quality else None,
        left_out=gone + sum(each.needs_judge and quality is None for each in questions),
    )


def scores_file(data_dir: Path, guild: GuildId) -> Path:
    """Where people's scores lie."""
    return data_dir / "tuning" / guild / SCORES_FILE


def _serving_writer(contest: _Contest) -> Arm:
    if contest.champion is not None and generates(contest.settings, contest.champion.info):
        return Arm.CHAMPION
    return Arm.UNTUNED if generates(contest.settings, contest.base.info) else Arm.EXTRACTIVE


@asynccontextmanager
async def _leveled(settings: Settings) -> AsyncIterator[Embedder]:
    """Open the embedder of the index."""
    raw = await open_embedder(settings)
    try:
        yield await LevelEmbedder.open(raw, settings.data_dir / "models")
    finally:
        await raw.close()
