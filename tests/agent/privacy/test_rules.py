"""The decisions of privacy, apart from what keeps anything."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from agent.contracts import Answer, AnswerKind, Example, MemberId, PassageId, Slug, SourceId
from agent.privacy.bot_tables import without
from agent.privacy.consents import Consent, Consents, allowed_at
from agent.privacy.knowledge import blanked
from agent.privacy.protocol import FORGOTTEN, Traces
from agent.privacy.redact import REASON, redacted
from agent.runtime import Stores
from agent.settings import Settings
from tests.agent.journal.episodes import ANA, BEN, HOME, NOON, WORK, an_episode
from tests.agent.privacy.house import a_quote, a_route

HOUR = timedelta(hours=1)


def _events(*said: tuple[int, bool]) -> list[Consent]:
    return [Consent(at=NOON + hours * HOUR, allowed=allowed) for hours, allowed in said]


@pytest.mark.parametrize(
    ("events", "at", "default", "allowed"),
    [
        ([], 0, True, True),
        ([], 0, False, False),
        ([(0, False)], 0, True, False),
        ([(0, False)], -1, True, True),
        ([(0, True)], 1, False, True),
        ([(0, True)], -1, False, False),
        ([(0, False), (2, True)], 1, True, False),
        ([(0, False), (2, True)], 2, True, True),
        ([(2, True), (0, False)], 3, True, True),
        ([(0, True), (0, False)], 0, True, False),
        ([(0, False), (0, True)], 0, True, False),
        ([(0, True), (1, True), (2, False)], 9, True, False),
    ],
)
def test_consent_is_the_latest_word_up_to_then(
    events: list[tuple[int, bool]], at: int, default: bool, allowed: bool
) -> None:
    assert allowed_at(_events(*events), NOON + at * HOUR, default=default) is allowed


@pytest.mark.parametrize(("setting", "allowed"), [("opt-out", True), ("opt-in", False)])
async def test_consent_is_kept_by_guild_and_member(
    stores: Stores, embedded: Settings, setting: str, allowed: bool
) -> None:
    for guild in (HOME, WORK):
        await stores.catalog.create_guild(guild)
    consents = Consents(stores.database, embedded.model_copy(update={"training_consent": setting}))
    later: datetime = NOON + HOUR

    await consents.set(HOME, ANA, not allowed, NOON)

    assert await consents.allows(HOME, ANA, later) is not allowed
    assert await consents.allows(HOME, ANA, NOON - HOUR) is allowed
    assert await consents.allows(HOME, BEN, later) is allowed
    assert await consents.allows(WORK, ANA, later) is allowed
    assert await consents.history(HOME, ANA) == (Consent(at=NOON, allowed=not allowed),)


@pytest.mark.parametrize(
    ("text", "spans", "left"),
    [
        ("abc", [], "abc"),
        ("abcdef", [(1, 3)], "a  def"),
        ("abcdef", [(1, 3), (2, 5)], "a    f"),
        ("ab\ncd", [(0, 5)], "  \n  "),
        ("añ🙂b", [(1, 3)], "a  b"),
        ("abc", [(2, 9)], "ab "),
        ("abc", [(7, 9)], "abc"),
    ],
)
def test_blanks_take_the_place_of_what_was_said(text: str, spans: list[tuple[int, int]], left: str) -> None:
    assert blanked(text, spans) == left


@pytest.mark.parametrize(
    ("value", "left"),
    [
        ({"by": "77", "role": 5}, {"by": FORGOTTEN, "role": 5}),
        ({"ids": [77, 78, "177"]}, {"ids": [FORGOTTEN, 78, "177"]}),
        ({"deep": {"er": ["77"]}}, {"deep": {"er": [FORGOTTEN]}}),
        ({"flag": True, "none": None}, {"flag": True, "none": None}),
    ],
)
def test_an_id_in_the_audit_log_becomes_nobody_s(value: Any, left: Any) -> None:
    assert without(value, MemberId("77")) == left


_ENTRY = Traces(sources=frozenset({SourceId("s")}), passages=frozenset({PassageId("s/0")}))
_GENERATED = Answer(text="The pump, they say.", kind=AnswerKind.GENERATED)
_PUMP = Example(question="the pump?", category=Slug("pool"))


@pytest.mark.parametrize(
    ("traces", "changes"),
    [
        (Traces(), {}),
        (_ENTRY, {}),
        (_ENTRY, {"answer": None}),
        (
            Traces(names=frozenset({"Ana"})),
            {"answer": replace(_GENERATED, quotes=(a_quote("x", "x/0", "a", "Ana"),))},
        ),
        (_ENTRY, {"route": a_route(_PUMP)}),
    ],
    ids=["nothing", "another source", "an error", "a namesake's source", "another's example"],
)
def test_an_episode_with_nothing_of_the_member_is_left_as_it_is(
    traces: Traces, changes: dict[str, Any]
) -> None:
    assert redacted(an_episode(member=BEN, **changes), ANA, traces) is None


def test_a_generated_answer_goes_with_the_evidence_that_it_may_paraphrase() -> None:
    evidence = ((PassageId("s/0"), 1.0), (PassageId("x"), 0.5))
    less = redacted(an_episode(evidence=evidence, answer=_GENERATED), BEN, _ENTRY)

    assert less is not None
    assert less.evidence == evidence[1:]
    assert less.answer == replace(_GENERATED, text="", reason=REASON)


def test_an_extractive_answer_stays_when_only_unused_evidence_goes() -> None:
    before = an_episode(evidence=((PassageId("s/0"), 1.0),))
    less = redacted(before, BEN, _ENTRY)

    assert less == replace(before, evidence=())


@pytest.mark.parametrize("whose", ["asker", "teacher"])
def test_an_example_of_the_member_goes_from_the_routes_of_others(whose: str) -> None:
    route = a_route(replace(_PUMP, **{whose: ANA}), _PUMP)
    less = redacted(an_episode(member=BEN, route=route), ANA, Traces())

    assert less is not None
    assert less.route == a_route(_PUMP)


async def test_who_refused_is_known_and_not_who_said_nothing(stores: Stores) -> None:
    consents = Consents(stores.database, stores.settings)
    for guild in (HOME, WORK):
        await stores.catalog.create_guild(guild)
    await consents.set(HOME, ANA, False, NOON)
    await consents.set(HOME, BEN, False, NOON)
    await consents.set(HOME, BEN, True, NOON + HOUR)

    assert await consents.refused(HOME) == {ANA}
    assert await consents.refused(WORK) == frozenset()
