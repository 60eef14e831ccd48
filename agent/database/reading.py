"""JSON columns read back as what they were written from."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from agent.errors import StoreError

_T = TypeVar("_T")


def read_as(adapter: TypeAdapter[_T], value: Any, what: str) -> _T:
    """Return `value` as its type. `what` names it at the beginning of the line that a person reads when it
    cannot be read. Raises `StoreError`.
    """
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise StoreError(
            f"{what} cannot be read: {error.errors()[0]['msg']}.",
            "A newer Lorekeeper may have written it; update, or report this.",
        ) from error
