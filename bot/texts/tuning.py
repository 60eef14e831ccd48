"""What is said about fine-tuning: who serves, how far a run is, what the gate found, what a plan allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from agent.serving.served import Task
from tuning.evaluation.results import Aspect
from tuning.loop.plan import Hindrance
from tuning.loop.run import Why
from tuning.loop.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningTexts:
    tasks: Mapping[Task, str]
    states: Mapping[State, str]
    whys: Mapping[Why, str]
    hindrances: Mapping[Hindrance, str]
    """By the figures of `tuning.loop.plan.Refusal`."""
    checks: Mapping[Aspect, str]
    """What a check of the gate looked at: `value` and `against`, both with their units."""
    score: str
    milliseconds: str

    # Who serves.
    untuned: str
    as_elsewhere: str
    """Of a category without an adapter of its own."""
    serves_now: str
    since: str
    tried: str
    plan: str
    """`start` says what begins a run, the others what is allowed and how much of it is used."""
    starts_alone: str
    starts_by_hand: str
    quiet: str
    always: str
    agreed: str
    not_agreed: str
    trial: str
    no_trial: str
    may_start: str
    no_runs: str
    run: str
    """A line of the list: `run`, `task`, `state`, `why`, `at` and `note`."""

    # While it goes on.
    begun: str
    working: str
    step: str
    loss: str
    validation: str
    left: str
    seconds: str
    minutes: str
    hours: str

    # The report.
    ready: str
    """To the admins: `task`, `adapter` and `labels`."""
    question: str
    question_trial: str
    passed: str
    refused: str
    dataset: str
    no_report: str
    adapter: str
    button_promote: str
    button_canary: str
    button_refuse: str
    button_cancel: str

    # What was done.
    promoted: str
    on_trial: str
    declined: str
    cancelled: str
    rolled_back: str
    nothing_to_roll_back: str
    scheduled: str
    by: str
    """Under a message that was decided: `what` and `member`."""
    no_longer_open: str


ENGLISH: Final = TuningTexts(
    tasks={Task.ROUTE: "the choice of topics", Task.ANSWER: "the answers"},
    states={
        State.ASKED: "collecting labels",
        State.DATASET: "preparing the data set",
        State.TRAINING: "training",
        State.EXPORTING: "checking the adapter",
        State.EVALUATING: "examining it on held-out questions",
        State.GATED: "at the gate",
        State.APPROVAL: "waits for an admin",
        State.CANARY: "on trial",
        State.CHAMPION: "serves",
        State.REFUSED: "refused",
        State.FAILED: "failed",
        State.CANCELLED: "cancelled",
        State.ROLLED_BACK: "taken back",
    },
    whys={Why.HAND: "started by hand", Why.PATTERN: "started by a pattern"},
    hindrances={
        Hindrance.BUSY: "Run {run} is at work.",
        Hindrance.WAITING: "Run {run} waits for a decision, or is on trial.",
        Hindrance.OFF: "No run starts by itself.",
        Hindrance.NOT_QUIET: "The quiet hours are from {quiet_from}:00 to {quiet_to}:00.",
        Hindrance.COOLING: "The last run was {days:.1f} days ago; {cool_down:g} must lie between two.",
        Hindrance.RUNS: "{runs:There was # run|There were # runs} in seven days already.",
        Hindrance.MINUTES: "The computing time of seven days, {minutes} min, is used up.",
    },
    checks={
        Aspect.ENOUGH: "test questions: {value}; {against} are needed",
        Aspect.BETTER: "better than what serves: {value} against {against}",
        Aspect.BEATS_FUSION: "better than without a tuned model: {value} against {against}",
        Aspect.BEATS_UNTUNED: "better than the model as it is: {value} against {against}",
        Aspect.CATEGORIES: "the topic that lost most lost {value}; {against} is allowed",
        Aspect.GOLDEN: "not worse on the golden set: {value} against {against}",
        Aspect.HALLUCINATION: "invents no more: {value} against {against}",
        Aspect.ANSWERED: "answers what can be answered: {value} against {against}",
        Aspect.JSON: "valid JSON: {value}, before {against}",
        Aspect.LATENCY: "fast enough: {value}; {against} is allowed",
    },
    score="{value:.2f} of 5",
    milliseconds="{value:.0f} ms",
    untuned="**{task}**: the model as it is",
    as_elsewhere="**{task}**: what serves all other questions",
    serves_now="**{task}**: adapter `{adapter}`",
    since=", since {at}",
    tried="; `{adapter}` is on trial with {share:.0%} of the questions",
    plan="{start} {hours} In seven days: {used_runs} of {runs:# run|# runs}, {used_minutes} of "
    "{minutes:# minute|# minutes}. {agreed} {trial}",
    starts_alone="Stable patterns start training.",
    starts_by_hand="Training starts by hand only.",
    always="It works at any hour.",
    agreed="An admin must agree before an adapter serves.",
    not_agreed="What passes the gate serves without asking.",
    trial="First it is on trial with {share:.0%} of the questions.",
    no_trial="There is no trial before that.",
    quiet="By itself it works from {begin}:00 to {end}:00.",
    may_start="Nothing stands in the way of the next run.",
    no_runs="Nothing was trained yet.",
    run="`{run}` {task}: **{state}** ({why}, {at}) {note}",
    begun="I train {task}. This message shows how far it is.",
    working="🎓 {task}: **{state}**",
    step="step {step} of {steps}",
    loss="loss {loss:.3f}",
    validation="held out {loss:.3f}",
    left="{time} left",
    seconds="{count} s",
    minutes="{count} min",
    hours="{count:.1f} h",
    ready="🎓 **{task}**: adapter `{adapter}`, trained on {labels:# label|# labels}, passed the gate.",
    question="Shall it serve?",
    question_trial="*Try it* gives it {share:.0%} of the questions first.",
    passed="The gate lets it pass.",
    refused="The gate refuses it.",
    dataset="Data set `{dataset}`; {left_out:# question|# questions} could not be asked.",
    no_report="There is no report yet.",
    adapter="**{task}**, adapter `{adapter}`:",
    button_promote="Let it serve",
    button_canary="Try it",
    button_refuse="Refuse",
    button_cancel="Stop",
    promoted="Adapter `{adapter}` serves now. `/tuning rollback` takes it back.",
    on_trial="Adapter `{adapter}` is on trial with {share:.0%} of the questions.",
    declined="Refused. What served goes on serving.",
    cancelled="Stopped. What served goes on serving.",
    rolled_back="Taken back. {now}",
    nothing_to_roll_back="The model as it is serves already.",
    scheduled="That is the plan now. {plan}",
    by="{what} ({member})",
    no_longer_open="Somebody has decided this already.",
)
SPANISH: Final = TuningTexts(
    tasks={Task.ROUTE: "la elección de temas", Task.ANSWER: "las respuestas"},
    states={
        State.ASKED: "reuniendo etiquetas",
        State.DATASET: "preparando los datos",
        State.TRAINING: "entrenando",
        State.EXPORTING: "comprobando el adaptador",
        State.EVALUATING: "examinándolo con preguntas reservadas",
        State.GATED: "en la puerta",
        State.APPROVAL: "espera a un administrador",
        State.CANARY: "a prueba",
        State.CHAMPION: "en servicio",
        State.REFUSED: "rechazado",
        State.FAILED: "fallido",
        State.CANCELLED: "cancelado",
        State.ROLLED_BACK: "retirado",
    },
    whys={Why.HAND: "iniciado a mano", Why.PATTERN: "iniciado por un patrón"},
    hindrances={
        Hindrance.BUSY: "El entrenamiento {run} está en marcha.",
        Hindrance.WAITING: "El entrenamiento {run} espera una decisión o está a prueba.",
        Hindrance.OFF: "Ningún entrenamiento empieza por sí solo.",
        Hindrance.NOT_QUIET: "Las horas tranquilas son de {quiet_from}:00 a {quiet_to}:00.",
        Hindrance.COOLING: "El último fue hace {days:.1f} días; entre dos deben pasar {cool_down:g}.",
        Hindrance.RUNS: "Ya hubo {runs:# entrenamiento|# entrenamientos} en siete días.",
        Hindrance.MINUTES: "El tiempo de cálculo de siete días, {minutes} min, se ha agotado.",
    },
    checks={
        Aspect.ENOUGH: "preguntas de examen: {value}; hacen falta {against}",
        Aspect.BETTER: "mejor que lo que está en servicio: {value} frente a {against}",
        Aspect.BEATS_FUSION: "mejor que sin modelo entrenado: {value} frente a {against}",
        Aspect.BEATS_UNTUNED: "mejor que el modelo tal cual: {value} frente a {against}",
        Aspect.CATEGORIES: "el tema que más perdió, perdió {value}; se permite {against}",
        Aspect.GOLDEN: "no es peor con las preguntas de oro: {value} frente a {against}",
        Aspect.HALLUCINATION: "no inventa más: {value} frente a {against}",
        Aspect.ANSWERED: "responde lo que tiene respuesta: {value} frente a {against}",
        Aspect.JSON: "JSON válido: {value}; antes, {against}",
        Aspect.LATENCY: "bastante rápido: {value}; se permite {against}",
    },
    score="{value:.2f} de 5",
    milliseconds="{value:.0f} milisegundos",
    untuned="**{task}**: el modelo tal cual",
    as_elsewhere="**{task}**: lo mismo que para las demás preguntas",
    serves_now="**{task}**: el adaptador `{adapter}`",
    since=", desde {at}",
    tried="; `{adapter}` está a prueba con el {share:.0%} de las preguntas",
    plan="{start} {hours} En siete días: {used_runs} de {runs:# entrenamiento|# entrenamientos}, "
    "{used_minutes} de {minutes:# minuto|# minutos}. {agreed} {trial}",
    starts_alone="Los patrones estables inician entrenamientos.",
    starts_by_hand="Solo se entrena a mano.",
    always="Trabaja a cualquier hora.",
    agreed="Un administrador debe aprobar cada adaptador.",
    not_agreed="Lo que pasa la puerta entra en servicio sin preguntar.",
    trial="Antes está a prueba con el {share:.0%} de las preguntas.",
    no_trial="No hay prueba antes.",
    quiet="Sin que nadie lo pida, trabaja de {begin}:00 a {end}:00.",
    may_start="Nada impide el próximo entrenamiento.",
    no_runs="Todavía no se ha entrenado nada.",
    run="`{run}` {task}; **{state}** ({why}, {at}) {note}",
    begun="Entreno {task}. Este mensaje muestra por dónde va.",
    working="🎓 {task}; **{state}**",
    step="paso {step} de {steps}",
    loss="pérdida {loss:.3f}",
    validation="con lo reservado {loss:.3f}",
    left="tiempo restante: {time}",
    seconds="{count:# segundo|# segundos}",
    minutes="{count:# minuto|# minutos}",
    hours="{count:.1f} horas",
    ready="🎓 **{task}**: el adaptador `{adapter}`, entrenado con {labels:# etiqueta|# etiquetas}, ha pasado "
    "la puerta.",
    question="¿Debe entrar en servicio?",
    question_trial="*Probarlo* le da antes el {share:.0%} de las preguntas.",
    passed="La puerta lo deja pasar.",
    refused="La puerta lo rechaza.",
    dataset="Datos `{dataset}`; {left_out:# pregunta no se pudo|# preguntas no se pudieron} hacer.",
    no_report="Todavía no hay informe.",
    adapter="**{task}**; adaptador `{adapter}`:",
    button_promote="Ponerlo en servicio",
    button_canary="Probarlo",
    button_refuse="Rechazar",
    button_cancel="Parar",
    promoted="El adaptador `{adapter}` está en servicio. `/tuning rollback` lo retira.",
    on_trial="El adaptador `{adapter}` está a prueba con el {share:.0%} de las preguntas.",
    declined="Rechazado. Sigue en servicio lo de antes.",
    cancelled="Parado. Sigue en servicio lo de antes.",
    rolled_back="Retirado. {now}",
    nothing_to_roll_back="Ya está en servicio el modelo tal cual.",
    scheduled="Este es el plan. {plan}",
    by="{what} — {member}",
    no_longer_open="Alguien ya lo ha decidido.",
)

_ENGLISH_TASK: Final = "What to train: the choice of topics, or the answers."
_SPANISH_TASK: Final = "Qué entrenar: la elección de temas o las respuestas."
ENGLISH_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "tuning": "Training the model on what members taught.",
    "tuning.status": "Who serves, what is being trained, and what the plan allows.",
    "tuning.run": "Train now, at any hour.",
    "tuning.run.task": _ENGLISH_TASK,
    "tuning.run.topic": "Only the answers about this topic.",
    "tuning.report": "What the examination found, with its picture.",
    "tuning.report.adapter": "The last characters of its id; the newest one if you name none.",
    "tuning.promote": "Put an adapter in service, at once.",
    "tuning.promote.adapter": "The last characters of its id.",
    "tuning.promote.share": "Percent of the questions, to try it first.",
    "tuning.promote.topic": "Only for answers about this topic.",
    "tuning.rollback": "Take the adapter in service back, at once.",
    "tuning.rollback.task": "Whose adapter: that of the choice of topics, or that of the answers.",
    "tuning.rollback.topic": "The adapter for the answers about this topic.",
    "tuning.schedule": "When training starts by itself, and who must agree.",
    "tuning.schedule.automatic": "Whether stable patterns start training.",
    "tuning.schedule.begin": "The hour at which the quiet hours begin, 0 to 23.",
    "tuning.schedule.end": "The hour at which they end; the same hour means always.",
    "tuning.schedule.approval": "Whether an admin must agree before an adapter serves.",
    "tuning.schedule.trial": "Percent of the questions with which an adapter is tried first; 0 for no trial.",
    "tuning.budget": "How much may be trained in seven days by itself.",
    "tuning.budget.minutes": "Minutes of computing.",
    "tuning.budget.runs": "How often.",
}
SPANISH_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "tuning": "Entrenar el modelo con lo que enseñan los miembros.",
    "tuning.status": "Qué está en servicio, qué se entrena y qué permite el plan.",
    "tuning.run": "Entrenar ahora, a cualquier hora.",
    "tuning.run.task": _SPANISH_TASK,
    "tuning.run.topic": "Solo las respuestas sobre este tema.",
    "tuning.report": "Lo que encontró el examen, con su imagen.",
    "tuning.report.adapter": "Los últimos caracteres de su id; el más nuevo si no nombras ninguno.",
    "tuning.promote": "Poner un adaptador en servicio, al momento.",
    "tuning.promote.adapter": "Los últimos caracteres de su id.",
    "tuning.promote.share": "Porcentaje de las preguntas, para probarlo antes.",
    "tuning.promote.topic": "Solo para las respuestas sobre este tema.",
    "tuning.rollback": "Retirar el adaptador en servicio, al momento.",
    "tuning.rollback.task": "De qué: la elección de temas o las respuestas.",
    "tuning.rollback.topic": "El adaptador de las respuestas sobre este tema.",
    "tuning.schedule": "Cuándo se entrena sin que nadie lo pida y quién debe aprobarlo.",
    "tuning.schedule.automatic": "Si los patrones estables inician entrenamientos.",
    "tuning.schedule.begin": "La hora en que empiezan las horas tranquilas, de 0 a 23.",
    "tuning.schedule.end": "La hora en que acaban; la misma hora quiere decir siempre.",
    "tuning.schedule.approval": "Si un administrador debe aprobar cada adaptador.",
    "tuning.schedule.trial": "Porcentaje de preguntas con que se prueba antes un adaptador; 0 es sin prueba.",
    "tuning.budget": "Cuánto se puede entrenar en siete días sin que nadie lo pida.",
    "tuning.budget.minutes": "Minutos de cálculo.",
    "tuning.budget.runs": "Cuántas veces.",
}
