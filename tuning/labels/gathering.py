"""Deriving labels from an installation: what the pure rules need, read from where it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from agent.contracts import Category, Episode, EpisodeId, Feedback, GuildId, MemberId, Source, SourceId
from agent.journal.protocol import Journal
from agent.models.protocol import Embedder, EmbedKind
from agent.privacy.consents import Consent, Consents, allowed_at
from tuning.labels.cases import Allows, Case, Vectors, cases
from tuning.labels.decisions import Decision
from tuning.labels.derive import derived_from
from tuning.labels.label import Derivation
from tuning.labels.renaming import decision_of_now, episode_of_now, event_of_now
from tuning.labels.store import DecisionStore
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What a guild's journal says, with what it takes to ask on."""

    cases: tuple[Case, ...]
    derivation: Derivation
    decisions: tuple[Decision, ...]
    """All of them, in the order in which they were stored."""
    categories: tuple[Category, ...]
    scrubber: Scrubber
    episodes: tuple[Episode, ...]
    events: tuple[Feedback, ...]
    """Both whoever they are of. Topics are called everywhere as they are called now."""
    allows: Allows


async def labels_of(
    stores: Stores, guild: GuildId, *, now: datetime, embedder: Embedder | None = None
) -> Derivation:
    """Derive the labels of a guild, with the consents as they stand `now`.

    With an embedder, questions that say the same in other words are one group. Raises `StoreError`,
    `ModelError`, `UnknownGuildError`.
    """
    return (await gather(stores, guild, now=now, embedder=embedder)).derivation


async def gather(
    stores: Stores, guild: GuildId, *, now: datetime, embedder: Embedder | None = None
) -> Gathered:
    """The same with what the labels were made of. Deriving takes place in a thread: it is all computing."""
    categories = await stores.catalog.categories(guild)
    sources = {source.id: source for source in await stores.catalog.sources(guild)}
    said = await _journal(stores, guild)
    authors = {source.author for source in sources.values() if source.author is not None}
    allowed = await allowances(stores, guild, said.speakers | authors, now)
    known = {category.slug: category.name for category in categories}
    scrubber = scrubber_of(categories, sources.values())
    vectors = await _vectors(embedder, scrubber, said.episodes) if embedder else None

    def quotable(source: SourceId) -> bool:
        return source in sources and _may_quote(sources[source], allowed)

    def derived() -> tuple[tuple[Case, ...], Derivation]:
        together = tuple(said.cases(allowed, scrubber, vectors))
        return together, derived_from(together, scrub=scrubber.scrub, quotable=quotable, categories=known)

    together, derivation = await asyncio.to_thread(derived)
    return Gathered(
        cases=together,
        derivation=derivation,
        decisions=said.decisions,
        categories=categories,
        scrubber=scrubber,
        episodes=said.episodes,
        events=said.events,
        allows=allowed,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Journal:
    """What was said in a guild, in the order in which it was stored."""

    episodes: tuple[Episode, ...]
    events: tuple[Feedback, ...]
    decisions: tuple[Decision, ...]

    @property
    def speakers(self) -> set[MemberId]:
        members = {episode.member for episode in self.episodes} | {event.member for event in self.events}
        return members | {decision.member for decision in self.decisions}

    def cases(self, allowed: Allows, scrubber: Scrubber, vectors: Vectors | None) -> Iterator[Case]:
        return cases(
            self.episodes,
            self.events,
            allows=allowed,
            scrub=scrubber.scrub,
            vectors=vectors,
            decisions=self.decisions,
        )


async def _journal(stores: Stores, guild: GuildId) -> _Journal:
    renamed = await stores.catalog.former_slugs(guild)
    episodes, events = await _episodes(stores.journal, guild), await stores.journal.feedback(guild)
    decisions = await DecisionStore(stores.database).all(guild)
    return _Journal(
        episodes=tuple(episode_of_now(each, renamed) for each in episodes),
        events=tuple(event_of_now(each, renamed) for each in events),
        decisions=tuple(decision_of_now(each, renamed) for each in decisions),
    )


async def _vectors(embedder: Embedder, scrubber: Scrubber, episodes: Sequence[Episode]) -> Vectors:
    questions = [scrubber.scrub(episode.question) for episode in episodes]
    return await embedder.embed(questions, EmbedKind.QUERY)


def scrubber_of(categories: Iterable[Category], sources: Iterable[Source]) -> Scrubber:
    """It knows the names of a guild's authors, and leaves those of its topics."""
    keep = [name for category in categories for name in (category.slug, category.name)]
    return Scrubber({source.author_name for source in sources}, keep=keep)


async def allowances(stores: Stores, guild: GuildId, members: Collection[MemberId], now: datetime) -> Allows:
    """Whether each of these members may be learnt from."""
    consents = Consents(stores.database, stores.settings)
    return _Allowed(
        histories={member: await consents.history(guild, member) for member in members},
        now=now,
        default=stores.settings.training_consent == "opt-out",
    )


def _may_quote(source: Source, allowed: Allows) -> bool:
    """A file or a page that nobody in the guild wrote is the owner's to use."""
    return source.author is None or allowed(source.author, source.added_at)


async def _episodes(journal: Journal, guild: GuildId) -> tuple[Episode, ...]:
    episodes: list[Episode] = []
    after: EpisodeId | None = None
    while page := await journal.episodes(guild, after=after, limit=_PAGE):
        episodes += page
        after = page[-1].id
    return tuple(episodes)
