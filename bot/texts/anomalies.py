"""What the bot says about anomalies: to admins, where they chose to be told and in answer to `/anomalies`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tuning.anomalies.anomaly import Kind, State
from tuning.anomalies.words import GONE, SENTENCES


@dataclass(frozen=True, slots=True, kw_only=True)
class AnomalyTexts:
    sentences: Mapping[Kind, str]
    """Filled in with the figures of the anomaly, and with `subject`."""
    gone: str
    advice: Mapping[Kind, str]
    """What an admin can do about it."""
    states: Mapping[State, str]
    differences: Mapping[str, str]
    signs: Mapping[str, str]

    notice: str
    """A message to the admins, and a line of the list: `sentence`, `advice`, `quotes` may be empty."""
    line: str
    """`at` is Discord's own mark."""
    none: str
    looked: str
    told_in: str
    told_nowhere: str
    cannot_tell: str

    button_act: str
    button_dismiss: str
    dismissed: str
    acted: str
    not_acted: str
    """`note` says why."""
    no_longer_open: str


ENGLISH: Final = AnomalyTexts(
    sentences=SENTENCES,
    gone=GONE,
    advice={
        Kind.RETRIEVAL: "The index has lost nothing. Was something removed, or are the questions new?",
        Kind.UNANSWERED: "`/patterns` lists what members asked and nobody wrote down.",
        Kind.STALE: "I could not read it again. Remove it with `/knowledge remove`, or bring it back.",
        Kind.CONTRADICTION: "Which of the two is right? Correct the other one, or remove it.",
        Kind.LANGUAGE: "Is there anything kept in that language?",
        Kind.SUBJECT: "Is there a topic for it? `/category add` makes one.",
        Kind.BURST: "I learn nothing from these days until you dismiss this or two weeks have passed.",
        Kind.LATENCY: "`lorekeeper doctor` on my machine says what is slow.",
    },
    states={
        State.RAISED: "open",
        State.FAILED: "open, it could not be mended",
        State.ACTED: "mended",
        State.DISMISSED: "dismissed",
        State.EXPIRED: "past",
    },
    differences={"number": "a number", "date": "a date", "negation": "a “not”"},
    signs={"helpful": "helpful", "unhelpful": "unhelpful"},
    notice="⚠️ {sentence}. {advice}",
    line="{at} **{state}**: {sentence}. {note}",
    none="Nothing unusual.",
    looked="I looked: {count} new.",
    told_in="I tell of what is unusual in {channel}.",
    told_nowhere="I tell nobody of what is unusual; `/anomalies list` shows it.",
    cannot_tell="I may not write in {channel}.",
    button_act="Mend it now",
    button_dismiss="Dismiss",
    dismissed="Dismissed. The same is not raised again for a while.",
    acted="Done: {note}.",
    not_acted="It did not work: {note}.",
    no_longer_open="This is settled already.",
)

SPANISH: Final = AnomalyTexts(
    sentences={
        Kind.RETRIEVAL: "Las búsquedas en {subject} encuentran poco: el {now} % de "
        "{count:# pregunta|# preguntas} se buscó en otra parte, antes el {before} %",
        Kind.UNANSWERED: "El {now} % de {count:# pregunta|# preguntas} acabó en «no lo sé», antes el "
        "{before} %",
        Kind.STALE: "{subject} ha cambiado en su origen",
        Kind.CONTRADICTION: "Dos fuentes se contradicen en {difference}",
        Kind.LANGUAGE: "El {now} % de {count:# pregunta|# preguntas} está en el idioma {subject}, antes el "
        "{before} %",
        Kind.SUBJECT: "El {now} % de {count:# pregunta|# preguntas} no se parece a las anteriores; antes, el "
        "{before} %",
        Kind.BURST: "{count:# voto|# votos} de tipo «{subject}» en una hora, muchas veces lo habitual",
        Kind.LATENCY: "Las respuestas tardan {now:.1f} segundos, antes {before:.1f}",
    },
    gone="{subject} ya no está en su origen",
    advice={
        Kind.RETRIEVAL: "El índice no ha perdido nada. ¿Se quitó algo, o son preguntas nuevas?",
        Kind.UNANSWERED: "`/patterns` muestra lo que se preguntó y nadie ha escrito.",
        Kind.STALE: "No pude leerla otra vez. Quítala con `/knowledge remove` o devuélvela a su sitio.",
        Kind.CONTRADICTION: "¿Cuál de las dos es correcta? Corrige la otra o quítala.",
        Kind.LANGUAGE: "¿Hay algo guardado en ese idioma?",
        Kind.SUBJECT: "¿Hay un tema para ello? Se añade con `/category add`.",
        Kind.BURST: "No aprendo de estos días hasta que lo descartes o pasen dos semanas.",
        Kind.LATENCY: "`lorekeeper doctor`, en mi máquina, dice qué va lento.",
    },
    states={
        State.RAISED: "abierto",
        State.FAILED: "abierto, no se pudo arreglar",
        State.ACTED: "arreglado",
        State.DISMISSED: "descartado",
        State.EXPIRED: "pasado",
    },
    differences={"number": "un número", "date": "una fecha", "negation": "un «no»"},
    signs={"helpful": "útil", "unhelpful": "no útil"},
    notice="⚠️ {sentence}: {advice}",
    line="{at} **{state}**: {sentence} ({note})",
    none="Nada fuera de lo común.",
    looked="He mirado: {count:# nueva|# nuevas}.",
    told_in="Aviso de lo inusual en {channel}.",
    told_nowhere="No aviso a nadie de lo inusual; `/anomalies list` lo muestra.",
    cannot_tell="No puedo escribir en {channel}.",
    button_act="Arreglar ahora",
    button_dismiss="Descartar",
    dismissed="Descartado. Durante un tiempo no volveré a avisar de lo mismo.",
    acted="Hecho: {note}.",
    not_acted="No funcionó: {note}.",
    no_longer_open="Esto ya está resuelto.",
)

ENGLISH_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "anomalies": "What is unusual about questions, votes and sources.",
    "anomalies.list": "What was unusual of late, and what became of it.",
    "anomalies.look": "Look now instead of tonight.",
    "anomalies.tell": "Where I tell of what is unusual.",
    "anomalies.tell.channel": "Which channel; none if you name none.",
}
SPANISH_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "anomalies": "Lo inusual en preguntas, votos y fuentes.",
    "anomalies.list": "Lo inusual de estos días, y qué fue de ello.",
    "anomalies.look": "Mirar ahora en vez de esta noche.",
    "anomalies.tell": "Dónde aviso de lo inusual.",
    "anomalies.tell.channel": "Qué canal; ninguno si no nombras ninguno.",
}
