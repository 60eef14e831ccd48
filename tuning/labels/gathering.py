"""Deriving labels from an installation: what the pure rules need, read from where it is kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from agent.contracts import Episode, EpisodeId, GuildId, MemberId, Source
from agent.journal.protocol import Journal
from agent.models.protocol import Embedder, EmbedKind
from agent.privacy.consents import Consent, Consents, allowed_at
from tuning.labels.derive import derive
from tuning.labels.label import Derivation
from tuning.scrubbing.scrubber import Scrubber

if TYPE_CHECKING:
    from agent.runtime import Stores

_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class _Allowed:
    """Consents as they were read: what a member says to the derivation while it runs, the next one hears."""

    histories: Mapping[MemberId, tuple[Consent, ...]]
    now: datetime
    default: bool
    """What counts of those who said nothing."""

    def __call__(self, member: MemberId, at: datetime) -> bool:
        history = self.histories.get(member, ())
        return all(allowed_at(history, moment, default=self.default) for moment in (at, self.now))


async def labels_of(
    stores: Stores, guild: GuildId, *, now: datetime, embedder: Embedder | None = None
) -> Derivation:
    """Derive the labels of a guild, with the consents as they stand `now`.

    With an embedder, questions that say the same in other words are one group. Raises `StoreError`,
    `ModelError`, `UnknownGuildError`.
    """
    categories = {category.slug: category.name for category in await stores.catalog.categories(guild)}
    sources = {source.id: source for source in await stores.catalog.sources(guild)}
    episodes = await _episodes(stores.journal, guild)
    events = await stores.journal.feedback(guild)
    speakers = {episode.member for episode in episodes} | {event.member for event in events}
    authors = {source.author for source in sources.values() if source.author is not None}
    allowed = await _allowed(stores, guild, speakers | authors, now)
    names = {source.author_name for source in sources.values()}
    scrubber = Scrubber(names, keep=(*categories, *categories.values()))
    questions = [scrubber.scrub(episode.question) for episode in episodes]
    return derive(
        episodes,
        events,
        allows=allowed,
        scrub=scrubber.scrub,
        quotable=lambda source: source in sources and _may_quote(sources[source], allowed),
        categories=categories,
        vectors=await embedder.embed(questions, EmbedKind.QUERY) if embedder else None,
    )


async def _allowed(stores: Stores, guild: GuildId, members: Collection[MemberId], now: datetime) -> _Allowed:
    consents = Consents(stores.database, stores.settings)
    return _Allowed(
        histories={member: await consents.history(guild, member) for member in members},
        now=now,
        default=stores.settings.training_consent == "opt-out",
    )


def _may_quote(source: Source, allowed: _Allowed) -> bool:
    """A file or a page that nobody in the guild wrote is the owner's to use."""
    return source.author is None or allowed(source.author, source.added_at)


async def _episodes(journal: Journal, guild: GuildId) -> tuple[Episode, ...]:
    episodes: list[Episode] = []
    after: EpisodeId | None = None
    while page := await journal.episodes(guild, after=after, limit=_PAGE):
        episodes += page
        after = page[-1].id
    return tuple(episodes)
