"""verify: in code, not by a model: every quote of the draft stands in the passage it cites.

A draft that fails is repaired while repairs are left; then the best sentences themselves take its place.
A wrong answer is worse than none.
"""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from agent.answering.compose import declined_answer, extractive_answer, says_unknown
from agent.answering.quotes import Verification, renumbered
from agent.answering.quotes import verify as verify_quotes
from agent.contracts import Answer, AnswerKind, Stage, TokensWithdrawn
from agent.nodes._stage import stage
from agent.parts import Parts
from agent.state import State


@stage(Stage.VERIFY)
async def verify(state: State, runtime: Runtime[Parts]) -> dict[str, Any]:
    if state["streamed"] and says_unknown(state["draft"]):
        runtime.stream_writer(TokensWithdrawn(reason="the model found no answer in the evidence"))
        return {"answer": _declined(state, "the model found no answer"), "streamed": False}
    checked = verify_quotes(state["draft"], state["evidence"])
    if checked.ok:
        return {"answer": _proved(state, state["draft"], state["draft_kind"], checked)}
    if state["streamed"]:
        runtime.stream_writer(TokensWithdrawn(reason=checked.problems[0]))
        if state["repairs"] < runtime.context.settings.repairs:
            return {"problems": checked.problems, "streamed": False}
    return {"answer": _replaced(state, checked.problems[0]), "streamed": False}


def _replaced(state: State, reason: str) -> Answer:
    """Let the best sentences take the place of a draft that could not be proved."""
    text, _ = extractive_answer(state["text"], state["extracts"], state["language"])
    checked = verify_quotes(text, state["evidence"])
    if not checked.ok:
        return _declined(state, checked.problems[0])
    kind = state["draft_kind"]
    if kind is AnswerKind.GENERATED:
        kind = AnswerKind.EXTRACTIVE
    return _proved({**state, "streamed": False}, text, kind, checked, reason)


def _proved(state: State, text: str, kind: AnswerKind, checked: Verification, reason: str = "") -> Answer:
    quotes = checked.quotes
    if not state["streamed"]:
        # What was streamed has been seen with the numbers of the evidence; anything else may count from 1.
        text, quotes = renumbered(text, quotes)
    return Answer(text=text, kind=kind, quotes=quotes, language=state["language"], reason=reason)


def _declined(state: State, reason: str) -> Answer:
    text = declined_answer(state["evidence"].searched, state["language"], state["view"].category_names)
    return Answer(text=text, kind=AnswerKind.DECLINED, language=state["language"], reason=reason)
