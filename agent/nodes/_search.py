"""One search of the store, as the asker may see it."""

from __future__ import annotations

from agent.contracts import Constraints, EvidenceItem, Slug, SourceId
from agent.ingest.embedding import index_spec
from agent.knowledge.protocol import SearchQuery
from agent.models.protocol import EmbedKind
from agent.parts import Parts
from agent.state import State


async def search(
    state: State,
    parts: Parts,
    constraints: Constraints,
    categories: tuple[Slug, ...] = (),
    *,
    limit: int | None = None,
) -> tuple[EvidenceItem, ...]:
    """Search with the latest query, within `constraints` and, if any are given, `categories`.

    `limit` is `LOREKEEPER_EVIDENCE_LIMIT` when absent.
    """
    question, text = state["question"], state["queries"][-1]
    sources: tuple[SourceId, ...] = ()
    if constraints.source:
        stored = await parts.catalog.sources(question.guild)
        wanted = constraints.source.casefold()
        seen = (each for each in stored if each.visibility in question.asker.may_see)
        sources = tuple(each.id for each in seen if wanted in (each.title.casefold(), each.uri.casefold()))
    vectors = await parts.embedder.embed([text], EmbedKind.QUERY)
    query = SearchQuery(
        guild=question.guild,
        text=text,
        vector=vectors[0],
        embedder=index_spec(parts.embedder).embedder,
        limit=limit or parts.settings.evidence_limit,
        may_see=question.asker.may_see,
        categories=categories,
        sources=sources,
        author_name=constraints.author_name,
        since=constraints.since,
        until=constraints.until,
        alpha=parts.settings.hybrid_alpha,
    )
    return await parts.store.search(query)
