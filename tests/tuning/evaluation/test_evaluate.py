"""Whole evaluations: real stores and embedders, and a tiny model with adapters of random numbers through the
embedded engine.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agent.contracts import Category, PassageId, Slug
from agent.errors import ModelError
from agent.ingest.embedding import index_spec
from agent.models.protocol import ChatMessage, Embedder, EmbedKind
from agent.models.weights import find_weights
from agent.observing.metrics import QUESTIONS_RUNNING
from agent.runtime import Stores, open_stores
from agent.serving.opening import open_engine
from agent.serving.protocol import AdapterEngine
from agent.serving.served import ServedAdapter, Task, Trust
from agent.settings import Settings
from tests.agent.knowledge.passages import NOTES, passages_of
from tests.agent.moving.house import a_source
from tests.agent.serving.adapters import damaged, put_adapter
from tests.tuning.datasets.labels import HOME, a_label
from tests.tuning.evaluation.parts import no_pause
from tests.tuning.training.tiny import write_tiny
from tuning.datasets.item import Item, Split
from tuning.datasets.version import DatasetVersion, Entry
from tuning.evaluation import evaluate as evaluating
from tuning.evaluation.beside import open_beside
from tuning.evaluation.evaluate import evaluate, give_way, scores_file
from tuning.evaluation.gate import decide
from tuning.evaluation.judge import HumanScore
from tuning.evaluation.kept import FILE
from tuning.evaluation.questions import routing_questions
from tuning.evaluation.report import markdown, picture
from tuning.evaluation.results import Arm, Report
from tuning.labels.label import Label, Polarity
from tuning.pictures import png_of
from tuning.runs.bases import BaseModel
from tuning.training.rows import Row

_TOLD = (
    ("pool", "What did the pump cost?", "The pump cost 420 euros.", "420 euros"),
    ("car", "When was the car washed?", "The car was washed on Monday.", "on Monday"),
    ("garden", "When is the hedge cut?", "The hedge is cut in June.", "in June"),
    ("kitchen", "Who sharpens the knives?", "Miller sharpens the knives.", "Miller"),
)
_WAYS = ("{}", "hi all, {}", "please, {}", "quick one: {}", "can somebody tell me, {}")
_SPLITS = (Split.TRAIN, Split.TRAIN, Split.VALIDATION, Split.TEST, Split.GOLDEN)

pytestmark = pytest.mark.asyncio(loop_scope="session")


def _version(task: Task, *labels: Label) -> DatasetVersion:
    """Each split has a question of every category."""
    items = [Item(label=label, keys=frozenset({label.group})) for label in labels]
    entries = tuple(
        Entry(item=item, split=_SPLITS[number // 4 % len(_SPLITS)]) for number, item in enumerate(items)
    )
    return DatasetVersion(id="d" * 64, task=task, salt="", entries=entries, left_out={}, by_author=False)


def _routes() -> DatasetVersion:
    labels = [
        a_label(number, category=category, question=_WAYS[number // 4].format(question.lower()))
        for number, (category, question, _, _) in enumerate(_TOLD * len(_SPLITS))
    ]
    return _version(Task.ROUTE, *labels)


def _answers() -> DatasetVersion:
    labels = [
        a_label(
            number,
            task=Task.ANSWER,
            question=_WAYS[number // 4].format(question.lower()),
            answer=answer,
            evidence=(PassageId(f"{NOTES}/{number % 4}"),),
        )
        for number, (_, question, _, answer) in enumerate(_TOLD * len(_SPLITS))
    ]
    return _version(Task.ANSWER, *[replace(label, category=None) for label in labels])


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("evaluated")
    base = folder / "tiny.gguf"
    write_tiny(find_weights("smollm2-135m", folder)[0], base, "llama")
    return Settings(data_dir=folder, chat_model=str(base), answer_tokens=16, threads=2)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stores(settings: Settings, level_embedder: Embedder) -> AsyncIterator[Stores]:
    async with open_stores(settings) as opened:
        await opened.catalog.create_guild(HOME)
        for slug, *_ in _TOLD:
            await opened.catalog.put_category(HOME, Category(slug=Slug(slug), name=slug.capitalize()))
        await opened.store.open_index(index_spec(level_embedder))
        passages = [
            replace(passage, category=Slug(told[0]))
            for passage, told in zip(passages_of(NOTES, *(each[2] for each in _TOLD)), _TOLD, strict=True)
        ]
        rows = await level_embedder.embed([passage.text for passage in passages], EmbedKind.PASSAGE)
        vectors = {passage.id: row for passage, row in zip(passages, rows, strict=True)}
        await opened.store.put_source(HOME, NOTES, passages, vectors)
        await opened.catalog.put_source(a_source(NOTES, HOME), "")
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def engine(settings: Settings) -> AsyncIterator[AdapterEngine]:
    opened = await open_engine(settings)
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
def challenger(settings: Settings) -> ServedAdapter:
    return put_adapter(settings.data_dir, Path(settings.chat_model), 1)


@pytest.fixture(scope="module")
def champion(settings: Settings) -> ServedAdapter:
    trust = Trust(scale=1.0, model=0.2, span=10.0)
    return put_adapter(settings.data_dir, Path(settings.chat_model), 2, trust=trust)


async def _evaluated(
    stores: Stores,
    engine: AdapterEngine,
    version: DatasetVersion,
    challenger: ServedAdapter,
    champion: ServedAdapter | None,
    folder: Path,
    **changes: Any,
) -> Report:
    return await evaluate(
        stores,
        stores.settings,
        HOME,
        version,
        engine,
        challenger=challenger,
        champion=champion,
        folder=folder,
        pause=no_pause,
        **changes,
    )


async def test_routes_are_measured_through_the_engine_and_a_random_adapter_is_refused(
    stores: Stores, engine: AdapterEngine, challenger: ServedAdapter, champion: ServedAdapter, tmp_path: Path
) -> None:
    found = await _evaluated(stores, engine, _routes(), challenger, champion, tmp_path)
    assert found.serving is Arm.FUSION_CHAMPION
    assert {arm.arm for arm in found.routing} == set(Arm) - {Arm.EXTRACTIVE}
    said = {arm.arm: [each.confidence for each in arm.predicted] for arm in found.routing}
    assert said[Arm.UNTUNED] != said[Arm.CHALLENGER] != said[Arm.CHAMPION], "each through its own adapter"
    assert (found.challenger, found.champion) == (challenger.id, champion.id)
    assert (found.base_digest, found.left_out) == (challenger.base_digest, 0)
    verdict = decide(found)
    assert not verdict.promoted
    text = markdown(found, verdict)
    assert "does not serve" in text
    assert not any(question.lower() in text + found.to_json() for _, question, _, _ in _TOLD), (
        "no member's words"
    )
    assert png_of(picture(found)).startswith(b"\x89PNG")

    asked = (tmp_path / FILE).read_bytes()
    await _evaluated(stores, engine, _routes(), challenger, champion, tmp_path)
    assert (tmp_path / FILE).read_bytes() == asked, "no model was asked again"


async def test_a_model_of_its_own_is_measured_beside_its_base_and_the_adapter_that_serves_there(
    stores: Stores, settings: Settings, champion: ServedAdapter, tmp_path: Path
) -> None:
    path = Path(settings.chat_model)
    base = BaseModel(path=path, digest=champion.base_digest, name="tiny", licence="", source=str(path))
    model = ServedAdapter(id="house", digest="d" * 64, base_digest=base.digest)
    engine = await open_beside(settings, base, path, model.digest, "house")
    try:
        found = await _evaluated(stores, engine, _routes(), model, champion, tmp_path)
    finally:
        await engine.close()
    said = {arm.arm: [each.confidence for each in arm.predicted] for arm in found.routing}
    assert said[Arm.CHALLENGER] == said[Arm.UNTUNED] != said[Arm.CHAMPION], "its weights are the base's here"
    assert (found.challenger, found.challenger_digest) == ("house", model.digest)
    assert found.base_digest == champion.base_digest


async def test_answers_are_measured_over_their_evidence(
    stores: Stores, engine: AdapterEngine, challenger: ServedAdapter, champion: ServedAdapter, tmp_path: Path
) -> None:
    found = await _evaluated(stores, engine, _answers(), challenger, champion, tmp_path)
    assert found.serving is Arm.CHAMPION, "a tuned model writes"
    arms = {arm.arm: arm for arm in found.answers}
    assert set(arms) == {Arm.UNTUNED, Arm.CHALLENGER, Arm.CHAMPION, Arm.FEW_SHOT, Arm.EXTRACTIVE}
    extractive = [each for each in arms[Arm.EXTRACTIVE].answers if each.answerable and not each.declined]
    assert extractive
    assert all(each.scores.mean == 5 for each in extractive), "the best sentences hold the answers"
    assert any(not each.answerable for each in arms[Arm.UNTUNED].answers)
    assert (found.judge, found.left_out) == (None, 0)
    assert "does not serve" in markdown(found, decide(found))
    assert png_of(picture(found)).startswith(b"\x89PNG")


async def test_held_out_instructions_are_asked_as_they_stand(
    stores: Stores, engine: AdapterEngine, challenger: ServedAdapter, tmp_path: Path
) -> None:
    def row(said: str) -> Row:
        return Row(messages=(ChatMessage(role="user", content=f"Say {said}."),), completion=said)

    told = {split: [row(split)] for split in Split}
    version = replace(_answers(), entries=())
    found = await _evaluated(stores, engine, version, challenger, None, tmp_path, instructions=told)
    arms = {arm.arm: arm for arm in found.answers}
    assert set(arms) == {Arm.UNTUNED, Arm.CHALLENGER, Arm.EXTRACTIVE}
    for arm in arms.values():
        assert [each.split for each in arm.answers] == [Split.GOLDEN, Split.TEST]
        assert all(each.item.startswith("instruction:") for each in arm.answers)
    assert all(each.declined for each in arms[Arm.EXTRACTIVE].answers), "sentences follow no instruction"
    assert found.left_out == 0
    assert not decide(found).promoted


async def test_the_judge_is_asked_once_people_have_scored(
    stores: Stores, engine: AdapterEngine, challenger: ServedAdapter, tmp_path: Path
) -> None:
    version = _answers()
    disliked = replace(version.entries[12].item.label, polarity=Polarity.NEGATIVE, answer="Never.")
    entry = Entry(item=Item(label=disliked, keys=frozenset({"x"})), split=Split.TEST)
    version = replace(version, entries=(entry,))
    alone = await _evaluated(stores, engine, version, challenger, None, tmp_path)
    assert (alone.judge, alone.left_out) == (None, 1), "nobody can say what is right"

    scored = HumanScore(
        question="q", evidence=("e",), answer="a", relevance=2, grounding=2, no_hallucination=2
    )
    file = scores_file(stores.settings.data_dir, HOME)
    file.parent.mkdir(parents=True)
    file.write_text(f"{scored.model_dump_json()}\n" * 2)
    try:
        found = await _evaluated(stores, engine, version, challenger, None, tmp_path)
    finally:
        file.unlink()
    assert found.judge is not None
    assert (found.judge.compared, found.left_out) == (2, 0)
    assert [each.scores.mean for arm in found.answers for each in arm.answers] == [2.0] * len(found.answers)
    assert "Judge: tiny" in markdown(found, decide(found))


async def test_a_champion_that_cannot_be_loaded_is_none_and_a_challenger_is_an_error(
    stores: Stores, engine: AdapterEngine, challenger: ServedAdapter, tmp_path: Path
) -> None:
    broken = damaged(stores.settings.data_dir, challenger)
    found = await _evaluated(stores, engine, _routes(), challenger, broken, tmp_path)
    assert found.champion == ""
    assert found.serving in {Arm.FUSION, Arm.FUSION_UNTUNED}
    with pytest.raises(ModelError):
        await _evaluated(stores, engine, _routes(), broken, None, tmp_path)


async def test_items_of_a_category_that_is_gone_are_left_out_and_counted() -> None:
    here = {Slug(slug) for slug, *_ in _TOLD} - {Slug("car")}
    asked, gone = routing_questions(_routes(), here)
    assert {each.right for each in asked} == here
    assert gone == 2, "one of the test set and one of the golden set"


async def test_it_gives_way_while_a_question_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluating, "_PATIENCE", 0.3)
    QUESTIONS_RUNNING.inc()
    try:
        before = time.monotonic()
        await give_way()
        assert time.monotonic() - before >= 0.3, "and goes on in the end"
    finally:
        QUESTIONS_RUNNING.dec()
