"""What an anomaly is, in a line of English for the terminal, the calm rule and the bot's English texts.

The words are filled in with the figures and with `subject`, as it is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from agent.language.counts import with_counts
from tuning.anomalies.anomaly import Found, Kind

SENTENCES: Final[Mapping[Kind, str]] = {
    Kind.RETRIEVAL: "Searches in {subject} find too little: {now} % of {count:# question|# questions} had to "
    "be searched elsewhere, {before} % before",
    Kind.UNANSWERED: '{now} % of {count:# question|# questions} ended in "I don\'t know", {before} % before',
    Kind.STALE: "{subject} has changed where it came from",
    Kind.CONTRADICTION: "Two sources contradict each other ({difference})",
    Kind.LANGUAGE: "{now} % of {count:# question is|# questions are} in the language {subject}, {before} % "
    "before",
    Kind.SUBJECT: "{now} % of {count:# question is|# questions are} unlike those of before, where "
    "{before} % were",
    Kind.BURST: "{count} {subject} {count:vote|votes} within an hour, many times what is usual",
    Kind.LATENCY: "Answers take {now:.1f} seconds, {before:.1f} before",
}
GONE: Final = "{subject} is no longer where it came from"


def sentence(found: Found, subject: str = "") -> str:
    """One line without its full stop; `subject` is what the anomaly's own is called."""
    words = GONE if found.figures.get("gone") else SENTENCES[found.kind]
    return words.format(**{**with_counts(found.figures), "subject": subject or found.subject})
