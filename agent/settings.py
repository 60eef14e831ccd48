"""Every setting, from the environment and `.env`, validated once at start.

Each field is the environment variable `LOREKEEPER_<NAME>`, but for the addresses of servers, whose names are
those that the servers' own tools use (`UNPREFIXED`); `.env.example` documents them all, and
tests/bot/test_settings.py proves that it is complete and true.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from dotenv import dotenv_values
from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from agent.errors import ConfigurationError

PREFIX = "LOREKEEPER_"
UNPREFIXED = frozenset({"ollama_host", "weaviate_url", "weaviate_api_key", "database_url", "discord_token"})
"""Fields whose variable is their name alone."""


class Settings(BaseSettings):
    """One object for the whole process; `load_settings` makes it and turns mistakes into one line each."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=None, frozen=True, extra="forbid")

    data_dir: Path = Field(default_factory=lambda: user_data_path("lorekeeper"))
    """Folder of everything that is kept: knowledge, journal, prepared models, logs."""
    language: Literal["en", "es"] = "en"
    """Language of the guild, used where a text is too short to tell its own."""
    timezone: str = "UTC"
    """IANA time zone in which "yesterday" and "last summer" are read."""
    log_level: Literal["debug", "info", "warning", "error"] = "warning"
    log_to: Literal["file", "stderr"] = "file"
    log_format: Literal["text", "json"] = "text"
    log_text: bool = False
    """Let the log hold what members wrote and what models answered."""
    traces_url: str = Field(default="", pattern=r"^(https?://.+)?$")
    """Where OpenTelemetry traces go, by OTLP over HTTP; empty means none are made."""
    health_host: str = "127.0.0.1"
    health_port: int = Field(default=0, ge=0, le=65535)
    """Of /healthz, /readyz and /metrics; 0 means not served."""

    ollama_host: str = ""
    """Addresses of Ollama servers, commas between; empty means models in this process."""
    ollama_keep_alive: str = Field(default="30m", pattern=r"^(-1|0|[1-9]\d*[smh])$")
    """How long Ollama keeps a model in memory after its last answer; -1 means for ever, 0 not at all."""
    weaviate_url: str = ""
    """Addresses of the nodes of one Weaviate, commas between; empty means LanceDB in the data folder."""
    weaviate_api_key: SecretStr = SecretStr("")
    weaviate_grpc_port: int = Field(default=50051, ge=1, le=65535)
    weaviate_collection: str = Field(default="Lorekeeper", pattern=r"^[A-Z][A-Za-z0-9]{0,60}$")
    """Alias of the collection in use; the collections behind it are named after it."""
    weaviate_replicas: int = Field(default=1, ge=1, le=99)
    """On how many nodes each passage is kept."""
    database_url: SecretStr = SecretStr("")
    """`postgresql://USER:PASSWORD@HOST/DATABASE`; empty means SQLite in the data folder."""

    discord_token: SecretStr = SecretStr("")
    """The bot's token out of Discord's developer portal; only `lorekeeper run` needs it."""
    discord_message_content: bool = True
    """Without the privileged intent the bot reads mentions, replies to it and direct messages only."""
    discord_local_guild: int = Field(default=0, ge=0)
    """Id of the Discord guild that shares the terminal's knowledge; 0 means none does."""
    discord_answers_at_once: int = Field(default=4, ge=1, le=256)
    discord_queue: int = Field(default=100, ge=1, le=100_000)
    """Questions that may wait; one more is refused."""
    discord_edit_seconds: float = Field(default=1.1, ge=0.05, le=60)
    """Between edits of the answers that stream in one channel."""
    discord_stop_seconds: float = Field(default=20.0, ge=0, le=600)
    """How long a stop waits for running answers; what is left is answered after the next start."""
    discord_shards: str = ""
    """Of a bot that several processes serve, the shards of this one: `0,1` or `0-3`; empty means all."""
    discord_shard_count: int = Field(default=0, ge=0, le=10_000)
    """How many shards there are in all; 0 asks Discord."""
    discord_api: str = Field(default="", pattern=r"^(https?://[^/?#]+(/[^?#]*)?)?$")
    """Address of the REST API of another server than Discord: for tests and the demo."""

    chat_model: str = "smollm2-135m"
    """A bundled or installed model, the path of a GGUF file, or any other name: a model of Ollama."""
    embedder: str = "multilingual-e5-small"
    """A bundled embedder, or any other name: a model of Ollama."""
    threads: int = Field(default=0, ge=0, le=256)
    """CPU threads for models; 0 means every core."""
    context_tokens: int = Field(default=2048, ge=512, le=131072)
    answer_tokens: int = Field(default=160, ge=16, le=4096)
    answer_mode: Literal["auto", "extractive", "generated"] = "auto"
    """`auto`: extractive for the bundled model and any that is known to have under a billion parameters."""

    evidence_limit: int = Field(default=8, ge=1, le=50)
    """Passages retrieved for one question."""
    hybrid_alpha: float = Field(default=0.5, ge=0, le=1)
    """Weight of the dense part against BM25."""
    answer_threshold: float = Field(default=0.5, ge=0, le=1)
    """The judge's probability, below which the answer is "I don't know"."""
    scope_threshold: float = Field(default=0.5, ge=0, le=1)
    """Probability of being out of scope, above which a question is not searched within a category."""
    rewrites: int = Field(default=1, ge=0, le=3)
    repairs: int = Field(default=1, ge=0, le=3)

    training_consent: Literal["opt-out", "opt-in"] = "opt-out"
    """Whether the bot may learn from members who said nothing about it; each can say yes or no."""
    review_double_share: float = Field(default=0.1, ge=0, le=1)
    """Share of the review queue that is asked of two people, so that their agreement can be measured."""

    question_characters: int = Field(default=4000, ge=100, le=100_000)
    stage_seconds: float = Field(default=60.0, gt=0, le=3600)
    """Deadline of each stage of a question."""

    ingest_file_mb: float = Field(default=50.0, gt=0, le=10_000)
    ingest_unpacked_mb: float = Field(default=200.0, gt=0, le=100_000)
    """Largest size that an archive format (DOCX) may unpack to."""
    web_seconds: float = Field(default=20.0, gt=0, le=600)
    web_mb: float = Field(default=10.0, gt=0, le=1000)
    web_pages: int = Field(default=500, ge=1, le=100_000)
    """Most pages that one sitemap may bring in."""
    web_private_addresses: bool = False
    """Allow URLs of this machine and of private networks."""

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, value: str) -> str:
        if value not in available_timezones():
            near = difflib.get_close_matches(value, available_timezones(), n=1)
            raise ValueError(f"unknown time zone{f', did you mean {near[0]}?' if near else ''}")
        return value

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


def load_settings(env_file: Path | None = Path(".env"), **overrides: Any) -> Settings:
    """Read the environment over `.env` over the defaults.

    Raises `ConfigurationError` for an unknown name, naming the nearest right one, and for a bad value.
    """
    given = {k: v for k, v in dotenv_values(env_file).items() if v is not None} if env_file else {}
    given |= os.environ
    known = {variable(name): name for name in Settings.model_fields}
    ours = {k: v for k, v in given.items() if k.upper().startswith(PREFIX) or k.upper() in known}
    for name in ours:
        if name.upper() not in known:
            raise ConfigurationError(f"Unknown setting {name}.", f"Did you mean {_nearest(name, known)}?")
    values = {known[name.upper()]: value for name, value in ours.items()} | overrides
    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = variable(str(first["loc"][0]))
        raise ConfigurationError(
            f"{name} is {first.get('input')!r}: {first['msg'].removeprefix('Value error, ')}.",
            "See .env.example for what it may be.",
        ) from error


def variable(field: str) -> str:
    """The environment variable of a field."""
    return field.upper() if field in UNPREFIXED else PREFIX + field.upper()


def _nearest(name: str, known: Iterable[str]) -> str:
    """Compared without the prefix, which would make every prefixed name look near."""
    bare = {each.removeprefix(PREFIX): each for each in known}
    return bare[difflib.get_close_matches(name.upper().removeprefix(PREFIX), bare, n=1, cutoff=0.0)[0]]
