"""What `/stats` and `lorekeeper stats` say, as words and in the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class StatsTexts:
    title: str
    questions: str
    satisfaction: str
    """`low` and `high` are the bounds of the interval; `good` of `total` votes."""
    no_votes: str
    routing: str
    """The same of questions; `routed` is how many could be right or wrong."""
    routing_unknown: str
    unanswered_topics: str
    topic: str
    no_topic: str
    latency: str
    """Seconds: half of the answers came within `p50`, 95 of 100 within `p95`."""

    panel_questions: str
    panel_topics: str
    panel_satisfaction: str
    panel_routing: str
    panel_latency: str
    label_answered: str
    label_unanswered: str
    label_failed: str
    note: str


ENGLISH: Final = StatsTexts(
    title="{since} to {until}",
    questions="Questions: {count}; {answered} answered, {unanswered} “I don't know”, {failed} failed.",
    satisfaction="Satisfaction: {share} of {total:# vote says|# votes say} helpful (95 % interval {low} to "
    "{high}).",
    no_votes="Satisfaction: nobody has voted.",
    routing="Routing: right for {good} of {total:# question|# questions} of which members said so, by a "
    "corrected topic or a helpful vote: {share} (95 % interval {low} to {high}). Routed in all: {routed}.",
    routing_unknown="Routing: no member has corrected or confirmed a topic.",
    unanswered_topics="Unanswered by topic: {topics}.",
    topic="{name} {count} of {asked}",
    no_topic="no single topic",
    latency="Time to the answer: {p50} s for half of them, {p95} s for 95 of 100.",
    panel_questions="Questions",
    panel_topics="Unanswered by topic",
    panel_satisfaction="Satisfaction",
    panel_routing="Routed right, as far as known",
    panel_latency="Time to the answer",
    label_answered="answered",
    label_unanswered="I don't know",
    label_failed="failed",
    note="Bands are 95 % intervals. Routing is known from corrected topics and helpful votes only.",
)
SPANISH: Final = StatsTexts(
    title="Del {since} al {until}",
    questions="Preguntas: {count}; {answered:# respondida|# respondidas}, {unanswered} «no lo sé», {failed} "
    "con error.",
    satisfaction="Satisfacción: el {share} de {total:# voto|# votos} dice útil "
    "(intervalo del 95 %: de {low} a {high}).",
    no_votes="Satisfacción: nadie ha votado.",
    routing="Temas: acertados en {good} de {total:# pregunta de la que|# preguntas de las que} se sabe, por "
    "un tema corregido o un voto útil: {share} (intervalo del 95 %: de {low} a {high}). Asignadas en total: "
    "{routed}.",
    routing_unknown="Temas: nadie ha corregido ni confirmado ninguno.",
    unanswered_topics="Sin respuesta por tema: {topics}.",
    topic="{name} {count} de {asked}",
    no_topic="sin un solo tema",
    latency="Tiempo hasta la respuesta: {p50} s la mitad, {p95} s 95 de cada 100.",
    panel_questions="Preguntas",
    panel_topics="Sin respuesta por tema",
    panel_satisfaction="Satisfacción",
    panel_routing="Tema acertado, hasta donde se sabe",
    panel_latency="Tiempo hasta la respuesta",
    label_answered="respondidas",
    label_unanswered="no lo sé",
    label_failed="con error",
    note="Las bandas son intervalos del 95 %. El acierto se conoce solo por temas corregidos y votos útiles.",
)

ENGLISH_DESCRIPTIONS: Final = {
    "stats": "How members are served: questions, satisfaction, topics, time.",
    "stats.days": "Of how many days; 30 if you name none.",
}
SPANISH_DESCRIPTIONS: Final = {
    "stats": "Cómo se atiende a los miembros: preguntas, satisfacción, temas, tiempo.",
    "stats.days": "De cuántos días; 30 si no dices ninguno.",
}
