"""The decision for each combination of findings that matters, and why a question failed."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping

import pytest

from agent.contracts import Answer, AnswerKind, PassageId, Slug
from agent.serving.served import Task
from tests.agent.journal.episodes import a_route, an_episode
from tests.tuning.patterns.guild import DECLINED, PROVEN
from tests.tuning.test_labels import CAR
from tuning.patterns.causes import cause_of
from tuning.patterns.deciding import Grounds, decide
from tuning.patterns.pattern import TRAINS, Action
from tuning.patterns.phrases import Phrase
from tuning.patterns.rules import Cause, Finding, RuleName
from tuning.patterns.significance import bound, worse

R, C, A = RuleName, Cause, Action
ROUTER = {C.ROUTER: 10}
GROUNDING = {C.GROUNDING: 9, C.STYLE: 1}


def grounds(
    unmet: Collection[RuleName] = (),
    causes: Mapping[Cause, int] = ROUTER,
    task: Task = Task.ROUTE,
    *,
    asked: int = 10,
    askers: int = 5,
    members: int = 20,
    outdated: bool = False,
    suspect: float = 0.0,
    anomalies: tuple[str, ...] = (),
) -> Grounds:
    findings = {rule: Finding(rule=rule, met=rule not in unmet, phrases=(Phrase("chance"),)) for rule in R}
    return Grounds(
        task=task,
        findings=findings,
        causes=causes,
        asked=asked,
        askers=askers,
        members=members,
        outdated=outdated,
        suspect=suspect,
        anomalies=anomalies,
    )


@pytest.mark.parametrize(
    ("given", "action"),
    [
        (grounds(), A.FINE_TUNE_ROUTER),
        (grounds(causes={C.STYLE: 5}, task=Task.ANSWER), A.FINE_TUNE_ANSWERS),
        (grounds(causes={C.PROTOCOL: 5}, task=Task.ANSWER), A.FINE_TUNE_ANSWERS),
        (grounds({R.VOLUME}), A.FEW_SHOT),
        (grounds({R.SIGNIFICANCE}), A.FEW_SHOT),
        (grounds({R.CALM}), A.FEW_SHOT),
        (grounds({R.RECURRENCE}), A.NOTHING_YET),
        (grounds({R.INDEPENDENCE, R.VOLUME}), A.NOTHING_YET),
        (grounds({R.AGREEMENT}), A.HUMAN_REVIEW),
        (grounds({R.LEARNABLE}), A.HUMAN_REVIEW),
        (grounds({R.AGREEMENT, R.SIGNIFICANCE}), A.NOTHING_YET),
        (grounds({R.CALM}, anomalies=("a burst",)), A.HUMAN_REVIEW),
        (grounds({R.CALM, R.SIGNIFICANCE}, anomalies=("a burst",)), A.NOTHING_YET),
        (grounds({R.CALM, R.RECURRENCE}, suspect=0.6), A.HUMAN_REVIEW),
        (grounds({R.LEARNABLE}, GROUNDING), A.KNOWLEDGE_GAP),
        (grounds({R.LEARNABLE, R.RECURRENCE}, GROUNDING), A.KNOWLEDGE_GAP),
        (grounds({R.LEARNABLE, R.RECURRENCE}, GROUNDING, asked=2), A.NOTHING_YET),
        (grounds({R.LEARNABLE, R.RECURRENCE}, GROUNDING, askers=1), A.NOTHING_YET),
        (grounds({R.LEARNABLE, R.RECURRENCE}, GROUNDING, askers=1, members=1), A.KNOWLEDGE_GAP),
        (grounds({R.LEARNABLE}, GROUNDING, outdated=True), A.REINDEX),
        (grounds({R.LEARNABLE, R.RECURRENCE}, GROUNDING, outdated=True), A.NOTHING_YET),
        (grounds({R.LEARNABLE}, {C.GROUNDING: 5, C.STYLE: 5}), A.HUMAN_REVIEW),
        (grounds({R.LEARNABLE}, {}), A.HUMAN_REVIEW),
    ],
)
def test_the_decision(given: Grounds, action: Action) -> None:
    decision = decide(given)
    assert decision.action is action
    assert decision.because


@pytest.mark.parametrize("unmet", [each for size in range(1, 8) for each in itertools.combinations(R, size)])
def test_nothing_trains_that_lacks_a_rule(unmet: tuple[RuleName, ...]) -> None:
    assert decide(grounds(unmet)).action not in TRAINS


@pytest.mark.parametrize("causes", [GROUNDING, {C.GROUNDING: 1}])
@pytest.mark.parametrize("outdated", [True, False])
def test_what_was_not_found_never_trains(causes: Mapping[Cause, int], outdated: bool) -> None:
    assert decide(grounds({R.LEARNABLE}, causes, outdated=outdated)).action not in TRAINS


REPAIRED = Answer(text="In May 2024.", kind=AnswerKind.EXTRACTIVE, quotes=PROVEN.quotes, reason="no quote")


@pytest.mark.parametrize(
    ("answer", "found", "categories", "answers", "reasons", "cause"),
    [
        (PROVEN, True, ["pool"], [], [], C.ROUTER),
        (PROVEN, True, ["pool"], [], ["too_long"], C.ROUTER),
        (DECLINED, True, [], [], [], C.GROUNDING),
        (PROVEN, False, [], [], [], C.GROUNDING),
        (PROVEN, True, [], [], ["too_long"], C.STYLE),
        (PROVEN, True, [], [], ["tone", "tone", "outdated"], C.STYLE),
        (PROVEN, True, [], [], ["outdated"], C.GROUNDING),
        (PROVEN, True, [], [], ["missing_source"], C.GROUNDING),
        (PROVEN, True, [], ["The pump was replaced in May 2024."], [], C.STYLE),
        (PROVEN, True, [], ["Nobody knows; Marta sold it to the neighbours."], [], C.GROUNDING),
        (REPAIRED, True, [], [], [], C.PROTOCOL),
        (PROVEN, True, [], [], ["other"], None),
        (PROVEN, True, [], [], [], None),
        (None, True, [], [], [], C.GROUNDING),
    ],
)
def test_the_cause(
    answer: Answer | None,
    found: bool,
    categories: list[Slug],
    answers: list[str],
    reasons: list[str],
    cause: Cause | None,
) -> None:
    evidence = ((PassageId("p1"), 1.0),) if found else ()
    episode = an_episode(answer=answer, route=a_route(CAR), evidence=evidence)
    assert cause_of(episode, categories=categories, answers=answers, reasons=reasons) is cause


@pytest.mark.parametrize(
    ("log_es", "named"),
    [
        ([], ()),
        ([2.9], (False,)),
        ([3.0], (True,)),
        ([3.0, 0.0], (False, False)),
        ([3.1, 3.1], (True, True)),
        ([3.7, 0.0], (True, False)),
        ([-1.0, 9.0, 3.7, -3.0], (False, True, True, False)),
    ],
)
def test_clusters_share_a_bound(log_es: list[float], named: tuple[bool, ...]) -> None:
    """At 0.05 one cluster needs an e-value of 20; of two, one needs 40, or both 20."""
    assert worse(log_es) == named


def test_more_that_is_looked_at_needs_more() -> None:
    assert bound(1) < bound(2) < bound(50)
