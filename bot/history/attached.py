"""Text files that members attach to what they say: part of their words, as they can be read in Discord.

Discord shows small text files under their message. Those are kept; what is larger, or is no plain text, is
for an admin to take in with `/knowledge add`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import PurePath
from typing import Final

import discord

_log = logging.getLogger(__name__)

MOST_BYTES: Final = 50_000
"""Of one file: Discord shows no more of it either."""
_SUFFIXES: Final = frozenset({".txt", ".md", ".markdown", ".rst", ".csv", ".tsv", ".log"})
_PLAIN: Final = frozenset({"text/plain", "text/markdown", "text/csv", "text/x-rst"})


def is_text(name: str, content_type: str | None, size: int) -> bool:
    """Whether a file is kept: by its name, else by its type, and by its size in bytes."""
    suffix, kind = PurePath(name).suffix.casefold(), (content_type or "").partition(";")[0].strip()
    return size <= MOST_BYTES and (suffix in _SUFFIXES or (not suffix and kind in _PLAIN))


def text_files(message: discord.Message) -> list[discord.Attachment]:
    return [each for each in message.attachments if is_text(each.filename, each.content_type, each.size)]


async def attached_text(message: discord.Message) -> str:
    """What stands in the text files of a message, each under its name. Raises `discord.DiscordServerError`
    and aiohttp's errors when Discord does not give them now.
    """
    read = [(each.filename, await _read(each)) for each in text_files(message)]
    return "\n\n".join(f"{name}\n{text}" for name, text in read if text)


async def attached_to(messages: Sequence[discord.Message]) -> dict[int, str]:
    """The same of several, by the message."""
    return {each.id: await attached_text(each) for each in messages if text_files(each)}


async def _read(file: discord.Attachment) -> str:
    """Empty for a file that is gone, or that is no text after all."""
    try:
        return (await file.read()).decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        _log.info("the attachment %s is no UTF-8 text", file.id)
    except (discord.NotFound, discord.Forbidden):
        _log.info("the attachment %s is gone", file.id)
    except discord.HTTPException as error:
        # discord.py does not tell a failure of the file host from a refusal.
        raise discord.DiscordServerError(error.response, error.text) from error
    return ""
