"""Follow-ups: questions that mean nothing without the one before, completed by rules and without a model.

"and the filter?" after "When did we replace the pool pump?" becomes "When did we replace the pool filter?".
Where no rule is sure, the earlier question is put in brackets behind the new one: the search then has the
words of both, and nothing is asked that the member did not ask.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agent.contracts import Turn

_LONGEST_PREVIOUS = 300
"""Characters. A longer message is a story, not a question that a follow-up continues."""


def _shape(pattern: str) -> re.Pattern[str]:
    """Spaces in `pattern` stand for any whitespace."""
    return re.compile(pattern.replace(" ", r"\s+"), re.IGNORECASE)


_LEAD = _shape(
    r"[¿\s]*(?:(?:and|but|also|y|pero)\b,? ?¿?(?:what about |how about |qu[eé] hay de |qu[eé] pasa con )?"
    r"|what about |how about |qu[eé] hay de |qu[eé] pasa con )\s*"
)
_DETERMINER = r"(?:the|our|my|his|her|their|your|an?|el|la|los|las|una?|nuestr[oa]s?|mis?|tus?|sus?)"
_ASKING = (
    r"(?:when|where|why|who|which|what|how(?: (?:much|many|long|often|old|big))?"
    r"|cu[aá]ndo|d[oó]nde|por qu[eé]|qui[eé]n(?:es)?|cu[aá]l(?:es)?|qu[eé]|c[oó]mo|cu[aá]nt[oa]s?)"
)
_AUXILIARY = (
    r"(?:is|are|was|were|do|does|did|can|could|should|will|would|has|have|had"
    r"|es|son|est[aá]n?|hay|se|tiene|tenemos|puedo|podemos|debo)"
)
_PREPOSITION = (
    r"(?:in|on|at|for|with|since|before|after|during|en|con|para|desde|antes de|despu[eé]s de|durante)"
)
_COMPLETE = _shape(rf"[¿\s]*(?:{_ASKING}|{_AUXILIARY})\b")
_BARE_QUESTION = _shape(rf"[¿\s]*{_ASKING}(?: exactly| exactamente| else| m[aá]s)?\s*\??")
_FRAGMENT = _shape(rf"[¿\s]*(?:{_DETERMINER}|{_PREPOSITION}) [\w-]+(?: [\w-]+)?\s*\?")
_SUBJECTLESS = _shape(
    rf"[¿\s]*(?P<asked>{_ASKING} (?:fue|era|es|est[aá]|cuesta|cost[oó]|val[ií]a|vale|dur[oó]|dura|pesa|mide"
    r"|funciona|fall[oó]|caduca|vence))\s*\??"
)
_ENGLISH_PRONOUN = _shape(
    r"\b(?:it|its|they|them|he|him|she|the (?:other|old|new) one|(?:that|this|those|these)"
    r"(?= one\b|\s*(?:[?.!,]|$)| (?:is|was|are|were|happens?|happened|costs?|works?)\b))\b"
)
_SPANISH_PRONOUN = _shape(
    r"\b(?:eso|esto|aquello|él|ellas?|ellos|all[ií]|ah[ií]|es[ea](?=\s*(?:[?.!,]|$))|\w{3,}[aei]rl[oa]s?"
    r"|l[oa]s?(?= (?:hemos|han|ha|he|hab[ií]a\w*|\w+(?:ó|é|aron|ieron|amos|imos|aste|iste|izo))\b))\b"
)
_EMPTY_IT = _shape(
    r"\bit (?:takes?|costs?|took|makes sense)\b.*\bto\b|\b(?:is|was|will) it(?: be)? \w+ (?:to|that|if|for)\b"
    r"|\bit (?:called|mean)\b|\b(?:is|was) it (?:raining|cold|hot|late|time)\b|\bdoes it say\b"
)
_NAMED_THING = _shape(rf"\b{_DETERMINER} \w{{3,}}")
_CONTENT_WORD = _shape(
    rf"\b(?!(?:{_ASKING}|{_AUXILIARY}|{_PREPOSITION}|you|they|she|our|the|and|but|that|this|ever|also|last|then"
    r"|have|had|been|not|just|still|nos|les|los|las|que|pero|ya|más|una)\b)\w{3,}"
)
_NAME = re.compile(r"(?<=\s)[A-ZÁÉÍÓÚÑ]\w{2,}")

_LAST_VERB = r"(?:\w+ed|bought|made|done|built|paid|put|cost|work|leak|weigh|last|mean|need|\w+[ai]d[oa]s?)"
_NOUN_AT_END = _shape(
    rf"(?P<before>.*?)\b(?P<determiner>{_DETERMINER}) (?P<noun>[\w-]+(?: [\w-]+)??)"
    rf"(?P<tail> del?(?: (?:la|los|las))? [\w-]+| {_LAST_VERB})?\s*[?.!]*"
)
_NEW_NOUN = _shape(rf"[¿\s]*(?P<determiner>{_DETERMINER}) (?P<noun>[\w-]+(?: [\w-]+)?)\s*\??")
_NO_NOUN = _shape(
    rf".*\b(?:{_PREPOSITION}|{_DETERMINER}|{_ASKING}|{_AUXILIARY}|of|from|to|by|or|and|now|today|yesterday|again"
    r"|here|there|week|month|year|last|next|y|o|de|a|ayer|hoy|ahora|semana|mes|año)\b.*"
)
_ATTRIBUTE = _shape(
    r"precio|coste|marca|modelo|n[uú]mero|contraseña|fecha|garant[ií]a|color|tamaño|nombre|tel[eé]fono"
)
_SUBJECT_FOLLOWS = _shape(rf".*\b{_AUXILIARY}\s*")
_NEW_PHRASE = _shape(rf"[¿\s]*(?P<preposition>{_PREPOSITION}) (?P<object>[\w -]+?)\s*\??")
_SPANISH = _shape(r"el|la|los|las|una?|nuestr[oa]s?|mis?|tus?|sus?")
_NAMEABLE = frozenset({"it", "they", "them", "those", "these"})
"""Pronouns for things. "That" may be the whole event, and people are rarely named last."""
_WHEN_WAS_IT = _shape(r"(?:when|why|how) (?:was|is) it\s*\??")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Noun:
    """The thing that the end of a question is about, and what stands around it."""

    before: str
    determiner: str
    noun: str
    tail: str

    @property
    def phrase(self) -> str:
        of = self.tail if self.tail.lower().startswith((" de ", " del ")) else ""
        return f"{self.determiner} {self.noun}{of}"


def needs_context(text: str, language: str) -> bool:
    """Whether a cleaned question refers to something that it does not name.

    Fragments are known in both languages, pronouns in `language` (ISO 639-1; English unless `es`), as "he"
    is a person in one and "I have" in the other.
    """
    rest = _without_lead(text)
    if rest != text and len(rest.split()) <= 4 and not _COMPLETE.match(rest):
        return True
    if any(shape.fullmatch(rest) for shape in (_BARE_QUESTION, _FRAGMENT, _SUBJECTLESS)):
        return True
    return _dangling_pronoun(rest, language) is not None


def resolve(text: str, conversation: Sequence[Turn], language: str) -> str:
    """Complete a follow-up from the last thing a member said in `conversation` (oldest first).

    `text` as it is when it needs nothing or nothing was said. A chain of follow-ups is followed back.
    """
    if not needs_context(text, language):
        return text
    previous = _previous(text, conversation, language)
    if not previous:
        return text
    rest = _without_lead(text)
    return (
        _with_new_noun(rest, previous)
        or _with_new_phrase(rest, previous)
        or _with_pronoun_named(rest, previous, language)
        or _with_subject(rest, previous)
        or f"{text} ({previous})"
    )


def _previous(text: str, conversation: Sequence[Turn], language: str) -> str:
    for at in range(len(conversation) - 1, -1, -1):
        turn = conversation[at]
        said = " ".join(turn.text.split())
        if turn.from_bot or not said or said == text:
            continue
        return resolve(said, conversation[:at], language) if len(said) <= _LONGEST_PREVIOUS else ""
    return ""


def _without_lead(text: str) -> str:
    lead = _LEAD.match(text)
    return text[lead.end() :] if lead and lead.end() < len(text) else text


def _dangling_pronoun(text: str, language: str) -> re.Match[str] | None:
    """The first pronoun that nothing before it in the question could be the name for."""
    if _EMPTY_IT.search(text):
        return None
    shape = _SPANISH_PRONOUN if language == "es" else _ENGLISH_PRONOUN
    pronoun = shape.search(text)
    if pronoun is None:
        return None
    before = text[: pronoun.start()]
    named = _NAMED_THING.search(before) or _NAME.search(before) or len(_CONTENT_WORD.findall(before)) > 1
    return None if named else pronoun


def _noun_at_end(text: str) -> _Noun | None:
    match = _NOUN_AT_END.fullmatch(text)
    if match is None or _NO_NOUN.fullmatch(match["noun"]) or not match["before"].strip(" ¿"):
        return None
    return _Noun(
        before=match["before"],
        determiner=match["determiner"],
        noun=match["noun"],
        tail=match["tail"] or "",
    )


def _with_new_noun(rest: str, previous: str) -> str | None:
    """ "the filter?" takes the place of "the pump"; English keeps the "pool" of "the pool pump"."""
    new, old = _NEW_NOUN.fullmatch(rest), _noun_at_end(previous)
    if new is None or old is None or _NO_NOUN.fullmatch(new["noun"]) or not previous.endswith("?"):
        return None
    if _ATTRIBUTE.fullmatch(old.noun):
        return None
    words, noun = old.noun.split(), new["noun"]
    if len(words) > 1 and not old.tail and _SUBJECT_FOLLOWS.fullmatch(old.before):
        return None
    if len(words) > 1 and len(noun.split()) == 1 and not _SPANISH.fullmatch(new["determiner"]):
        noun = f"{words[0]} {noun}"
    return f"{old.before}{new['determiner']} {noun}{old.tail}?"


def _with_new_phrase(rest: str, previous: str) -> str | None:
    """ "in 2023?" takes the place of "in 2022" at the end of the previous question, or is put there."""
    new = _NEW_PHRASE.fullmatch(rest)
    if new is None or not previous.endswith("?"):
        return None
    phrase = f"{new['preposition']} {new['object']}"
    old = re.search(rf"\b{re.escape(new['preposition'])}\s+\w+(?:\s+\w+)?\s*\?$", previous, re.IGNORECASE)
    if old:
        return f"{previous[: old.start()]}{phrase}?"
    if re.search(rf"\b{_PREPOSITION}\b", previous, re.IGNORECASE):
        return None
    return f"{previous.rstrip(' ?')} {phrase}?"


def _with_pronoun_named(rest: str, previous: str, language: str) -> str | None:
    """ "how much was it?" asks for what the previous question ended in."""
    pronoun, noun = _dangling_pronoun(rest, language), _noun_at_end(previous)
    if pronoun is None or noun is None or pronoun.group().lower() not in _NAMEABLE:
        return None
    if _WHEN_WAS_IT.fullmatch(rest):
        return None
    return f"{rest[: pronoun.start()]}{noun.phrase}{rest[pronoun.end() :]}"


def _with_subject(rest: str, previous: str) -> str | None:
    """Spanish leaves the subject out: "¿cuánto costó?"."""
    asked, noun = _SUBJECTLESS.fullmatch(rest), _noun_at_end(previous)
    return f"¿{asked['asked']} {noun.phrase}?" if asked and noun else None
