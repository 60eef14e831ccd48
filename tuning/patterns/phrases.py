"""What findings, decisions and candidates say, as keys and figures, so that each language has its own words.

`ENGLISH` is what the terminal, the log and `Finding.words` speak; the bot has the same keys in Spanish.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from agent.language.counts import Count, with_counts


@dataclass(frozen=True, slots=True)
class Phrase:
    key: str
    figures: Mapping[str, object] = field(default_factory=dict)
    """Text and numbers, by their names in the template."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gist:
    """A candidate in one line, before it is put into words."""

    counted: Phrase
    members: int
    days: int
    about: str
    """What the questions share; empty when they share no words."""
    question: str
    happens: str
    """A key."""
    category: str
    target: str


ENGLISH: Final[Mapping[str, str]] = {
    # Findings.
    "volume": "{here:# label|# labels} here and {all} in all; {needed_here} and {needed} are needed",
    "recurrence": "{remarks} on {days:# day|# days} within {span:# day|# days}, {busiest:.0%} on the busiest",
    "independence": "{members:# member|# members}, the most active with {heaviest:.0%}; "
    "{admins:# admin|# admins}",
    "agreement": "{count} of {voices} {count:says|say} {chosen}, {admins:# admin|# admins} among them",
    "again": "{count} of {voices} with what they said again on another day",
    "content": "others who found such answers helpful as they are: {members}",
    "no agreement": "nobody said what would have been right",
    "worse": "fails more than at first, by chance 1 time in {odds:,}",
    "fell": "its category fell some time ago",
    "chance": "may be chance",
    "no baseline": "what is normal is not known before {trials} were judged",
    "cause router": "{count} of {total} {count:is|are} a matter of the router",
    "cause style": "{count} of {total} {count:is|are} a matter of style",
    "cause protocol": "{count} of {total} {count:is|are} a matter of form: the draft failed its proof",
    "cause grounding": "{count} of {total} {count:is|are} a matter of what is kept, or found",
    "no cause": "no cause is known",
    "anomaly": "unusual: {said}",
    "recent": "the last training is too recent",
    "few new": "only {new:# new label|# new labels} beside {before:# known one|# known ones}",
    "calm": "nothing unusual",
    "suspect": "most of it comes from accounts that may be one",
    "aside fresh": "{remarks:# remark|# remarks} of {members:# new member|# new members} "
    "{remarks:does|do} not count yet",
    "aside burst": "{remarks:# remark|# remarks} of {members:# member|# members} came in a burst",
    "aside together": "{remarks:# remark|# remarks} of {members:# member|# members} "
    "{remarks:counts|count} as one member's, as they act as one",
    # Decisions.
    "all met": "all seven rules are met",
    "gap": "asked again and again, and nobody wrote it down",
    "old": "something is kept about it, but it is old or is not found",
    # The line of a candidate.
    "gist": "{counted} by {members:# member|# members} on {days:# day|# days}: {what} {happens}",
    "corrections": "{count:# correction|# corrections}",
    "remarks": "{count:# remark|# remarks}",
    "about": "questions about {about}",
    "like": "questions like “{question}”",
    "misrouted": "go to {category} instead of {target}",
    "unrouted": "go to no topic instead of {target}",
    "unanswered": "find no answer",
    "outdated": "find an old answer or none",
    "wrong": "are answered wrongly",
    "disliked": "get answers that people dislike",
    "in": " (in {category})",
}


def said(phrases: Sequence[Phrase], templates: Mapping[str, str] = ENGLISH) -> str:
    return "; ".join(templates[each.key].format(**with_counts(each.figures)) for each in phrases)


def line(gist: Gist, templates: Mapping[str, str] = ENGLISH) -> str:
    """Say it in one line: "12 corrections by 5 members on 4 days: questions about hot tub go to plumbing
    instead of pool".
    """
    what = templates["about" if gist.about else "like"]
    happens = templates[gist.happens].format(category=gist.category, target=gist.target)
    if gist.category and "{category}" not in templates[gist.happens] and gist.happens != "unrouted":
        happens += templates["in"].format(category=gist.category)
    return templates["gist"].format(
        counted=said([gist.counted], templates),
        members=Count(gist.members),
        days=Count(gist.days),
        what=what.format(about=gist.about, question=gist.question),
        happens=happens,
    )
