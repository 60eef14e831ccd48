"""Which of the five things a message asks for, by its wording alone, in English and Spanish.

A question that is mistaken for a command is lost, while a command that is mistaken for a question gets a
harmless "I don't know": what is not plainly a command is `ask`. Commands are read only at the beginning of
the message, after a greeting or a "can you"; small talk only when the whole message is nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from agent.contracts import Intent


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentChoice:
    intent: Intent
    argument: str
    """Verbatim, what the intent is about.

    For `remember` the fact. For `summarize` the source that was named, for `suggest` the message to reply to;
    empty means the conversation. For `ask` and small talk the message without a greeting before it.
    """


def _shape(pattern: str) -> re.Pattern[str]:
    """Spaces in `pattern` stand for any whitespace."""
    return re.compile(pattern.replace(" ", r"\s+"), re.IGNORECASE | re.DOTALL)


_GREETING = (
    r"(?:hi|hiya|hello|hey|good (?:morning|afternoon|evening|day)"
    r"|hola|buenas(?: tardes| noches)?|buen(?:os)? d[ií]as?)"
    r"(?: (?:there|all|again|everyone|todos|a todos))?"
)
_BOT = r"@?(?:lorekeeper|bot)"
_REQUEST = (
    r"(?:please|pls|por favor|porfa"
    r"|(?:can|could|would|will) you(?: please)?|(?:me )?(?:puedes|podr[ií]as)|ok|okay|vale)"
)
_HELLO = _shape(rf"(?:{_GREETING}(?: {_BOT})?\s*[,.!:]+\s*|{_BOT}\s*[,:]\s*)+")
_ADDRESS = _shape(rf"¿?(?:(?:{_GREETING}|{_BOT}|{_REQUEST})\b[\s,.!:¿]*)+")

_REMEMBER = (
    _shape(
        r"(?:remember|keep in mind|(?:make|take) a note|note|record"
        r"|recuerda|ten en cuenta|apunta|anota|guarda|toma nota)"
        r"(?: this| esto)?(?:\s*:\s*| (?:of )?that\s*:?\s+| (?:de )?que\s*:?\s+)(?P<argument>.+)"
    ),
    _shape(r"remember (?P<argument>(?:we|I)\b.+)"),
    _shape(r"(?:notes?|nota|apunte|recordatorio|for the record|para que conste)\s*[:,]\s*(?P<argument>.+)"),
)
_SUMMARIZE = _shape(
    r"(?:summari[sz]e|sum up|recap|tl\s*[;,]?\s*dr|res[uú]me(?:me|nos|lo)?|resum(?:ir|irme|id|irlo)"
    r"|(?:haz(?:me)?|hacer(?:me)?|dame) un resumen"
    r"|(?:give|make|write)(?: me| us)? a (?:short |quick |brief )?summary"
    r"|(?:an? )?(?:short |quick |brief )?summary(?= of\b)"
    r"|(?:un )?resumen(?= del?\b)|what did I miss|qu[eé] me he perdido)"
    r"\b[\s:,]*(?:(?:of|for|del?)\b\s*)?(?P<argument>.*)"
)
_RESUME_WORK = _shape(r"resume\b(?! (?:el|la|los|las|lo|este|esta|esto|esa|ese)\b)")
_CONVERSATION = _shape(
    r"(?:(?:this|the|our|these|that|it|all|everything|above|so far|here|please|today|last|previous|me|us"
    r"|thread|conversation|discussion|chat|channel|messages?|\d{1,4}"
    r"|esto|todo|este|esta|estos|el|la|los|lo|anterior|[uú]ltim[oa]s?|hilo|conversaci[oó]n|chat|canal|mensajes?|discusi[oó]n"
    r"|por favor)(?:[\s,]+|$))*"
)
_SUGGEST = (
    _shape(
        r"(?:suggest|draft|propose|write|sugi[eé]re(?:me)?|sugerir(?:me)?"
        r"|prop[oó]n(?:me)?|redacta(?:r|me)?)(?: me| us)?"
        r" (?:an? |the |una? |la )?(?:short |polite |good |friendly )?(?:reply|answer|response|respuesta)\b"
        r"\s*(?:(?:to|for|al?|para)\b)?(?P<argument>.*)"
    ),
    _shape(
        r"(?:what (?:should|do|can|could|would) (?:I|we) (?:reply|respond|answer|write back)"
        r"|qu[eé](?: les?)? (?:(?:puedo|debo|deber[ií]a|podr[ií]a) (?:responder|contestar)(?:les?)?"
        r"|respondo|contesto))"
        r"\b\s*(?:(?:to|al?)\b)?(?P<argument>.*)"
    ),
    _shape(
        r"(?:how (?:should|do|can|could|would) (?:I|we) (?:reply|respond|answer)"
        r"|c[oó]mo(?: les?)? (?:respondo|contesto))"
        r"(?: (?:to|a))?(?P<argument>(?: (?:this|that|him|her|them|it|the (?:message|mail|email)"
        r"|esto|eso|este mensaje|el mensaje|el correo)\b)?)\s*[?.!]*$"
    ),
)
_SMALL_TALK = _shape(
    r"(?:(?:(?:many )?thanks|thank you|thx|cheers|gracias|muchas gracias|mil gracias)"
    r"(?: a lot| so much| very much| again| for (?:the|your) help| por (?:la|tu) ayuda)?"
    r"|(?:bye|bye bye|good ?bye|see you|good night|adi[oó]s|chao|nos vemos|hasta (?:luego|mañana|pronto))"
    r"(?: later| soon| tomorrow)?"
    r"|how are you(?: doing)?(?: today)?|how is it going|what['’]?s up|qu[eé] tal(?: est[aá]s)?"
    r"|c[oó]mo est[aá]s"
    r"|(?:who|what) are you|what(?: is|['’]s) your name|(?:qui[eé]n|qu[eé]) eres|c[oó]mo te llamas"
    r"|what (?:can|do) you do|how (?:do you work|can you help(?: me)?)|can you help me|help(?: me)?"
    r"|qu[eé] (?:puedes|sabes) hacer|c[oó]mo funcionas|(?:me )?(?:puedes )?ayuda(?:r|me)?"
    r"|ok|okay|(?:very )?good|great|nice|cool|perfect|awesome|well done|good job|you are (?:great|welcome)"
    rf"|vale|genial|perfecto|estupendo|(?:muy )?bien|de nada|{_GREETING}|{_BOT}|please|por favor)(?: {_BOT})?"
)
_CLAUSE_END = _shape(r"[.!?…,;\n]+| (?:and|y) ")
_EDGES = re.compile(r"^\W+|\W+$")


def pick_intent(text: str, language: str) -> IntentChoice:
    """Choose what a cleaned message asks for; `ask` whenever it is not plain.

    Both languages are always read. `language` (ISO 639-1) only settles words that mean different things:
    "resume" asks for a summary in Spanish.
    """
    if _is_small_talk(text):
        return IntentChoice(intent=Intent.SMALL_TALK, argument=text)
    address = _ADDRESS.match(text)
    command = text[address.end() :] if address else text
    return (
        _remember(command)
        or _summarize(command, language)
        or _suggest(command)
        or IntentChoice(intent=Intent.ASK, argument=_without_greeting(text))
    )


def _is_small_talk(text: str) -> bool:
    parts = [_EDGES.sub("", part) for part in _CLAUSE_END.split(text)]
    return all(_SMALL_TALK.fullmatch(part) for part in parts if part)


def _remember(command: str) -> IntentChoice | None:
    if command.rstrip().endswith("?"):
        return None
    for shape in _REMEMBER:
        match = shape.match(command)
        if match:
            return IntentChoice(intent=Intent.REMEMBER, argument=match["argument"].strip())
    return None


def _summarize(command: str, language: str) -> IntentChoice | None:
    match = _SUMMARIZE.match(command.lstrip("¿"))
    if not match or (language != "es" and _RESUME_WORK.match(command)):
        return None
    named = _EDGES.sub("", match["argument"])
    return IntentChoice(intent=Intent.SUMMARIZE, argument="" if _CONVERSATION.fullmatch(named) else named)


def _suggest(command: str) -> IntentChoice | None:
    for shape in _SUGGEST:
        match = shape.match(command.lstrip("¿"))
        if match:
            named = match["argument"].strip(" \t\n?¿.!:")
            return IntentChoice(
                intent=Intent.SUGGEST, argument="" if _CONVERSATION.fullmatch(named) else named
            )
    return None


def _without_greeting(text: str) -> str:
    hello = _HELLO.match(text)
    return text[hello.end() :] if hello and hello.end() < len(text) else text
