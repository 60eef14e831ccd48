"""Replies that must satisfy a JSON Schema, checked here whatever an engine promises."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jsonschema import SchemaError, ValidationError
from jsonschema.validators import validator_for

from agent.errors import ModelError, UsageError


class UnusableReplyError(ModelError):
    """A structured reply that was cut short or breaks its schema."""


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raises `UsageError` when it is not a JSON Schema."""
    try:
        validator_for(schema).check_schema(dict(schema))
    except SchemaError as error:
        raise UsageError(f"Not a JSON Schema: {error.message}.") from error


def parsed_reply(reply: str, schema: Mapping[str, Any], model: str, max_tokens: int) -> Any:
    """Return what the reply says. Raises `UnusableReplyError`."""
    try:
        parsed = json.loads(reply)
        validator_for(schema)(dict(schema)).validate(parsed)
    except json.JSONDecodeError as error:
        raise UnusableReplyError(
            f"{model} did not finish its structured reply within {max_tokens} tokens."
        ) from error
    except ValidationError as error:
        raise UnusableReplyError(f"{model} broke the schema: {error.message}.") from error
    return parsed
