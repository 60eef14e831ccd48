"""How often the rules of learning cry wolf, how soon they notice, and what attacks make of them.

Guilds that never were live for months (`benchmarks/guilds`): members with habits, drift, errors, attacks, by
fixed seeds. The very functions of production look once a day at the very events that a journal keeps; that a
real journal leads to the same is checked on one guild at the end. `--few` is a run of a minute or two that
writes nothing.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from statistics import median

from benchmarks.guilds.attacks import ATTACKS, PATIENT
from benchmarks.guilds.journalled import differences
from benchmarks.guilds.naive import NAIVE
from benchmarks.guilds.pictures import draw
from benchmarks.guilds.runs import (
    GOAL_VOTES,
    OURS,
    PROVEN,
    Attacked,
    Healthy,
    Shifted,
    attacked,
    healthy,
    shifted,
)
from benchmarks.guilds.unusual import PATIENCE, TROUBLES, Noticed, troubled
from benchmarks.report import Goal, Report, Section, publish
from tuning.anomalies.anomaly import Kind

HEALTHY, SHIFTED, OF_EACH, TROUBLED = 24, 24, 40, 20
_FEW = 10
_WORKERS = 2
GOAL_ALARMS = 0.05


def main(few: bool) -> None:
    scale = _FEW if few else 1
    with ProcessPoolExecutor(_WORKERS) as pool:
        calm = list(pool.map(healthy, range(HEALTHY // scale)))
        shifts = list(pool.map(shifted, range(SHIFTED // scale)))
        names = [name for name in (*ATTACKS, PATIENT) for _ in range(OF_EACH // scale)]
        attacks = list(pool.map(attacked, names, range(len(names))))
        kinds = [kind for kind in TROUBLES for _ in range(TROUBLED // scale)]
        noticed = list(pool.map(troubled, kinds, range(len(kinds))))
    apart = asyncio.run(differences())
    report = _report(calm, shifts, attacks, noticed, apart)
    if few:
        for section in report.sections:
            print(section.title, *section.rows, sep="\n  ")
        print(*report.goals, sep="\n")
    else:
        draw(shifts, calm, report.pictures[0])
        publish(report)


def _report(
    calm: Sequence[Healthy],
    shifts: Sequence[Shifted],
    attacks: Sequence[Attacked],
    noticed: Sequence[Noticed],
    apart: Sequence[str],
) -> Report:
    return Report(
        name="simulator",
        title="Learning: false alarms, time to notice, attacks",
        sections=[
            _rules(calm, shifts, attacks),
            _attacks(attacks),
            _shifts(shifts),
            _anomalies(calm, noticed),
        ],
        goals=_goals(calm, shifts, attacks, apart),
        pictures=["simulator-rules.png"],
        figures={"votes": [dict(each.votes) for each in shifts]},
    )


def _rules(calm: Sequence[Healthy], shifts: Sequence[Shifted], attacks: Sequence[Attacked]) -> Section:
    counted = [each for each in attacks if each.attack != PATIENT]
    rows = [
        {
            "rule": rule,
            "false alarms a month": f"{_a_month(calm, rule):.3f}",
            "votes to notice": _middle(each.votes[rule] for each in shifts),
            "within 60 votes": _share(each.votes[rule] for each in shifts),
            "attacks that led to training": _share(0 if each.trained[rule] else None for each in counted),
        }
        for rule in (OURS, *NAIVE)
    ]
    months = sum(each.months for each in calm)
    return Section(
        title="Ours beside naive rules",
        columns=tuple(rows[0]),
        rows=rows,
        note=f"False alarms: trainings in {months:.0f} months of {len(calm)} guilds of 8 to 30 in which "
        "nothing is wrong. To notice: a drop from 0.80 to 0.60 satisfied in one category, in "
        f"{len(shifts)} guilds of 16 to 32; the middle one, in votes and corrections on that category since "
        "the drop. The naive rules watch the same votes and corrections of each category and would "
        "train at each alarm; ours must also know what would be right, from whom, and since when.",
    )


def _attacks(attacks: Sequence[Attacked]) -> Section:
    rows = []
    for name in (*ATTACKS, PATIENT):
        those = [each for each in attacks if each.attack == name]
        led = {
            rule: f"{sum(each.trained[rule] for each in those)} of {len(those)}" for rule in (OURS, *NAIVE)
        }
        rows.append({"attack": name, **led})
    return Section(
        title="Attacks that led to training",
        columns=tuple(rows[0]),
        rows=rows,
        note=f"The last row is not among the attacks of the goal: {PATIENT} of old standing, who live a "
        "month among the others and agree to lie, differ from four members who are right in one thing alone "
        "that a journal knows: others found such answers helpful. Of what nobody else asks about it knows "
        "nothing. What they teach must still pass the gate and an admin.",
    )


def _shifts(shifts: Sequence[Shifted]) -> Section:
    rows = [
        {
            "stage": stage,
            "noticed": f"{sum(each.votes[stage] is not None for each in shifts)} of {len(shifts)}",
            "votes, the middle one": _middle(each.votes[stage] for each in shifts),
            "within 60 votes": _share(each.votes[stage] for each in shifts),
        }
        for stage in (PROVEN, OURS)
    ]
    return Section(
        title="From a real drop to a stable pattern",
        columns=tuple(rows[0]),
        rows=rows,
        note=f"After {GOAL_VOTES} votes, what was missing longest: {_waited_for(shifts)}.",
    )


def _anomalies(calm: Sequence[Healthy], noticed: Sequence[Noticed]) -> Section:
    rows = []
    for kind, trouble in TROUBLES.items():
        those = [each for each in noticed if each.kind is kind]
        rows.append(
            {
                "anomaly": kind.value,
                "false alarms a month": f"{_unusual(calm, kind):.3f}",
                "trouble": str(trouble.__doc__).strip().rstrip("."),
                f"seen within {PATIENCE} days": _share((each.days for each in those), PATIENCE),
                "days, the middle one": _middle(each.days for each in those),
            }
        )
    return Section(
        title="Detectors of anomalies",
        columns=tuple(rows[0]),
        rows=rows,
        note="Stale sources and contradictions are no matter of chance: a hash is another or it is not, and "
        "the rule for contradictions is measured on sentences (docs/anomalies.md).",
    )


def _goals(
    calm: Sequence[Healthy], shifts: Sequence[Shifted], attacks: Sequence[Attacked], apart: Sequence[str]
) -> list[Goal]:
    alarms = _a_month(calm, OURS)
    votes = median(_never_last(each.votes[OURS] for each in shifts))
    proven = median(_never_last(each.votes[PROVEN] for each in shifts))
    led = sum(each.trained[OURS] for each in attacks if each.attack != PATIENT)
    worst = max(_unusual(calm, kind) for kind in TROUBLES)
    return [
        Goal(
            text=f"fewer than {GOAL_ALARMS} false alarms a month on healthy guilds",
            reached=alarms < GOAL_ALARMS,
            note=f"{alarms:.3f}",
        ),
        Goal(
            text=f"a stable pattern within {GOAL_VOTES} relevant votes of a drop from 0.80 to 0.60",
            reached=votes <= GOAL_VOTES,
            note=f"{_number(votes)} in the middle one of the guilds; the drop alone is proven after "
            f"{_number(proven)}, what is missing longest is {_waited_for(shifts)}",
        ),
        Goal(
            text="no injected attack leads to training",
            reached=led == 0,
            note=f"{led} of {sum(each.attack != PATIENT for each in attacks)}",
        ),
        Goal(
            text=f"each detector of anomalies cries wolf less than {GOAL_ALARMS} times a month",
            reached=worst < GOAL_ALARMS,
            note=f"{worst:.3f} at most",
        ),
        Goal(
            text="a real journal and the simulation lead to the same patterns and anomalies",
            reached=not apart,
            note="; ".join(apart),
        ),
    ]


def _waited_for(shifts: Sequence[Shifted]) -> str:
    unmet = sum((Counter(each.unmet) for each in shifts), Counter[str]())
    return ", ".join(f"{rule} ({days} days)" for rule, days in unmet.most_common(3)) or "nothing"


def _a_month(calm: Sequence[Healthy], rule: str) -> float:
    return sum(each.trainings[rule] for each in calm) / sum(each.months for each in calm)


def _unusual(calm: Sequence[Healthy], kind: Kind) -> float:
    return sum(each.anomalies.get(kind.value, 0) for each in calm) / sum(each.months for each in calm)


def _never_last(values: Iterable[int | None]) -> list[float]:
    return [float("inf") if value is None else value for value in values]


def _middle(values: Iterable[int | None]) -> str:
    return _number(median(_never_last(values)))


def _number(value: float) -> str:
    return "never" if value == float("inf") else f"{value:.0f}"


def _share(values: Iterable[int | None], within: int = GOAL_VOTES) -> str:
    counted = _never_last(values)
    return f"{sum(value <= within for value in counted)} of {len(counted)}"


if __name__ == "__main__":
    main(few="--few" in sys.argv[1:])
