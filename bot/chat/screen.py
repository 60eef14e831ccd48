"""How events appear in the terminal: stages as a passing line, tokens as they come, sources at the end."""

from __future__ import annotations

import sys
from typing import TextIO

from agent.answering.compose import sources_block
from agent.contracts import (
    Answered,
    AnswerEvent,
    Constraints,
    Evidence,
    Failed,
    RouteDecided,
    Stage,
    StageChanged,
    Token,
    TokensWithdrawn,
)

_ERASE_LINE = "\r\x1b[K"


class Screen:
    """Prints one answer's events. On a terminal a dim line tells the stage until the first token."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._live = out.isatty()
        self._status_shown = False
        self._text_shown = False

    def show(self, event: AnswerEvent) -> None:
        match event:
            case StageChanged(stage=stage):
                self._status(stage.value.replace("_", " "))
            case RouteDecided(route=route):
                self._status(f"searching {' and '.join(route.categories) or 'everything'}")
            case Token(text=text):
                self._clear_status()
                self._write(text)
                self._text_shown = True
            case TokensWithdrawn(reason=reason):
                self._write(f"\n[withdrawn: {reason}]\n")
            case Answered(answer=answer):
                self._clear_status()
                block = sources_block(answer.quotes)
                self._write(f"\n\n{block}\n\n" if block else "\n\n")
            case Failed(message=message, hint=hint):
                self._clear_status()
                self._write(f"{message}\n{hint}\n\n" if hint else f"{message}\n\n")
            case _:
                pass

    def _status(self, text: str) -> None:
        if self._live and not self._text_shown:
            self._write(f"{_ERASE_LINE}\x1b[2m{text} …\x1b[0m")
            self._status_shown = True

    def _clear_status(self) -> None:
        if self._status_shown:
            self._write(_ERASE_LINE)
            self._status_shown = False

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def explain(answered: Answered) -> str:
    """Return what /why says: route, evidence, constraints and timings of one answer."""
    lines: list[str] = []
    if answered.route is not None:
        route = answered.route
        lines.append(f"route: {route.decision.value} ({route.reason})")
        for score in route.scores[:3]:
            parts = ", ".join(f"{part} {value:.2f}" for part, value in score.contributions.items())
            lines.append(f"  {score.probability:4.0%}  {score.category}  ({parts})")
        lines.append(f"  {route.out_of_scope:4.0%}  out of scope")
    if answered.evidence is not None:
        lines += _evidence_lines(answered.evidence)
    if answered.answer.reason:
        lines.append(f"because: {answered.answer.reason}")
    timings = answered.episode.timings
    stages = [f"{stage.value} {timings[stage.value]:.0f}" for stage in Stage if stage.value in timings]
    lines.append(f"time: {timings['total']:.0f} ms, of it models {timings['model']:.0f} ms")
    lines.append(f"  {', '.join(stages)}")
    lines.append(
        f"models: {', '.join(f'{m.name} ({m.digest[:12]})' for m in answered.episode.models) or 'none'}"
    )
    lines.append(f"episode: {answered.episode.id}")
    return "\n".join(lines)


def _evidence_lines(evidence: Evidence) -> list[str]:
    searched = evidence.searched
    where = " and ".join(searched.categories) or "everything"
    widened = ", then everything" if searched.widened else ""
    lines = [f"searched: {where}{widened} (index {searched.index_version})"]
    lines += [f"  only {said}" for said in _constraints_said(searched.constraints)]
    for item in evidence.items[:5]:
        passage = item.passage
        lines.append(f"  {item.score:.3f}  {passage.title} › {passage.location}".rstrip(" ›"))
    return lines


def _constraints_said(constraints: Constraints) -> list[str]:
    said: list[str] = []
    if constraints.since or constraints.until:
        said.append(f"from {constraints.since or 'the beginning'} to {constraints.until or 'today'}")
    if constraints.author_name:
        said.append(f"by {constraints.author_name}")
    if constraints.source:
        said.append(f"in {constraints.source}")
    return said
