"""What the smaller commands of admins say: cooldowns, language, the audit log, the export and the reload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminTexts:
    unlimited: str
    allowance: str

    language_is: str
    language_automatic: str
    languages: Mapping[str, str]

    change: str
    """One line of the audit log: `at` and `who` are Discord's own marks, `detail` is in parts."""
    nobody: str
    no_changes: str

    exported: str
    """`files`: each with how many lines it has."""
    left_out: str
    """`count`: how many questions are not in it."""
    too_large: str

    config_changed: str
    config_same: str
    settings_changed: str
    settings_restart: str
    settings_refused: str
    topics_read: str
    commands_told: str
    commands_same: str


ENGLISH: Final = AdminTexts(
    unlimited="as much as they like",
    allowance="{count:# question|# questions} in {seconds:# second|# seconds}",
    language_is="I speak {language} here. Commands are answered in each member's own language.",
    language_automatic="the language that the server told Discord, now {language}",
    languages={"en": "English", "es": "Spanish"},
    change="{at} {who}: **{action}** {detail}",
    nobody="somebody who is forgotten",
    no_changes="Nothing was changed yet.",
    exported="What this server holds, as far as you may read it: {files}.",
    left_out="{count:# question is|# questions are} left out: "
    "asked in private, answered out of what you may not read, or by members who do not want it used.",
    too_large="The export has {size} MB and Discord takes {limit} here. On my machine "
    "`lorekeeper backup` saves everything.",
    config_changed="This server's choices were read again and have changed: {names}.",
    config_same="This server's choices were read again; nothing has changed.",
    settings_changed="Settings that are in force now: {names}.",
    settings_restart="Settings that need a restart: {names}.",
    settings_refused="The settings were left as they are: one of them is wrong, and my log says which.",
    topics_read="Read anew: {topics:# topic|# topics}, {examples:# labelled question|# labelled questions}; "
    "the router follows.",
    commands_told="Discord was told of the commands, because they changed.",
    commands_same="The commands are the same, so Discord was not told again.",
)

SPANISH: Final = AdminTexts(
    unlimited="cuanto quieran",
    allowance="{count:# pregunta|# preguntas} en {seconds:# segundo|# segundos}",
    language_is="Aquí hablo {language}. A los comandos respondo en el idioma de cada miembro.",
    language_automatic="el idioma que el servidor dijo a Discord, ahora {language}",
    languages={"en": "inglés", "es": "español"},
    change="{at} {who}: **{action}** ({detail})",
    nobody="alguien a quien se olvidó",
    no_changes="Aún no se cambió nada.",
    exported="Lo que guarda este servidor, hasta donde puedes leerlo: {files}.",
    left_out="{count:Falta # pregunta|Faltan # preguntas}: lo que se hizo en privado, lo que se respondió "
    "con algo que no puedes leer y lo de miembros que no quieren que se use.",
    too_large="La exportación ocupa {size} MB y Discord admite aquí {limit}. En mi máquina, "
    "`lorekeeper backup` lo guarda todo.",
    config_changed="Volví a leer lo elegido en este servidor, y cambió: {names}.",
    config_same="Volví a leer lo elegido en este servidor; no cambió nada.",
    settings_changed="Ajustes que rigen desde ahora: {names}.",
    settings_restart="Ajustes que necesitan un reinicio: {names}.",
    settings_refused="Los ajustes siguen como estaban: uno está mal, y mi registro dice cuál.",
    topics_read="Leído de nuevo: {topics:# tema|# temas}, "
    "{examples:# pregunta etiquetada|# preguntas etiquetadas}; la ruta lo sigue.",
    commands_told="Se informó a Discord de los comandos, porque cambiaron.",
    commands_same="Los comandos son los mismos, así que no se informó de nuevo a Discord.",
)

ENGLISH_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "roles.cooldown": "How much a member may ask.",
    "roles.cooldown.questions": "How many; 0 for no limit; none to take back what was said of a role.",
    "roles.cooldown.seconds": "Within how many seconds; 60 if you say nothing.",
    "roles.cooldown.role": "For whom; everybody if you name no role. The most generous one counts.",
    "language": "The language that I speak here.",
    "language.language": "Which; “server”: the one that it told Discord. Without it I say which I speak.",
    "audit": "What admins changed, newest first.",
    "audit.count": "How many changes; 20 if you say nothing.",
    "audit.member": "Changes by this member only.",
    "export": "What this server holds, as a file, as far as you may read it.",
    "reload": "Read settings, topics and choices again without a restart.",
}
SPANISH_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "roles.cooldown": "Cuánto puede preguntar un miembro.",
    "roles.cooldown.questions": "Cuántas; 0 para no limitar; sin número, se retira lo dicho de un rol.",
    "roles.cooldown.seconds": "En cuántos segundos; 60 si no dices nada.",
    "roles.cooldown.role": "Para quién; todos si no indicas un rol. Cuenta el más generoso de cada miembro.",
    "language": "El idioma que hablo aquí.",
    "language.language": "Cuál; «server» es el que el servidor dijo a Discord. Sin él digo cuál hablo.",
    "audit": "Lo que cambiaron los administradores, lo más nuevo primero.",
    "audit.count": "Cuántos cambios; 20 si no dices nada.",
    "audit.member": "Solo los cambios de este miembro.",
    "export": "Lo que guarda este servidor, en un archivo, hasta donde puedes leerlo.",
    "reload": "Volver a leer ajustes, temas y lo elegido sin reiniciar.",
}
