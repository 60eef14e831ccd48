"""summarize: what a conversation or a source says, in its own sentences, each quoted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langgraph.runtime import Runtime

from agent.answering.compose import extractive_answer
from agent.answering.extract import Extract
from agent.answering.summary import summarize_extractive
from agent.contracts import (
    Answer,
    AnswerKind,
    EvidenceItem,
    Passage,
    PassageId,
    Question,
    SourceId,
    SourceKind,
    Stage,
    Turn,
)
from agent.errors import UsageError
from agent.nodes._stage import stage
from agent.parts import Parts
from agent.state import State

_SENTENCES = 4


@stage(Stage.SUMMARIZE)
async def summarize(state: State, runtime: Runtime[Parts]) -> dict[str, Any]:
    """Raises `UsageError` when there is nothing to summarize, or no such source that the asker may see."""
    parts, question = runtime.context, state["question"]
    if question.source or state["argument"]:
        passages = await _of_source(parts, question, state["argument"])
    else:
        passages = tuple(
            _of_turn(question, number, turn) for number, turn in enumerate(question.conversation)
        )
    if not passages:
        raise UsageError("There is nothing to summarize.", "Do it in a conversation, or name a source.")
    highlights = await summarize_extractive(
        [(passage.text, passage.location) for passage in passages], parts.embedder, _SENTENCES
    )
    numbers = numbered([highlight.index for highlight in highlights])
    extracts = [
        Extract(
            item=EvidenceItem(passage=passages[each.index], score=0.0, similarity=0.0),
            number=numbers[each.index],
            start=each.start,
            end=each.end,
            text=each.text,
            score=0.0,
            cosine=0.0,
        )
        for each in highlights
    ]
    text, quotes = extractive_answer("", extracts, state["language"])
    return {"answer": Answer(text=text, kind=AnswerKind.SUMMARY, quotes=quotes, language=state["language"])}


def numbered(indexes: Sequence[int]) -> dict[int, int]:
    """Number the texts that are quoted, from 1, in order of appearance."""
    return {index: number for number, index in enumerate(dict.fromkeys(indexes), start=1)}


async def _of_source(parts: Parts, question: Question, named: str) -> tuple[Passage, ...]:
    """Return what the asker may see of the source; naming one that is hidden is like naming none."""
    chosen = question.source or await _source_called(parts, question, named)
    passages = await parts.store.passages_of(question.guild, chosen) if chosen else ()
    return tuple(passage for passage in passages if passage.visibility in question.asker.may_see)


async def _source_called(parts: Parts, question: Question, named: str) -> SourceId | None:
    """Return the source whose title is nearest to what was named, among those that the asker may see."""
    wanted = named.casefold()
    called = [
        source
        for source in await parts.catalog.sources(question.guild)
        if source.visibility in question.asker.may_see
        and (source.title.casefold() in wanted or wanted in source.title.casefold())
    ]
    nearest = min(called, key=lambda source: abs(len(source.title) - len(named)), default=None)
    return nearest.id if nearest else None


def _of_turn(question: Question, number: int, turn: Turn) -> Passage:
    return Passage(
        id=PassageId(f"turn:{number}"),
        guild=question.guild,
        source=SourceId(""),
        ordinal=number,
        title=turn.author_name,
        location="",
        text=turn.text,
        start=0,
        end=len(turn.text),
        kind=SourceKind.THREAD,
        author_name=turn.author_name,
        link=turn.link,
    )
