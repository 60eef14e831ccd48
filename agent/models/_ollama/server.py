"""One Ollama server: what is asked of it, and telling one that works from one that is dead.

Facts that are not obvious (Ollama 0.17):
* Whatever differs in a model's loading options, `num_ctx` above all, reloads it: 0.5 s for 135M parameters,
  minutes for large ones. So every call sends the same `num_ctx`, embeddings included.
* Unless told, its sampling punishes repetition, which a verbatim quote is.
* It answers /api/version at once whatever its models do.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
from ollama import ChatResponse, GenerateResponse

from agent.contracts import ModelInfo
from agent.errors import ModelError
from agent.meter import awaiting
from agent.models._ollama.client import ModelFacts, OllamaClient, Tag
from agent.models._ollama.config import ENGINE, OllamaConfig, canonical, check_version
from agent.models._ollama.errors import ServerAwayError, translated
from agent.models.messages import as_data
from agent.models.protocol import ChatMessage, ChatOptions
from agent.observing.metrics import count_tokens

_TOP = 20
"""The most log-probabilities that Ollama tells."""

_LEAST_PROBABILITY = 1e-12
"""Below it, what is left of one is rounding."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstTokens:
    """How a reply would begin: log-probabilities, in nats."""

    likeliest: Mapping[str, float]
    others: float
    """Of all tokens together that are not among the likeliest."""


class OllamaServer:
    """One server asked about one model. Raises `ModelError` and its children only."""

    def __init__(self, address: str, config: OllamaConfig) -> None:
        self.address = address
        self._config = config
        self._client = OllamaClient(address, config.patience.connect)
        self._under_way: set[asyncio.Future[Any]] = set()
        self._closed = False

    async def version(self) -> str:
        """Return its version, which is one that will do."""
        with translated(self.address, self._config.model):
            version = await self._promptly(self._client.version)
        check_version(self.address, version)
        return version

    async def tag(self) -> Tag | None:
        """Return what it has under the model's name."""
        with translated(self.address, self._config.model):
            tags = await self._promptly(self._client.tags)
        wanted = canonical(self._config.model)
        return next((tag for tag in tags if canonical(tag.name) == wanted), None)

    async def facts(self) -> ModelFacts:
        with translated(self.address, self._config.model):
            return await self._promptly(lambda: self._client.facts(self._config.model))

    async def load(self) -> None:
        """Have the model in memory: embedding nothing does that for every kind of model."""
        await self.embed([])

    async def chat(
        self,
        messages: Sequence[ChatMessage],
        options: ChatOptions,
        *,
        thinks: bool,
        schema: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[str, None]:
        """Stream the pieces of a reply."""
        body = self._asked(messages, options, thinks=thinks)
        if schema is not None:
            body["format"] = dict(schema)
        with translated(self.address, self._config.model):
            async with aclosing(await self._client.whole_chat(body)) as parts:
                while (part := await self._attended(lambda: anext(parts, None))) is not None:
                    if part.message.content:
                        yield part.message.content
                    if part.done:
                        self._count(part)

    async def begun(self, messages: Sequence[ChatMessage], opened: str, *, thinks: bool) -> FirstTokens:
        """Return how the model goes on with a reply that begins with `opened`.

        The prompt is rendered first and completed as it is: many templates end the turn that was begun for
        the model. The grammar keeps the model from ending at once, upon which Ollama would tell nothing; the
        log-probabilities are those of before the grammar.
        """
        once = ChatOptions(max_tokens=1)
        with translated(self.address, self._config.model):
            asked = self._asked(messages, once, thinks=thinks)
            prompt = await self._attended(lambda: self._client.rendered(asked))
            body = self._body(once) | {
                "prompt": prompt + opened,
                "raw": True,
                "format": {"type": "integer"},
                "logprobs": True,
                "top_logprobs": _TOP,
            }
            reply = await self._attended(lambda: self._client.whole_completion(body))
        self._count(reply)
        return self._first_tokens(reply)

    async def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """One row a text. Raises `TooLongError` when one of them has more tokens than the model reads."""
        body = self._body(ChatOptions()) | {"input": list(texts)}
        with translated(self.address, self._config.model):
            return await self._attended(lambda: self._client.whole_embeddings(body))

    async def close(self) -> None:
        """Stop what is under way."""
        self._closed = True
        for call in self._under_way:
            stop(call)
        await self._client.close()

    def _asked(
        self, messages: Sequence[ChatMessage], options: ChatOptions, *, thinks: bool
    ) -> dict[str, Any]:
        body = self._body(options)
        body["messages"] = [{"role": each.role, "content": as_data(each.content)} for each in messages]
        if thinks:
            # Thoughts would use up the few tokens of an answer.
            body["think"] = False
        return body

    def _body(self, options: ChatOptions) -> dict[str, Any]:
        """The canonical options: nothing that loads a model differs from call to call."""
        keep_alive = self._config.keep_alive
        asked: dict[str, Any] = {
            "num_ctx": self._config.context_tokens,
            "num_predict": options.max_tokens,
            "temperature": options.temperature,
            "seed": options.seed,
            "repeat_penalty": 1.0,
        }
        if options.stop:
            asked["stop"] = list(options.stop)
        return {
            "model": self._config.model,
            "options": asked,
            "keep_alive": keep_alive if keep_alive[-1].isalpha() else int(keep_alive),
        }

    def _first_tokens(self, reply: GenerateResponse) -> FirstTokens:
        told = reply.logprobs[0].top_logprobs if reply.logprobs else None
        if not told:
            raise ModelError(f"Ollama at {self.address} told no probabilities of {self._config.model}.")
        likeliest = {each.token: each.logprob for each in told}
        left = 1 - sum(math.exp(each.logprob) for each in told)
        return FirstTokens(likeliest=likeliest, others=math.log(max(left, _LEAST_PROBABILITY)))

    def _count(self, reply: ChatResponse | GenerateResponse) -> None:
        named = ModelInfo(name=self._config.shown, engine=ENGINE, digest="")
        # What was evaluated for the call before is not told again.
        count_tokens(named, read=reply.prompt_eval_count or 0, written=reply.eval_count or 0)

    async def _promptly(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """For what a server answers at once, or is away."""
        self._refuse_when_closed()
        try:
            async with asyncio.timeout(self._config.patience.ping):
                return await work()
        except TimeoutError as error:
            raise self._silent() from error

    async def _attended(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """Wait for `work` for as long as the server is there."""
        self._refuse_when_closed()
        patience, missed = self._config.patience, 0
        call = asyncio.ensure_future(_done(work))
        self._under_way.add(call)
        try:
            with awaiting(f"Ollama at {self.address}"):
                while not (await asyncio.wait({call}, timeout=patience.silence))[0]:
                    missed = 0 if await self._is_there() else missed + 1
                    if missed >= patience.missed_pings:
                        raise self._silent()
            if call.cancelled():
                self._refuse_when_closed()
            return await call
        finally:
            self._under_way.discard(call)
            call.cancel()
            # Ollama stops when the connection is closed, and not before.
            await asyncio.wait({call})

    async def _is_there(self) -> bool:
        try:
            async with asyncio.timeout(self._config.patience.ping):
                await self._client.version()
        except (TimeoutError, ConnectionError, httpx.RequestError):
            return False
        return True

    def _silent(self) -> ServerAwayError:
        return ServerAwayError(
            f"Ollama at {self.address} accepts connections and does not answer.",
            "Restart it; its log may say what it hangs on.",
        )

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise ModelError(f"The model {self._config.model} is closed.")


async def _done(work: Callable[[], Awaitable[_T]]) -> _T:
    return await work()


def stop(task: asyncio.Future[Any]) -> None:
    """Cancel a task of any event loop, unless that is gone and the task with it."""
    if not task.get_loop().is_closed():
        task.get_loop().call_soon_threadsafe(task.cancel)
