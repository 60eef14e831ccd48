"""What a reviewer has before them: the question, how it was routed and answered, what was found, the votes.

Everything is scrubbed of personal data, and nothing is shown of a passage that the reviewer may not read,
neither itself nor an answer that says it again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.contracts import AnswerKind, Episode, EpisodeId, Passage, PassageId, Slug
from agent.serving.served import Task
from tuning.annotation.item import Item
from tuning.labels.cases import Scrub
from tuning.labels.decisions import Cited

if TYPE_CHECKING:
    from agent.runtime import Stores


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A passage that was found and may be read."""

    title: str
    location: str
    text: str
    """Scrubbed; quotes are taken from it."""
    cited: Cited


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    item: Item
    episode: EpisodeId | None
    """The question that is shown; None for a report that names none."""
    question: str
    scores: tuple[tuple[Slug, float], ...] = ()
    """Categories and their probabilities, most probable first."""
    out_of_scope: float = 0.0
    evidence: tuple[Piece, ...] = ()
    """Best first."""
    hidden: int = 0
    """Passages that were found and may not be read."""
    answer: str = ""
    quotes: tuple[str, ...] = ()
    """What the answer quotes."""
    withheld: bool = False
    """Whether the answer rests on what may not be read; then somebody else must decide about it."""
    helpful: int = 0
    unhelpful: int = 0

    @property
    def decidable(self) -> bool:
        return not (self.withheld and self.item.task is Task.ANSWER)


async def exhibit_of(
    stores: Stores,
    item: Item,
    episode_id: EpisodeId | None,
    *,
    scrub: Scrub,
    may_see: Collection[str] | None = None,
) -> Exhibit | None:
    """Put together what is known of one question of an item; None when it was forgotten meanwhile.

    `may_see` are the visibilities that the reviewer may read, None for all. Raises `StoreError`.
    """
    if episode_id is None:
        return Exhibit(item=item, episode=None, question=item.question)
    episode = await stores.journal.episode(item.guild, episode_id)
    if episode is None:
        return None
    quoted = [quote.passage for quote in episode.answer.quotes] if episode.answer else []
    found = [passage for passage, _ in episode.evidence]
    passages = await stores.store.get(item.guild, list(dict.fromkeys([*found, *quoted])))
    votes = await stores.journal.votes(item.guild, episode_id)
    return _exhibit(
        item,
        episode,
        {passage.id: passage for passage in passages},
        tuple(votes.values()),
        scrub=scrub,
        may_see=may_see,
    )


def _exhibit(
    item: Item,
    episode: Episode,
    passages: Mapping[PassageId, Passage],
    votes: Sequence[int],
    *,
    scrub: Scrub,
    may_see: Collection[str] | None,
) -> Exhibit:
    readable = [each for each in passages.values() if may_see is None or each.visibility in may_see]
    hidden = len(passages) - len(readable)
    answer, route = episode.answer, episode.route
    shown = {each.id for each in readable}
    withheld = answer is not None and (
        any(quote.passage in passages and quote.passage not in shown for quote in answer.quotes)
        or (hidden > 0 and answer.kind is AnswerKind.GENERATED)
    )
    quotes = answer.quotes if answer and not withheld else ()
    return Exhibit(
        item=item,
        episode=episode.id,
        question=scrub(episode.question),
        scores=tuple((each.category, each.probability) for each in route.scores) if route else (),
        out_of_scope=route.out_of_scope if route else 0.0,
        evidence=tuple(_piece(each, scrub) for each in readable),
        hidden=hidden,
        answer=scrub(answer.text) if answer and not withheld else "",
        quotes=tuple(scrub(quote.text) for quote in quotes),
        withheld=withheld,
        helpful=votes.count(1),
        unhelpful=votes.count(-1),
    )


def _piece(passage: Passage, scrub: Scrub) -> Piece:
    return Piece(
        title=scrub(passage.title),
        location=scrub(passage.location),
        text=scrub(passage.text),
        cited=Cited(passage=passage.id, source=passage.source, sha256=sha256_of(passage)),
    )


def sha256_of(passage: Passage) -> str:
    """By which it is known whether a passage still says what a reviewer read."""
    return hashlib.sha256(passage.text.encode("utf-8", "surrogatepass")).hexdigest()
