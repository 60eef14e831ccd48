"""What a run learnt, written for the engine and held against PyTorch there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file, save_file

from agent.errors import DiskFullError, ModelBrokenError, ModelMissingError, UsageError
from agent.models.llama import AdapterFile, LlamaChatModel, LlamaConfig
from agent.models.protocol import ChatMessage
from tests.agent.database.disks import small_disk
from tests.tuning.training.runs import RECIPE, write_run
from tuning.export.gguf_lora import WEIGHTS
from tuning.recipes import Method, Recipe
from tuning.runs.bases import BaseModel
from tuning.runs.errors import UnprovenError
from tuning.runs.exporting import export
from tuning.runs.proving import EXACT_NATS, Prompt, compared, prove_exactly, prove_served, read_prompts
from tuning.training.job import ADAPTER, PROOF, write_job
from tuning.training.rows import Row

ASKED = "What does the passage say of the pool pump, and when was it replaced?"
EVIDENCE = "The pool pump was replaced in May 2025 after it had leaked for two weeks. " * 6


@pytest.fixture(scope="session")
def answers() -> list[Row]:
    """Rows of an answer adapter, which have no labels."""
    said = (
        ChatMessage(role="system", content="Answer from the passage only."),
        ChatMessage(role="user", content=f"{EVIDENCE}\n\n{ASKED}"),
    )
    return [Row(messages=said, completion=f'"replaced in May 2025" [{number}]') for number in range(4)]


def _learnt(
    loaded: Any,
    base: BaseModel,
    folder: Path,
    recipe: Recipe,
    rows: Sequence[Row],
    *,
    merge: bool = False,
) -> Path:
    """A run that ended, with random weights: an adapter that was not trained is as good to be proven."""
    import torch

    from tuning.training.process.adapting import adapted, save, save_merged, trained
    from tuning.training.process.encoding import Encoder
    from tuning.training.process.proof import write_proof

    job = replace(write_run(folder, Path(base.source), list(rows), recipe), merge=merge)
    write_job(folder, job)
    model, tokenizer = loaded("llama")
    torch.manual_seed(1)
    model = adapted(model, recipe).eval()
    for weights in trained(model).values():
        torch.nn.init.normal_(weights, std=0.15)
    save(model, folder)
    if recipe.adapts and job.merged:
        model = save_merged(model, folder)
    write_proof(folder, model, Encoder(tokenizer), rows)
    return folder


@pytest.fixture(scope="module")
def learnt(
    loaded: Any, tiny_base: BaseModel, rows: list[Row], answers: list[Row], tmp_path_factory: Any
) -> Path:
    folder = tmp_path_factory.mktemp("learnt") / "run"
    return _learnt(loaded, tiny_base, folder, RECIPE, [*rows[:4], *answers])


def test_questions_and_answers_are_both_proven(learnt: Path, answers: list[Row]) -> None:
    prompts = read_prompts(learnt)
    assert [len(prompt.labels) for prompt in prompts] == [4] * 4 + [10] * 4
    assert all(math.isclose(sum(map(math.exp, prompt.nats)), 1, rel_tol=1e-5) for prompt in prompts)
    answered = prompts[-1].messages
    assert answered[1].content == answers[0].messages[1].content
    assert answered[2] == ChatMessage(role="assistant", content=answers[3].completion)
    assert prompts[-1].tokens > prompts[0].tokens > 0


def _scratch(folder: Path) -> list[Path]:
    return list(folder.glob("proof-*"))


async def test_an_adapter_is_proven_on_a_copy_in_half_precision(
    learnt: Path, tiny_base: BaseModel, tmp_path: Path
) -> None:
    exported = await export(learnt, tiny_base, tmp_path / "adapter.gguf")
    again = await export(learnt, tiny_base, tmp_path / "again.gguf")
    assert (exported.digest, exported.size) == (again.digest, again.path.stat().st_size)
    assert exported.is_adapter
    assert len(exported.matrices) == 6
    proof = await prove_exactly(learnt, tiny_base, exported)
    assert proof.max_nats <= proof.tolerance == EXACT_NATS
    assert (proof.prompts, proof.labels) == (8, 4 * 4 + 4 * 10)
    assert not _scratch(learnt)


def _scaled(tensors: dict[str, Any]) -> None:
    for key in tensors:
        if "lora_B" in key:
            tensors[key] = 1.5 * tensors[key]


def _one_layer_less(tensors: dict[str, Any]) -> None:
    for key in [key for key in tensors if "layers.1." in key]:
        del tensors[key]


@pytest.mark.parametrize("spoil", [_scaled, _one_layer_less])
async def test_an_adapter_that_says_something_else_is_not_used(
    learnt: Path, tiny_base: BaseModel, tmp_path: Path, spoil: Any
) -> None:
    other = tmp_path / "other"
    (other / ADAPTER).mkdir(parents=True)
    for name in ("job.json", PROOF):
        (other / name).write_bytes((learnt / name).read_bytes())
    tensors = load_file(learnt / ADAPTER / WEIGHTS)
    spoil(tensors)
    save_file(tensors, other / ADAPTER / WEIGHTS)
    exported = await export(other, tiny_base, tmp_path / "adapter.gguf")
    with pytest.raises(UnprovenError, match=r"0\.02 are allowed"):
        await prove_exactly(other, tiny_base, exported)


async def test_the_engine_that_serves_is_held_against_it_too(
    learnt: Path, tiny_base: BaseModel, tmp_path: Path
) -> None:
    exported = await export(learnt, tiny_base, tmp_path / "adapter.gguf")
    loaded = AdapterFile(name="tuned", path=exported.path, digest=exported.digest)
    shorter = read_prompts(learnt)[0].tokens + 20
    config = LlamaConfig(
        path=tiny_base.path, name="tiny", digest="", threads=1, context_tokens=shorter, adapters=(loaded,)
    )
    model = await LlamaChatModel.open(config)
    try:
        proof = await prove_served(learnt, model.using("tuned"))
        assert proof.holds
        assert proof.prompts == 4  # answers do not fit
        with pytest.raises(UnprovenError, match="are allowed"):
            await prove_served(learnt, model)
    finally:
        await model.close()


@pytest.mark.parametrize(
    ("method", "merge"),
    [(Method.DORA, False), (Method.PARTIAL, False), (Method.LORA, True), (Method.RSLORA, True)],
)
async def test_a_method_that_changes_weights_becomes_a_model(
    loaded: Any, tiny_base: BaseModel, rows: list[Row], tmp_path: Path, method: Method, merge: bool
) -> None:
    recipe = RECIPE.changed(method=method, top_layers=1)
    folder = _learnt(loaded, tiny_base, tmp_path / "run", recipe, rows[:2], merge=merge)
    exported = await export(folder, tiny_base, tmp_path / "model.gguf")
    assert not exported.is_adapter
    proof = await prove_exactly(folder, tiny_base, exported)
    assert proof.max_nats < 0.001, "what changed is compared in whole precision, not in that of the file"


async def test_what_no_engine_holds_is_refused_with_the_reason(
    tiny_base: BaseModel, rows: list[Row], tmp_path: Path
) -> None:
    write_run(tmp_path / "run", tiny_base.path, rows, Recipe(method=Method.PREFIX))
    with pytest.raises(UsageError, match="nor merged weights can hold"):
        await export(tmp_path / "run", tiny_base, tmp_path / "adapter.gguf")


async def test_a_run_that_did_not_end_is_not_exported(
    tiny_base: BaseModel, rows: list[Row], tmp_path: Path
) -> None:
    write_run(tmp_path / "run", tiny_base.path, rows)
    with pytest.raises(ModelMissingError, match="no adapter"):
        await export(tmp_path / "run", tiny_base, tmp_path / "adapter.gguf")
    with pytest.raises(ModelMissingError, match="did not end"):
        read_prompts(tmp_path / "run")


async def test_a_full_disk_leaves_no_half_of_an_adapter(
    learnt: Path, tiny_base: BaseModel, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", "8k") as disk:
        with pytest.raises(DiskFullError, match="There is no room for"):
            await export(learnt, tiny_base, disk / "adapter.gguf")
        assert not list(disk.iterdir())


@pytest.mark.parametrize(
    ("content", "said"), [("", "is empty"), ("{}\n", "is damaged"), ("nonsense\n", "is damaged")]
)
def test_a_broken_proof_is_said(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / PROOF).write_text(content)
    with pytest.raises(ModelBrokenError, match=said):
        read_prompts(tmp_path)


def test_labels_that_are_all_but_excluded_are_left_out_where_asked() -> None:
    nats = tuple(map(math.log, (0.6, 0.399, 0.001)))
    prompt = Prompt(messages=(), labels=("A", "B", "C"), nats=nats, tokens=1)
    said = [(nats[0] + 0.1, nats[1], nats[2] - 5.0)]
    every = compared([prompt], said, tolerance=0.2)
    assert (every.labels, every.holds) == (3, False)
    assert every.max_nats == pytest.approx(5.0)
    likely = compared([prompt], said, tolerance=0.2, least_share=0.01)
    assert (likely.labels, likely.holds) == (2, True)
    assert likely.mean_nats == pytest.approx(0.05)
    assert replace(likely, tolerance=0.05).holds is False


def test_one_undecided_label_is_forgiven_on_average_and_a_wrong_adapter_is_not() -> None:
    prompt = Prompt(messages=(), labels=("A", "B", "C"), nats=(-1.0, -1.1, -1.2), tokens=1)
    one, all_wrong = (-2.0, -1.1, -1.2), (-2.0, -2.1, -0.2)
    assert not compared([prompt], [one], tolerance=0.5).holds
    assert compared([prompt], [one], tolerance=0.5, on_average=True).holds
    assert not compared([prompt], [all_wrong], tolerance=0.5, on_average=True).holds
