"""How events appear in the terminal: stages as a passing line, tokens as they come, sources at the end."""

from __future__ import annotations

import math
import shutil
import sys
from typing import TextIO

from agent.answering.compose import sources_block
from agent.answering.display import one_line
from agent.contracts import (
    Answered,
    AnswerEvent,
    Constraints,
    Evidence,
    Failed,
    Route,
    RouteDecided,
    Stage,
    StageChanged,
    Token,
    TokensWithdrawn,
)
from agent.ingest.cleaning import clean_text

_ERASE_LINE = "\r\x1b[K"
_ERASE_BELOW = "\r\x1b[J"


class Screen:
    """Prints one answer's events. On a terminal a dim line tells the stage until the first token."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._live = self._out.isatty()
        self._status_shown = False
        self._text = ""
        """What was streamed and still stands."""

    def show(self, event: AnswerEvent) -> None:
        match event:
            case StageChanged(stage=stage):
                self._status(stage.value.replace("_", " "))
            case RouteDecided(route=route):
                self._status(f"searching {' and '.join(route.categories) or 'everything'}")
            case Token(text=text):
                self._stream(clean_text(text))
            case TokensWithdrawn(reason=reason):
                self.clear(reason)
            case Answered(answer=answer):
                self._end_line()
                if block := sources_block(answer.quotes, answer.language):
                    self._write(f"\n{block}\n")
            case Failed(message=message, hint=hint):
                self.clear(message)
                self._write(f"{message} {hint}".rstrip() + "\n")
            case _:
                pass

    def clear(self, reason: str) -> None:
        """Take back what stands there unverified; where nothing can be erased, say so."""
        self._clear_status()
        if not self._text:
            return
        if self._live:
            rows = _rows(self._text, shutil.get_terminal_size().columns)
            self._write((f"\x1b[{rows - 1}A" if rows > 1 else "") + _ERASE_BELOW)
        else:
            self._write(f"\n[withdrawn: {reason}]\n")
        self._text = ""

    def stop(self) -> None:
        """Say that no more comes. What stands there was not verified."""
        self._end_line()
        self._write("[stopped]\n")

    def _stream(self, text: str) -> None:
        self._clear_status()
        self._text += text
        self._write(text)

    def _end_line(self) -> None:
        self._clear_status()
        if self._text and not self._text.endswith("\n"):
            self._write("\n")

    def _status(self, text: str) -> None:
        if self._live and not self._text:
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
    episode = answered.episode
    lines = _route_lines(answered.route) if answered.route else []
    if answered.evidence is not None:
        lines += _evidence_lines(answered.evidence)
    if answered.answer.reason:
        lines.append(f"because: {answered.answer.reason}")
    timings = episode.timings
    lines.append(f"time: {timings['total']:.0f} ms, of it models {timings['model']:.0f} ms")
    lines.append(
        "  " + ", ".join(f"{stage} {timings[stage]:.0f}" for stage in map(str, Stage) if stage in timings)
    )
    models = (f"{model.name} ({model.digest[:12]})" for model in episode.models)
    lines.append(f"models: {', '.join(models) or 'none'}")
    lines.append(f"episode: {episode.id}")
    return "\n".join(lines)


def _rows(text: str, columns: int) -> int:
    """How many rows of a terminal a text takes, wide characters counted as two."""
    from rich.cells import cell_len

    return sum(max(1, math.ceil(cell_len(line) / max(columns, 1))) for line in text.split("\n"))


def _route_lines(route: Route) -> list[str]:
    lines = [f"route: {route.decision.value} ({route.reason})"]
    for score in route.scores[:3]:
        parts = ", ".join(f"{part} {value:.2f}" for part, value in score.contributions.items())
        lines.append(f"  {score.probability:4.0%}  {score.category}  ({parts})")
    return [*lines, f"  {route.out_of_scope:4.0%}  out of scope"]


def _evidence_lines(evidence: Evidence) -> list[str]:
    searched = evidence.searched
    where = " and ".join(searched.categories) or "everything"
    widened = ", then everything" if searched.widened else ""
    lines = [f"searched: {where}{widened} (index {searched.index_version})"]
    lines += [f"  only {said}" for said in _constraints_said(searched.constraints)]
    lines += [f"  also for “{one_line(query)}”" for query in searched.queries[1:]]
    for item in evidence.items[:5]:
        place = [one_line(part) for part in (item.passage.title, item.passage.location) if part]
        lines.append(f"  {item.score:.3f}  {' › '.join(place)}")
    return lines


def _constraints_said(constraints: Constraints) -> list[str]:
    said: list[str] = []
    if constraints.since or constraints.until:
        said.append(f"from {constraints.since or 'the beginning'} to {constraints.until or 'today'}")
    if constraints.author_name:
        said.append(f"by {one_line(constraints.author_name)}")
    if constraints.source:
        said.append(f"in {one_line(constraints.source)}")
    return said
