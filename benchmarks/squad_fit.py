"""Learn agent/answering/weights.py: `python -m benchmarks.squad --fit` prints what to paste there.

From half of the SQuAD articles and the tuning half of the household questions. The household weighs more than
its number, since it is nearer to what members ask: short notes, dates, two languages.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

from agent.answering.candidates import Candidate, candidates
from agent.answering.extract import EMBEDDED, choose, cosines_of
from agent.answering.judge import judged_features
from agent.answering.weights import log_odds
from agent.contracts import Evidence, GuildId, Passage, PassageId, Slug, Source, SourceId, SourceKind
from agent.ingest.chunking import passages
from agent.ingest.formats import load, loader_for
from agent.ingest.origins import Origin
from agent.language.detect import detect_language
from agent.models.protocol import EmbedKind, Vector
from benchmarks.squad_data import (
    Asked,
    Bench,
    fitting_categories,
    holds_answer,
    put_passages,
    search,
)

HOUSEHOLD = Path("examples/household")
_GUILD = GuildId("household")
_HOUSEHOLD_WEIGHT = 5.0
_UNANSWERABLE_WEIGHT = 0.25
"""Over half of SQuAD 2.0 has no answer; of what members ask it is about one in four."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lesson:
    """A question with its evidence, and what it counts."""

    asked: Asked
    evidence: Evidence
    weight: float


async def fit(bench: Bench) -> dict[str, dict[str, float]]:
    """Return FREE, FULL and JUDGE; each stage is fitted on what the stage before it lets through."""
    lessons = [*await _squad(bench), *await _household(bench)]
    found = [candidates(each.asked.text, each.evidence) for each in lessons]
    free = _fit_candidates(lessons, found, ())
    promising = [sorted(each, key=lambda one: -log_odds(free, one.features))[:EMBEDDED] for each in found]
    cosines = [
        await cosines_of(each, await _vector(bench, lesson.asked.text), bench.embedder)
        for each, lesson in zip(promising, lessons, strict=True)
    ]
    full = _fit_candidates(lessons, promising, cosines)
    judged, right, weights = [], [], []
    for lesson, some, compared in zip(lessons, promising, cosines, strict=True):
        extracts = choose(lesson.asked.text, some, compared, weights=full)
        if extracts:
            judged.append(judged_features(lesson.asked.text, lesson.evidence, extracts))
            right.append(holds_answer(lesson.asked, [each.text for each in extracts]))
            weights.append(lesson.weight * (1.0 if lesson.asked.answers else _UNANSWERABLE_WEIGHT))
    judge = _logistic(judged, right, weights, bias=True)
    return {"FREE": free, "FULL": full, "JUDGE": judge}


async def _vector(bench: Bench, text: str) -> Vector:
    vector: Vector = (await bench.embedder.embed([text], EmbedKind.QUERY))[0]
    return vector


async def _squad(bench: Bench) -> list[_Lesson]:
    fitted = fitting_categories(bench.questions)
    asked = [each for each in bench.questions if each.category in fitted]
    return [
        _Lesson(asked=each, evidence=await search(bench, each.text, (each.category,)), weight=1.0)
        for each in asked
    ]


async def _household(bench: Bench) -> list[_Lesson]:
    """The tuning questions, searched within their category, those without one everywhere."""
    await put_passages(bench, _household_passages())
    lessons = []
    for line in (HOUSEHOLD / "questions" / "tune.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        categories = (Slug(row["category"]),) if row["category"] else ()
        asked = Asked(
            text=row["question"],
            category=Slug(row["category"] or ""),
            passage=PassageId(""),
            answers=(row["answer"],) if row["answerable"] else (),
        )
        evidence = await search(bench, asked.text, categories, guild=_GUILD)
        lessons.append(_Lesson(asked=asked, evidence=evidence, weight=_HOUSEHOLD_WEIGHT))
    return lessons


def _household_passages() -> list[Passage]:
    found: list[Passage] = []
    for path in sorted([*HOUSEHOLD.glob("entries/*"), *HOUSEHOLD.glob("documents/*/*")]):
        category = Slug(path.stem if path.parent.name == "entries" else path.parent.name)
        document = load(loader_for(path.name), Origin(name=path.name, data=path.read_bytes()))
        source = Source(
            id=SourceId(path.relative_to(HOUSEHOLD).as_posix()),
            guild=_GUILD,
            uri=path.as_posix(),
            kind=SourceKind.FILE,
            title=document.title or path.name,
            content_hash="",
            category=category,
            date=document.date,
            author_name=document.author,
            language=document.language or detect_language(document.text, "en"),
            added_at=datetime.now(UTC),
        )
        found += passages(document, source, {str(category): category})
    return found


def _fit_candidates(
    lessons: Sequence[_Lesson], found: Sequence[Sequence[Candidate]], cosines: Sequence[Sequence[float]]
) -> dict[str, float]:
    """Fit which candidate holds the answer; with `cosines` also by them."""
    rows, right, weights = [], [], []
    for place, (lesson, some) in enumerate(zip(lessons, found, strict=True)):
        if not lesson.asked.answers:
            continue
        for at, each in enumerate(some):
            rows.append(dict(each.features) | ({"cosine": cosines[place][at]} if cosines else {}))
            in_gold = not lesson.asked.passage or each.item.passage.id == lesson.asked.passage
            right.append(in_gold and holds_answer(lesson.asked, [each.text]))
            weights.append(lesson.weight)
    return _logistic(rows, right, weights, bias=False)


def _logistic(
    rows: Sequence[Mapping[str, float]], right: Sequence[bool], weights: Sequence[float], *, bias: bool
) -> dict[str, float]:
    """Fit on standardised features, so that one regularisation suits all, and return weights per unit."""
    names = list(rows[0])
    table = np.array([[row[name] for name in names] for row in rows])
    mean, spread = table.mean(axis=0), table.std(axis=0) + 1e-9
    model = LogisticRegression(max_iter=2000).fit((table - mean) / spread, right, sample_weight=weights)
    per_unit = model.coef_[0] / spread
    fitted = dict(zip(names, per_unit.tolist(), strict=True))
    return {"bias": float(model.intercept_[0] - per_unit @ mean)} | fitted if bias else fitted
