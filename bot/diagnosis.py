"""How an answer came about, in words. Pure: what the journal recorded goes in, lines come out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from agent.contracts import Episode, MemberId, Passage, PassageId, Route, Slug
from agent.language.counts import Count
from bot.rendering import neutral_line, neutralise
from bot.texts import Texts

_SCORES: Final = 5
"""Topics shown with their probabilities."""
_EVIDENCE: Final = 8
_SUMS: Final = frozenset({"total", "model", "own"})
"""Timings that are no stage."""


def explain(
    episode: Episode,
    readable: Mapping[PassageId, Passage],
    votes: Mapping[int, int],
    names: Mapping[Slug, str],
    texts: Texts,
) -> str:
    """`readable` are those passages of its evidence that the admin may read, `votes` how many of each value,
    `names` the guild's topics.
    """
    lines = [f"**{neutral_line(episode.question)}**"]
    if episode.route:
        lines += _route_lines(episode.route, episode.member, names, texts)
    lines += _search_lines(episode, names, texts)
    lines += _evidence_lines(episode, readable, texts)
    lines += _outcome_lines(episode, texts)
    lines.append(_timings(episode.timings, texts))
    if any(votes.values()):
        lines.append(texts.diagnosis.votes.format(up=Count(votes.get(1, 0)), down=Count(votes.get(-1, 0))))
    at = f"<t:{episode.asked_at.timestamp():.0f}:f>"
    lines.append(texts.diagnosis.episode.format(at=at, episode=episode.id))
    return "\n".join(lines)


def _route_lines(route: Route, asker: MemberId, names: Mapping[Slug, str], texts: Texts) -> Iterator[str]:
    words = texts.diagnosis
    scores = ", ".join(
        f"{_named(each.category, names)} {each.probability:.0%}" for each in route.scores[:_SCORES]
    )
    decision = words.decisions[route.decision]
    yield words.route.format(decision=decision, scores=scores or "-", scope=f"{route.out_of_scope:.0%}")
    yield words.model_asked if route.model_asked else words.model_not_asked
    # What somebody else asked, perhaps in private, is theirs.
    for example in [each for each in route.examples if each.asker in (None, asker)][:1]:
        topic = _named(example.category, names)
        yield words.nearest.format(question=neutral_line(example.question), topic=topic)


def _search_lines(episode: Episode, names: Mapping[Slug, str], texts: Texts) -> Iterator[str]:
    searched, words = episode.searched, texts.diagnosis
    if searched is None:
        return
    where = ", ".join(_named(slug, names) for slug in searched.categories) or words.everywhere
    queries = ", ".join(f"“{neutral_line(query)}”" for query in searched.queries)
    yield words.searched.format(where=where, index=searched.index_version, queries=queries)
    if searched.widened:
        yield words.widened
    if searched.constraints.said:
        yield words.read_from.format(words=", ".join(map(neutral_line, searched.constraints.said)))


def _evidence_lines(episode: Episode, readable: Mapping[PassageId, Passage], texts: Texts) -> Iterator[str]:
    if episode.searched is not None and not episode.evidence:
        yield texts.diagnosis.no_evidence
    for id_, score in episode.evidence[:_EVIDENCE]:
        passage = readable.get(id_)
        title = texts.diagnosis.hidden
        if passage is not None:
            title = neutral_line(" › ".join(part for part in (passage.title, passage.location) if part))
        yield texts.diagnosis.evidence.format(score=f"{score:.3f}", title=title, passage=id_)


def _outcome_lines(episode: Episode, texts: Texts) -> Iterator[str]:
    words = texts.diagnosis
    if answer := episode.answer:
        yield words.answer.format(kind=words.kinds[answer.kind], quotes=Count(len(answer.quotes)))
        if answer.reason:
            yield words.why.format(reason=neutralise(answer.reason, verbatim=True))
    if episode.error:
        yield words.failed.format(error=neutral_line(episode.error), error_id=episode.error_id)
    for model in episode.models:
        yield words.model.format(
            name=neutral_line(model.name),
            engine=model.engine,
            digest=model.digest[:12],
            adapter=neutral_line(model.adapter),
        ).rstrip()


def _timings(timings: Mapping[str, float], texts: Texts) -> str:
    stages = ", ".join(f"{name} {spent:.0f}" for name, spent in timings.items() if name not in _SUMS)
    total, model = (f"{timings.get(name, 0.0):.0f}" for name in ("total", "model"))
    return texts.diagnosis.timings.format(total=total, model=model, stages=stages)


def _named(slug: Slug, names: Mapping[Slug, str]) -> str:
    return neutral_line(names.get(slug, slug))
