"""The model card of what was tuned: what a person reads before they let it serve, or wonder why it does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict

from agent.serving.served import Task
from tuning.recipes import Recipe, Serving
from tuning.registry.adapter import Adapter
from tuning.registry.events import AdapterEvent

_PURPOSE = {
    Task.ROUTE: "tells to which category of its guild a question belongs",
    Task.ANSWER: "answers questions of its guild in one or two sentences that quote the evidence",
}


def model_card(adapter: Adapter, report: str = "", *, kind: str = "adapter") -> str:
    """Markdown. `report` is the evaluation's, in Markdown too; `kind` what the file is called, a model where
    it has the whole base in it.
    """
    head, made = _head(adapter, kind), _made(adapter, kind)
    parts = [*head, "", *made, "", *_recipe(adapter.recipe), "", *_proof(adapter), ""]
    return "\n".join([*parts, report] if report else parts)


def history(events: Iterable[AdapterEvent]) -> str:
    """Markdown of what was done with an adapter, by whom and when; `events` in their order."""
    return "\n".join(["## What became of it", "", *map(_event, events), ""])


def _event(event: AdapterEvent) -> str:
    act = event.act.replace("_", " ")
    detail = ", ".join(f"{name} {value}" for name, value in event.detail.items() if value != "")
    return f"* {event.at:%Y-%m-%d %H:%M} UTC: {act} by {event.member or 'the bot'}" + (
        f" ({detail})" if detail else ""
    )


def _head(adapter: Adapter, kind: str) -> Iterator[str]:
    yield f"# {kind.capitalize()} {adapter.id}"
    yield ""
    yield f"It {_PURPOSE[adapter.task]}."
    narrowed = {"category": adapter.category, "tone": adapter.tone}
    if said := ", ".join(f"{name} {value}" for name, value in narrowed.items() if value):
        yield f"Only for: {said}."
    yield (
        "It was trained on what members of one guild asked and corrected, and is meant for that guild alone: "
        "what it was taught may show in what it says."
    )


def _made(adapter: Adapter, kind: str) -> Iterator[str]:
    yield "| | |"
    yield "|---|---|"
    yield f"| made at | {adapter.made_at:%Y-%m-%d %H:%M} UTC |"
    yield f"| base | {adapter.base_name} (`{adapter.base_digest}`) |"
    yield f"| licence | {adapter.licence or 'not stated by the base'} |"
    yield f"| dataset | `{adapter.dataset}` |"
    if adapter.instructions:
        yield f"| instructions | `{adapter.instructions}` |"
    yield f"| {kind} file | `{adapter.digest}`, {adapter.size / 1e6:.1f} MB |"
    yield f"| champion before | {adapter.parent or 'none: the model served as it is'} |"
    yield f"| code | Lorekeeper {adapter.code} |"
    yield f"| installed packages | `{adapter.packages}` |"


def _recipe(recipe: Recipe) -> Iterator[str]:
    changed = {name: value for name, value in asdict(recipe).items() if value != getattr(Recipe(), name)}
    said = ", ".join(f"{name} {value}" for name, value in changed.items()) or "nothing but defaults"
    yield "## Recipe"
    yield ""
    yield f"{recipe.method}, by {recipe.objective}; {said} (`{recipe.digest[:12]}`)."
    if recipe.serving is not Serving.ADAPTER:
        yield f"Not served as an adapter: {recipe.why_not_served}."


def _proof(adapter: Adapter) -> Iterator[str]:
    yield "## Training and proof"
    yield ""
    for name, value in sorted(adapter.metrics.items()):
        yield f"* {name}: {value:.4g}"
    if adapter.exact_nats is not None:
        yield (
            f"* The engine says what PyTorch says: on an F32 copy of the base no label differs by more than "
            f"{adapter.exact_nats:.4f} nats."
        )
    if adapter.served_nats is not None:
        allowed = "" if adapter.tolerance is None else f", of {adapter.tolerance:.2f} that are allowed"
        yield f"* As it serves: {adapter.served_nats:.4f} nats on average{allowed}."
    if adapter.trust is not None:
        yield (
            f"* The fusion gives it the weight {adapter.trust.model:.2f} and multiplies the others by "
            f"{adapter.trust.scale:.2f}."
        )
