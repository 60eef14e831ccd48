"""Where the Ollama servers are, what is asked of them, and how long they are waited for."""

from __future__ import annotations

import re
from dataclasses import dataclass

import httpx

from agent.errors import ConfigurationError, ModelError

ENGINE = "ollama"
"""What `ModelInfo.engine` says."""

LEAST_VERSION = (0, 12, 11)
"""The first that tells log-probabilities."""

UNKNOWN_VERSION = "0.0.0"
"""What a build says that was not given its version; it is taken as it is."""

_PORT = 11434
_LAST_PORT = 65535
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long what is waited for, in seconds."""

    connect: float
    silence: float
    """After so long without a sign, the server is asked whether it is there at all."""
    ping: float
    """For an answer that a server knows by heart."""
    load: float
    """For a model being loaded, before the caller is told to come again."""
    busy: float
    """For a server that is full (503)."""
    recheck: float = 5.0
    """So long holds what is known of a server."""
    missed_pings: int = 2
    """So many in a row, and a server is taken for dead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OllamaConfig:
    addresses: tuple[str, ...]
    model: str
    context_tokens: int
    keep_alive: str
    """As in the setting: `30m`, `0`, `-1`."""
    patience: Patience
    known_as: str = ""
    """What people and metrics call it where its name on the servers is one that we made."""

    @property
    def shown(self) -> str:
        return self.known_as or self.model


def patience_within(deadline: float) -> Patience:
    """What a call waits for that must end in `deadline` seconds.

    All of it ends before, to say what took so long; a dead server is known so soon that another can answer.
    """
    short = min(5.0, deadline / 12)
    return Patience(
        connect=min(3.0, deadline / 12),
        silence=short,
        ping=short,
        load=0.8 * deadline,
        busy=0.5 * deadline,
    )


def addresses_of(setting: str) -> tuple[str, ...]:
    """Read `OLLAMA_HOST`: servers with commas between, each as Ollama's own tools take it.

    An address without a scheme has Ollama's port; 0.0.0.0, which a server listens on, is this machine.
    Raises `ConfigurationError`.
    """
    found = [_address(each.strip()) for each in setting.split(",") if each.strip()]
    if setting and not found:
        raise _bad_address(setting, "it names no host")
    return tuple(dict.fromkeys(found))


def _address(given: str) -> str:
    scheme, _, rest = given.rpartition("://")
    try:
        url = httpx.URL(f"{scheme or 'http'}://{rest}")
    except (httpx.InvalidURL, ValueError) as error:
        raise _bad_address(given, str(error)) from error
    if url.scheme not in _PORTS:
        raise _bad_address(given, "it must begin with http:// or https://")
    if url.userinfo:
        raise _bad_address(rest.rpartition("@")[2], "no password may stand in it; set OLLAMA_API_KEY")
    if not url.host and not url.port:
        raise _bad_address(given, "it names no host")
    port = url.port or (_PORTS[scheme] if scheme else _PORT)
    if port > _LAST_PORT:
        raise _bad_address(given, "there is no such port")
    host = "127.0.0.1" if url.host in {"", "0.0.0.0", "::"} else url.host  # noqa: S104
    shown = f"[{host}]" if ":" in host else host
    return f"{url.scheme}://{shown}:{port}{url.path.rstrip('/')}"


def _bad_address(given: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"OLLAMA_HOST has the address {given!r}: {why}.", "Write such as http://localhost:11434."
    )


def check_version(address: str, version: str) -> None:
    """Raises `ModelError` when a server of this version cannot do what is asked of it."""
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:3])
    if version != UNKNOWN_VERSION and numbers < LEAST_VERSION:
        least = ".".join(map(str, LEAST_VERSION))
        raise ModelError(
            f"Ollama at {address} is {version}; {least} is the oldest that will do.", "Upgrade that server."
        )


def canonical(name: str) -> str:
    """The name by which a server lists a model: in lower case, with its tag, without the library's name."""
    plain = name.lower().removeprefix("registry.ollama.ai/").removeprefix("library/")
    return plain if ":" in plain.rpartition("/")[2] else f"{plain}:latest"
