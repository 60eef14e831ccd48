"""What a guild still lacks before the bot can serve it. Pure: what was found goes in, lines come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.language.counts import Count
from bot.texts import Texts


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is there. Permissions are named as Discord's API does."""

    missing: Sequence[str]
    """Permissions that the bot lacks in the guild."""
    missing_in: Mapping[int, Sequence[str]]
    """Those that it lacks only in channels where it should answer without a mention."""
    reads_messages: bool
    """The message content intent is on."""
    answers_unasked: bool
    """In some channel it should answer without a mention."""
    topics: int
    sources: int


def lines_of(found: Found, texts: Texts) -> list[str]:
    """What is missing, and then what to do next."""
    words = texts.setup
    lines = [words.missing_permission.format(name=_named(each, texts)) for each in found.missing]
    for channel, missing in found.missing_in.items():
        named = (_named(each, texts) for each in missing if each not in found.missing)
        lines += [words.missing_in_channel.format(name=name, channel=f"<#{channel}>") for name in named]
    if not lines:
        lines.append(words.nothing_missing)
    if found.answers_unasked and not found.reads_messages:
        lines.append(words.missing_content)
    lines.append(words.has_topics.format(count=Count(found.topics)) if found.topics else words.no_topics)
    lines.append(words.next_ask if found.sources else words.no_sources)
    return lines


def _named(permission: str, texts: Texts) -> str:
    return texts.setup.permissions.get(permission, permission.replace("_", " "))
