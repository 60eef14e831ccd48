"""A dataset version in words: what an owner reads before anything is trained on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from agent.language.counts import Count
from tuning.datasets.item import Split
from tuning.datasets.version import DatasetVersion


def card(version: DatasetVersion) -> str:
    """Markdown."""
    return "\n".join([*_head(version), "", *_by_category(version), "", *_origin(version), ""])


def _head(version: DatasetVersion) -> Iterator[str]:
    yield f"# Dataset {version.id[:12]}"
    yield ""
    items, members = Count(len(version.entries)), Count(len(version.members))
    yield f"For the task *{version.task}*: {items:# item|# items} of {members:# member|# members}."
    together = "one thread and one member" if version.by_author else "and one thread"
    yield f"Questions that ask the same, {together} are never in two splits; no item ever changes its split."
    if not version.by_author:
        yield "What one member asked is in several splits: few members asked most of the questions."
    if version.left_out:
        reasons = ", ".join(sorted(set(version.left_out.values())))
        yield f"{Count(len(version.left_out)):# item is|# items are} left out: {reasons}."


def _by_category(version: DatasetVersion) -> Iterator[str]:
    counts = Counter((entry.item.stratum, entry.split) for entry in version.entries)
    yield f"| category | {' | '.join(Split)} |"
    yield f"|---|{'---|' * len(Split)}"
    for stratum in sorted({entry.item.stratum for entry in version.entries}):
        yield f"| {stratum} | {' | '.join(str(counts[stratum, split]) for split in Split)} |"


def _origin(version: DatasetVersion) -> Iterator[str]:
    rules = Counter(entry.item.label.rule for entry in version.entries)
    languages = Counter(entry.item.label.language for entry in version.entries)
    yield f"By rule: {', '.join(f'{rule} {count}' for rule, count in rules.most_common())}."
    yield f"By language: {', '.join(f'{name} {count}' for name, count in languages.most_common())}."
