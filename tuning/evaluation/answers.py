"""How good every way to answer is, over the same evidence.

Each model is asked exactly as the agent asks it, and its own reply is scored (scoring.py), or graded by the
judge where nobody said what is right (judge.py).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from agent.answering.compose import extractive_answer
from agent.answering.extract import extract
from agent.answering.judge import judge as judge_evidence
from agent.answering.prompts import EVIDENCE_TOKENS, UNKNOWN, answer_messages
from agent.errors import ModelError
from agent.models.protocol import ChatMessage, ChatModel, ChatOptions, Embedder, EmbedKind
from tuning.datasets.item import Split
from tuning.evaluation.judge import Judge
from tuning.evaluation.kept import Kept, Pause, key_of
from tuning.evaluation.questions import AnswerQuestion
from tuning.evaluation.results import AnswerArm, AnswerScore, Arm, Scores
from tuning.evaluation.scoring import Reply, read_reply, score, score_followed
from tuning.training.rows import Row

_SHOWN: Final = 2
"""Examples of the few-shot arm."""
_CHARACTERS_PER_TOKEN: Final = 3
_LEAST_TOKENS: Final = 300
"""Of evidence, beside the examples."""
_JSON_ASKED: Final = 10
"""Questions of which a reply in JSON is asked for."""
_BLOCK: Final = 5
"""Questions that one arm is asked before the next has its turn."""
_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "answer": {"type": "string"},
        "source": {"type": "integer", "minimum": 0, "maximum": 99},
    },
    "required": ["answer", "source"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerModels:
    base: ChatModel
    challenger: ChatModel
    champion: ChatModel | None = None
    shots: Sequence[Row] = ()
    """Training rows, some of which are shown to the base in the few-shot arm; without any there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerOptions:
    tokens: int
    """The most an answer may have: `Settings.answer_tokens`."""
    threshold: float
    """Of the extractive answer: `Settings.answer_threshold`."""


@dataclass(frozen=True, slots=True)
class _Given:
    text: str
    milliseconds: float


async def evaluate_answers(
    questions: Sequence[AnswerQuestion],
    models: AnswerModels,
    *,
    options: AnswerOptions,
    embedder: Embedder | None,
    judge: Judge,
    kept: Kept,
    pause: Pause,
) -> tuple[AnswerArm, ...]:
    """Ask every arm; without an `embedder` there is no extractive one. Raises `ModelError`, `StoreError`."""
    asking = _Asking(kept, pause, options.tokens)
    given = await _given(questions, models, asking)
    if embedder is not None:
        given[Arm.EXTRACTIVE] = [await _extractive(each, embedder, options.threshold) for each in questions]
    arms = []
    for arm, replies in given.items():
        beside = given[Arm.UNTUNED if arm is Arm.CHALLENGER else Arm.CHALLENGER]
        answers = [
            await _scored(question, reply, other, judge)
            for question, reply, other in zip(questions, replies, beside, strict=True)
        ]
        model = _asked(models).get(arm)
        valid = await _json(questions, model, asking) if model else []
        arms.append(AnswerArm(arm=arm, answers=tuple(answers), json_asked=len(valid), json_valid=sum(valid)))
    return tuple(arms)


@dataclass(frozen=True, slots=True)
class _Asking:
    """How models are asked, and what they said already."""

    kept: Kept
    pause: Pause
    tokens: int

    async def write(self, model: ChatModel, messages: Sequence[ChatMessage]) -> _Given:
        """Let the model write as the agent does."""
        key = key_of(model.info, str(self.tokens), *(f"{each.role}: {each.content}" for each in messages))
        found = self.kept.recall(key)
        if found is None:
            await self.pause()
            start = time.perf_counter()
            pieces = [piece async for piece in model.chat(messages, ChatOptions(max_tokens=self.tokens))]
            found = ["".join(pieces).strip(), (time.perf_counter() - start) * 1000]
            self.kept.keep(key, found)
        return _Given(*found)

    async def keeps_schema(self, model: ChatModel, messages: Sequence[ChatMessage]) -> bool:
        """Whether a reply in JSON is whole and keeps to its schema."""
        key = key_of(model.info, "json", *(f"{each.role}: {each.content}" for each in messages))
        found = self.kept.recall(key)
        if found is None:
            await self.pause()
            found = await _keeps_schema(model, messages, ChatOptions(max_tokens=self.tokens))
            self.kept.keep(key, found)
        return bool(found)


async def _keeps_schema(model: ChatModel, messages: Sequence[ChatMessage], options: ChatOptions) -> bool:
    try:
        await model.structured(messages, _SCHEMA, options)
    except ModelError as error:
        if error.transient:
            raise
        return False
    return True


async def _given(
    questions: Sequence[AnswerQuestion], models: AnswerModels, asking: _Asking
) -> dict[Arm, list[_Given]]:
    shots = _chosen_shots(models.shots)
    asked = _asked(models)
    if shots:
        asked[Arm.FEW_SHOT] = models.base
    given: dict[Arm, list[_Given]] = {arm: [] for arm in asked}
    for start in range(0, len(questions), _BLOCK):
        for arm, model in asked.items():
            for each in questions[start : start + _BLOCK]:
                messages = _messages(each, shots if arm is Arm.FEW_SHOT else ())
                given[arm].append(await asking.write(model, messages))
    return given


def _asked(models: AnswerModels) -> dict[Arm, ChatModel]:
    """Whoever is asked without examples."""
    asked = {Arm.UNTUNED: models.base, Arm.CHALLENGER: models.challenger}
    return asked if models.champion is None else asked | {Arm.CHAMPION: models.champion}


def _messages(question: AnswerQuestion, shots: Sequence[Row]) -> tuple[ChatMessage, ...]:
    """What the agent asks, with examples before it that take their room from the evidence; or an instruction
    as it is.
    """
    if question.messages:
        return question.messages
    shown = [message for row in shots for message in _example(row)]
    room = EVIDENCE_TOKENS - sum(len(each.content) for each in shown) // _CHARACTERS_PER_TOKEN
    system, asked = answer_messages(
        question.text, question.evidence, question.language, token_budget=max(_LEAST_TOKENS, room)
    )
    return (system, *shown, asked)


def _example(row: Row) -> tuple[ChatMessage, ...]:
    return (row.messages[-1], ChatMessage(role="assistant", content=row.completion))


def _chosen_shots(rows: Sequence[Row]) -> tuple[Row, ...]:
    """The shortest rows, one of them a rightly declined question where there is one."""
    by_length = sorted(rows, key=lambda row: (len(row.messages[-1].content), row.completion))
    answered = [row for row in by_length if row.completion != UNKNOWN]
    declined = [row for row in by_length if row.completion == UNKNOWN][:1]
    return (*answered[: _SHOWN - len(declined)], *declined)


async def _extractive(question: AnswerQuestion, embedder: Embedder, threshold: float) -> _Given:
    """Answer as the agent does without a model that writes, which cannot follow an instruction."""
    if question.messages:
        return _Given(UNKNOWN, 0.0)
    start = time.perf_counter()
    (vector,) = await embedder.embed([question.text], EmbedKind.QUERY)
    extracts = await extract(question.text, vector, question.evidence, embedder)
    text = UNKNOWN
    if judge_evidence(question.text, question.evidence, extracts).probability >= threshold:
        text, _ = extractive_answer(question.text, extracts, question.language)
    return _Given(text, (time.perf_counter() - start) * 1000)


async def _json(questions: Sequence[AnswerQuestion], model: ChatModel, asking: _Asking) -> list[bool]:
    asked = [each for each in questions if each.split is Split.TEST][:_JSON_ASKED]
    return [await asking.keeps_schema(model, _messages(each, ())) for each in asked]


async def _scored(question: AnswerQuestion, given: _Given, beside: _Given, judge: Judge) -> AnswerScore:
    reply = read_reply(question.text, question.evidence, given.text)
    return AnswerScore(
        item=question.item,
        split=question.split,
        category=question.category,
        answerable=question.answerable,
        declined=reply.declined,
        scores=await _scores(question, given, reply, beside, judge),
        judged=question.needs_judge,
        words=reply.words,
        apologises=reply.apologises,
        not_in_context=reply.not_in_context,
        milliseconds=given.milliseconds,
    )


async def _scores(
    question: AnswerQuestion, given: _Given, reply: Reply, beside: _Given, judge: Judge
) -> Scores:
    if question.messages:
        return score_followed(given.text, question.text, question.references[0])
    if question.needs_judge:
        return await judge.scores(question.text, question.evidence, given.text, beside.text)
    return score(reply, given.text, question.references, answerable=question.answerable)
