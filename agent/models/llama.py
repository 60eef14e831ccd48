"""A chat model in this process: llama.cpp through xllamacpp's Server.

Facts that are not obvious (xllamacpp 2026.10):
* The Server opens an HTTP listener on loopback; it gets a random key that only this process knows, and is
  used for nothing but turning labels into tokens.
* A stream's callback that returns true stops the generation. While a long prompt is read it is called only
  when progress is asked for, once a batch: so batches are small.
* With flash attention a prompt's log-probabilities move by up to 0.2 nats with the part of it that was
  cached; without, they are the same bit for bit, but for a prompt that is cached whole. So it is off, and a
  repeated prompt is read anew. Calls that overlap still share batches and may differ in the second digit.
"""

from __future__ import annotations

import asyncio
import json
import math
import secrets
import threading
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import xllamacpp

from agent.contracts import ModelInfo
from agent.errors import ModelBrokenError, ModelError, UsageError
from agent.language.counts import Count
from agent.models.labels import LABELS, OPENED
from agent.models.listener import listening
from agent.models.messages import as_data
from agent.models.protocol import ChatMessage, ChatOptions
from agent.models.structured import check_schema, parsed_reply
from agent.observing.metrics import count_tokens

_SLOTS = 2
"""Calls at once: a route must not wait for an answer being written. Each keeps its own evaluated prefix."""

_BATCH_TOKENS = 128
_RECENT_PROMPTS = 64

_LABEL_BIAS = 100.0
"""Nats added to every label alike: the top of the distribution is then the labels and nothing else."""

_LEAST_PROBABILITY = 1e-38
"""A probability below float32's smallest is reported as zero."""

_Event = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterFile:
    """A LoRA adapter in GGUF, trained on the model that it is loaded with."""

    name: str
    path: Path
    digest: str
    """sha256, hex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LlamaConfig:
    path: Path
    name: str
    digest: str
    threads: int
    context_tokens: int
    adapters: tuple[AdapterFile, ...] = ()
    """All stay loaded, and each call chooses one or none."""
    exact: bool = False
    """Whether keys and values are kept in F32, to compare with another engine. With weights in F32 as well it
    says what PyTorch says to four digits; by default F16 moves a log-probability by up to 0.03 nats."""


@dataclass(slots=True)
class _Engine:
    """What every view of one loaded model shares."""

    server: xllamacpp.Server
    key: str
    threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_SLOTS, thread_name_prefix="llama")
    )
    closing: threading.Event = field(default_factory=threading.Event)
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=_RECENT_PROMPTS))
    label_tokens: dict[str, int] = field(default_factory=dict)


class LlamaChatModel:
    """A `ChatModel`. Not bound to an event loop."""

    def __init__(self, engine: _Engine, config: LlamaConfig, adapter: AdapterFile | None = None) -> None:
        self._engine = engine
        self._config = config
        self._adapter = adapter
        self._info = ModelInfo(
            name=config.name,
            engine="llama.cpp",
            digest=config.digest,
            context_tokens=config.context_tokens,
            adapter=adapter.name if adapter else "",
            adapter_digest=adapter.digest if adapter else "",
        )

    @classmethod
    async def open(cls, config: LlamaConfig) -> LlamaChatModel:
        """Load checked weights. Raises `ModelBrokenError`."""
        return await asyncio.to_thread(cls.load, config)

    @classmethod
    def load(cls, config: LlamaConfig) -> LlamaChatModel:
        """The same. Blocks."""
        key = secrets.token_urlsafe()
        return cls(_Engine(_load(config, key), key), config)

    @property
    def info(self) -> ModelInfo:
        return self._info

    def using(self, adapter: str) -> LlamaChatModel:
        """The same model speaking through an adapter that it was opened with; closing either closes both.

        Costs nothing: no weights are loaded again. Raises `UsageError` for a name that is not loaded.
        """
        found = next((each for each in self._config.adapters if each.name == adapter), None)
        if found is None:
            raise UsageError(f"{self.info.name} was opened without the adapter {adapter}.")
        return LlamaChatModel(self._engine, self._config, found)

    async def chat(
        self, messages: Sequence[ChatMessage], options: ChatOptions = ChatOptions()
    ) -> AsyncGenerator[str, None]:
        """See `ChatModel.chat`. A prompt that does not fit the context is a `ModelError`."""
        async with aclosing(self._events(_request(messages, options))) as events:
            async for event in events:
                if piece := _choice(event).get("delta", {}).get("content"):
                    yield piece

    async def structured(
        self,
        messages: Sequence[ChatMessage],
        schema: Mapping[str, Any],
        options: ChatOptions = ChatOptions(),
    ) -> Any:
        """See `ChatModel.structured`. Raises `UsageError` when `schema` is not a JSON Schema."""
        check_schema(schema)
        constraint = {"type": "json_schema", "json_schema": {"schema": dict(schema)}}
        request = _request(messages, options) | {"response_format": constraint}
        pieces = [
            _choice(event).get("delta", {}).get("content") or "" async for event in self._events(request)
        ]
        return parsed_reply("".join(pieces), schema, self.info.name, options.max_tokens)

    async def likelihoods(self, messages: Sequence[ChatMessage], labels: Sequence[str]) -> tuple[float, ...]:
        """See `ChatModel.likelihoods`. Raises `UsageError` when a label is not one token after "("."""
        if not 0 < len(labels) <= len(LABELS) or len(set(labels)) != len(labels):
            raise UsageError(f"A model weighs 1 to {len(LABELS)} different labels.")
        tokens = await self._tokens_of(labels)
        begun = [*messages, ChatMessage(role="assistant", content=OPENED)]
        request = _request(begun, ChatOptions(max_tokens=1, temperature=1.0)) | {
            "samplers": ["temperature"],
            "logit_bias": [[token, _LABEL_BIAS] for token in tokens],
            "logprobs": True,
            "top_logprobs": len(tokens),
            "post_sampling_probs": True,
        }
        found = [item async for event in self._events(request) for item in _top_probabilities(event)]
        return _renormalised([dict(found).get(token, 0.0) for token in tokens])

    async def close(self) -> None:
        """Stop every call and free the weights."""
        await asyncio.to_thread(self.unload)

    def unload(self) -> None:
        """The same. Blocks."""
        self._engine.closing.set()
        self._engine.threads.shutdown()
        self._engine.server = None

    async def _events(self, request: Mapping[str, Any]) -> AsyncGenerator[_Event, None]:
        """Stream the server's events; the generation stops when this is closed or cancelled."""
        loop = asyncio.get_running_loop()
        events: asyncio.Queue[_Event | None] = asyncio.Queue()
        stop = threading.Event()

        def stopped() -> bool:
            return stop.is_set() or self._engine.closing.is_set()

        def receive(event: _Event) -> bool:
            if not stopped():
                loop.call_soon_threadsafe(events.put_nowait, event)
            return stopped()

        def work() -> None:
            if not stopped():
                self._engine.server.handle_chat_completions(self._cached(request), receive)

        self._refuse_when_closed()
        done = loop.run_in_executor(self._engine.threads, work)
        done.add_done_callback(lambda _: events.put_nowait(None))
        try:
            while (event := await events.get()) is not None:
                _raise_error(event, self.info)
                if took := event.get("timings"):
                    count_tokens(self.info, read=took["prompt_n"], written=took["predicted_n"])
                yield event
            self._refuse_when_closed()
            await done
        finally:
            stop.set()

    def _refuse_when_closed(self) -> None:
        if self._engine.closing.is_set():
            raise ModelError(f"The model {self.info.name} is closed.")

    def _cached(self, request: Mapping[str, Any]) -> dict[str, Any]:
        prompt = json.dumps([self._info.adapter, request["messages"]])
        repeated = prompt in self._engine.recent
        self._engine.recent.append(prompt)
        return {**request, "cache_prompt": not repeated, "lora": self._chosen_adapter()}

    def _chosen_adapter(self) -> list[dict[str, float]]:
        return [
            {"id": number, "scale": float(adapter is self._adapter)}
            for number, adapter in enumerate(self._config.adapters)
        ]

    async def _tokens_of(self, labels: Sequence[str]) -> list[int]:
        unknown = [label for label in labels if label not in self._engine.label_tokens]
        if unknown:
            self._refuse_when_closed()
            loop = asyncio.get_running_loop()
            self._engine.label_tokens |= await loop.run_in_executor(
                self._engine.threads, self._tokenized, unknown
            )
        return [self._engine.label_tokens[label] for label in labels]

    def _tokenized(self, labels: Sequence[str]) -> dict[str, int]:
        headers = {"Authorization": f"Bearer {self._engine.key}"}
        address = self._engine.server.listening_address

        def tokens(text: str) -> list[int]:
            answer = client.post("/tokenize", json={"content": text, "add_special": False})
            return [int(token) for token in answer.raise_for_status().json()["tokens"]]

        found: dict[str, int] = {}
        try:
            # A proxy of the environment must never see a call to this machine.
            with httpx.Client(base_url=address, headers=headers, trust_env=False, timeout=30) as client:
                opened = tokens(OPENED)
                for label in labels:
                    alone = tokens(label)
                    if len(alone) != 1 or tokens(OPENED + label) != opened + alone:
                        raise UsageError(f"The label {label!r} is not one token of {self.info.name}.")
                    found[label] = alone[0]
        except httpx.HTTPError as error:
            raise ModelError(f"llama.cpp did not turn labels into tokens: {error}.") from error
        return found


def _load(config: LlamaConfig, key: str) -> xllamacpp.Server:
    params = xllamacpp.CommonParams()
    params.model.path = str(config.path)
    params.n_ctx = config.context_tokens * _SLOTS
    params.n_parallel = _SLOTS
    params.n_batch = params.n_ubatch = _BATCH_TOKENS
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = config.threads
    params.api_keys = [key]
    params.n_threads_http = 1
    params.ui = params.endpoint_slots = False
    params.endpoint_metrics = True
    params.cache_ram_mib = 0
    params.fit_params = params.warmup = False
    if config.exact:
        params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    params.lora_adapters = [_lora(adapter) for adapter in config.adapters]
    params.verbosity = 0
    try:
        return listening(xllamacpp.Server(params))
    except RuntimeError as error:
        adapters = Count(len(config.adapters))
        with_adapters = f" with {adapters:# adapter|# adapters}" if adapters else ""
        raise ModelBrokenError(
            f"llama.cpp cannot load {config.path}{with_adapters}.",
            "Its architecture may be unknown to this llama.cpp, or it may need more memory than there is.",
        ) from error


def _lora(adapter: AdapterFile) -> xllamacpp.CommonAdapterLoraInfo:
    """Loaded with scale 0: a call that chooses none gets the model as it is."""
    return xllamacpp.CommonAdapterLoraInfo(str(adapter.path), 0.0)


def _request(messages: Sequence[ChatMessage], options: ChatOptions) -> dict[str, Any]:
    return {
        "messages": [{"role": m.role, "content": as_data(m.content)} for m in messages],
        "max_tokens": options.max_tokens,
        "temperature": options.temperature,
        "seed": options.seed,
        "stop": list(options.stop),
        "stream": True,
        "return_progress": True,
        # A reasoning model would spend the few tokens of an answer on thoughts, and cannot be begun with "(".
        "chat_template_kwargs": {"enable_thinking": False},
    }


def _choice(event: _Event) -> dict[str, Any]:
    choices = event.get("choices") or [{}]
    return dict(choices[0])


def _top_probabilities(event: _Event) -> list[tuple[int, float]]:
    content = (_choice(event).get("logprobs") or {}).get("content") or []
    return [(item["id"], item["prob"]) for token in content for item in token["top_probs"]]


def _renormalised(probabilities: Sequence[float]) -> tuple[float, ...]:
    logs = [math.log(max(probability, _LEAST_PROBABILITY)) for probability in probabilities]
    total = math.log(sum(math.exp(log) for log in logs))
    return tuple(log - total for log in logs)


def _raise_error(event: _Event, info: ModelInfo) -> None:
    error = event.get("error")
    if not error:
        return
    if error.get("type") == "exceed_context_size_error":
        raise ModelError(
            f"The prompt has {error['n_prompt_tokens']:,} tokens; {info.name} reads {error['n_ctx']:,}.",
            "Raise LOREKEEPER_CONTEXT_TOKENS, or lower LOREKEEPER_EVIDENCE_LIMIT.",
        )
    raise ModelError(f"{info.name} failed: {error.get('message', error)}.")
