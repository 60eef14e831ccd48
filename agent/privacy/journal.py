"""The journal: what a member asked and said of answers, and where others were answered with their words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final

from agent.contracts import Episode, EpisodeId, GuildId
from agent.journal.protocol import Journal
from agent.privacy.protocol import Removed, Subject, Traces
from agent.privacy.redact import quotes_of, redacted

_PAGE: Final = 200


class JournalHolder:
    """An episode goes with all feedback on it, whoever gave that: it says something of the question."""

    tables = frozenset({"episodes", "feedback"})

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def export(self, who: Subject, traces: Traces) -> Mapping[str, Sequence[object]]:
        asked, quoted = list[object](), list[object]()
        async for episode in _episodes(self._journal, who.guild):
            if episode.member == who.member:
                asked.append(episode)
            elif quotes := quotes_of(episode, traces):
                quoted.append({"at": episode.asked_at, "quotes": quotes})
        said = await self._journal.feedback(who.guild, member=who.member)
        return {"episodes": asked, "feedback": said, "quoted": quoted}

    async def forget(self, who: Subject, traces: Traces) -> Removed:
        answers = 0
        async for episode in _episodes(self._journal, who.guild):
            if episode.member == who.member:
                continue
            if (less := redacted(episode, who.member, traces)) is not None:
                await self._journal.redact(less)
                answers += 1
        episodes, feedback = await self._journal.forget(who.guild, who.member)
        return {"episodes": episodes, "feedback": feedback, "episodes of others redacted": answers}


async def _episodes(journal: Journal, guild: GuildId) -> AsyncIterator[Episode]:
    after: EpisodeId | None = None
    while page := await journal.episodes(guild, after=after, limit=_PAGE):
        for episode in page:
            yield episode
        after = page[-1].id
