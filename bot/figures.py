"""The figures of a guild out of its journal, and as words and a picture: what `/stats` and `lorekeeper stats`
show alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import TYPE_CHECKING, Final

from agent.contracts import EpisodeId, Feedback, GuildId, Slug
from agent.language.counts import Count
from bot.statistics import Figures, Share, Statistics, Tally, Topic
from tuning.labels.cases import Turn
from tuning.labels.standing import Said, standing
from tuning.pictures import Panel, Picture, Series, Shape, Unit

if TYPE_CHECKING:
    from agent.runtime import Stores
    from bot.texts.stats import StatsTexts

_PAGE: Final = 50
"""Small, as what is read is checked on the bot's loop."""
_MOST_TOPICS: Final = 6


async def statistics_of(stores: Stores, guild: GuildId, *, now: datetime, days: int) -> Statistics:
    """Count the last days, today included, in the time zone of the settings; the journal is read by pages.
    Raises `StoreError`.
    """
    zone = stores.settings.zone
    tally = Tally(now.astimezone(zone).date(), days, zone)
    since = datetime.combine(tally.since, time(), zone)
    after: EpisodeId | None = None
    while page := await stores.journal.episodes(guild, since=since, after=after, limit=_PAGE):
        after = page[-1].id
        said = _by_episode(await stores.journal.feedback_on(guild, [episode.id for episode in page]))
        for episode in page:
            turn = Turn(episode=episode, question=episode.question, said=tuple(said.get(episode.id, ())))
            tally.see(turn)
    return tally.statistics()


def words_of(statistics: Statistics, names: Mapping[Slug, str], texts: StatsTexts) -> str:
    """Return the same as the picture, for who cannot see it; `names` are the topics' by their slugs."""
    total = statistics.total
    lines = [
        texts.title.format(since=total.day, until=statistics.until),
        texts.questions.format(
            count=total.questions,
            answered=Count(total.answered),
            unanswered=total.unanswered,
            failed=total.failed,
        ),
        _share_line(total.satisfaction, texts.satisfaction, texts.no_votes),
        _share_line(total.routing, texts.routing, texts.routing_unknown, routed=total.routed),
    ]
    if statistics.topics:
        topics = ", ".join(
            texts.topic.format(name=_name(topic, names, texts), count=topic.unanswered, asked=topic.asked)
            for topic in statistics.topics[:_MOST_TOPICS]
        )
        lines.append(texts.unanswered_topics.format(topics=topics))
    if latency := total.latency:
        lines.append(texts.latency.format(p50=f"{latency.p50:.1f}", p95=f"{latency.p95:.1f}"))
    return "\n".join(lines)


def picture_of(statistics: Statistics, names: Mapping[Slug, str], texts: StatsTexts) -> Picture:
    steps, topics = statistics.steps, statistics.topics[:_MOST_TOPICS]
    days = tuple(step.day for step in steps)
    latencies = [step.latency for step in steps]
    questions = (
        _bars(texts.label_answered, [step.answered for step in steps]),
        _bars(texts.label_unanswered, [step.unanswered for step in steps]),
        _bars(texts.label_failed, [step.failed for step in steps]),
    )
    panels = [
        Panel(title=texts.panel_questions, days=days, series=questions),
        _shares(texts.panel_satisfaction, steps, [step.satisfaction for step in steps]),
        _shares(texts.panel_routing, steps, [step.routing for step in steps]),
        Panel(
            title=texts.panel_latency,
            unit=Unit.SECONDS,
            days=days,
            series=(
                Series(label="p50", values=tuple(each.p50 if each else None for each in latencies)),
                Series(label="p95", values=tuple(each.p95 if each else None for each in latencies)),
            ),
        ),
    ]
    if topics:
        unanswered = _bars(texts.label_unanswered, [topic.unanswered for topic in topics])
        named = tuple(_name(topic, names, texts) for topic in topics)
        panels.insert(1, Panel(title=texts.panel_topics, names=named, series=(unanswered,)))
    title = texts.title.format(since=statistics.total.day, until=statistics.until)
    return Picture(title=title, panels=tuple(panels), note=texts.note)


def _by_episode(events: Sequence[Feedback]) -> Mapping[EpisodeId, list[Said]]:
    found: dict[EpisodeId, list[Said]] = {}
    for said in standing(events):
        found.setdefault(said.event.episode, []).append(said)
    return found


def _share_line(share: Share, text: str, nothing: str, **more: int) -> str:
    if share.share is None:
        return nothing
    return text.format(
        share=f"{share.share:.0%}",
        low=f"{share.low:.0%}",
        high=f"{share.high:.0%}",
        good=share.good,
        total=Count(share.total),
        **more,
    )


def _shares(title: str, steps: Sequence[Figures], shares: Sequence[Share]) -> Panel:
    """A line with its interval; a day of which nothing is known is a gap."""
    series = Series(
        label=title,
        values=tuple(share.share for share in shares),
        low=tuple(share.low if share.total else None for share in shares),
        high=tuple(share.high if share.total else None for share in shares),
    )
    return Panel(title=title, unit=Unit.SHARE, days=tuple(step.day for step in steps), series=(series,))


def _bars(label: str, counts: Sequence[int]) -> Series:
    return Series(label=label, values=tuple(map(float, counts)), shape=Shape.BARS)


def _name(topic: Topic, names: Mapping[Slug, str], texts: StatsTexts) -> str:
    return texts.no_topic if topic.category is None else names.get(topic.category, topic.category)
