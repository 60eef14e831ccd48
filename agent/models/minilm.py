"""all-MiniLM-L6-v2 (English) without torch: its safetensors become a GGUF once, which llama.cpp runs.

Half precision gives vectors equal to the original's within 1e-3. The model reads 512 tokens; llama.cpp
refuses a longer text instead of cutting it, so the text is halved until it fits.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import xllamacpp
from safetensors import SafetensorError
from safetensors.numpy import load_file

from agent.contracts import ModelInfo
from agent.errors import ModelBrokenError, ModelError
from agent.files import made_atomically, write_error
from agent.models.protocol import EmbedKind, Vector, Vectors

_NAME = "all-minilm-l6-v2"
_DIMENSION = 384
_TOKENS = 512
_LAYERS = 6
_CHARACTERS = 2500
"""Most that is read of one text: 512 tokens of English, with room."""

_SLOTS = 4
_BATCH_TEXTS = 16
"""A batch bounds how long a question waits behind an ingest."""

_TOO_LONG = "exceed_context_size_error"


class MiniLmEmbedder:
    """Works in one thread of its own, batch by batch; batches of several callers take turns."""

    def __init__(self, server: xllamacpp.Server, digest: str, thread: ThreadPoolExecutor) -> None:
        self._server = server
        self._thread = thread
        self._info = ModelInfo(name=_NAME, engine="llama.cpp", digest=digest, context_tokens=_TOKENS)

    @classmethod
    async def open(cls, files: tuple[Path, ...], digest: str, prepared: Path, threads: int) -> MiniLmEmbedder:
        """Load checked `files` (safetensors, tokenizer), converted into the folder `prepared` the first time.

        Raises `ModelBrokenError`, `StoreError` when the disk is full.
        """
        thread = ThreadPoolExecutor(1, thread_name_prefix="minilm")
        loop = asyncio.get_running_loop()
        # The digest of the origin in the name: another origin is another file.
        target = prepared / f"{_NAME}-f16-{digest[:16]}.gguf"
        if not target.is_file():
            await loop.run_in_executor(thread, _convert, files[0], files[1], target)
        server = await loop.run_in_executor(thread, _load, target, threads)
        return cls(server, digest, thread)

    @property
    def info(self) -> ModelInfo:
        return self._info

    @property
    def dimension(self) -> int:
        return _DIMENSION

    async def embed(self, texts: Sequence[str], kind: EmbedKind) -> Vectors:
        """See `Embedder.embed`; both kinds are the same to this model. Cancelling ends after a batch."""
        loop = asyncio.get_running_loop()
        rows: list[Vector] = []
        for start in range(0, len(texts), _BATCH_TEXTS):
            batch = [_readable(text) for text in texts[start : start + _BATCH_TEXTS]]
            try:
                rows += await loop.run_in_executor(self._thread, self._embedded, batch)
            except RuntimeError as error:
                raise ModelError(f"The embedder {_NAME} is closed.") from error
        return np.stack(rows) if rows else np.empty((0, _DIMENSION), np.float32)

    async def close(self) -> None:
        await asyncio.to_thread(self._thread.shutdown)
        self._server = None

    def _embedded(self, texts: list[str]) -> list[Vector]:
        reply = self._server.handle_embeddings({"input": texts})
        error = reply.get("error")
        if error is None:
            return [np.asarray(item["embedding"], np.float32) for item in reply["data"]]
        if error.get("type") != _TOO_LONG:
            raise ModelError(f"{_NAME} failed: {error.get('message', error)}.")
        if len(texts) > 1:
            return [vector for text in texts for vector in self._embedded([text])]
        return self._embedded([texts[0][: len(texts[0]) // 2]])


def _readable(text: str) -> str:
    """A text of no token at all has no vector; a full stop stands for it."""
    clean = text[:_CHARACTERS].replace("\0", " ").encode("utf-8", "replace").decode("utf-8")
    return clean if clean.strip() else "."


def _load(path: Path, threads: int) -> xllamacpp.Server:
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.embedding = True
    params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    params.n_parallel = _SLOTS
    params.n_ctx = params.n_batch = params.n_ubatch = _TOKENS * _SLOTS
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.api_keys = [secrets.token_urlsafe()]
    params.n_threads_http = 1
    params.ui = params.endpoint_slots = False
    params.cache_ram_mib = 0
    params.fit_params = params.warmup = False
    params.verbosity = 0
    try:
        return xllamacpp.Server(params)
    except RuntimeError as error:
        raise ModelBrokenError(
            f"llama.cpp cannot load {path}.", "Delete that file: it is made anew at the next start."
        ) from error


def _convert(safetensors: Path, tokenizer: Path, target: Path) -> None:
    try:
        tensors = load_file(safetensors)
        tokens = json.loads(tokenizer.read_bytes())
        with made_atomically(target) as part:
            _write_gguf(tensors, tokens, part)
    except (SafetensorError, json.JSONDecodeError, KeyError) as error:
        raise ModelBrokenError(f"{safetensors} cannot be converted: {error}.") from error
    except OSError as error:
        raise write_error(target, error) from error


def _write_gguf(tensors: dict[str, Any], tokenizer: dict[str, Any], path: Path) -> None:
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_name(_NAME)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_context_length(_TOKENS)
    writer.add_embedding_length(_DIMENSION)
    writer.add_feed_forward_length(1536)
    writer.add_block_count(_LAYERS)
    writer.add_head_count(12)
    writer.add_layer_norm_eps(1e-12)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    _add_vocabulary(writer, tokenizer)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, _LAYERS)
    for origin, tensor in tensors.items():
        name = names.get_name(origin, try_suffixes=(".weight", ".bias"))
        if name is None:  # the pooler and the position ids, which mean pooling does not use
            continue
        matrix = tensor.ndim == 2 and not name.startswith(("position_embd", "token_types"))
        writer.add_tensor(name, tensor.astype(np.float16 if matrix else np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_vocabulary(writer: gguf.GGUFWriter, tokenizer: dict[str, Any]) -> None:
    """llama.cpp marks the start of a word where WordPiece marks its continuation."""
    control = {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    vocabulary = sorted(tokenizer["model"]["vocab"], key=tokenizer["model"]["vocab"].__getitem__)
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_type_count(2)
    writer.add_token_list([t if t in control else _llama_piece(t) for t in vocabulary])
    writer.add_token_types(
        [gguf.TokenType.CONTROL if t in control else gguf.TokenType.NORMAL for t in vocabulary]
    )
    writer.add_bos_token_id(control["[CLS]"])
    writer.add_eos_token_id(control["[SEP]"])
    writer.add_sep_token_id(control["[SEP]"])
    writer.add_pad_token_id(control["[PAD]"])
    writer.add_unk_token_id(control["[UNK]"])
    writer.add_mask_token_id(control["[MASK]"])


def _llama_piece(token: str) -> str:
    return token.removeprefix("##") if token.startswith("##") else f"▁{token}"
