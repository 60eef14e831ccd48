"""What an anomaly is, in the words of whoever reads it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agent.language.counts import with_counts
from bot.texts.anomalies import AnomalyTexts
from tuning.anomalies.anomaly import Anomaly, Kind
from tuning.anomalies.quoting import subject_of

if TYPE_CHECKING:
    from agent.runtime import Stores


async def sentence_of(
    stores: Stores, anomaly: Anomaly, texts: AnomalyTexts, clean: Callable[[str], str] = str
) -> str:
    """One line without its full stop. `clean` makes names harmless for where they are shown. Raises
    `StoreError`.
    """
    found = anomaly.found
    subject = await subject_of(stores, anomaly)
    if found.kind is Kind.BURST:
        subject = texts.signs[found.subject]
    figures: dict[str, Any] = {**with_counts(found.figures), "subject": clean(subject)}
    if found.kind is Kind.CONTRADICTION:
        figures["difference"] = texts.differences[str(found.figures["difference"])]
    template = texts.gone if found.figures.get("gone") else texts.sentences[found.kind]
    return template.format(**figures)
