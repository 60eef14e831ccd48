"""What the journal must do. tests/agent/journal holds the conformance suite."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from agent.contracts import Episode, EpisodeId, Feedback, GuildId, MemberId


class Journal(Protocol):
    """Append-only. Raises `StoreError`, `UsageError` only. Ids are time-sortable (UUID version 7).

    Nothing of one guild is seen in another. Times come back in UTC; one without zone is a `UsageError`.
    """

    async def record(self, episode: Episode) -> None:
        """Durable when it returns. Recording the same id again changes nothing."""
        ...

    async def episode(self, guild: GuildId, id: EpisodeId) -> Episode | None: ...  # noqa: A002

    async def episodes(
        self,
        guild: GuildId,
        *,
        since: datetime | None = None,
        after: EpisodeId | None = None,
        limit: int = 100,
    ) -> tuple[Episode, ...]:
        """In the order in which they were stored, whatever the clocks said; `after` pages on."""
        ...

    async def add_feedback(self, event: Feedback) -> None:
        """Durable when it returns. `UsageError` when the guild has no such episode, or the value is not valid
        for its kind, or a retraction does not name an earlier event of the same member and episode that is
        no retraction itself. The same id again changes nothing.
        """
        ...

    async def feedback(
        self, guild: GuildId, *, episode: EpisodeId | None = None, member: MemberId | None = None
    ) -> tuple[Feedback, ...]:
        """Every event in the order in which they were stored, retracted ones and retractions included."""
        ...

    async def feedback_on(self, guild: GuildId, episodes: Collection[EpisodeId]) -> tuple[Feedback, ...]:
        """The same for some episodes, such as a page of them."""
        ...

    async def votes(self, guild: GuildId, episode: EpisodeId) -> dict[MemberId, int]:
        """Each member's standing vote, 1 or -1; votes taken back or retracted are absent."""
        ...

    async def forget(self, guild: GuildId, member: MemberId) -> tuple[int, int]:
        """Delete the episodes that a member asked with all feedback on them, and the member's feedback on
        others'. Return how many episodes and events went.
        """
        ...

    async def redact(self, episode: Episode) -> None:
        """Put less in the place of an episode, whose feedback stays: it held words of somebody who asked to
        be forgotten. Nothing happens when it is gone. This and `forget` are all that may change the past.
        """
        ...

    async def check(self) -> str:
        """One line for doctor. Raises `StoreError` when the journal is damaged."""
        ...

    async def close(self) -> None: ...
