"""The evidence that an answer is learnt from, as it stands in the knowledge store now.

What a model is trained on may come up in any answer to anybody. So nothing is taken that not everybody in the
guild may read, nothing of members who do not want to be learnt from, and nothing personal: the texts are
scrubbed like the questions. What a reviewer had before them and is not there any longer, letter by letter, is
no evidence for what they decided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from agent.contracts import (
    GUILD_WIDE,
    Constraints,
    Evidence,
    EvidenceItem,
    GuildId,
    Passage,
    PassageId,
    Searched,
    Source,
    SourceId,
)
from tuning.annotation.exhibit import sha256_of
from tuning.labels.cases import Allows
from tuning.labels.gathering import allowances, scrubber_of
from tuning.labels.label import Label
from tuning.scrubbing.scrubber import Scrubber

if TYPE_CHECKING:
    from agent.runtime import Stores

_NOT_SEARCHED: Final = Searched(
    categories=(), constraints=Constraints(), widened=False, queries=(), index_version=""
)
NO_EVIDENCE: Final = Evidence(items=(), searched=_NOT_SEARCHED)
_CHUNK: Final = 500


class Evidences:
    """The evidence of some labels of one guild. Made by `read_evidence`."""

    def __init__(
        self,
        passages: dict[PassageId, Passage],
        sources: dict[SourceId, Source],
        allows: Allows,
        scrubber: Scrubber,
    ) -> None:
        self._passages = passages
        self._sources = sources
        self._allows = allows
        self._scrubber = scrubber

    def of(self, label: Label) -> Evidence | None:
        """What may be shown of a label's evidence, best first; None where nothing is left of it, or what a
        reviewer read is there no longer.
        """
        found = [self._passages[id_] for id_ in label.evidence if id_ in self._passages]
        digests = dict(zip(label.evidence, label.evidence_sha256, strict=False))
        changed = any(
            id_ not in self._passages or sha256_of(self._passages[id_]) != digest
            for id_, digest in digests.items()
        )
        shown = [self._scrubbed(passage) for passage in found if self._may_show(passage)]
        return None if changed or not shown else evidence_of(shown)

    def _may_show(self, passage: Passage) -> bool:
        source = self._sources.get(passage.source)
        if source is None or passage.visibility != GUILD_WIDE:
            return False
        authors = {passage.author, source.author} - {None}
        return all(self._allows(author, source.added_at) for author in authors if author is not None)

    def _scrubbed(self, passage: Passage) -> Passage:
        scrub = self._scrubber.scrub
        return replace(
            passage,
            text=scrub(passage.text),
            title=scrub(passage.title),
            location=scrub(passage.location),
            author_name=scrub(passage.author_name),
        )


def evidence_of(passages: Sequence[Passage]) -> Evidence:
    """Passages as if they had been found, in this order."""
    items = tuple(EvidenceItem(passage=passage, score=0.0, similarity=0.0) for passage in passages)
    return Evidence(items=items, searched=_NOT_SEARCHED)


async def read_evidence(stores: Stores, guild: GuildId, labels: Sequence[Label]) -> Evidences:
    """Raises `StoreError`, `UnknownGuildError`."""
    ids = sorted({id_ for label in labels for id_ in label.evidence})
    passages: dict[PassageId, Passage] = {}
    for start in range(0, len(ids), _CHUNK):
        found = await stores.store.get(guild, ids[start : start + _CHUNK])
        passages |= {passage.id: passage for passage in found}
    sources = {source.id: source for source in await stores.catalog.sources(guild)}
    authors = {passage.author for passage in passages.values()} | {each.author for each in sources.values()}
    members = {author for author in authors if author is not None}
    allows = await allowances(stores, guild, members, stores.clock())
    scrubber = scrubber_of(await stores.catalog.categories(guild), sources.values())
    return Evidences(passages, sources, allows, scrubber)
