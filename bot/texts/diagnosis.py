"""What `/diagnose` says: how an answer came about, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from agent.contracts import AnswerKind, RouteDecision


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosisTexts:
    answered_because: str
    """`reason` in words and the `name` that it has in the code."""
    by_command: str
    route: str
    """`decision` in words, the `scores` of topics, the probability of being out of `scope`."""
    decisions: Mapping[RouteDecision, str]
    model_asked: str
    model_not_asked: str
    nearest: str
    searched: str
    everywhere: str
    widened: str
    read_from: str
    """The words of the question that were read as a limit to a date, a person or a source."""
    no_evidence: str
    evidence: str
    hidden: str
    answer: str
    """`kind` in words and how many `quotes`."""
    kinds: Mapping[AnswerKind, str]
    why: str
    failed: str
    model: str
    timings: str
    """Milliseconds: `total`, of them the model's, and `stages` one by one."""
    votes: str
    episode: str

    pending: str
    ended: str
    nothing_asked: str
    already_gone: str


ENGLISH: Final = DiagnosisTexts(
    answered_because="Answered, because {reason} (`{name}`).",
    by_command="Answered, because it was asked by command (`command`).",
    route="Route: {decision}; {scores}; out of scope {scope}",
    decisions={
        RouteDecision.GIVEN: "the topic was given",
        RouteDecision.SINGLE: "one topic",
        RouteDecision.UNION: "two close topics",
        RouteDecision.UNFILTERED: "no topic is likely enough, so everything",
        RouteDecision.OUT_OF_SCOPE: "out of scope",
    },
    model_asked="The language model was asked about the topic.",
    model_not_asked="The language model was not asked about the topic.",
    nearest="Nearest labelled question: {question} → {topic}",
    searched="Searched: {where} (index `{index}`) for {queries}",
    everywhere="everything",
    widened="The search was widened, because the topic held too little.",
    read_from="Limited by: {words}",
    no_evidence="Evidence: none was found",
    evidence="Evidence {score}: {title} `{passage}`",
    hidden="a passage that you may not read",
    answer="Answer: {kind}, {quotes:# quote|# quotes}",
    kinds={
        AnswerKind.GENERATED: "written by the model",
        AnswerKind.EXTRACTIVE: "the best sentences themselves",
        AnswerKind.DECLINED: "I don't know",
        AnswerKind.REMEMBERED: "a fact was remembered",
        AnswerKind.SUMMARY: "a summary",
        AnswerKind.SUGGESTION: "a suggested reply",
        AnswerKind.SMALL_TALK: "small talk",
    },
    why="Recorded reason: {reason}",
    failed="Failed: {error} (error {error_id})",
    model="Model: {name} ({engine}) `{digest}` {adapter}",
    timings="Time: {total} ms, the model {model} ms ({stages})",
    votes="Votes: {up} helpful, {down} not helpful",
    episode="Asked {at}, episode `{episode}`",
    pending="This message was taken as a question and has no answer yet: it waits, or is being answered "
    "(`pending`).",
    ended="This message was taken as a question and ended without an answer: it was refused (a cooldown, a "
    "power that is missing, a full queue), or failed before it could be recorded (`ended`).",
    nothing_asked="Nothing was asked in this channel that I still know of.",
    already_gone="I no longer have what happened to this question: its episode is deleted (`forgotten`).",
)

SPANISH: Final = DiagnosisTexts(
    answered_because="Respondido, porque {reason} (`{name}`).",
    by_command="Respondido, porque se preguntó con un comando (`command`).",
    route="Ruta: {decision}; {scores}; fuera de ámbito {scope}",
    decisions={
        RouteDecision.GIVEN: "el tema venía dado",
        RouteDecision.SINGLE: "un tema",
        RouteDecision.UNION: "dos temas cercanos",
        RouteDecision.UNFILTERED: "ningún tema es bastante probable, así que todo",
        RouteDecision.OUT_OF_SCOPE: "fuera de ámbito",
    },
    model_asked="Se preguntó el tema al modelo de lenguaje.",
    model_not_asked="No se preguntó el tema al modelo de lenguaje.",
    nearest="Pregunta etiquetada más cercana: {question} → {topic}",
    searched="Buscado: {where} (índice `{index}`), {queries}",
    everywhere="todo",
    widened="La búsqueda se amplió, porque el tema contenía demasiado poco.",
    read_from="Limitado por: {words}",
    no_evidence="Evidencia: no se encontró nada",
    evidence="Evidencia {score}: {title} `{passage}`",
    hidden="un pasaje que no puedes leer",
    answer="Respuesta: {kind}, {quotes:# cita|# citas}",
    kinds={
        AnswerKind.GENERATED: "escrita por el modelo",
        AnswerKind.EXTRACTIVE: "las mejores frases tal cual",
        AnswerKind.DECLINED: "no lo sé",
        AnswerKind.REMEMBERED: "se recordó un hecho",
        AnswerKind.SUMMARY: "un resumen",
        AnswerKind.SUGGESTION: "una respuesta sugerida",
        AnswerKind.SMALL_TALK: "charla",
    },
    why="Motivo registrado: {reason}",
    failed="Falló: {error} (error {error_id})",
    model="Modelo: {name} ({engine}) `{digest}` {adapter}",
    timings="Tiempo: {total} ms, el modelo {model} ms ({stages})",
    votes="Votos: {up:# útil|# útiles}, {down:# no útil|# no útiles}",
    episode="Preguntado {at}, episodio `{episode}`",
    pending="Este mensaje se tomó como pregunta y aún no tiene respuesta: espera, o se está respondiendo "
    "(`pending`).",
    ended="Este mensaje se tomó como pregunta y acabó sin respuesta: se rechazó (una espera, un permiso que "
    "falta, la cola llena), o falló antes de poder registrarse (`ended`).",
    nothing_asked="En este canal no se preguntó nada que yo aún sepa.",
    already_gone="Ya no tengo lo que pasó con esta pregunta: su episodio está borrado (`forgotten`).",
)

ENGLISH_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "diagnose": "Why I answered a message so, or not at all.",
    "diagnose.message": "The link of the message (Copy Message Link); without it, what was asked here last.",
}
SPANISH_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "diagnose": "Por qué respondí así a un mensaje, o por qué no respondí.",
    "diagnose.message": "El enlace del mensaje (Copiar enlace); sin él, lo último que se preguntó aquí.",
}
