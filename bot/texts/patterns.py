"""What `/patterns` says of failures that recur, as words and in the picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tuning.patterns import phrases
from tuning.patterns.pattern import Action
from tuning.patterns.rules import RuleName


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternTexts:
    phrases: Mapping[str, str]
    """By the keys of `tuning.patterns.phrases`."""
    rules: Mapping[RuleName, str]
    actions: Mapping[Action, str]

    another_answer: str
    """What is wrong with an answer that was corrected without a reason."""
    none: str
    line: str
    """Of the list: `id`, `sentence`, `action`, `because` and `rules`."""
    rule: str
    """Of one candidate: `mark`, `rule` and `words`."""
    examples: str
    more: str
    unknown: str
    to_do: str
    gap: str
    """`number`, `sentence` and `questions`."""
    notice: str
    """To the admins, where they chose to be told: `sentence` and `action`."""
    button_done: str
    button_dismiss: str
    """Both with the `number` of the gap."""
    done: str
    dismissed: str
    no_longer_open: str

    picture: str
    panel_said: str
    panel_proof: str
    """Both with what the questions are `about`."""
    label_votes: str
    label_corrections: str
    label_proof: str
    label_bound: str
    note: str


ENGLISH: Final = PatternTexts(
    phrases=phrases.ENGLISH,
    rules={
        RuleName.VOLUME: "enough labels",
        RuleName.RECURRENCE: "on several days",
        RuleName.INDEPENDENCE: "by several members",
        RuleName.AGREEMENT: "who agree",
        RuleName.SIGNIFICANCE: "not by chance",
        RuleName.LEARNABLE: "can be learnt",
        RuleName.CALM: "calm",
    },
    actions={
        Action.NOTHING_YET: "nothing yet",
        Action.FEW_SHOT: "the corrections act as examples, which is enough",
        Action.REINDEX: "read the sources again",
        Action.KNOWLEDGE_GAP: "somebody should write it down",
        Action.HUMAN_REVIEW: "a person should look",
        Action.FINE_TUNE_ROUTER: "train the choice of topics",
        Action.FINE_TUNE_ANSWERS: "train the answers",
    },
    another_answer="something else is right",
    none="Nothing recurs that people find wrong.",
    line="`{id}` {sentence}\n→ **{action}** ({because})\n{rules}",
    rule="{mark} {rule}: {words}",
    examples="Questions:",
    more="… and {count} more; `lorekeeper patterns` lists them all.",
    unknown="There is no pattern {id}; `/patterns` lists them.",
    to_do="**To write down.** I could not answer these, as nobody has told me:",
    gap="{number}. {sentence}\n{questions}",
    notice="{sentence}. What should be done: {action}. `/patterns` shows more.",
    button_done="{number} is written down",
    button_dismiss="{number} is no matter",
    done="Thank you. If it is asked again in vain, it comes back.",
    dismissed="It is off the list. If it is asked again in vain, it comes back.",
    no_longer_open="Somebody has dealt with this already.",
    picture="What recurs",
    panel_said="{about}: what was said",
    panel_proof="{about}: proof against chance",
    label_votes="unhelpful votes",
    label_corrections="corrections",
    label_proof="proof so far",
    label_bound="what is needed",
    note="Proof: 1 means that chance alone does this 1 time in 10, 2 is 1 in 100, 3 is 1 in 1,000.",
)
SPANISH: Final = PatternTexts(
    phrases={
        "volume": "{here:# etiqueta|# etiquetas} aquí y {all} en total; hacen falta {needed_here} y {needed}",
        "recurrence": "{remarks} en {days:# día|# días} a lo largo de {span:# día|# días}, el {busiest:.0%} "
        "en el de más",
        "independence": "{members:# miembro|# miembros}, el más activo con el {heaviest:.0%}; "
        "{admins:# administrador|# administradores}",
        "agreement": "{count} de {voices} {count:dice|dicen} {chosen}, entre ellos "
        "{admins:# administrador|# administradores}",
        "again": "{count} de {voices} con lo que repitieron otro día",
        "content": "otros a quienes esas respuestas sirvieron tal como están: {members}",
        "no agreement": "nadie ha dicho qué habría sido lo correcto",
        "worse": "falla más que al principio; por azar, 1 vez de cada {odds:,}",
        "fell": "su tema empeoró hace algún tiempo",
        "chance": "puede ser azar",
        "no baseline": "no se sabe qué es normal hasta que se valoren {trials}",
        "cause router": "{count} de {total} {count:se debe|se deben} a la elección del tema",
        "cause style": "{count} de {total} {count:se debe|se deben} al estilo",
        "cause protocol": "{count} de {total} {count:se debe|se deben} a la forma: el borrador no superó su "
        "prueba",
        "cause grounding": "{count} de {total} {count:se debe|se deben} a lo que hay guardado, o a lo que "
        "se encuentra",
        "no cause": "no se conoce la causa",
        "anomaly": "algo inusual: {said}",
        "recent": "el último entrenamiento es demasiado reciente",
        "few new": "solo {new:# etiqueta nueva|# etiquetas nuevas} junto a {before:# conocida|# conocidas}",
        "calm": "nada inusual",
        "suspect": "la mayor parte viene de cuentas que pueden ser una sola",
        "aside fresh": "{remarks:# valoración|# valoraciones} de "
        "{members:# miembro nuevo|# miembros nuevos} aún no {remarks:cuenta|cuentan}",
        "aside burst": "{remarks:# valoración|# valoraciones} de {members:# miembro|# miembros} "
        "{remarks:llegó|llegaron} en ráfaga",
        "aside together": "{remarks:# valoración|# valoraciones} de {members:# miembro|# miembros} "
        "{remarks:cuenta|cuentan} como de uno, pues actúan como uno",
        "all met": "se cumplen las siete reglas",
        "gap": "se pregunta una y otra vez, y nadie lo ha escrito",
        "old": "hay algo guardado sobre ello, pero es viejo o no se encuentra",
        "gist": "{counted} de {members:# miembro|# miembros} en {days:# día|# días}: {what} {happens}",
        "corrections": "{count:# corrección|# correcciones}",
        "remarks": "{count:# valoración|# valoraciones}",
        "about": "las preguntas sobre {about}",
        "like": "las preguntas como «{question}»",
        "misrouted": "van a {category} en vez de a {target}",
        "unrouted": "no van a ningún tema en vez de a {target}",
        "unanswered": "quedan sin respuesta",
        "outdated": "reciben una respuesta vieja o ninguna",
        "wrong": "reciben respuestas equivocadas",
        "disliked": "reciben respuestas que no gustan",
        "in": " (en {category})",
    },
    rules={
        RuleName.VOLUME: "bastantes etiquetas",
        RuleName.RECURRENCE: "en varios días",
        RuleName.INDEPENDENCE: "de varios miembros",
        RuleName.AGREEMENT: "que coinciden",
        RuleName.SIGNIFICANCE: "no es azar",
        RuleName.LEARNABLE: "se puede aprender",
        RuleName.CALM: "calma",
    },
    actions={
        Action.NOTHING_YET: "nada todavía",
        Action.FEW_SHOT: "las correcciones ya sirven de ejemplo, y con eso basta",
        Action.REINDEX: "volver a leer las fuentes",
        Action.KNOWLEDGE_GAP: "alguien debería escribirlo",
        Action.HUMAN_REVIEW: "debería mirarlo una persona",
        Action.FINE_TUNE_ROUTER: "entrenar la elección de temas",
        Action.FINE_TUNE_ANSWERS: "entrenar las respuestas",
    },
    another_answer="lo correcto es otra cosa",
    none="No se repite nada que la gente encuentre mal.",
    line="`{id}` {sentence}\n⇒ **{action}** ({because})\n{rules}",
    rule="{mark} {rule}; {words}",
    examples="Preguntas:",
    more="… y {count} más; `lorekeeper patterns` los muestra todos.",
    unknown="No hay ningún patrón {id}; `/patterns` los muestra.",
    to_do="**Por escribir.** No pude responder a esto, porque nadie me lo ha contado:",
    gap="{number}) {sentence}\n{questions}",
    notice="{sentence}. Qué habría que hacer: {action}. `/patterns` muestra más.",
    button_done="{number} ya está escrito",
    button_dismiss="{number} no importa",
    done="Gracias. Si se vuelve a preguntar en vano, volverá.",
    dismissed="Ya no está en la lista. Si se vuelve a preguntar en vano, volverá.",
    no_longer_open="Alguien se ha ocupado ya de esto.",
    picture="Lo que se repite",
    panel_said="{about}: lo que se dijo",
    panel_proof="{about}: prueba contra el azar",
    label_votes="votos en contra",
    label_corrections="correcciones",
    label_proof="prueba hasta ahora",
    label_bound="la que hace falta",
    note="Prueba: 1 quiere decir que el azar solo hace esto 1 vez de cada 10; 2, 1 de 100; 3, 1 de 1000.",
)

ENGLISH_DESCRIPTIONS: Final = {
    "patterns": "What recurs that people find wrong, and what should be done about it.",
    "patterns.pattern": "The id of one, to see each rule in words.",
}
SPANISH_DESCRIPTIONS: Final = {
    "patterns": "Lo que se repite y la gente encuentra mal, y qué habría que hacer.",
    "patterns.pattern": "El id de uno, para ver cada regla en palabras.",
}
