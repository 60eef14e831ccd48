"""What was said of a topic before it was renamed or merged, as if it had been said of what it is called now.

The journal is append-only, so an old slug stays in it for ever; whoever learns from it must know the new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from agent.contracts import Episode, Feedback, Slug
from tuning.labels.decisions import Decision


def episode_of_now(episode: Episode, renamed: Mapping[Slug, Slug]) -> Episode:
    """`renamed` has what topics were called, with what they are called now (`Catalog.former_slugs`)."""
    route = episode.route
    if route is None:
        return episode
    scores = (replace(each, category=renamed.get(each.category, each.category)) for each in route.scores)
    categories = (renamed.get(each, each) for each in route.categories)
    # Of topics that were merged, the one name stands for all of them.
    now = replace(route, scores=tuple(scores), categories=tuple(dict.fromkeys(categories)))
    return replace(episode, route=now)


def event_of_now(event: Feedback, renamed: Mapping[Slug, Slug]) -> Feedback:
    said = event.value.get("category")
    if said is None or said not in renamed:
        return event
    return replace(event, value={**event.value, "category": renamed[said]})


def decision_of_now(decision: Decision, renamed: Mapping[Slug, Slug]) -> Decision:
    said = decision.category
    return decision if said is None else replace(decision, category=renamed.get(said, said))
