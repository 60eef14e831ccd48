"""The prompt that asks a language model for a category by one letter.

The reply is begun for the model with an opened bracket: inside it the next token is a label, while after
"Answer:" many models end at once and some engines then report no probability at all. The instruction and
the categories come first and are the same for every question of a guild, so that engines keep them
evaluated; what changes comes last. A router that is trained must be trained on exactly this prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agent.contracts import Category, Example
from agent.errors import UsageError
from agent.models.protocol import ChatMessage

LABELS = tuple("ABCDEFGHIJKLMNOPQRST")
"""20, as many as an engine reports probabilities for; each one token after a bracket in every known model."""

OPENED = "("
"""What the engine begins the assistant's turn with."""

_INSTRUCTION = "Choose the category that the question belongs to. Reply with its letter in brackets."
_DESCRIPTION_CHARACTERS = 160
_EXAMPLE_CHARACTERS = 200
_QUESTION_CHARACTERS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterPrompt:
    messages: tuple[ChatMessage, ...]
    labels: tuple[str, ...]
    """One a category, in the order given."""


def router_prompt(
    categories: Sequence[Category], question: str, examples: Sequence[Example] = ()
) -> RouterPrompt:
    """Render a question over at most 20 categories; examples of other categories are left out.

    Keep the order of `categories` the same from question to question. Raises `UsageError`.
    """
    if not 0 < len(categories) <= len(LABELS):
        raise UsageError(f"A model chooses among 1 to {len(LABELS)} categories, not {len(categories)}.")
    labels = LABELS[: len(categories)]
    letter = {category.slug: label for category, label in zip(categories, labels, strict=True)}
    lines = [f"({letter[category.slug]}) {_described(category)}" for category in categories]
    messages = [ChatMessage(role="system", content="\n".join([_INSTRUCTION, *lines]))]
    for example in examples:
        if example.category in letter:
            shown = _one_line(example.question, _EXAMPLE_CHARACTERS)
            messages.append(ChatMessage(role="user", content=shown))
            messages.append(ChatMessage(role="assistant", content=f"({letter[example.category]})"))
    messages.append(ChatMessage(role="user", content=_one_line(question, _QUESTION_CHARACTERS)))
    return RouterPrompt(messages=tuple(messages), labels=labels)


def _described(category: Category) -> str:
    description = _one_line(category.description, _DESCRIPTION_CHARACTERS)
    return f"{category.name}: {description}" if description else category.name


def _one_line(text: str, most: int) -> str:
    return " ".join(text.split())[:most]
