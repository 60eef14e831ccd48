"""`python -m tuning.runs.measuring`: open one chat model, ask it, and say what it is worth.

In a process of its own, whose memory is the model's. Reads `Work` and writes `Measured`, as JSON; what went
wrong is one line on standard error.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import sys
import time
from contextlib import aclosing
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from agent.errors import LorekeeperError
from agent.models.labels import router_prompt
from agent.models.library import is_here, open_chat_model
from agent.models.protocol import ChatMessage, ChatModel, ChatOptions
from agent.settings import Settings
from tuning.runs.measured import Asked, Measured, Work

WRITTEN: Final = 48
"""Pieces to write."""
_TELL: Final = (ChatMessage(role="user", content="Tell a long story about a lighthouse and its keeper."),)
_STATUS: Final = Path("/proc/self/status")
_KIBIBYTE: Final = 1024


async def measure(work: Work) -> Measured:
    """Raises `ModelError` and its children, `ConfigurationError`."""
    settings = Settings(
        chat_model=work.model,
        data_dir=work.data_dir,
        threads=work.threads,
        context_tokens=work.context_tokens,
        ollama_host=work.ollama_host,
    )
    before, started = _peak(), time.monotonic()
    model = await open_chat_model(settings)
    try:
        await _route(model, work.asked, 0)
        loaded = time.monotonic() - started
        said = [await _route(model, work.asked, number) for number in range(len(work.asked.questions))]
        speed = await _writing(model)
        memory = await _memory(settings, work.model, before)
    finally:
        await model.close()
    of_right = [nats[right] for (nats, _), right in zip(said, work.asked.right, strict=True)]
    return Measured(
        load_seconds=loaded,
        route_seconds=statistics.median(seconds for _, seconds in said),
        pieces_per_second=speed,
        memory=memory,
        right=sum(max(nats) == of for (nats, _), of in zip(said, of_right, strict=True)) / len(said),
        nats=statistics.fmean(of_right),
    )


async def _route(model: ChatModel, asked: Asked, number: int) -> tuple[tuple[float, ...], float]:
    """Return the log-probability of each category, and the seconds that it took."""
    prompt = router_prompt(asked.categories, asked.questions[number])
    started = time.monotonic()
    nats = await model.likelihoods(prompt.messages, prompt.labels)
    return nats, time.monotonic() - started


async def _writing(model: ChatModel) -> float:
    """Pieces a second, after the first."""
    times = []
    async with aclosing(model.chat(_TELL, ChatOptions(max_tokens=WRITTEN))) as pieces:
        async for _ in pieces:
            times.append(time.monotonic())
    took = times[-1] - times[0] if len(times) > 1 else 0.0
    return (len(times) - 1) / took if took else 0.0


async def _memory(settings: Settings, model: str, before: int) -> int:
    if is_here(settings, model):
        return _peak() - before
    from agent.models.ollama_models import memory_on_ollama

    return await memory_on_ollama(settings, model)


def _peak() -> int:
    """The most bytes that this process had in memory."""
    if _STATUS.is_file():
        told = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
        return int(told["VmHWM"].split()[0]) * _KIBIBYTE
    # Not asked on Linux, where it begins with what the parent had.
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * _KIBIBYTE


def main() -> int:
    try:
        work = _WORK.validate_json(sys.stdin.buffer.read())
        measured = asyncio.run(measure(work))
    except LorekeeperError as error:
        print(f"{error} {error.hint}".strip(), file=sys.stderr)
        return 1
    sys.stdout.buffer.write(_MEASURED.dump_json(measured))
    return 0


_WORK: Final = TypeAdapter(Work)
_MEASURED: Final = TypeAdapter(Measured)

if __name__ == "__main__":
    sys.exit(main())
