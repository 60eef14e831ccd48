"""What `/setup` says on its pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupTexts:
    language: str
    choose_language: str
    automatic: str
    channels: str
    choose_auto: str
    choose_silenced: str
    topics: str
    """`count` is how many there are already."""
    choose_topics: str
    from_channels: str
    from_channels_about: str
    nothing_to_propose: str
    preview: str
    """The topics stand below; `questions` is how many examples come with them."""
    form_title: str
    form_lines: str
    bad_line: str
    too_many: str
    nothing_to_accept: str
    done: str
    nothing_missing: str
    missing_permission: str
    missing_in_channel: str
    missing_content: str
    no_topics: str
    has_topics: str
    no_sources: str
    next_ask: str
    permissions: Mapping[str, str]
    """As Discord's own settings call them."""

    button_next: str
    button_back: str
    button_accept: str
    button_edit: str
    button_skip: str


ENGLISH: Final = SetupTexts(
    language="**1 of 4 · Language**\nIn channels I speak {language}. What you choose is kept at once; you "
    "can stop at any page and give `/setup` again.",
    choose_language="Choose a language",
    automatic="As the server told Discord",
    channels="**2 of 4 · Channels**\nI answer when I am mentioned. Choose where I also answer every message, "
    "and where I never answer. `/channel` says more about one channel.",
    choose_auto="Where I answer without a mention",
    choose_silenced="Where I never answer",
    topics="**3 of 4 · Topics**\nI search the topic that a question is about. "
    "{count:There is # topic|There are # topics} now. Choose what to begin with; you see it before anything "
    "is added.",
    choose_topics="Choose topics to begin with",
    from_channels="Out of this server's channels",
    from_channels_about="The names, topics and forum tags that everybody can see.",
    nothing_to_propose="⚠️ I found no topics in the names of channels that everybody can see.",
    preview="**3 of 4 · Topics**\nThese would be added, with "
    "{questions:# example question|# example questions}. Those that are there already stay as they are.",
    form_title="Topics",
    form_lines="One on each line, as name: what it is about",
    bad_line="⚠️ No topic can be made of this line: {line}",
    too_many="⚠️ Too many topics to begin with: {count}. The most is {most}.",
    nothing_to_accept="There is nothing to add any more: choose again.",
    done="**4 of 4 · Ready**",
    nothing_missing="✅ I have every permission that I need.",
    missing_permission="⚠️ I lack the permission “{name}” on this server: give it to my role.",
    missing_in_channel="⚠️ I lack “{name}” in {channel}, where I should answer.",
    missing_content="⚠️ I cannot read messages that do not mention me, so I answer nobody without a mention. "
    "My owner switches the message content intent on, and LOREKEEPER_DISCORD_MESSAGE_CONTENT.",
    has_topics="✅ {count:There is # topic|There are # topics}.",
    no_topics="➡️ There are no topics yet: `/category add` or `/category templates`.",
    no_sources="➡️ I know nothing yet. Give me something to know: `/knowledge add` for a file or a page, "
    "`/knowledge sync` for a channel, “Add to knowledge base” in the menu of a message.",
    next_ask="➡️ Mention me in a channel and ask. `/diagnose` tells why I answered so, or did not.",
    permissions={
        "view_channel": "View Channels",
        "send_messages": "Send Messages",
        "send_messages_in_threads": "Send Messages in Threads",
        "read_message_history": "Read Message History",
        "attach_files": "Attach Files",
        "create_public_threads": "Create Public Threads",
    },
    button_next="Next",
    button_back="Back",
    button_accept="Add these",
    button_edit="Edit",
    button_skip="Add none",
)

SPANISH: Final = SetupTexts(
    language="**1 de 4 · Idioma**\nEn los canales hablo {language}. Lo que eliges se guarda al momento; "
    "puedes parar en cualquier página y volver a dar `/setup`.",
    choose_language="Elige un idioma",
    automatic="El que el servidor dijo a Discord",
    channels="**2 de 4 · Canales**\nRespondo cuando me mencionan. Elige dónde respondo además a cada "
    "mensaje, y dónde no respondo nunca. `/channel` dice más de un canal.",
    choose_auto="Dónde respondo sin mención",
    choose_silenced="Dónde no respondo nunca",
    topics="**3 de 4 · Temas**\nBusco en el tema del que trata cada pregunta. Ahora hay "
    "{count:# tema|# temas}. Elige con cuáles empezar; los verás antes de que se añada nada.",
    choose_topics="Elige temas para empezar",
    from_channels="De los canales de este servidor",
    from_channels_about="Los nombres, temas y etiquetas de foros que todos pueden ver.",
    nothing_to_propose="⚠️ No encontré temas en los nombres de los canales que todos pueden ver.",
    preview="**3 de 4 · Temas**\nSe añadirían estos, con {questions:# pregunta|# preguntas} de ejemplo. Los "
    "que ya están siguen como están.",
    form_title="Temas",
    form_lines="Uno en cada línea, así: nombre: de qué trata",
    bad_line="⚠️ De esta línea no sale ningún tema: {line}",
    too_many="⚠️ Demasiados temas para empezar: {count}. Como mucho, {most}.",
    nothing_to_accept="Ya no hay nada que añadir: elige de nuevo.",
    done="**4 de 4 · Listo**",
    nothing_missing="✅ Tengo todos los permisos que necesito.",
    missing_permission="⚠️ Me falta el permiso «{name}» en este servidor: dáselo a mi rol.",
    missing_in_channel="⚠️ Me falta «{name}» en {channel}, donde debería responder.",
    missing_content="⚠️ No puedo leer mensajes que no me mencionan, así que sin mención no respondo a nadie. "
    "Quien me aloja activa el «message content intent» y LOREKEEPER_DISCORD_MESSAGE_CONTENT.",
    has_topics="✅ Hay {count:# tema|# temas}.",
    no_topics="➡️ Aún no hay temas: `/category add` o `/category templates`.",
    no_sources="➡️ Aún no sé nada. Dame algo que saber: `/knowledge add` para un archivo o una página, "
    "`/knowledge sync` para un canal, «Añadir a lo guardado» en el menú de un mensaje.",
    next_ask="➡️ Mencióname en un canal y pregunta. `/diagnose` dice por qué respondí así, o no respondí.",
    permissions={
        "view_channel": "Ver canales",
        "send_messages": "Enviar mensajes",
        "send_messages_in_threads": "Enviar mensajes en hilos",
        "read_message_history": "Leer el historial de mensajes",
        "attach_files": "Adjuntar archivos",
        "create_public_threads": "Crear hilos públicos",
    },
    button_next="Siguiente",
    button_back="Atrás",
    button_accept="Añadir estos",
    button_edit="Editar",
    button_skip="No añadir ninguno",
)

ENGLISH_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "setup": "Set me up step by step: language, channels, topics.",
}
SPANISH_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "setup": "Prepararme paso a paso: idioma, canales, temas.",
}
