"""An answer as an object for scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent.contracts import Answered, Failed, Question, Route

if TYPE_CHECKING:
    from agent.agent import Agent


async def last_event(agent: Agent, question: Question) -> Answered | Failed:
    """Ask and wait for how it ended."""
    ended = [event async for event in agent.ask(question) if isinstance(event, Answered | Failed)]
    return ended[-1]


def answer_object(answered: Answered) -> dict[str, Any]:
    """Return what `ask --json` prints; the keys are a promise to scripts."""
    answer, episode, evidence = answered.answer, answered.episode, answered.evidence
    return {
        "question": episode.question,
        "answer": answer.text,
        "declined": answer.declined,
        "kind": answer.kind.value,
        "reason": answer.reason,
        "language": answer.language,
        "quotes": [
            {
                "text": quote.text,
                "number": quote.number,
                "source": quote.title,
                "location": quote.location,
                "category": quote.category,
                "date": quote.date.isoformat() if quote.date else None,
                "author": quote.author_name or None,
                "link": quote.link or None,
                "passage": quote.passage,
                "start": quote.start,
                "end": quote.end,
            }
            for quote in answer.quotes
        ],
        "route": route_object(answered.route) if answered.route else None,
        "evidence": [
            {"passage": item.passage.id, "title": item.passage.title, "score": round(item.score, 4)}
            for item in (evidence.items if evidence else ())
        ],
        "searched": evidence.searched if evidence else None,
        "models": episode.models,
        "timings": episode.timings,
        "episode": episode.id,
    }


def route_object(route: Route) -> dict[str, Any]:
    """Return each category with its probability and what each part contributed."""
    return {
        "decision": route.decision.value,
        "categories": list(route.categories),
        "reason": route.reason,
        "model_asked": route.model_asked,
        "out_of_scope": round(route.out_of_scope, 4),
        "scores": [
            {
                "category": score.category,
                "probability": round(score.probability, 4),
                "contributions": {part: round(value, 4) for part, value in score.contributions.items()},
            }
            for score in route.scores
        ],
        "examples": [
            {"question": example.question, "category": example.category, "origin": example.origin}
            for example in route.examples
        ],
    }
