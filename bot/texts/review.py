"""What `/review` says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewTexts:
    heading: str
    """`place` of `count` that wait, and `why`."""
    why: Mapping[str, str]
    """By the name of the kind."""
    question: str
    report: str
    """What a detector says, and what accepting and discarding it mean."""
    pattern: str
    """A report of a pattern: the beginning of its `id`, `remarks`, `members`, and a `question`."""
    route: str
    """`scores` and the probability that it is `out_of_scope`."""
    evidence: str
    no_evidence: str
    hidden: str
    answer: str
    answer_withheld: str
    votes: str
    said: str
    nothing_learnt: str
    proposed: str
    button_accept: str
    button_correct: str
    button_discard: str
    button_skip: str
    choose_topic: str
    form_title: str
    form_answer: str
    form_quotes: str
    form_quotes_hint: str
    form_note: str
    stored: Mapping[str, str]
    """By the name of the act, in front of the next one."""
    skipped: str
    undone: str
    nothing_to_undo: str
    changed: str
    decided_meanwhile: str
    empty: str
    """Nothing waits for this reviewer; `others` are being looked at by others."""


ENGLISH: Final = ReviewTexts(
    heading="**{place} of {count}** · {why}",
    why={
        "conflict": "people disagree",
        "gone": "the topic that was meant is no longer there",
        "unconfirmed": "one member alone wrote a better answer",
        "disliked": "members found the answer wrong",
        "unanswered": "I did not know",
        "low_confidence": "I was not sure of the topic",
        "brought": "it was decided elsewhere",
        "report": "I noticed something",
    },
    question="**Question:** {text}",
    report="**Noticed:** {text}\n-# Accept: it is so, and dealt with. Discard: it is nothing.",
    pattern="Pattern {id}: {remarks:# remark|# remarks} by {members:# member|# members} on questions such "
    "as “{question}”. They disagree, the reasons are mixed, or something unusual is going on; /patterns "
    "shows each rule.",
    route="**Route:** {scores}; out of scope {out_of_scope}",
    evidence="**Found:**",
    no_evidence="**Found:** nothing",
    hidden="-# {count} more that you cannot read.",
    answer="**Answer:** {text}",
    answer_withheld="**Answer:** it rests on what you cannot read; somebody else has to decide about it.",
    votes="**Votes:** {helpful} helpful, {unhelpful} not",
    said="**Said by {count}:** {text}",
    nothing_learnt="nothing is to be learnt",
    proposed="**Proposed:** {text}",
    button_accept="Accept",
    button_correct="Correct",
    button_discard="Discard",
    button_skip="Later",
    choose_topic="Correct: another topic",
    form_title="What would be right?",
    form_answer="Answer",
    form_quotes="Quotes, one a line",
    form_quotes_hint="Letter by letter, out of what was found",
    form_note="Why",
    stored={
        "accept": "✅ Accepted.",
        "correct": "✏️ Corrected.",
        "discard": "🗑️ Discarded.",
    },
    skipped="⏭️ Left for later.",
    undone="↩️ Taken back.",
    nothing_to_undo="There is nothing of yours to take back.",
    changed="Something new was said about it; look again.",
    decided_meanwhile="It was decided meanwhile.",
    empty="Nothing waits for you. Others are looking at {others}.",
)
SPANISH: Final = ReviewTexts(
    heading="**{place} de {count}** · {why}",
    why={
        "conflict": "no hay acuerdo",
        "gone": "el tema indicado ya no existe",
        "unconfirmed": "un solo miembro escribió una respuesta mejor",
        "disliked": "los miembros vieron mal la respuesta",
        "unanswered": "no lo sabía",
        "low_confidence": "dudaba del tema",
        "brought": "se decidió en otro lugar",
        "report": "he notado algo",
    },
    question="**Pregunta:** {text}",
    report="**He notado:** {text}\n-# Aceptar: es así y está resuelto. Desechar: no es nada.",
    pattern="Patrón {id}: {remarks:# comentario|# comentarios} de {members:# miembro|# miembros} en "
    "preguntas como «{question}». No hay acuerdo, las razones son varias o pasa algo inusual; /patterns "
    "muestra cada regla.",
    route="**Ruta:** {scores}; fuera de ámbito {out_of_scope}",
    evidence="**Encontrado:**",
    no_evidence="**Encontrado:** nada",
    hidden="-# {count} más que no puedes leer.",
    answer="**Respuesta:** {text}",
    answer_withheld="**Respuesta:** se basa en algo que no puedes leer; debe decidirlo otra persona.",
    votes="**Votos:** {helpful:# útil|# útiles}, {unhelpful} no",
    said="**Dicho por {count}:** {text}",
    nothing_learnt="no hay nada que aprender",
    proposed="**Propuesta:** {text}",
    button_accept="Aceptar",
    button_correct="Corregir",
    button_discard="Desechar",
    button_skip="Más tarde",
    choose_topic="Corregir: otro tema",
    form_title="¿Qué sería lo correcto?",
    form_answer="Respuesta",
    form_quotes="Citas, una por línea",
    form_quotes_hint="Letra por letra, de lo encontrado",
    form_note="Por qué",
    stored={
        "accept": "✅ Aceptado.",
        "correct": "✏️ Corregido.",
        "discard": "🗑️ Desechado.",
    },
    skipped="⏭️ Queda para más tarde.",
    undone="↩️ Deshecho.",
    nothing_to_undo="No hay nada tuyo que deshacer.",
    changed="Se ha dicho algo nuevo; vuelve a mirarlo.",
    decided_meanwhile="Ya se ha decidido mientras tanto.",
    empty="No te espera nada. Otros están mirando {others}.",
)
ENGLISH_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "review": "What a person should decide: accept, correct or discard.",
}
SPANISH_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "review": "Lo que debe decidir una persona: aceptar, corregir o desechar.",
}
