"""small_talk: greetings and "what can you do", from fixed texts; a model would add nothing but time."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from agent.contracts import Answer, AnswerKind, Stage
from agent.nodes._stage import stage
from agent.parts import Parts
from agent.state import State

_TEXTS = {
    "en": (
        "Hello! I keep what this community knows and answer with quotes. Ask me a question{topics}, "
        "or tell me “remember that …”."
    ),
    "es": (
        "¡Hola! Guardo lo que sabe esta comunidad y respondo con citas. Hazme una pregunta{topics}, "
        "o dime «recuerda que …»."
    ),
}
_TOPICS = {"en": " about {names}", "es": " sobre {names}"}


@stage(Stage.SMALL_TALK)
async def small_talk(state: State, runtime: Runtime[Parts]) -> dict[str, Any]:
    text = greeting(tuple(state["view"].category_names.values()), state["language"])
    return {"answer": Answer(text=text, kind=AnswerKind.SMALL_TALK, language=state["language"])}


def greeting(categories: tuple[str, ...], language: str) -> str:
    """Say what the bot does, with a few of the guild's topics as examples."""
    spoken = language if language in _TEXTS else "en"
    topics = _TOPICS[spoken].format(names=", ".join(categories[:4])) if categories else ""
    return _TEXTS[spoken].format(topics=topics)
