"""What to do about a candidate: exactly one thing, decided from its findings alone.

The first that holds:

| when | then |
|---|---|
| most of what was said is set aside as one voice, or as fresh accounts | human review |
| nothing was found for it, and several members asked several times | knowledge gap |
| such questions were answered before, or what was found is old; and it recurs, by several | re-index |
| it does not recur, or too few say so | nothing yet |
| an anomaly is going on | human review, when it is significant; nothing yet otherwise |
| its causes are mixed or unknown, or people disagree | the same |
| all seven rules are met | fine-tune the router, or the answers |
| anything else: too few labels, trained a moment ago, or maybe chance | few-shot is enough |

Corrections act as examples from the moment they are given, so "few-shot is enough" means: wait, it may be
learnt already. An anomaly never trains.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from agent.serving.served import Task
from tuning.patterns.pattern import Action, Decision
from tuning.patterns.phrases import Phrase
from tuning.patterns.rules import Cause, Finding, RuleName

GAP_ASKED, GAP_MEMBERS = 3, 2
SUSPECT_SHARE: Final = 0.5
"""The share of what was said that is set aside, from which a person looks."""

_TRAINS: Final = {Task.ROUTE: Action.FINE_TUNE_ROUTER, Task.ANSWER: Action.FINE_TUNE_ANSWERS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What decides."""

    task: Task
    findings: Mapping[RuleName, Finding]
    causes: Mapping[Cause, int]
    asked: int
    """Questions that failed."""
    askers: int
    """Members who asked or judged them."""
    members: int
    """Who ever asked anything in the guild."""
    outdated: bool
    """Whether something was found, now or for such questions before."""
    suspect: float
    """The share of what was said that was set aside."""
    anomalies: Sequence[str]


def decide(grounds: Grounds) -> Decision:
    """Return the one thing to do, and why in words."""
    met = {rule: finding.met for rule, finding in grounds.findings.items()}
    recurs = met[RuleName.RECURRENCE] and met[RuleName.INDEPENDENCE]
    if grounds.suspect >= SUSPECT_SHARE:
        return _decision(Action.HUMAN_REVIEW, Phrase("suspect"))
    if grounding := _grounding(grounds, recurs=recurs):
        return grounding
    if not recurs:
        return _unmet(grounds, Action.NOTHING_YET, RuleName.RECURRENCE, RuleName.INDEPENDENCE)
    if grounds.anomalies or not (met[RuleName.LEARNABLE] and met[RuleName.AGREEMENT]):
        action = Action.HUMAN_REVIEW if met[RuleName.SIGNIFICANCE] else Action.NOTHING_YET
        if grounds.anomalies:
            return _decision(action, *(Phrase("anomaly", {"said": each}) for each in grounds.anomalies))
        return _unmet(grounds, action, RuleName.LEARNABLE, RuleName.AGREEMENT)
    if all(met.values()):
        return _decision(_TRAINS[grounds.task], Phrase("all met"))
    return _unmet(grounds, Action.FEW_SHOT, RuleName.VOLUME, RuleName.SIGNIFICANCE, RuleName.CALM)


def _grounding(grounds: Grounds, *, recurs: bool) -> Decision | None:
    """What a matter of knowledge needs; None when it is none."""
    total = sum(grounds.causes.values())
    if not total or grounds.causes.get(Cause.GROUNDING, 0) * 2 <= total:
        return None
    if grounds.outdated:
        return _decision(Action.REINDEX, Phrase("old")) if recurs else None
    if grounds.asked < GAP_ASKED or grounds.askers < min(GAP_MEMBERS, grounds.members):
        return None
    return _decision(Action.KNOWLEDGE_GAP, Phrase("gap"))


def _unmet(grounds: Grounds, action: Action, *rules: RuleName) -> Decision:
    """Because of those of the rules that are not met."""
    findings = [grounds.findings[rule] for rule in rules if not grounds.findings[rule].met]
    return _decision(action, *(phrase for finding in findings for phrase in finding.phrases))


def _decision(action: Action, *phrases: Phrase) -> Decision:
    return Decision(action=action, phrases=phrases)
