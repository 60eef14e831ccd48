"""understand: what is asked, in which language, about which time, person or source. No model is called."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from agent.contracts import Constraints, Intent, Stage
from agent.language.detect import detect_language
from agent.nodes._stage import stage
from agent.parts import Parts
from agent.state import State
from agent.understanding.clean import clean_question
from agent.understanding.constraints import read_constraints, without_constraints
from agent.understanding.followup import needs_context, resolve
from agent.understanding.intent import IntentChoice, pick_intent


@stage(Stage.UNDERSTAND)
async def understand(state: State, runtime: Runtime[Parts]) -> dict[str, Any]:
    """Raises `UsageError` when there is no question in the text."""
    parts, question = runtime.context, state["question"]
    text = clean_question(question.text, parts.settings.question_characters)
    view = await parts.views.get(question.guild, question.asker.may_see)
    language = detect_language(text, question.language or parts.settings.language)
    choice = pick_intent(text, language)
    if question.intent is not None:
        argument = choice.argument if choice.intent is question.intent else text
        choice = IntentChoice(intent=question.intent, argument=argument)
    constraints = Constraints()
    if choice.intent in (Intent.ASK, Intent.SUGGEST):
        text = choice.argument or text
        if question.conversation and needs_context(text, language):
            text = resolve(text, question.conversation, language)
        constraints = read_constraints(text, state["now"], language, view.authors, view.sources)
    return {
        "view": view,
        "text": text,
        "language": language,
        "intent": choice.intent,
        "argument": choice.argument,
        "constraints": constraints,
        "queries": (without_constraints(text, constraints),),
        "rewrites": 0,
        "repairs": 0,
    }
