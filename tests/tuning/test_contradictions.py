"""Contradictions: the rule, case by case, and its precision on sentences that were written for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tuning.anomalies.contradictions import difference

CASES = [
    json.loads(line)
    for line in Path(__file__).with_name("contradictions.jsonl").read_text("utf-8").splitlines()
]
MISSED_ON_PURPOSE = 4
"""Cases in other words than their counterpart."""


@pytest.mark.parametrize("language", ["en", "es"])
def test_precision_and_recall_on_the_set(language: str) -> None:
    cases = [case for case in CASES if case["language"] == language]
    found = [(case, difference(case["one"], case["other"], language)) for case in cases]
    false = [case for case, said in found if said and not case["contradicts"]]
    missed = [case for case, said in found if not said and case["contradicts"]]
    wrong = [case for case, said in found if said and case["contradicts"] and said != case["contradicts"]]
    true = sum(bool(said and case["contradicts"]) for case, said in found)
    print(f"{language}: {true} of {true + len(missed)} found, {len(false)} of {len(cases)} pairs falsely")
    assert false == []
    assert wrong == []
    assert len(missed) <= MISSED_ON_PURPOSE, missed


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["one"][:30])
def test_the_order_of_the_two_does_not_matter(case: dict[str, str]) -> None:
    one, other, language = case["one"], case["other"], case["language"]
    assert difference(one, other, language) == difference(other, one, language)
