"""Personal data that its own form gives away, or the words before it, in English and Spanish.

A pattern's group `found` is what goes; without one, all of the match goes. Where digits alone prove nothing
(a card, a DNI, an IP), a checksum or a parser of the standard decides, so that part numbers stay.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import phonenumbers

from tuning.scrubbing.finds import Find, Kind

REGIONS: Final = ("US", "GB", "ES", "MX", "AR")
"""Whose telephone numbers are known without their `+` and country code."""

_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_IBAN_PRIME = 97
_LUHN_LARGEST_DIGIT = 9
_CARD_DIGITS = range(13, 20)


@dataclass(frozen=True, slots=True)
class _Pattern:
    kind: Kind
    regex: re.Pattern[str]
    proves: Callable[[str], bool] | None = None

    def find(self, text: str) -> Iterator[Find]:
        group = "found" if "found" in self.regex.groupindex else 0
        for match in self.regex.finditer(text):
            if self.proves is None or self.proves(match[group]):
                yield Find(self.kind, *match.span(group))


def find_patterns(text: str) -> Iterator[Find]:
    """Find what has a form, in no particular order; finds may overlap."""
    for pattern in _PATTERNS:
        yield from pattern.find(text)
    for region in REGIONS:
        # Grouped as people of that country do: else every tenth part number would be one of some country.
        for match in phonenumbers.PhoneNumberMatcher(text, region, phonenumbers.Leniency.STRICT_GROUPING):
            yield Find(Kind.PHONE, match.start, match.end)


def _is_card(written: str) -> bool:
    """Luhn's check (ISO/IEC 7812-1)."""
    digits = [int(sign) for sign in written if sign.isdigit()]
    doubled = [2 * digit for digit in digits[-2::-2]]
    small = [digit - _LUHN_LARGEST_DIGIT if digit > _LUHN_LARGEST_DIGIT else digit for digit in doubled]
    return len(digits) in _CARD_DIGITS and (sum(digits[-1::-2]) + sum(small)) % 10 == 0


def _is_iban(written: str) -> bool:
    """The check of ISO 13616: letters as two digits, the first four signs last, 1 modulo 97."""
    plain = "".join(written.split()).upper()
    return int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % _IBAN_PRIME == 1


def _is_dni(written: str) -> bool:
    """The check letter of Spain's DNI and NIE."""
    plain = re.sub(r"[\s.-]", "", written).upper()
    number = plain[:-1].translate(str.maketrans("XYZ", "012"))
    return plain[-1] == _DNI_LETTERS[int(number) % len(_DNI_LETTERS)]


def _is_ip(written: str) -> bool:
    try:
        ipaddress.ip_address(written)
    except ValueError:
        return False
    return True


def _any_case(*parts: str) -> re.Pattern[str]:
    return re.compile("".join(parts), re.IGNORECASE)


_STREET_EN = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Way|Place|Pl|Terrace|Square|"
    r"Close|Crescent|Parkway|Pkwy|Highway|Hwy|Circle|Row|Mews)\b\.?"
)
_UK_POSTCODE = r"\b[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}\b"
_TOWN_EN = (
    r"(?:,?\s+(?:NW|NE|SW|SE)\b)?"
    rf"(?:(?:,\s*[A-Z][\w.]*(?:\s[A-Z][\w.]*)*?)?,?\s+(?:{_UK_POSTCODE}|[A-Z]{{2}}\s\d{{5}}(?:-\d{{4}})?))?"
)
_UNIT_EN = r"(?:,?\s*(?:Apt|Apartment|Unit|Suite|Flat|#)\.?\s*\w+)"
_STREET_ES = (
    r"(?:(?i:calle|c/|avenida|avda\.?|av\.|plaza|pza\.?|paseo|camino|carretera|ctra\.?|ronda|travesía|"
    r"glorieta|urbanización|urb\.|polígono)\s*|Gran(?=\sVía))"
)
_NUMBER_ES = (
    r"(?:s/n\b|(?:(?i:n[º°o.]|núm\.?|número|km\.?|parcela|nave)\s*)?"
    r"\d{1,4}\b(?!\s*(?i:€|euros?|a[ñn]os?|horas?|metros?|losas)))"
)
_UNIT_ES = r"(?:,?\s*(?:piso\s\w+|\d{1,2}\s?[º°ª](?:\s?(?:[A-Z]|izq\w*|dcha|der\w*)\b\.?)?))?"
_TOWN_ES = (
    r"(?:,\s*(?:\d{5}\s)?[A-ZÀ-ÖØ-Þ]\w+(?:\s(?:(?:de|del|la|el|los|las)\s)*[A-ZÀ-ÖØ-Þ]\w+){0,3}|,\s*\d{5})?"
)
_CUED_IDS = (
    r"dni|nie|nif|curp|rfc|ssn|tax id|passport|pasaporte|driver['’]?s licen[cs]e|licencia de conducir|"
    r"social security|seguridad social|p[óo]liza|policy|member(?:ship)?|socio|customer|cliente|vin|bastidor|"
    r"plate|matr[íi]cula|account|cuenta|referencia catastral"
)
_ID = (
    r"(?=[\w-]*\d|[A-Z]{1,4}\s\d)[A-Z0-9]+"
    r"(?:-[A-Z0-9]+| (?=[A-Z]*\d|[BCDFGHJKLMNPRSTVWXYZ]{2,3}\b)[A-Z0-9]{2,})*"
)
_BIRTH = (
    r"date of birth|dob|born(?: on)?|birthday|"
    r"fecha de nacimiento|cumpleaños|nac[íi](?: el)?|nacid[oa](?: el)?"
)
_DATE = (
    r"(?:\d{1,2}(?:\s(?:de\s)?[a-záéíóú]+\s(?:de\s)?|[/.-]\d{1,2}[/.-])\d{2,4}|\d{4}-\d\d-\d\d|"
    r"[a-z]+\s\d{1,2},?\s\d{4})"
)
_SECRETS = (
    r"pass(?:word|code|phrase|wd)?|pwd?|contraseña|clave|(?:wi-?fi|api|access|secret|aws)[ _-]?key|"
    r"token|secret|keypad|combination|combinaci[óo]n|"
    r"(?:gate|door|alarm|entry|garage|lockbox|safe|key) ?(?:code|pin)|"
    r"c[óo]digo (?:del? )?(?:la |el )?(?:alarma|portal|puerta|garaje|verja|entrada|caja)"
)
_SAYS = r"(?:['’]s)?(?:\s+(?!(?:on|en|since|desde)\b)[^\W\d]+){0,5}?"
"""What may stand between the word and the secret: "of the gate is", "sigue siendo"."""

_MENTIONS: Final = (
    re.compile(r"<(?:@[!&]?|#)\d+>"),
    re.compile(r"(?<![\w.@/:])@(?!everyone\b|here\b)\w[\w.]*\w"),
    re.compile(r"(?<![\w#])\w{2,32}#\d{4}\b"),
    re.compile(r"(?<![\w.,-])\d{17,20}(?![\w-])"),
)
_EMAILS: Final = (
    _any_case(r"[\w.+%'’-]+@[\w-]+(?:\.[\w-]+)+"),
    _any_case(
        r"\b[\w.+-]+(?:\s*[([](?:at|arroba)[)\]]\s*[\w-]+(?:\s*(?:\.|[([](?:dot|punto)[)\]])\s*[\w-]+)+",
        r"|\s(?:at|arroba)\s[\w-]+(?:\s(?:dot|punto)\s[\w-]+)+)",
    ),
)
_PHONES: Final = (
    re.compile(r"(?<!\w)\+\d(?:[\s().-]{0,2}\d){7,14}\b"),
    _any_case(
        r"\b(?:tel(?:[eé]fono)?|phone|number|n[úu]mero|fax|mobile|cell?|m[óo]vil|whatsapp|ring|text|call|",
        r"ll[áa]ma(?:me|r)?)\b(?:\s+(?:is|es|al?|me|us|number|at|on))*[\s.:]*",
        r"(?P<found>\+?\(?\d(?:[\s().-]?\d){6,14})",
    ),
)
_ADDRESSES: Final = (
    re.compile(
        r"\b(?:Flat\s\w+,\s)?\d{1,5}[A-Za-z]?\s(?:(?:[A-Z][\w'’.]*|\d+(?:st|nd|rd|th))\s){1,4}"
        rf"{_STREET_EN}{_UNIT_EN}?{_TOWN_EN}"
    ),
    _any_case(
        r"\b\d{1,5}[a-z]?\s(?:(?!(?:the|a|of|our|my|your|down|on|in|per|each|way)\b)[a-z]+\s){1,2}",
        r"(?:street|avenue|road|lane|boulevard|crescent|terrace)\b",
    ),
    re.compile(_UK_POSTCODE),
    re.compile(
        rf"(?<!\w){_STREET_ES}\s*(?:(?:(?i:del?|las?|los|el|y)\s)*[A-ZÀ-ÖØ-Þ]\w*[\s,]+){{1,5}}{_NUMBER_ES}"
        rf"{_UNIT_ES}{_TOWN_ES}"
    ),
    _any_case(
        r"(?<!\w)(?:c/|calle|avda\.?|avenida)\s*(?:(?!est[áa]|es\b|tiene)[^\W\d]+[\s,]+){1,4}",
        rf"{_NUMBER_ES}{_UNIT_ES}",
    ),
    _any_case(r"\b(?:p\.?\s?o\.?\sbox|apartado(?: de correos)?)\s(?:n[º°o.]\s?)?\d+"),
    re.compile(r"(?<![\d.])-?\d{1,2}\.\d{4,}\s*[,;]\s*-?\d{1,3}\.\d{4,}"),
)
_KEYS: Final = (
    re.compile(r"(?:\b[a-z][a-z+.-]*://|(?<!\S))(?P<found>[^\s/@:<]+:[^\s/@]+)(?=@)"),
    _any_case(r"[?&](?:token|key|api_?key|access_token|sig|signature|auth|password|pwd)=(?P<found>[^\s&#]+)"),
    _any_case(r"/api/webhooks/(?P<found>\d+/[\w-]+)"),
    _any_case(r"\bbearer\s+(?P<found>[\w.~+/=-]{8,})"),
    re.compile(
        r"\b(?:sk-[\w-]{16,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|hf_\w{20,}|"
        r"AKIA[0-9A-Z]{16}|AIza[\w-]{30,}|xox[abprs]-[\w-]{10,}|[sr]k_(?:live|test)_\w{10,}|"
        r"eyJ[\w-]+\.[\w-]+\.[\w-]+|[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,})"
    ),
    re.compile(
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    ),
)
_TOLD_SECRETS: Final = (
    # Without a colon a secret shows by its letters: "the password is on the fridge" tells none.
    _any_case(
        rf"\b(?:{_SECRETS})\b{_SAYS}\s+",
        r"(?P<found>(?=\S*\d|\S*[a-z][!$%&*+]\S)[^\s\[\"“(]\S{2,}[^\s.,;:!?)])",
    ),
    _any_case(
        rf"\b(?:{_SECRETS}|pin)\b{_SAYS}\s*[:=]\s*",
        r"(?P<found>[\"“][^\"”]+[\"”]|[^\s\[\"“]\S*[^\s.,;:!?])",
    ),
    _any_case(rf"\bpin\b{_SAYS}\s*[:=]?\s*(?P<found>\d{{4,8}})\b"),
    _any_case(
        r"\b(?:user(?:name)?|usuario|login)\b[^\n]{1,40}?\b(?:pass(?:word)?|contraseña|clave)\s+",
        r"(?:is\s+|es\s+)?(?P<found>[^\s\[]+[^\s.,;:!?\]])",
    ),
)
_PATTERNS: Final = (
    *(_Pattern(Kind.MENTION, regex) for regex in _MENTIONS),
    *(_Pattern(Kind.EMAIL, regex) for regex in _EMAILS),
    *(_Pattern(Kind.PHONE, regex) for regex in _PHONES),
    *(_Pattern(Kind.ADDRESS, regex) for regex in _ADDRESSES),
    *(_Pattern(Kind.SECRET, regex) for regex in (*_KEYS, *_TOLD_SECRETS)),
    _Pattern(
        Kind.IBAN,
        _any_case(
            r"\b[A-Z]{2}\d{2}(?:[A-Z0-9]{11,30}|\s[A-Z0-9]{4}(?:\s(?=[A-Z]*\d)[A-Z0-9]{1,4}){2,7})\b",
        ),
        _is_iban,
    ),
    _Pattern(Kind.CARD, re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])"), _is_card),
    _Pattern(Kind.ID, _any_case(r"(?<![\w.])(?:\d{1,2}\.?\d{3}\.?\d{3}|[XYZ]-?\d{7})[ -]?[A-Z]\b"), _is_dni),
    _Pattern(Kind.ID, re.compile(r"(?<![\w-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])")),
    _Pattern(
        Kind.ID,
        _any_case(
            rf"\b(?:{_CUED_IDS})\b(?:\s+(?:number|no\.?|n[º°]|n[úu]mero|is|es))*[\s:#]+(?P<found>{_ID})"
        ),
        lambda found: len(found) > len("12345"),
    ),
    _Pattern(Kind.ID, _any_case(rf"\b(?:{_BIRTH})\b(?:\s+(?:is|es))?[\s:]+(?P<found>{_DATE})")),
    _Pattern(
        Kind.NETWORK,
        re.compile(r"(?<!version )(?<!versión )(?<!irmware )(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\d)"),
        _is_ip,
    ),
    _Pattern(
        Kind.NETWORK, re.compile(r"(?<![\w:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])"), _is_ip
    ),
    _Pattern(Kind.NETWORK, re.compile(r"\b[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}\b")),
)
