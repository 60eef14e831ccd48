"""What a page of a channel's history changes in what is kept of it: pure.

New messages are taken where nothing was read before. Where something was read, a message that is not kept is
not taken again: it was left out then, or its author asked to be forgotten since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.history.said import Said


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    new: tuple[Said, ...] = ()
    edited: Mapping[int, str]
    """What a message says now."""
    gone: frozenset[int] = frozenset()


def compared(page: Sequence[Said], kept: Mapping[int, str], *, read: range) -> Changes:
    """Compare a page with the words that are kept of its stretch of the history.

    `page` holds the messages that are not left out, oldest first; `read` are the ids between which everything
    was read before.
    """
    now = {said.message: said.words for said in page}
    return Changes(
        new=tuple(said for said in page if said.message not in kept and said.message not in read),
        edited={key: words for key, words in now.items() if key in kept and words != kept[key]},
        gone=frozenset(kept.keys() - now.keys()),
    )
