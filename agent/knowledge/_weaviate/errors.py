"""What goes wrong at a Weaviate server, as the errors of this project.

The library's errors tell their kinds apart poorly: a failed gRPC call keeps its status only as the cause, and
what the server means stands in its text. All of that reading is done here.
"""

from __future__ import annotations

from typing import Final

import httpx
from grpc import StatusCode
from grpc.aio import AioRpcError
from weaviate.exceptions import (
    InsufficientPermissionsError,
    UnexpectedStatusCodeError,
    WeaviateBaseError,
    WeaviateClosedClientError,
    WeaviateConnectionError,
    WeaviateGRPCUnavailableError,
    WeaviateRetryError,
    WeaviateStartUpError,
    WeaviateTimeoutError,
)

from agent.errors import ConfigurationError, DiskFullError, LorekeeperError, StoreBusyError, StoreError

LIBRARY_ERRORS: Final = (WeaviateBaseError, httpx.HTTPError, OSError)
"""What a call of weaviate-client may raise; `TimeoutError` is an `OSError`."""


class MissingCollectionError(StoreError):
    """The server has no such collection or alias."""


class MissingTenantError(StoreError):
    """The collection has no such tenant: nothing was ever stored for this guild."""


class TakenError(StoreError):
    """A collection or alias of this name exists."""


class AsleepError(StoreBusyError):
    """The tenant is being activated or deactivated."""


_AWAY: Final = (
    WeaviateConnectionError,
    WeaviateTimeoutError,
    WeaviateStartUpError,
    WeaviateGRPCUnavailableError,
    WeaviateRetryError,
    WeaviateClosedClientError,
    httpx.TransportError,
    OSError,
)
_AWAY_CODES: Final = (StatusCode.UNAVAILABLE, StatusCode.DEADLINE_EXCEEDED, StatusCode.CANCELLED)
_AWAY_TEXTS: Final = (
    "connection refused",
    "leader not found",
    "no leader",
    "not the leader",
    "leadership",
    "deadline exceeded",
    "cannot reach enough replicas",
    "cannot achieve consistency",
    "connection reset",
    "shutdown in progress",
    "non-existing index",
    "code = unavailable",
    "code = canceled",
    "code = deadlineexceeded",
    "context canceled",
    "broken pipe",
    "closed network connection",
    "i/o timeout",
    "unexpected eof",
    '": eof',
)
"""What a node says that lost the others, is on its way down, or not yet up. From "code =" on: what Go says of
the connection to the node that it asked in turn, which `_AWAY_CODES` cannot tell."""

_ASLEEP_TEXTS: Final = ("tenant not active", "tenant is not active", "not loaded", "tracker is closed")
"""The last one: a tenant that was put to sleep while it was searched for words."""

_LONGEST: Final = 240
_REFUSED: Final = 401
_MISSING: Final = 404


def is_away(error: Exception) -> bool:
    """Whether the node, and not the request, is the trouble: another node, or the same later, may answer."""
    if isinstance(error, _AWAY):
        return True
    text = str(error).lower()
    return _grpc_code(error) in _AWAY_CODES or any(sign in text for sign in _AWAY_TEXTS)


def away_error(urls: str, error: Exception | None = None) -> StoreBusyError:
    said = f" ({_one_line(error)})" if error is not None and str(error) else ""
    return StoreBusyError(
        f"Weaviate at {urls} does not answer{said}.",
        "See that it runs, and that WEAVIATE_URL and its gRPC port are right.",
    )


def store_error(url: str, error: Exception) -> LorekeeperError:
    """The error of this project that says what the server said."""
    text = str(error).lower()
    status = error.status_code if isinstance(error, UnexpectedStatusCodeError) else None
    if is_away(error):
        return away_error(url, error)
    if status == _REFUSED or _grpc_code(error) is StatusCode.UNAUTHENTICATED or "unauthorized" in text:
        return ConfigurationError(
            f"Weaviate at {url} refuses the key.", "Set WEAVIATE_API_KEY to one it knows."
        )
    if isinstance(error, InsufficientPermissionsError) or _grpc_code(error) is StatusCode.PERMISSION_DENIED:
        return ConfigurationError(
            f"Weaviate at {url} does not let this key do that: {_one_line(error)}",
            "Give the user of WEAVIATE_API_KEY the rights that docs/servers.md names.",
        )
    if "not find enough weaviate nodes" in text:
        return ConfigurationError(
            f"Weaviate at {url} has fewer nodes than there shall be replicas.",
            "Lower LOREKEEPER_WEAVIATE_REPLICAS, or add nodes.",
        )
    if "read-only" in text or "readonly" in text or "no space left" in text:
        return DiskFullError(
            f"No space left for Weaviate at {url}: it takes nothing new.",
            "Free space on its disk and restart it, then repeat the last command; nothing stored is lost.",
        )
    return _of_the_schema(url, text, status) or StoreError(
        f"Weaviate at {url} cannot do that: {_one_line(error)}",
        "Its log tells more; if this stays, restore it from a backup or ingest again.",
    )


def _of_the_schema(url: str, text: str, status: int | None) -> StoreError | None:
    if "tenant not found" in text:
        return MissingTenantError(f"Weaviate at {url} has no such tenant.")
    if any(sign in text for sign in _ASLEEP_TEXTS):
        return AsleepError(f"Weaviate at {url} is still activating a guild.", "Try again.")
    if "could not find class" in text or ("class" in text and "not found" in text) or status == _MISSING:
        return MissingCollectionError(
            f"Weaviate at {url} has lost a collection of Lorekeeper.",
            "Somebody deleted it: restore it from a backup, or `lorekeeper index build` a new one.",
        )
    if "already exists" in text:
        return TakenError(f"Weaviate at {url} has something of that name already.")
    if "vector lengths don't match" in text or "dimension" in text:
        return StoreError(
            f"The vectors in Weaviate at {url} have another dimension than the index says.",
            "Something else wrote to the collection: `lorekeeper index build` makes a new one.",
        )
    return None


def _grpc_code(error: BaseException | None) -> StatusCode | None:
    """The status of the gRPC call behind an error of the library."""
    while error is not None:
        if isinstance(error, AioRpcError):
            return error.code()
        error = error.__cause__ or error.__context__
    return None


def _one_line(error: Exception) -> str:
    """Of a long text the beginning and the end, where the server's nested errors name the cause."""
    text = " ".join(str(error).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 3]} … {text[-2 * _LONGEST // 3 :]}"
