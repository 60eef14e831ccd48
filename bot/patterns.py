"""Patterns as people see them: lines and a picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from agent.contracts import Category, Day
from bot.texts import Texts
from bot.texts.patterns import PatternTexts
from tuning.patterns.pattern import Action, Candidate, Point
from tuning.patterns.phrases import Phrase, line, said
from tuning.patterns.trials import ANOTHER_ANSWER
from tuning.pictures import Panel, Picture, Series, Shape

_SHOWN: Final = 3
"""Candidates in one picture."""
_LONGEST_TITLE: Final = 34
_SHORT_ID: Final = 8
_EXAMPLES: Final = 8


def cleaned(candidate: Candidate, clean: Callable[[str], str]) -> Candidate:
    """Return the candidate with what members and sources wrote made harmless for where it is shown."""

    def phrase(each: Phrase) -> Phrase:
        figures = {
            name: clean(value) if isinstance(value, str) else value for name, value in each.figures.items()
        }
        return Phrase(each.key, figures)

    return replace(
        candidate,
        question=clean(candidate.question),
        questions=tuple(map(clean, candidate.questions)),
        gist=replace(
            candidate.gist, about=clean(candidate.gist.about), question=clean(candidate.gist.question)
        ),
        findings=tuple(
            replace(each, phrases=tuple(map(phrase, each.phrases))) for each in candidate.findings
        ),
        decision=replace(candidate.decision, phrases=tuple(map(phrase, candidate.decision.phrases))),
    )


def names_of(categories: Iterable[Category], texts: Texts) -> dict[str, str]:
    """What people call what members said would be right, or is wrong: topics and reasons."""
    said = {ANOTHER_ANSWER: texts.patterns.another_answer, **texts.reasons}
    return said | {each.slug: each.name for each in categories}


def sentence_of(candidate: Candidate, names: Mapping[str, str], texts: PatternTexts) -> str:
    """Return the candidate in one line. `names` are those of `names_of`."""
    gist = candidate.gist
    named = replace(
        gist,
        category=names.get(gist.category, gist.category),
        target=names.get(gist.target, gist.target),
    )
    return line(named, texts.phrases)


def line_of(candidate: Candidate, names: Mapping[str, str], texts: PatternTexts) -> str:
    """Return the candidate for a list: what it is, what is to be done and why, and which rules it meets."""
    rules = [f"{_mark(each.met)} {texts.rules[each.rule]}" for each in candidate.findings]
    return texts.line.format(
        id=candidate.id[:_SHORT_ID],
        sentence=sentence_of(candidate, names, texts),
        action=texts.actions[candidate.decision.action],
        because=said(candidate.decision.phrases, texts.phrases),
        rules=" · ".join(rules),
    )


def details_of(candidate: Candidate, names: Mapping[str, str], texts: PatternTexts) -> str:
    """Return the candidate with every rule in words, and its questions."""
    rules = [
        texts.rule.format(
            mark=_mark(each.met), rule=texts.rules[each.rule], words=said(each.phrases, texts.phrases)
        )
        for each in candidate.findings
    ]
    questions = [f"- {each}" for each in candidate.questions[:_EXAMPLES]]
    return "\n".join([line_of(candidate, names, texts), "", *rules, "", texts.examples, *questions])


def gaps(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """What members asked and nobody wrote down."""
    return tuple(each for each in candidates if each.decision.action is Action.KNOWLEDGE_GAP)


def one_of(candidates: Sequence[Candidate], beginning: str) -> Candidate | None:
    """The one candidate whose id begins so; None when there is none, or several."""
    those = [each for each in candidates if each.id.startswith(beginning)]
    return those[0] if len(those) == 1 else None


def picture_of(candidates: Sequence[Candidate], today: Day, texts: PatternTexts) -> Picture:
    """Return a row for each of the first candidates: what was said of it, and the proof against its bound."""
    panels = [panel for each in candidates[:_SHOWN] for panel in _panels(each, today, texts)]
    return Picture(title=texts.picture, panels=tuple(panels), note=texts.note)


def _panels(candidate: Candidate, today: Day, texts: PatternTexts) -> tuple[Panel, Panel]:
    first = candidate.points[0].at.date()
    days = tuple(first + timedelta(days=count) for count in range((today - first).days + 1))
    last = _last_of_each_day(candidate.points, days)
    about = _short(candidate.gist.about or candidate.question)
    votes = tuple(float(each.votes) for each in last)
    corrections = tuple(float(each.corrections) for each in last)
    return (
        Panel(
            title=texts.panel_said.format(about=about),
            series=(
                Series(label=texts.label_votes, values=votes, shape=Shape.BARS),
                Series(label=texts.label_corrections, values=corrections, shape=Shape.BARS),
            ),
            days=days,
        ),
        Panel(
            title=texts.panel_proof.format(about=about),
            series=(
                Series(label=texts.label_proof, values=tuple(_zeros(each.log_e) for each in last)),
                Series(label=texts.label_bound, values=(_zeros(candidate.bound),) * len(days)),
            ),
            days=days,
        ),
    )


def _last_of_each_day(points: Sequence[Point], days: Sequence[Day]) -> list[Point]:
    """What stood at the end of each day; the first point is of the first day."""
    by_day = {each.at.date(): each for each in points}
    found = [points[0]]
    for day in days:
        found.append(by_day.get(day, found[-1]))
    return found[1:]


def _zeros(log_e: float | None) -> float | None:
    """How many zeros the odds against chance have. What speaks for chance is no proof, so it is none."""
    return None if log_e is None else max(0.0, log_e / math.log(10))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_TITLE else f"{text[: _LONGEST_TITLE - 1]}…"


def _mark(met: bool) -> str:
    return "✅" if met else "❌"
