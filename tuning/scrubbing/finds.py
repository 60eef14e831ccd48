"""What a finder of personal data reports."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What was found; in a scrubbed text it stands in brackets where the thing stood: `[email]`."""

    NAME = "name"
    MENTION = "mention"
    """A Discord mention, handle or id."""
    EMAIL = "email"
    PHONE = "phone"
    ADDRESS = "address"
    """A postal address, a postcode with letters or exact coordinates."""
    IBAN = "iban"
    CARD = "card"
    ID = "id"
    """A number that stands for a person or their car, policy or passport."""
    NETWORK = "network"
    """An IP or MAC address."""
    SECRET = "secret"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Find:
    kind: Kind
    start: int
    end: int
    """Character offsets."""
