"""JSON Schemas of both kinds of label, made of the type itself. docs/schemas/ holds them for others to read.

`python -m tuning.annotation.schemas docs/schemas` writes them anew; a test compares.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from jsonschema.validators import validator_for
from pydantic import TypeAdapter

from agent.catalog.slugs import SLUG_CHARACTERS
from agent.serving.served import Task
from tuning.labels.label import Label, Polarity

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_SLUG: Final = rf"^[a-z0-9][a-z0-9-]{{0,{SLUG_CHARACTERS - 1}}}$"
_SHA256: Final = "^[0-9a-f]{64}$"
_NONE: Final = {"type": "array", "maxItems": 0}

_NARROWED: Final[Mapping[Task, Mapping[str, Any]]] = {
    Task.ROUTE: {
        "category": {"type": "string", "pattern": _SLUG},
        "polarity": {"const": Polarity.POSITIVE.value},
        "answer": {"const": ""},
        "evidence": _NONE,
        "evidence_sha256": _NONE,
        "quotes": _NONE,
    },
    Task.ANSWER: {
        "category": {"type": "null"},
        "answer": {"type": "string", "pattern": r"\S"},
        "evidence_sha256": {"type": "array", "items": {"type": "string", "pattern": _SHA256}},
        "quotes": {"type": "array", "items": {"type": "string", "pattern": r"\S"}},
    },
}
"""What the type leaves open because it holds both kinds."""


@cache
def schema(task: Task) -> dict[str, Any]:
    """The schema of a label as `lorekeeper labels export` prints it."""
    made = TypeAdapter(Label).json_schema(mode="serialization")
    properties = made["properties"] | _NARROWED[task]
    properties["task"] = {"const": task.value}
    properties["weight"] = {"type": "number", "minimum": 0, "maximum": 1}
    return made | {
        "$schema": _DIALECT,
        "title": f"{task.value.title()} label",
        "description": made.get("description", ""),
        "properties": properties,
        "required": sorted(properties),
        "additionalProperties": False,
    }


def schema_faults(row: Mapping[str, Any]) -> tuple[str, ...]:
    """What of a row breaks the schema of its kind, in words; empty when nothing does."""
    if row.get("task") not in set(Task):
        return (f"task is {row.get('task')!r}; it is {' or '.join(Task)}",)
    made = schema(Task(row["task"]))
    errors = sorted(validator_for(made)(made).iter_errors(dict(row)), key=lambda each: str(each.path))
    return tuple(f"{'.'.join(map(str, each.path)) or 'the label'}: {each.message}" for each in errors)


def written(task: Task) -> str:
    """The file's text."""
    return json.dumps(schema(task), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def file_name(task: Task) -> str:
    return f"{task.value}-label.schema.json"


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for task in Task:
        (folder / file_name(task)).write_text(written(task), "utf-8")


if __name__ == "__main__":
    main()
