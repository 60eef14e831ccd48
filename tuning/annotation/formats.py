"""Labels and what waits, as JSON lines that other tools read, and what people decided there, read back.

* `argilla`: records of Argilla 2 (`argilla.Record.from_dict`): one field for each thing to read,
  `suggestions` for what is proposed, `responses` for what people said, one of them per annotator.
* `trl`: prompt and completion as messages, of labels that say what is right (TRL's SFTTrainer). The prompts
  are those that the bot asks with, word for word: a model that is trained on others would not know these.
* `trl-kto`: the same with `label`, true or false: also answers that members disliked (KTOTrainer).
* `jsonl`: the label itself, by the schemas in docs/schemas.

Each row says which question it is about, so that it can be brought back; TRL takes no notice of that.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

from agent.answering.prompts import answer_messages
from agent.contracts import (
    Category,
    Constraints,
    EpisodeId,
    Evidence,
    EvidenceItem,
    Passage,
    PassageId,
    Searched,
)
from agent.errors import UsageError
from agent.models.labels import router_prompt
from agent.models.protocol import ChatMessage
from agent.serving.served import Task
from tuning.annotation.item import Item
from tuning.annotation.schemas import schema_faults
from tuning.labels.label import Label, Polarity
from tuning.labels.rules import RULES

Row: TypeAlias = dict[str, Any]

_SEARCHED: Final = Searched(
    categories=(), constraints=Constraints(), widened=False, queries=(), index_version=""
)
"""The prompt tells nothing of how the evidence was found."""
_DISCARDED: Final = "discarded"
_QUESTION: Final = "question"
_EVIDENCE: Final = "evidence"
_DISLIKED: Final = "disliked"
_NAMESPACE: Final = uuid.UUID("7b1f6f0e-5f0f-4d0e-9a6e-6c6f72656b65")
"""Of the ids under which annotators stand in Argilla, which wants UUIDs of users."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What labels refer to."""

    categories: tuple[Category, ...]
    passages: Mapping[PassageId, Passage]
    """Scrubbed, as far as they are still what the label was made from."""

    def evidence(self, label: Label) -> tuple[Passage, ...]:
        return tuple(self.passages[each] for each in label.evidence if each in self.passages)


class Format(StrEnum):
    ARGILLA = "argilla"
    TRL = "trl"
    TRL_KTO = "trl-kto"
    JSONL = "jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a row says of one question, whatever tool wrote it."""

    task: Task
    episode: EpisodeId
    categories: tuple[str, ...] = ()
    answer: str = ""
    quotes: tuple[str, ...] = ()
    polarity: Polarity = Polarity.POSITIVE
    discarded: bool = False
    by: str = ""
    """Who said so, where the row tells."""


def rows(format_: Format, labels: Iterable[Label], context: Context) -> list[Row]:
    """Return a row for each label that the format can hold. Raises `UsageError` where the router's prompt
    cannot: for TRL above 20 categories.
    """
    write = _WRITERS[format_]
    return [row for label in labels if (row := write(label, context)) is not None]


def waiting_rows(items: Iterable[Item], evidence: Mapping[str, str]) -> list[Row]:
    """What waits, as records of Argilla for people to annotate; `evidence` by the item's id."""
    return [
        _record(
            id_=item.id,
            task=item.task,
            episode=item.episodes[0],
            question=item.question,
            evidence=evidence.get(item.id, ""),
            metadata={"kind": item.kind.value, "language": item.language},
            suggestion=item.proposal,
        )
        for item in items
        if item.task is not None
    ]


def judgements(format_: Format, row: Mapping[str, Any]) -> tuple[Judgement, ...]:
    """Read a row back; several where several people answered, none where nobody has. Raises `UsageError`."""
    if format_ is Format.JSONL and (broken := schema_faults(row)):
        raise UsageError(f"This is no label: {broken[0]}.", "docs/schemas has its schema.")
    try:
        return _READERS[format_](row)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise UsageError(
            f"This is no row of {format_}: {type(error).__name__} {error}.",
            "Bring back what `lorekeeper labels export` wrote, with its ids.",
        ) from error


def line(row: Mapping[str, Any]) -> str:
    """One line without its end; equal rows are equal bytes."""
    return json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def annotator_id(member: str) -> str:
    """The UUID under which an annotator stands in Argilla's records."""
    return str(uuid.uuid5(_NAMESPACE, member))


def _as_label(label: Label, context: Context) -> Row:
    row: Row = json.loads(json.dumps(asdict(label)))
    return row


def _as_record(label: Label, context: Context) -> Row | None:
    """None for what votes like: nobody has said that it is right, and a response does."""
    if label.polarity is Polarity.LIKED:
        return None
    value = str(label.category or label.answer)
    record = _record(
        id_="/".join([label.task, *label.episodes, *label.events]),
        task=label.task,
        episode=label.episodes[0],
        question=label.question,
        evidence="\n".join(passage.text for passage in context.evidence(label)),
        metadata={
            "language": label.language,
            "rule": label.rule,
            "weight": label.weight,
            "polarity": label.polarity.value,
        },
    )
    if label.polarity is Polarity.NEGATIVE:
        record["fields"][_DISLIKED] = value
        return record
    said = {"value": value, "user_id": annotator_id(label.rule)}
    record["responses"] = {label.task.value: [said]}
    if label.quotes:
        record["responses"]["quotes"] = [said | {"value": "\n".join(label.quotes)}]
    return record


def _record(
    *,
    id_: str,
    task: Task,
    episode: str,
    question: str,
    evidence: str,
    metadata: Mapping[str, Any],
    suggestion: str = "",
) -> Row:
    fields = {_QUESTION: question} | ({_EVIDENCE: evidence} if evidence else {})
    suggested = {task.value: {"value": suggestion, "score": None, "agent": "lorekeeper"}}
    return {
        "id": id_,
        "fields": fields,
        "metadata": {"task": task.value, "episode": episode, **metadata},
        "suggestions": suggested if suggestion else {},
        "responses": {},
    }


def _as_prompt(label: Label, context: Context) -> Row | None:
    return _pair(label, context) if label.polarity is Polarity.POSITIVE else None


def _as_kto(label: Label, context: Context) -> Row:
    liked = label.polarity is not Polarity.NEGATIVE
    return _pair(label, context) | {"label": liked, "polarity": label.polarity.value}


def _pair(label: Label, context: Context) -> Row:
    routes = label.task is Task.ROUTE
    asked, said = _routing(label, context) if routes else _answering(label, context)
    return {
        "prompt": [asdict(message) for message in asked],
        "completion": [{"role": "assistant", "content": said}],
        "task": label.task.value,
        "episode": label.episodes[0],
        "value": str(label.category or label.answer),
        "quotes": list(label.quotes),
    }


def _routing(label: Label, context: Context) -> tuple[tuple[ChatMessage, ...], str]:
    prompt = router_prompt(context.categories, label.question)
    slugs = [str(each.slug) for each in context.categories]
    return prompt.messages, f"({prompt.labels[slugs.index(str(label.category))]})"


def _answering(label: Label, context: Context) -> tuple[tuple[ChatMessage, ...], str]:
    items = tuple(
        EvidenceItem(passage=passage, score=0.0, similarity=0.0) for passage in context.evidence(label)
    )
    evidence = Evidence(items=items, searched=_SEARCHED)
    return answer_messages(label.question, evidence, label.language), label.answer


def _from_label(row: Mapping[str, Any]) -> tuple[Judgement, ...]:
    task = Task(row["task"])
    return (
        Judgement(
            task=task,
            episode=EpisodeId(row["episodes"][0]),
            categories=(row["category"],) if task is Task.ROUTE else (),
            answer=row["answer"],
            quotes=tuple(row["quotes"]),
            polarity=Polarity(row["polarity"]),
        ),
    )


def _from_record(row: Mapping[str, Any]) -> tuple[Judgement, ...]:
    """A response may be one value, several (a question of several labels), or not submitted yet."""
    about = row["metadata"]
    task = Task(about["task"])
    responses = row["responses"] or {}
    quotes = {each["user_id"]: each["value"] for each in responses.get("quotes", ())}
    return tuple(
        _response(task, EpisodeId(about["episode"]), each, quotes.get(each["user_id"], ""))
        for each in responses.get(task.value, ())
        if each.get("status", "submitted") in {"submitted", _DISCARDED}
    )


def _response(task: Task, episode: EpisodeId, said: Mapping[str, Any], quotes: str) -> Judgement:
    value = said["value"]
    values = tuple(map(str, value)) if isinstance(value, list) else (str(value),)
    return Judgement(
        task=task,
        episode=episode,
        categories=values if task is Task.ROUTE else (),
        answer=values[0] if task is Task.ANSWER else "",
        quotes=tuple(filter(None, map(str.strip, str(quotes).split("\n")))),
        discarded=said.get("status") == _DISCARDED,
        by="" if said["user_id"] in _OWN else str(said["user_id"]),
    )


def _from_pair(row: Mapping[str, Any]) -> tuple[Judgement, ...]:
    task, value = Task(row["task"]), str(row["value"])
    return (
        Judgement(
            task=task,
            episode=EpisodeId(row["episode"]),
            categories=(value,) if task is Task.ROUTE else (),
            answer=value if task is Task.ANSWER else "",
            quotes=tuple(row["quotes"]),
            polarity=_polarity(row),
        ),
    )


def _polarity(row: Mapping[str, Any]) -> Polarity:
    """A row that another tool made has a label only."""
    if "polarity" in row:
        return Polarity(row["polarity"])
    return Polarity.POSITIVE if row.get("label", True) else Polarity.NEGATIVE


_OWN: Final = frozenset(annotator_id(rule.name) for rule in RULES)
"""Under these stand labels of ours that nobody has looked at over there."""
_WRITERS: Final[Mapping[Format, Callable[[Label, Context], Row | None]]] = {
    Format.ARGILLA: _as_record,
    Format.TRL: _as_prompt,
    Format.TRL_KTO: _as_kto,
    Format.JSONL: _as_label,
}
_READERS: Final[Mapping[Format, Callable[[Mapping[str, Any]], tuple[Judgement, ...]]]] = {
    Format.ARGILLA: _from_record,
    Format.TRL: _from_pair,
    Format.TRL_KTO: _from_pair,
    Format.JSONL: _from_label,
}
