"""What each wording asks for, in English and Spanish."""

from __future__ import annotations

import pytest

from agent.contracts import Intent
from agent.understanding.intent import pick_intent

ASK, REMEMBER, SUMMARIZE, SUGGEST, TALK = (
    Intent.ASK,
    Intent.REMEMBER,
    Intent.SUMMARIZE,
    Intent.SUGGEST,
    Intent.SMALL_TALK,
)


@pytest.mark.parametrize(
    ("text", "language", "argument"),
    [
        ("remember that the pump is a Hayward", "en", "the pump is a Hayward"),
        ("Remember: the pump is a Hayward", "en", "the pump is a Hayward"),
        ("Please remember that the pump is a Hayward.", "en", "the pump is a Hayward."),
        ("Can you remember that Ana has the key", "en", "Ana has the key"),
        ("hi! remember this: Ana has the key", "en", "Ana has the key"),
        ("@Lorekeeper remember that Ana has the key", "en", "Ana has the key"),
        ("remember we changed the oil at 42,000 km", "en", "we changed the oil at 42,000 km"),
        ("note that the filter is 50 cm", "en", "the filter is 50 cm"),
        ("Note: the filter is 50 cm", "en", "the filter is 50 cm"),
        ("make a note that rent is due", "en", "rent is due"),
        ("for the record, the tank holds 500 l", "en", "the tank holds 500 l"),
        ("recuerda que la bomba es una Hayward", "es", "la bomba es una Hayward"),
        ("Recuerda: la bomba es una Hayward", "es", "la bomba es una Hayward"),
        ("por favor, apunta que ayer cambiamos el filtro", "es", "ayer cambiamos el filtro"),
        ("¿puedes apuntar algo?", "es", None),
        ("anota que Ana tiene la llave", "en", "Ana tiene la llave"),
        ("toma nota de que Ana tiene la llave", "es", "Ana tiene la llave"),
        ("nota: Ana tiene la llave", "es", "Ana tiene la llave"),
        ("ten en cuenta que el tejado gotea", "es", "el tejado gotea"),
    ],
)
def test_remember(text: str, language: str, argument: str | None) -> None:
    choice = pick_intent(text, language)
    assert (choice.intent is REMEMBER) == (argument is not None)
    assert choice.argument == (argument or text)


@pytest.mark.parametrize(
    ("text", "language", "intent", "argument"),
    [
        ("summarize this thread", "en", SUMMARIZE, ""),
        ("Summarise the conversation so far, please", "en", SUMMARIZE, ""),
        ("can you summarize this?", "en", SUMMARIZE, ""),
        ("summarize", "en", SUMMARIZE, ""),
        ("tl;dr", "en", SUMMARIZE, ""),
        ("TLDR of the boiler contract", "en", SUMMARIZE, "the boiler contract"),
        ("summarize pool-manual.md", "en", SUMMARIZE, "pool-manual.md"),
        ("give me a short summary of the boiler contract", "en", SUMMARIZE, "the boiler contract"),
        ("summary of the last messages", "en", SUMMARIZE, ""),
        ("summarize the last 30 messages", "en", SUMMARIZE, ""),
        ("resume los últimos 30 mensajes", "es", SUMMARIZE, ""),
        ("what did I miss?", "en", SUMMARIZE, ""),
        ("resume este hilo", "es", SUMMARIZE, ""),
        ("resume este hilo", "en", SUMMARIZE, ""),
        ("resume", "es", SUMMARIZE, ""),
        ("¿puedes resumir la conversación?", "es", SUMMARIZE, ""),
        ("Resúmeme el contrato de la caldera", "es", SUMMARIZE, "el contrato de la caldera"),
        ("hazme un resumen del manual de la piscina", "es", SUMMARIZE, "manual de la piscina"),
        ("suggest a reply", "en", SUGGEST, ""),
        ("please suggest a reply to Marta's message", "en", SUGGEST, "Marta's message"),
        ("draft a polite answer to: can you come on Monday?", "en", SUGGEST, "can you come on Monday"),
        ("what should I reply?", "en", SUGGEST, ""),
        ("what should we answer to the plumber?", "en", SUGGEST, "the plumber"),
        ("how should I respond to this?", "en", SUGGEST, ""),
        ("¿qué respondo?", "es", SUGGEST, ""),
        ("qué le respondo a Luis", "es", SUGGEST, "Luis"),
        ("¿Qué puedo contestarle?", "es", SUGGEST, ""),
        ("sugiéreme una respuesta", "es", SUGGEST, ""),
        ("sugiere una respuesta para el fontanero", "es", SUGGEST, "el fontanero"),
    ],
)
def test_summaries_and_suggestions(text: str, language: str, intent: Intent, argument: str) -> None:
    choice = pick_intent(text, language)
    assert (choice.intent, choice.argument) == (intent, argument)


@pytest.mark.parametrize(
    "text",
    [
        "hi", "Hello!", "hey lorekeeper", "good morning", "hola", "¡Buenos días!", "Buenas tardes a todos",
        "thanks", "Thank you so much!", "thanks 👍", "ok, thanks", "gracias", "Muchas gracias por tu ayuda",
        "who are you?", "Hi, who are you?", "¿Quién eres?", "what can you do?", "hola, ¿qué puedes hacer?",
        "help", "ayuda", "how are you?", "¿qué tal?", "bye", "Good bye!", "see you tomorrow", "adiós",
        "hasta luego", "great, thanks and bye", "vale, gracias",
    ],
)  # fmt: skip
def test_small_talk(text: str) -> None:
    assert pick_intent(text, "en").intent is TALK


@pytest.mark.parametrize(
    ("text", "argument"),
    [
        ("When did we replace the pump?", "When did we replace the pump?"),
        ("hi, when did we replace the pump?", "when did we replace the pump?"),
        ("Hola Lorekeeper, ¿cuándo cambiamos la bomba?", "¿cuándo cambiamos la bomba?"),
        ("Do you remember when we replaced the pump?", None),
        ("Can you remember when we replaced the pump?", None),
        ("remember when we replaced the pump?", None),
        ("Remember that pump we bought in May?", None),
        ("remember to buy chlorine", None),
        ("¿Recuerdas que cambiamos la bomba?", None),
        ("¿Te acuerdas de cuándo cambiamos la bomba?", None),
        ("what is on the note about the boiler?", None),
        ("notes about the boiler", None),
        ("who summarized the contract?", None),
        ("how do I resume the wash programme?", None),
        ("resume the wash programme", None),
        ("what does the summary of the contract say?", None),
        ("what do you suggest for a green pool?", None),
        ("how do I answer the door bell from my phone?", None),
        ("how should we respond to a leak?", None),
        ("what did Marta reply?", None),
        ("¿qué respondió Marta?", None),
        ("hello kitty pump", None),
        ("hi-fi amplifier model?", None),
        ("thanks, but when did we replace it?", None),
        ("help me find the boiler contract", None),
        ("what can you do with old chlorine?", None),
        ("how are you supposed to clean the filter?", None),
        ("who are our neighbours?", None),
        ("good filters for the pool", None),
        ("can you tell me when the pump was replaced?", None),
        ("can you swim in the pool after chlorine?", None),
        ("¿puedes bañarte después del cloro?", None),
        ("¿qué tal funciona la bomba nueva?", None),
        ("what is the wifi password", None),
        ("2023", None),
    ],
)
def test_everything_else_is_a_question(text: str, argument: str | None) -> None:
    choice = pick_intent(text, "en")
    assert (choice.intent, choice.argument) == (ASK, argument or text)
