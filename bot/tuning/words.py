"""Fine-tuning in words: who serves, how far a run is, and what its examination found."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Final, TypeAlias

from agent.answering.display import one_line
from agent.contracts import Slug
from agent.language.counts import Count, with_counts
from agent.serving.served import Assignment, Task
from bot.texts.tuning import TuningTexts
from bot.tuning.reports import Examined
from bot.tuning.standing import Standing
from tuning.evaluation.results import Aspect, Check, Report, Verdict
from tuning.loop.aim import Aim
from tuning.loop.plan import Plan, Refusal
from tuning.loop.run import Run
from tuning.loop.state import State
from tuning.runs.contracts import Progress

_SHORT_ID: Final = 8
_CELLS: Final = 20
_LISTED: Final = 5

When: TypeAlias = Callable[[datetime], str]
"""How a moment is written where it is shown."""


def short(id_: str) -> str:
    """The end of an id, which says it: ids of one day begin alike."""
    return id_[-_SHORT_ID:]


def status_words(standing: Standing, texts: TuningTexts, when: When) -> str:
    """Who serves, the plan, what stands in the way, and the last runs."""
    lines = [_serving_line(standing, standing.serving[task], task, texts, when) for task in Task]
    lines += [
        _serving_line(standing, assignment, Task.ANSWER, texts, when, category)
        for category, assignment in standing.of_categories.items()
    ]
    lines += [plan_words(standing, texts), *_hindrance_lines(standing, texts)]
    lines += [run_line(run, texts, when) for run in standing.runs[:_LISTED]] or [texts.no_runs]
    return "\n".join(lines)


def serving_words(
    assignment: Assignment, task: Task, texts: TuningTexts, category: Slug | None = None
) -> str:
    """Who answers a task's questions, or those of one category, without since when."""
    named = task_words(task, Aim(category=category), texts)
    if assignment.champion is None:
        return (texts.as_elsewhere if category else texts.untuned).format(task=named)
    return texts.serves_now.format(task=named, adapter=short(assignment.champion.id))


def task_words(task: Task, aim: Aim, texts: TuningTexts) -> str:
    """What is trained: the task, with the category and the tone that it is for."""
    narrowed = ", ".join(filter(None, (aim.category, one_line(aim.tone))))
    return f"{texts.tasks[task]} ({narrowed})" if narrowed else texts.tasks[task]


def plan_words(standing: Standing, texts: TuningTexts) -> str:
    plan = standing.plan
    hours = texts.quiet.format(begin=plan.quiet_from, end=plan.quiet_to)
    return texts.plan.format(
        start=texts.starts_alone if plan.automatic else texts.starts_by_hand,
        hours=texts.always if plan.quiet_from == plan.quiet_to else hours,
        runs=Count(plan.runs_a_week),
        used_runs=len(standing.recent),
        minutes=Count(plan.minutes_a_week),
        used_minutes=math.ceil(sum(run.seconds for run in standing.recent) / 60),
        agreed=texts.agreed if plan.approval else texts.not_agreed,
        trial=texts.trial.format(share=plan.share) if 0 < plan.share < 1 else texts.no_trial,
    )


def recipe_words(plan: Plan) -> str:
    """What a plan changes of the usual recipe, by the names that the terminal takes."""
    usual = asdict(Plan().recipe)
    changed = [f"{name}={value}" for name, value in asdict(plan.recipe).items() if value != usual[name]]
    base = f"; trained on {plan.base}" if plan.base else ""
    return f"Recipe: {' '.join(changed) or 'the usual one'}{base}."


def hindrance_words(refusal: Refusal, texts: TuningTexts) -> str:
    """Why no run may start."""
    named = {"run": short(str(refusal.figures["run"]))} if "run" in refusal.figures else {}
    return texts.hindrances[refusal.hindrance].format(**{**with_counts(refusal.figures), **named})


def run_line(run: Run, texts: TuningTexts, when: When) -> str:
    """A run in a list."""
    return texts.run.format(
        run=short(run.id),
        task=task_words(run.task, run.aim, texts),
        state=texts.states[run.state],
        why=texts.whys[run.why],
        at=when(run.changed_at),
        note=run.note,
    ).rstrip()


def working_words(run: Run, progress: Progress | None, texts: TuningTexts) -> str:
    """How far a run is, for a message that is edited on the way."""
    said = texts.working.format(task=task_words(run.task, run.aim, texts), state=texts.states[run.state])
    return "\n".join(filter(None, (said, progress_words(progress, texts) if progress else "", run.note)))


def progress_words(progress: Progress, texts: TuningTexts) -> str:
    """The bar, and what `figures_words` says."""
    done = round(progress.share * _CELLS)
    step = texts.step.format(step=progress.step, steps=progress.steps)
    parts = (f"`{'█' * done}{'░' * (_CELLS - done)}`", step, figures_words(progress, texts))
    return " · ".join(filter(None, parts))


def figures_words(progress: Progress, texts: TuningTexts) -> str:
    """The losses and the time left; what is not known yet is left out."""
    parts = []
    if not math.isnan(progress.loss):
        parts.append(texts.loss.format(loss=progress.loss))
    if not math.isnan(progress.validation):
        parts.append(texts.validation.format(loss=progress.validation))
    if not math.isnan(progress.seconds_left):
        parts.append(texts.left.format(time=duration(progress.seconds_left, texts)))
    return " · ".join(parts)


def duration(seconds: float, texts: TuningTexts) -> str:
    """A time to wait, as roughly as people say it."""
    if seconds < 90:
        return texts.seconds.format(count=Count(round(seconds)))
    if seconds < 5400:
        return texts.minutes.format(count=Count(round(seconds / 60)))
    return texts.hours.format(count=seconds / 3600)


def outcome_words(run: Run, share: float, texts: TuningTexts) -> str:
    """What became of a run. `share` is that of the questions that a challenger answers."""
    match run.state:
        case State.CANARY:
            return texts.on_trial.format(adapter=short(run.adapter), share=share)
        case State.CHAMPION:
            return texts.promoted.format(adapter=short(run.adapter))
        case _:
            return working_words(run, None, texts)


def question_words(run: Run, found: Examined | None, texts: TuningTexts, said: str = "") -> str:
    """What admins are asked, or what became of it where they have `said`."""
    named = task_words(run.task, run.aim, texts)
    lines = [texts.ready.format(task=named, adapter=short(run.adapter), labels=Count(run.labels))]
    if found is not None:
        lines.append(report_words(found.report, found.verdict, texts))
    lines.append(said or texts.question)
    if not said and 0 < run.plan.share < 1:
        lines.append(texts.question_trial.format(share=run.plan.share))
    return "\n".join(lines)


def report_words(report: Report, verdict: Verdict, texts: TuningTexts) -> str:
    """What the gate looked at and decided; the whole of it stands in the report's own Markdown."""
    lines = [
        f"{'✅' if each.passed else '❌'} {check_words(each, report.task, texts)}" for each in verdict.checks
    ]
    lines.append(texts.passed if verdict.promoted else texts.refused)
    lines.append(texts.dataset.format(dataset=report.dataset[:_SHORT_ID], left_out=Count(report.left_out)))
    return "\n".join(lines)


def check_words(check: Check, task: Task, texts: TuningTexts) -> str:
    """One check in words."""
    said = texts.checks[check.aspect]
    value, against = (_figure(number, check.aspect, task, texts) for number in (check.value, check.against))
    return said.format(value=value, against=against)


def _figure(number: float, aspect: Aspect, task: Task, texts: TuningTexts) -> str:
    """A number in the unit that its check counts in."""
    match aspect:
        case Aspect.ENOUGH:
            return f"{number:.0f}"
        case Aspect.LATENCY:
            return texts.milliseconds.format(value=number)
        case Aspect.JSON:
            return f"{number:.1%}"
        case Aspect.HALLUCINATION:
            return texts.score.format(value=number)
        case _:
            return f"{number:.1%}" if task is Task.ROUTE else texts.score.format(value=number)


def _serving_line(
    standing: Standing,
    assignment: Assignment,
    task: Task,
    texts: TuningTexts,
    when: When,
    category: Slug | None = None,
) -> str:
    champion = assignment.champion
    said = serving_words(assignment, task, texts, category)
    if champion is not None and champion.id in standing.since:
        said += texts.since.format(at=when(standing.since[champion.id]))
    if assignment.challenger is not None:
        said += texts.tried.format(adapter=short(assignment.challenger.id), share=assignment.share)
    return said


def _hindrance_lines(standing: Standing, texts: TuningTexts) -> list[str]:
    """Each once: most hold for both tasks."""
    refusals = [standing.hindrance(task, by_hand=False) for task in Task]
    said = [hindrance_words(refusal, texts) if refusal else texts.may_start for refusal in refusals]
    return list(dict.fromkeys(said))
