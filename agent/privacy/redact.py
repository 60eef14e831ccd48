"""What is taken out of somebody's episode because it is another member's: pure.

An episode belongs to who asked. Where the answer quoted a member who is to be forgotten, the question and its
feedback stay, and the quotes go with the text that was built on them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from agent.contracts import Answer, AnswerKind, Episode, MemberId, Quote, Route
from agent.privacy.protocol import Traces

REASON: Final = "a quoted member asked to be forgotten"

_OWN_WORDS: Final = frozenset({AnswerKind.GENERATED, AnswerKind.SUGGESTION})
"""Answers in which evidence may stand that is not quoted."""


def quotes_of(episode: Episode, traces: Traces) -> tuple[Quote, ...]:
    """The quotes of an answer that are the member's words."""
    quotes = episode.answer.quotes if episode.answer else ()
    return tuple(quote for quote in quotes if _is_theirs(quote, traces))


def redacted(episode: Episode, member: MemberId, traces: Traces) -> Episode | None:
    """The episode without what is the member's; None when nothing of it is."""
    evidence = tuple(each for each in episode.evidence if each[0] not in traces.passages)
    less = replace(
        episode,
        route=_route(episode.route, member, traces) if episode.route else None,
        evidence=evidence,
        answer=_answer(episode, traces, evidence_went=evidence != episode.evidence),
    )
    return None if less == episode else less


def _route(route: Route, member: MemberId, traces: Traces) -> Route:
    kept = tuple(
        each
        for each in route.examples
        if member not in (each.asker, each.teacher) and each.question not in traces.questions
    )
    return replace(route, examples=kept)


def _answer(episode: Episode, traces: Traces, *, evidence_went: bool) -> Answer | None:
    answer, theirs = episode.answer, quotes_of(episode, traces)
    if answer is None or not (theirs or (evidence_went and answer.kind in _OWN_WORDS)):
        return answer
    rest = tuple(quote for quote in answer.quotes if quote not in theirs)
    return replace(answer, text="", quotes=rest, reason=REASON)


def _is_theirs(quote: Quote, traces: Traces) -> bool:
    in_conversation = not quote.source and quote.author_name in traces.names
    return quote.source in traces.sources or quote.passage in traces.passages or in_conversation
