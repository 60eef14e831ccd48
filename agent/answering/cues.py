"""What kind of answer a question asks for, and whether a text holds one. English and Spanish, by pattern.

The patterns read folded text (lower case, no accents), except where a capital letter is what tells a name.
"""

from __future__ import annotations

import re
from enum import StrEnum

from agent.answering.words import fold


class AnswerType(StrEnum):
    DATE = "date"
    NUMBER = "number"
    PERSON = "person"
    PLACE = "place"
    REASON = "reason"
    OTHER = "other"


_ASKED = {
    AnswerType.DATE: re.compile(
        r"\bwhen\b|\b(what|which) (year|date|day|month|century|decade|time)\b|\bhow long ago\b"
        r"|\bcuando\b|\b(que|cual) (ano|fecha|dia|mes|siglo|hora)\b|\bhace cuanto\b"
    ),
    AnswerType.NUMBER: re.compile(
        r"\bhow (many|much|long|old|often|far|big|large|tall|deep|high|fast|hot|heavy)\b"
        r"|\bwhat (percent|percentage|number|price|size|temperature|cost|amount|age|code|pin)\b"
        r"|\bcuant[oa]s?\b|\bque (porcentaje|numero|precio|temperatura|tamano|cantidad|codigo)\b"
    ),
    AnswerType.PERSON: re.compile(r"\b(who|whom|whose)\b|\bquien(es)?\b"),
    AnswerType.PLACE: re.compile(
        r"\bwhere\b|\b(what|which) (city|country|state|place|location|town|region)\b"
        r"|\b(a|de)?donde\b|\bque (ciudad|pais|lugar|sitio|region)\b"
    ),
    AnswerType.REASON: re.compile(r"\bwhy\b|\bwhat (caused|causes|reason)\b|\bpor que\b"),
}

_MONTH = (
    r"jan(uary)?|feb(ruary)?|march|april|june|july|aug(ust)?|sept?(ember)?|oct(ober)?|nov(ember)?|dec(ember)?"
    r"|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre"
)
_A_DATE = re.compile(
    rf"\b(1\d|20)\d\ds?\b|\b({_MONTH})\b|\b\d{{1,2}} may\b|\bmay \d|\b\d{{1,2}}[/.-]\d{{1,2}}[/.-]\d{{2,4}}\b"
    r"|\b\d{1,2}(st|nd|rd|th) centur|\bsiglo [ivx]+\b"
)
_A_TIME = re.compile(
    r"\b(mon|tues|wednes|thurs|fri|satur|sun)day|\b(lunes|martes|miercoles|jueves|viernes|sabado|domingo)\b"
    r"|\b\d{1,2}:\d\d\b|\b\d{1,2} ?[ap]m\b|\b(spring|summer|autumn|winter|primavera|verano|otono|invierno)\b"
    r"|\b(every|cada|during|durante|after|before|despues|antes)\b"
)
_A_NUMBER = re.compile(
    r"\d|\b(one|two|three|four|five|six|seven|eight|nine|ten|twelve|dozen|half|twice|once|hundreds?|thousands?"
    r"|millions?|billions?|uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|doce|docena|mitad|cien|mil"
    r"|millon(es)?)\b"
)
_A_NAME = re.compile(r"(?<=[^\W_]\s)[A-ZÁÉÍÓÚÑ][\w'’.-]+|\b[A-ZÁÉÍÓÚÑ][\w'’-]+ [A-ZÁÉÍÓÚÑ][\w'’-]+")
_A_REASON = re.compile(r"\b(because|since|due to|so that|therefore|porque|debido|por eso|ya que|asi que)\b")

_PAST = re.compile(
    r"\bwhen\b.*\b(did|was|were|has|have|had)\b|\b(what|which) (year|date|day|month)\b.*\b(did|was|were)\b"
    r"|\bhow long ago\b|\blast time\b|\bwhen .*\blast\b|\bhace cuanto\b|\b(ultima vez)\b"
    r"|\b(cuando|que (dia|fecha|ano|mes))\b.*"
    r"\b(fue|fueron|era|hubo|\w{2,}(imos|amos|aron|ieron)|(he|has|ha|hemos|han) \w+[ai]do|hice|hizo)\b"
)
_PAST_ACCENTED = re.compile(r"(cuándo|qué (día|fecha|año|mes))\b.*\w{2,}[óé]\b", re.IGNORECASE)
_OBLIGATION = re.compile(
    r"\b(cuando|fecha|dia) (se )?(debemos|tenemos|hay|podemos|vamos|toca|vence|caduca)\b"
)
_LATEST = re.compile(
    r"\b(last|latest|newest|most recent(ly)?|current(ly)?|now)\b"
    r"|\bultim[oa]s?\b|\bmas reciente|\bactual(mente)?\b|\bahora\b"
)


def answer_type(question: str) -> AnswerType:
    """The kind of answer, by the question word that stands first."""
    folded = fold(question)
    found = [(match.start(), kind) for kind, pattern in _ASKED.items() if (match := pattern.search(folded))]
    return min(found, key=lambda each: each[0])[1] if found else AnswerType.OTHER


def holds(kind: AnswerType, text: str) -> bool:
    """Whether a text holds something of this kind. Anything is an `OTHER`."""
    match kind:
        case AnswerType.DATE:
            return tells_a_date(text) or bool(_A_TIME.search(fold(text)))
        case AnswerType.NUMBER:
            return bool(_A_NUMBER.search(fold(text)))
        case AnswerType.PERSON | AnswerType.PLACE:
            return bool(_A_NAME.search(text))
        case AnswerType.REASON:
            return bool(_A_REASON.search(fold(text)))
        case AnswerType.OTHER:
            return True


def tells_a_date(text: str) -> bool:
    """Whether a text names a year, a month or a day of the calendar."""
    return bool(_A_DATE.search(fold(text)))


def asks_when_it_happened(question: str) -> bool:
    """Whether the date of an entry can answer: "when did we", and not "when must we"."""
    folded = fold(question)
    if _OBLIGATION.search(folded):
        return False
    return bool(_PAST.search(folded) or _PAST_ACCENTED.search(question))


def asks_for_latest(question: str) -> bool:
    """Whether, of several that fit, the newest is meant."""
    return bool(_LATEST.search(fold(question)))
