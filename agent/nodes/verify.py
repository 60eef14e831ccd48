"""verify: in code, not by a model: every quote of the draft stands in the passage it cites.

A draft that fails is repaired while repairs are left; then the best sentences themselves take its place.
A wrong answer is worse than none.
"""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from agent.answering.compose import declined_answer, extractive_answer
from agent.answering.quotes import Verification
from agent.answering.quotes import verify as verify_quotes
from agent.contracts import Answer, AnswerKind, Stage, TokensWithdrawn
from agent.nodes._stage import stage
from agent.parts import Parts
from agent.state import State


@stage(Stage.VERIFY)
async def verify(state: State, runtime: Runtime[Parts]) -> dict[str, Any]:
    parts, evidence = runtime.context, state["evidence"]
    checked = verify_quotes(state["draft"], evidence)
    if checked.ok:
        return {"answer": _answer(state, state["draft"], state["draft_kind"], checked)}
    if state["streamed"]:
        runtime.stream_writer(TokensWithdrawn(reason=checked.problems[0]))
        if state["repairs"] < parts.settings.repairs:
            return {"problems": checked.problems, "streamed": False}
    view = await parts.views.get(state["question"].guild)
    text, _ = extractive_answer(state["text"], state["extracts"], state["language"])
    replaced = verify_quotes(text, evidence)
    if replaced.ok:
        kind = state["draft_kind"]
        kind = AnswerKind.EXTRACTIVE if kind is AnswerKind.GENERATED else kind
        answer = _answer(state, text, kind, replaced, reason=checked.problems[0])
    else:
        text = declined_answer(evidence.searched, state["language"], view.category_names)
        answer = _answer(state, text, AnswerKind.DECLINED, replaced, reason=replaced.problems[0])
    return {"answer": answer, "streamed": False}


def _answer(state: State, text: str, kind: AnswerKind, checked: Verification, reason: str = "") -> Answer:
    quotes = checked.quotes if checked.ok else ()
    return Answer(text=text, kind=kind, quotes=quotes, language=state["language"], reason=reason)
