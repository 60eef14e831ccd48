"""Holding an engine against PyTorch: does it say through an adapter what was trained?

Two comparisons of the prompts in proof.jsonl, label by label.

* **Exactly**, on a copy of the base whose matrices are F32, in an embedded engine of its own: there both
  compute the same but for rounding, so that every label agrees to `EXACT_NATS`, or what was written is wrong
  (rows in another order, a scale, a layer that is missing, another base). Where the same model unquantized
  was trained on, the copy still has the rounding of the file that serves, and is held as that is.
* **As served**, on the quantized file through the engine that serves: to `SERVED_NATS` on average, over the
  labels that are not all but excluded. Quantized kernels round activations to 8 bits, which moves a label of
  which the model is not sure by up to a nat whatever the adapter, while one that is not applied, or wrongly,
  is wrong everywhere (measured: 0.08 nats on average and 1.0 at most, without the adapter 1.7 and 2.9).
"""

from __future__ import annotations

import asyncio
import math
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from agent.errors import ModelBrokenError, ModelMissingError
from agent.models.protocol import ChatMessage, ChatModel
from tuning.export.base import write_f32_copy
from tuning.runs.bases import BaseModel
from tuning.runs.contracts import Exported, Proof
from tuning.runs.errors import UnprovenError
from tuning.runs.exporting import written
from tuning.training.job import PROOF, read_job

EXACT_NATS: Final = 0.02
SERVED_NATS: Final = 0.5
LEAST_SHARE: Final = 0.01
"""A label that PyTorch gives less is not held against a quantized engine: its logarithm is all noise, and
Ollama tells only the likeliest tokens.
"""
_SPARE_TOKENS: Final = 16
_NAME: Final = "proven"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One line of proof.jsonl."""

    messages: tuple[ChatMessage, ...]
    labels: tuple[str, ...]
    nats: tuple[float, ...]
    """What PyTorch said: log-probabilities, renormalised over the labels."""
    tokens: int


async def prove_exactly(folder: Path, base: BaseModel, exported: Exported, *, threads: int = 2) -> Proof:
    """Compare with the engine on an F32 copy of the base, which lies beside the run meanwhile.

    Takes four times the number of weights in bytes, of disk and of memory. Raises `UnprovenError` above
    `EXACT_NATS` on any label, `ModelError` and its children, `StoreError`.
    """
    prompts = await asyncio.to_thread(read_prompts, folder)
    context = max(prompt.tokens for prompt in prompts) + _SPARE_TOKENS
    with tempfile.TemporaryDirectory(dir=folder, prefix="proof-") as scratch:
        async with _exact_engine(folder, base, exported, Path(scratch), context, threads) as model:
            said = [await model.likelihoods(prompt.messages, prompt.labels) for prompt in prompts]
    if base.is_served:
        return _held(compared(prompts, said, tolerance=EXACT_NATS))
    return _held(compared(prompts, said, tolerance=SERVED_NATS, least_share=LEAST_SHARE, on_average=True))


async def prove_served(folder: Path, model: ChatModel, *, tolerance: float = SERVED_NATS) -> Proof:
    """Compare with the engine that serves; `model` speaks through the adapter there.

    Prompts that are longer than it reads are left out. Raises `UnprovenError` above the tolerance, or when
    nothing can be compared, `ModelError` and its children.
    """
    prompts = await asyncio.to_thread(read_prompts, folder)
    reads = model.info.context_tokens
    fitting = [prompt for prompt in prompts if not reads or prompt.tokens + _SPARE_TOKENS <= reads]
    if not fitting:
        raise UnprovenError(
            f"{model.info.name} reads {reads:,} tokens, fewer than any prompt that it was to be proven by.",
            "Raise LOREKEEPER_CONTEXT_TOKENS.",
        )
    said = [await model.likelihoods(prompt.messages, prompt.labels) for prompt in fitting]
    return _held(compared(fitting, said, tolerance=tolerance, least_share=LEAST_SHARE, on_average=True))


def read_prompts(folder: Path) -> list[Prompt]:
    """Raises `ModelMissingError` when the run left none, `ModelBrokenError`."""
    path = folder / PROOF
    if not path.is_file():
        raise ModelMissingError(f"{folder} holds no {PROOF}: the run did not end.", "Train on.")
    try:
        prompts = [_PROMPT.validate_json(line) for line in path.read_text("utf-8").splitlines()]
    except ValidationError as error:
        raise ModelBrokenError(f"{path} is damaged: {error.errors()[0]['msg']}.") from error
    if not prompts:
        raise ModelBrokenError(f"{path} is empty: no held-out row was short enough to prove anything by.")
    return prompts


def compared(
    prompts: Sequence[Prompt],
    said: Sequence[Sequence[float]],
    *,
    tolerance: float,
    least_share: float = 0.0,
    on_average: bool = False,
) -> Proof:
    """Hold what an engine said against PyTorch, over the labels that PyTorch gives at least `least_share`."""
    apart = [
        abs(ours - theirs)
        for prompt, told in zip(prompts, said, strict=True)
        for ours, theirs in zip(prompt.nats, told, strict=True)
        if math.exp(ours) >= least_share
    ]
    return Proof(
        max_nats=max(apart),
        mean_nats=sum(apart) / len(apart),
        labels=len(apart),
        prompts=len(prompts),
        tolerance=tolerance,
        on_average=on_average,
    )


@asynccontextmanager
async def _exact_engine(
    folder: Path, base: BaseModel, exported: Exported, scratch: Path, context: int, threads: int
) -> AsyncIterator[ChatModel]:
    # C code that may not fit this machine; who uses Ollama for all else meets it here first.
    from agent.models.llama import AdapterFile, LlamaChatModel, LlamaConfig

    copy = scratch / "base.gguf"
    await asyncio.to_thread(write_f32_copy, base.path, copy)
    adapters: tuple[AdapterFile, ...] = ()
    job = read_job(folder)
    if not job.merged:
        adapters = (AdapterFile(name=_NAME, path=exported.path, digest=exported.digest),)
    else:
        merged = scratch / "merged.gguf"
        await asyncio.to_thread(written, folder, job, copy, merged)
        copy = merged
    config = LlamaConfig(
        path=copy,
        name=_NAME,
        digest="",
        threads=threads,
        context_tokens=context,
        adapters=adapters,
        exact=True,
    )
    model = await LlamaChatModel.open(config)
    try:
        yield model.using(_NAME) if adapters else model
    finally:
        await model.close()


def _held(proof: Proof) -> Proof:
    if not proof.holds:
        raise UnprovenError(
            f"The engine is {proof.apart:.3f} nats from PyTorch where {proof.tolerance:g} are allowed.",
            "This adapter is not used. Train it again on the very base that serves.",
        )
    return proof


_PROMPT: Final = TypeAdapter(Prompt)
