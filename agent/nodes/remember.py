"""remember: a fact that a member tells becomes an entry, dated and categorised; /undo takes it back."""

from __future__ import annotations

from typing import Any

from langgraph.runtime import Runtime

from agent.answering.compose import spoken_date
from agent.contracts import Answer, AnswerKind, Source, SourceId, Stage
from agent.nodes._stage import stage
from agent.parts import Parts
from agent.state import State
from agent.understanding.entry import read_entry

_NOTED = {"en": "Noted{category}{date}: “{fact}”", "es": "Anotado{category}{date}: «{fact}»"}
_UNDER = {"en": " under {name}", "es": " en {name}"}
_DATED = {"en": ", dated {date}", "es": ", con fecha {date}"}


@stage(Stage.REMEMBER)
async def remember(state: State, runtime: Runtime[Parts]) -> dict[str, Any]:
    """Raises `UsageError` when there is nothing to remember."""
    parts, question = runtime.context, state["question"]
    view = state["view"]
    draft = read_entry(state["argument"] or state["text"], state["now"], state["language"])
    source = await parts.keeper.remember(
        question.guild,
        draft.text,
        on=draft.date or state["now"].date(),
        author=question.asker.member,
        author_name=question.asker.name,
        category=view.former_slugs.get(question.category, question.category) if question.category else None,
        visibility=question.remember_as,
        # The stage may run again after the entry was stored: the answer of a server can get lost.
        entry=SourceId(state["episode"]),
    )
    name = view.category_names.get(source.category, "") if source.category else ""
    text = noted(draft.text, source, name, state["language"])
    return {
        "answer": Answer(text=text, kind=AnswerKind.REMEMBERED, language=state["language"], entry=source.id)
    }


def noted(fact: str, source: Source, category_name: str, language: str) -> str:
    """Say what was stored, where and with which date, so that a mistake is seen at once."""
    spoken = language if language in _NOTED else "en"
    category = _UNDER[spoken].format(name=category_name) if category_name else ""
    dated = _DATED[spoken].format(date=spoken_date(source.date, spoken)) if source.date else ""
    return _NOTED[spoken].format(category=category, date=dated, fact=fact)
