"""What goes wrong at an Ollama server, as errors of this program with what to do about each.

Ollama tells most causes by text alone, with a status that several causes share, and in the middle of a
stream by text without any status.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pydantic
from ollama import ResponseError

from agent.errors import ModelBrokenError, ModelBusyError, ModelError, ModelMissingError

_RUNNER_LOST = ("llama runner process", "model runner has unexpectedly stopped", "while running the model")
"""The process that runs the model was killed or crashed; the next call starts another."""

_NO_NETWORK = ("no such host", "dial tcp", "i/o timeout", "tls: ", "x509: ", "connection reset")
_NOT_IN_LIBRARY = ("file does not exist", "manifest unknown", "invalid model name")


class ServerAwayError(ModelBusyError):
    """Nothing answers at the address, or it answered and stopped."""


class ServerFullError(ModelBusyError):
    """The server answers that it has too much to do (503)."""


class TooLongError(ModelError):
    """The text has more tokens than the model reads."""


@contextmanager
def translated(address: str, model: str) -> Iterator[None]:
    """Surround a call of the library. Raises `ModelError` and its children instead of what that raises."""
    try:
        yield
    except ResponseError as error:
        raise refusal(address, model, error.status_code, error.error) from error
    except (ConnectionError, httpx.RequestError) as error:
        raise ServerAwayError(
            f"Ollama at {address} does not answer: {_cause(error)}.",
            "Is it running, and is OLLAMA_HOST right?",
        ) from error
    except (json.JSONDecodeError, pydantic.ValidationError) as error:
        raise no_ollama(address) from error


def no_ollama(address: str) -> ModelError:
    return ModelError(f"What answers at {address} is not Ollama.", "Is the port in OLLAMA_HOST right?")


def refusal(address: str, model: str, status: int, said: str) -> ModelError:
    """The error for what a server answered; `status` is -1 in the middle of a stream."""
    text = said.lower()
    if "exceeds the context length" in text or "maximum context length" in text:
        return TooLongError(
            f"The prompt has more tokens than {model} reads.",
            "Raise LOREKEEPER_CONTEXT_TOKENS, or lower LOREKEEPER_EVIDENCE_LIMIT.",
        )
    if status == httpx.codes.SERVICE_UNAVAILABLE:
        return ServerFullError(f"Ollama at {address} is busy: {_line(said)}.", "Ask again in a moment.")
    if any(sign in text for sign in _RUNNER_LOST):
        return ServerAwayError(
            f"Ollama at {address} lost {model}: {_line(said)}.", "Its log says why; often memory ran out."
        )
    if "requires more system memory" in text or "out of memory" in text:
        return ModelError(
            f"{model} does not fit Ollama at {address}: {_line(said)}.",
            "Choose a smaller model, or lower LOREKEEPER_CONTEXT_TOKENS.",
        )
    if "loras are not yet implemented" in text:
        return ModelBrokenError(
            f"Ollama at {address} cannot speak through adapters with a model of this family.",
            "Serve it embedded, or choose a Llama, Qwen2 or Gemma 2 as the chat model: docs/tuning.md",
        )
    if "no space left" in text:
        return ModelError(f"The disk of Ollama at {address} is full.", "Free some there: ollama rm NAME")
    return _by_status(address, model, status, said)


def _by_status(address: str, model: str, status: int, said: str) -> ModelError:
    text = said.lower()
    if status == httpx.codes.NOT_FOUND and text.startswith("model "):
        return no_such_model(address, model)
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        return ModelError(f"Ollama at {address} refuses us: {_line(said)}.", "Set OLLAMA_API_KEY.")
    if "does not support" in text:
        return ModelError(f"Ollama at {address}: {_line(said)}.", "See `lorekeeper models list`.")
    if status in {httpx.codes.NOT_FOUND, httpx.codes.METHOD_NOT_ALLOWED}:
        return no_ollama(address)
    return ModelError(f"Ollama at {address} failed: {_line(said)}.")


def pull_refusal(address: str, model: str, error: ModelError) -> ModelError:
    """What a failed pull means; the server tells it by the text of a general failure."""
    if isinstance(error, ModelBusyError):
        return error
    text = str(error).lower()
    if any(sign in text for sign in _NOT_IN_LIBRARY):
        return ModelMissingError(
            f"There is no model {model} to pull.", "Look for its exact name, tag included, at ollama.com."
        )
    if any(sign in text for sign in _NO_NETWORK):
        return ModelError(
            f"Ollama at {address} cannot reach the model's registry.",
            "That server needs the internet to pull; run this again to go on where it stopped.",
        )
    return error


def no_such_model(address: str, model: str) -> ModelMissingError:
    return ModelMissingError(f"Ollama at {address} has no model {model}.", _pull(model))


def other_model(address: str, model: str) -> ModelError:
    return ModelError(f"Ollama at {address} has another {model} than the servers before it.", _pull(model))


def _pull(model: str) -> str:
    return f"Run: lorekeeper models pull {model}"


def _cause(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "it accepts no connection" if isinstance(error, httpx.ConnectTimeout) else "no reply in time"
    if isinstance(error, httpx.ConnectError | ConnectionError):
        # The library replaces the reason by a paragraph about downloading Ollama.
        return _line(str(error)) if isinstance(error, httpx.ConnectError) else "connection refused"
    return _line(str(error)) or type(error).__name__


def _line(said: str) -> str:
    return " ".join(said.split())[:200].rstrip(".")
