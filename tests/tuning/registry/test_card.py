"""What the card of an adapter says, and where its code comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agent.contracts import Slug
from agent.serving.served import Task
from tests.agent.journal.episodes import ANA, NOON
from tests.tuning.registry.adapters import an_adapter
from tuning.recipes import Method, Recipe
from tuning.registry import provenance
from tuning.registry.card import history, model_card
from tuning.registry.events import Act, AdapterEvent
from tuning.registry.provenance import code_version, packages_digest


def test_the_card_says_what_it_is_made_of_and_how_it_was_proven() -> None:
    adapter = an_adapter()
    card = model_card(adapter, "## Evaluation\n\nbetter")

    for said in (
        f"# Adapter {adapter.id}",
        "to which category",
        "apache-2.0",
        adapter.dataset,
        adapter.base_digest,
        adapter.digest,
        "method rslora, rank 8",
        "loss: 0.25",
        "no label differs by more than 0.0040 nats",
        "0.0800 nats on average, of 0.50 that are allowed",
        "weight 0.60",
        "none: the model served as it is",
    ):
        assert said in card, said
    assert card.endswith("## Evaluation\n\nbetter")
    assert "Only for" not in card


def test_the_card_names_what_is_not_there() -> None:
    plain = an_adapter(task=Task.ANSWER, category=Slug("pool"), licence="", recipe=Recipe(), exact_nats=None)
    card = model_card(plain)

    assert "Only for: category pool." in card
    assert "not stated by the base" in card
    assert "nothing but defaults" in card
    assert "F16" not in card
    assert "Not served as an adapter" in model_card(an_adapter(recipe=Recipe(method=Method.DORA)))


def test_what_became_of_it_is_told_in_order() -> None:
    def event(act: Act, **changes: Any) -> AdapterEvent:
        return AdapterEvent(id="e", adapter="a", at=NOON, act=act, **changes)

    detail = {"task": "answer", "category": "pool", "before": ""}
    told = history([event(Act.ADDED), event(Act.ROLLED_BACK, member=ANA, detail=detail)])
    assert told.splitlines()[2:] == [
        "* 2026-11-22 12:00 UTC: added by the bot",
        "* 2026-11-22 12:00 UTC: rolled back by ana (task answer, category pool)",
    ]


def test_code_and_packages_are_named_the_same_each_time() -> None:
    assert code_version() == code_version()
    assert "sources " in code_version()
    assert len(packages_digest()) == 64


def test_a_changed_source_is_other_code(tmp_path: Path) -> None:
    for room in ("agent", "tuning"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "one.py").write_text("x = 1\n")
    before = provenance.sources_digest(tmp_path)
    assert provenance.sources_digest(tmp_path) == before
    (tmp_path / "agent" / "one.py").write_text("x = 2\n")
    assert provenance.sources_digest(tmp_path) != before


def test_the_commit_is_read_from_a_branch_packed_or_not_and_from_none(tmp_path: Path) -> None:
    commit, branch = "a1b2c3d4e5f6" + "0" * 28, tmp_path / "refs" / "heads" / "main"
    assert provenance.commit_of(tmp_path) == ""
    (tmp_path / "HEAD").write_text("ref: refs/heads/main\n")
    assert provenance.commit_of(tmp_path) == ""
    (tmp_path / "packed-refs").write_text(f"# pack-refs\n{commit} refs/heads/main\n")
    assert provenance.commit_of(tmp_path) == "a1b2c3d4e5f6"
    branch.parent.mkdir(parents=True)
    branch.write_text("0" * 40)
    assert provenance.commit_of(tmp_path) == "0" * 12
    (tmp_path / "HEAD").write_text(f"{commit}\n")
    assert provenance.commit_of(tmp_path) == "a1b2c3d4e5f6"
