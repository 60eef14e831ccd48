"""Rows as the agent asks: every category that the router would offer, and answers over evidence of today."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.answering.prompts import UNKNOWN, answer_messages
from agent.contracts import Category, EpisodeId, MemberId, Passage, PassageId, Slug
from agent.models.labels import LABELS, router_prompt
from agent.privacy.consents import Consents
from agent.runtime import Stores, open_stores
from agent.serving.served import Task
from agent.settings import Settings
from tests.agent.knowledge.passages import NOTES, SPEC, passages_of, put
from tests.agent.moving.house import a_source
from tests.tuning.datasets.labels import HOME, a_label
from tuning.annotation.exhibit import sha256_of
from tuning.datasets.item import Split
from tuning.datasets.rows_of import Skip, make_rows, routing_rows, rows_of
from tuning.datasets.version import DatasetVersion, build
from tuning.labels.label import Label, Polarity
from tuning.recipes import Objective
from tuning.training.rows import Row

WRITER = MemberId("writer")
TEXTS = (
    "The pump was replaced in May 2024.",
    "Mail the plumber at plumber@example.org about the filter.",
    "The car was washed on Monday.",
    "The hedge is cut in June.",
)


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    async with open_stores(Settings(data_dir=tmp_path)) as opened:
        await opened.catalog.create_guild(HOME)
        await opened.store.open_index(SPEC)
        await _keep(opened)
        yield opened


async def _keep(stores: Stores, **changes: Any) -> Sequence[Passage]:
    passages = [
        replace(passage, category=Slug(name), **changes)
        for name, passage in zip(("pool", "pool", "car", "garden"), passages_of(NOTES, *TEXTS), strict=True)
    ]
    await put(stores.store, *passages)
    await stores.catalog.put_source(a_source(NOTES, HOME), "\n".join(TEXTS))
    return passages


def _answer(number: int, answer: str, place: int = 0, **changes: Any) -> Label:
    evidence = (PassageId(f"{NOTES}/{place}"),)
    values: dict[str, Any] = {"task": Task.ANSWER, "category": "", "answer": answer, "evidence": evidence}
    return replace(a_label(number), **values | {"category": None} | changes)


def _version(*labels: Label) -> DatasetVersion:
    task = labels[0].task
    return build(labels, task, threads={}, before=_all_train(labels, task), salt="")


def _all_train(labels: Sequence[Label], task: Task) -> dict[str, Split]:
    entries = build(tuple(labels), task, threads={}, before={}, salt="").entries
    return {entry.item.id: Split.TRAIN for entry in entries}


async def _sft(stores: Stores, *labels: Label) -> tuple[list[Row], dict[Skip, int]]:
    made = await make_rows(stores, HOME, _version(*labels), Split.TRAIN, Objective.SFT)
    return made.rows, dict(made.skipped)


async def test_an_answer_is_asked_for_as_the_agent_does_and_ends_in_a_proof(stores: Stores) -> None:
    label = _answer(1, "In May 2024.")
    (passage,) = await stores.store.get(HOME, label.evidence)
    rows, skipped = await _sft(stores, label)

    assert [row.completion for row in rows] == ['"The pump was replaced in May 2024" [1].']
    assert passage.text in rows[0].messages[-1].content
    (system, asked) = rows[0].messages
    assert (system.role, asked.role) == ("system", "user")
    assert f"Question: {label.question}" in asked.content
    assert (rows[0].weight, rows[0].desirable, skipped) == (1.0, True, {})


async def test_what_is_personal_in_the_evidence_is_not_shown(stores: Stores) -> None:
    rows, _ = await _sft(stores, _answer(1, "Mail the plumber at [email] about the filter.", 1))

    assert rows[0].completion == '"Mail the plumber at [email] about the filter" [1].'
    assert "plumber@example.org" not in str(rows)
    assert "[email]" in rows[0].messages[-1].content


async def test_what_a_reviewer_read_must_still_stand_there(stores: Stores) -> None:
    (pump, *_) = await stores.store.get(HOME, [PassageId(f"{NOTES}/0")])
    as_it_is = _answer(1, "In May 2024.", evidence_sha256=(sha256_of(pump),))
    as_it_was = _answer(2, "In May 2024.", evidence_sha256=("0" * 64,))
    rows, skipped = await _sft(stores, as_it_is, as_it_was)

    assert len(rows) == 1
    assert skipped == {Skip.EVIDENCE: 1}


async def test_what_is_gone_or_proves_nothing_is_counted(stores: Stores) -> None:
    gone = _answer(1, "In May 2024.", 9)
    unproven = _answer(2, "Nobody remembers it.")
    rows, skipped = await _sft(stores, gone, unproven)

    assert rows == []
    assert skipped == {Skip.EVIDENCE: 1, Skip.UNPROVEN: 1}


async def test_what_not_everybody_may_read_is_not_learnt(stores: Stores) -> None:
    await _keep(stores, visibility="channel:7")
    assert await _sft(stores, _answer(1, "In May 2024.")) == ([], {Skip.EVIDENCE: 1})


async def test_words_of_who_opted_out_are_not_learnt(stores: Stores) -> None:
    await _keep(stores, author=WRITER)
    assert len((await _sft(stores, _answer(1, "In May 2024.")))[0]) == 1

    consents = Consents(stores.database, stores.settings)
    await consents.set(HOME, WRITER, allowed=False, at=stores.clock())
    assert await _sft(stores, _answer(1, "In May 2024.")) == ([], {Skip.EVIDENCE: 1})


async def test_who_rightly_did_not_know_is_an_example(stores: Stores) -> None:
    rows, _ = await _sft(stores, _answer(1, "I don't know."))
    assert [row.completion for row in rows] == [UNKNOWN]


async def test_some_questions_are_asked_where_nothing_answers_them(stores: Stores) -> None:
    places = {0: "In May 2024.", 2: "On Monday.", 3: "In June."}
    labels = [_answer(number, places[place], place) for number, place in enumerate([0, 2, 3] * 20)]
    rows, _ = await _sft(stores, *labels)
    declined = [row for row in rows if row.completion == UNKNOWN]

    assert len(rows) - len(declined) == 60
    assert 5 <= len(declined) <= 25, "about one in four"
    own = {row.messages[-1].content for row in rows if row.completion != UNKNOWN}
    for row in declined:
        asked = row.messages[-1].content
        assert asked not in own, "never its own evidence"
        assert row.weight == pytest.approx(0.5)
    assert (await _sft(stores, *labels))[0] == rows, "the same again"


async def test_evidence_of_the_same_category_never_stands_for_not_knowing(stores: Stores) -> None:
    labels = [_answer(number, "In May 2024.") for number in range(12)]
    rows, _ = await _sft(stores, *labels)
    assert UNKNOWN not in {row.completion for row in rows}


async def test_evidence_that_answers_in_other_words_never_stands_for_not_knowing(stores: Stores) -> None:
    said = {"quotes": ("The hedge is cut in June",)}
    labels = [_answer(number, "They replaced the pump.", 3, **said) for number in range(20)]
    labels += [_answer(number, "In May 2024.", 0) for number in range(20, 40)]
    rows, _ = await _sft(stores, *labels)
    declined = [row.messages[-1].content for row in rows if row.completion == UNKNOWN]

    assert declined
    assert all("The hedge is cut" in asked for asked in declined), "the other passage is of a replaced pump"


async def test_votes_are_learnt_from_by_kto_alone(stores: Stores) -> None:
    corrected = _answer(1, "In May 2024.")
    disliked = _answer(2, "“The car was washed on Monday.” [1]", 2, polarity=Polarity.NEGATIVE)
    liked = _answer(3, "“The hedge is cut in June.” [1]", 3, polarity=Polarity.LIKED, weight=0.5)
    version = _version(corrected, disliked, liked)

    rows = await rows_of(stores, HOME, version, Split.TRAIN, Objective.KTO)
    assert Counter(row.desirable for row in rows) == {True: 2, False: 1}
    weights = {side: sum(row.weight for row in rows if row.desirable is side) for side in (True, False)}
    assert weights[True] == pytest.approx(weights[False])
    assert UNKNOWN not in {row.completion for row in rows}
    assert [row.desirable for row in await rows_of(stores, HOME, version, Split.TRAIN, Objective.SFT)] == [
        True
    ]


async def test_a_split_has_its_own_rows(stores: Stores) -> None:
    version = _version(_answer(1, "In May 2024."))
    assert await rows_of(stores, HOME, version, Split.TEST, Objective.SFT) == []


async def test_a_question_is_routed_over_the_guilds_categories_in_the_routers_order(stores: Stores) -> None:
    categories = [Category(slug=Slug(name), name=name.title()) for name in ("zoo", "car", "pool")]
    for category in categories:
        await stores.catalog.put_category(HOME, category)
    labels = (a_label(0, category="pool"), a_label(1, category="car"), a_label(2, category="gone"))
    rows, skipped = await _sft(stores, *labels)

    assert skipped == {Skip.CATEGORY: 1}
    by_question = {row.messages[-1].content: row for row in rows}
    row = by_question["Question number 0?"]
    ordered = sorted(categories, key=lambda each: each.slug)
    assert row.messages == router_prompt(ordered, "Question number 0?").messages
    assert (row.begun, row.completion, row.labels) == ("(", "B)", ("A", "B", "C"))


def test_above_twenty_categories_the_right_one_is_among_the_nearest() -> None:
    categories = [Category(slug=Slug(f"topic{n:02d}"), name=f"Topic {n:02d}") for n in range(40)]
    topics = {"topic33": "heat pump noise", "topic35": "pump heat pressure", "topic00": "tax forms"}
    labels = [
        a_label(n, category=slug, question=text, episodes=(EpisodeId(slug),))
        for n, (slug, text) in enumerate(topics.items())
    ]
    items = [entry.item for entry in _version(*labels).entries]
    (row,) = routing_rows(
        categories, [each for each in items if each.label.category == "topic33"], items
    ).rows
    offered = row.messages[0].content

    assert len(row.labels) == len(LABELS)
    assert "Topic 33" in offered
    assert "Topic 35" in offered, "it has the same words"
    assert offered.index("Topic 33") < offered.index("Topic 35"), "in the router's order"
    letter = row.completion.rstrip(")")
    assert f"({letter}) Topic 33" in offered


def test_rare_categories_weigh_more() -> None:
    categories = [Category(slug=Slug(name), name=name) for name in ("car", "pool")]
    labels = [a_label(n, category="pool") for n in range(9)] + [a_label(20, category="car")]
    items = [entry.item for entry in _version(*labels).entries]
    rows = routing_rows(categories, items, items).rows
    weights = {row.completion: row.weight for row in rows}
    assert weights == {"A)": pytest.approx(3.0), "B)": pytest.approx(10 / 2 / 9)}


def test_prompts_are_those_of_the_agent() -> None:
    """The prompt of the rows is made by the very function that the agent calls."""
    from agent.nodes import answer as node
    from tuning.datasets import rows_of as module

    assert module.answer_messages is node.answer_messages is answer_messages
