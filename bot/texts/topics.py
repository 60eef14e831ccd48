"""What is said about topics: by `/category`, and in lists of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicTexts:
    page_back: str
    page_on: str
    unknown: str
    exists: str
    no_letters: str
    nothing_to_edit: str
    edited: str
    renamed: str
    merged: str
    into_itself: str
    templates: Mapping[str, str]
    """By the value of `bot.templates.Template`."""
    template: str
    """A template with the `names` of its topics."""
    added: str
    all_there: str


ENGLISH: Final = TopicTexts(
    page_back="Back",
    page_on="More topics",
    unknown="There is no topic {name}. `/category list` shows them.",
    exists="There is a topic {name} already. `/category merge` joins two.",
    no_letters="No short name can be made of {name}: it needs a letter of a to z, or a digit.",
    nothing_to_edit="Give a name, or what the topic is about.",
    edited="Changed: {name}",
    renamed="The topic {old} is {new} now; {count:# passage|# passages} moved, and its example questions "
    "too.",
    merged="The topic {old} is part of {into} now; {count:# passage|# passages} moved, and its example "
    "questions too.",
    into_itself="A topic cannot be merged into itself.",
    templates={
        "household": "A household",
        "club": "A club or association",
        "company": "Support of a company",
        "games": "The community of a game",
    },
    template="**{title}**: {names}",
    added="Added: {names}. `/category list` shows all of them.",
    all_there="Every topic of it is there already.",
)

SPANISH: Final = TopicTexts(
    page_back="Atrás",
    page_on="Más temas",
    unknown="No hay ningún tema {name}. `/category list` los muestra.",
    exists="Ya hay un tema {name}. `/category merge` une dos.",
    no_letters="De {name} no sale ningún nombre corto: hace falta una letra de la a a la z, o una cifra.",
    nothing_to_edit="Indica un nombre, o de qué trata el tema.",
    edited="Cambiado: {name}",
    renamed="El tema {old} es ahora {new}; {count:se movió # pasaje|se movieron # pasajes}, y también sus "
    "preguntas de ejemplo.",
    merged="El tema {old} es ahora parte de {into}; {count:se movió # pasaje|se movieron # pasajes}, y "
    "también sus preguntas de ejemplo.",
    into_itself="Un tema no se puede unir a sí mismo.",
    templates={
        "household": "Un hogar",
        "club": "Un club o una asociación",
        "company": "La atención al cliente de una empresa",
        "games": "La comunidad de un juego",
    },
    template="**{title}** – {names}",
    added="Añadido: {names}. `/category list` los muestra todos.",
    all_there="Todos sus temas ya están.",
)

ENGLISH_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "category.edit": "Change what a topic is called or about; links and answers stay as they are.",
    "category.edit.topic": "Which topic.",
    "category.edit.name": "What it is called.",
    "category.edit.about": "What it is about, in a sentence.",
    "category.rename": "Give a topic another name and short name; everything under it follows.",
    "category.rename.topic": "Which topic.",
    "category.rename.name": "Its new name.",
    "category.merge": "Move everything of a topic into another one.",
    "category.merge.topic": "The topic that goes.",
    "category.merge.into": "The topic that stays.",
    "category.templates": "Topics to begin with, with example questions; without a choice, what there is.",
    "category.templates.template": "Which; its topics are added, those that are there stay as they are.",
}
SPANISH_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "category.edit": "Cambiar cómo se llama un tema o de qué trata; lo demás sigue igual.",
    "category.edit.topic": "Qué tema es.",
    "category.edit.name": "Cómo se llama.",
    "category.edit.about": "De qué trata, en una frase.",
    "category.rename": "Dar a un tema otro nombre y otro nombre corto; todo lo suyo lo sigue.",
    "category.rename.topic": "El tema.",
    "category.rename.name": "Su nuevo nombre.",
    "category.merge": "Pasar todo lo de un tema a otro.",
    "category.merge.topic": "El tema que desaparece.",
    "category.merge.into": "El tema que queda.",
    "category.templates": "Temas para empezar, con preguntas de ejemplo; sin elegir, los que hay.",
    "category.templates.template": "Cuál; se añaden sus temas, y los que ya están no cambian.",
}
