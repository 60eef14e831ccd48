"""Which questions need the one before, and what they become, in English and Spanish."""

from __future__ import annotations

import pytest

from agent.contracts import Turn
from agent.understanding.followup import needs_context, resolve


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("and the filter?", "en"),
        ("what about the filter?", "en"),
        ("And what about Luis?", "en"),
        ("the filter?", "en"),
        ("and in 2023?", "en"),
        ("in 2023?", "en"),
        ("how much was it?", "en"),
        ("and how much was it?", "en"),
        ("who repaired them", "en"),
        ("When did he come?", "en"),
        ("when was that?", "en"),
        ("does that one leak too?", "en"),
        ("why?", "en"),
        ("how much?", "en"),
        ("when exactly?", "en"),
        ("¿y el filtro?", "es"),
        ("y la caldera", "es"),
        ("¿y cuánto costó?", "es"),
        ("¿cuánto costó?", "es"),
        ("¿dónde está?", "es"),
        ("¿quién la cambió?", "es"),
        ("¿quién lo hizo?", "es"),
        ("¿cómo puedo cambiarlo?", "es"),
        ("¿por qué?", "es"),
        ("¿cuándo fue eso?", "es"),
        ("¿y en 2023?", "es"),
    ],
)
def test_what_needs_context(text: str, language: str) -> None:
    assert needs_context(text, language)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("When did we replace the pool pump?", "en"),
        ("And when did we replace the pool pump?", "en"),
        ("when did we buy the pump and how much was it?", "en"),
        ("Is it safe to swim after chlorine?", "en"),
        ("How long does it take to fill the pool?", "en"),
        ("What did Marta say about that pump?", "en"),
        ("Did Marta repair it when she came?", "en"),
        ("Do tourists pay when they come?", "en"),
        ("What is it called when chlorine binds to nitrogen?", "en"),
        ("pool pump price", "en"),
        ("wifi password?", "en"),
        ("Where is the key?", "en"),
        ("¿Cuándo cambiamos la bomba de la piscina?", "es"),
        ("¿Cuándo he cambiado la bomba?", "es"),
        ("¿Y cuándo cambiamos la bomba?", "es"),
        ("¿cuánto costó la bomba y quién la cambió?", "es"),
        ("¿Dónde está la llave?", "es"),
        ("¿Qué dijo Carlos?", "es"),
        ("contraseña del wifi", "es"),
    ],
)
def test_what_stands_for_itself(text: str, language: str) -> None:
    assert not needs_context(text, language)
    assert resolve(text, (Turn(text="Where is the key?", author_name="Ana"),), language) == text


@pytest.mark.parametrize(
    ("previous", "text", "language", "resolved"),
    [
        (
            "When did we replace the pool pump?",
            "and the filter?",
            "en",
            "When did we replace the pool filter?",
        ),
        (
            "When did we replace the pool pump?",
            "what about the car battery?",
            "en",
            "When did we replace the car battery?",
        ),
        ("When was the boiler serviced?", "and the car?", "en", "When was the car serviced?"),
        ("What is the price of the filter?", "and the pump?", "en", "What is the price of the pump?"),
        ("What does the pump cost?", "the filter?", "en", "What does the filter cost?"),
        ("Does the pump hum?", "and the filter?", "en", "and the filter? (Does the pump hum?)"),
        (
            "When did we replace the pool pump?",
            "how much was it?",
            "en",
            "how much was the pool pump?",
        ),
        ("Who installed our boiler?", "when was that?", "en", "when was that? (Who installed our boiler?)"),
        ("Who installed our boiler?", "when was it?", "en", "when was it? (Who installed our boiler?)"),
        (
            "Who installed our boiler?",
            "when did he come?",
            "en",
            "when did he come? (Who installed our boiler?)",
        ),
        ("What did we spend in 2022?", "and in 2023?", "en", "What did we spend in 2023?"),
        ("What did chlorine cost?", "and in 2023?", "en", "What did chlorine cost in 2023?"),
        (
            "What did we spend in 2022 on chlorine tablets for the pool?",
            "and in 2023?",
            "en",
            "and in 2023? (What did we spend in 2022 on chlorine tablets for the pool?)",
        ),
        ("Who cleans the pool?", "why?", "en", "why? (Who cleans the pool?)"),
        ("We replaced the pool pump.", "how much was it?", "en", "how much was the pool pump?"),
        (
            "We replaced the pool pump.",
            "and the filter?",
            "en",
            "and the filter? (We replaced the pool pump.)",
        ),
        (
            "¿Cuándo cambiamos la bomba de la piscina?",
            "¿y el filtro?",
            "es",
            "¿Cuándo cambiamos el filtro de la piscina?",
        ),
        (
            "¿Cuándo cambiamos la bomba de la piscina?",
            "¿y cuánto costó?",
            "es",
            "¿cuánto costó la bomba de la piscina?",
        ),
        (
            "¿Cuál es el precio del filtro?",
            "¿y la bomba?",
            "es",
            "¿y la bomba? (¿Cuál es el precio del filtro?)",
        ),
        ("¿Quién revisó la caldera?", "¿y el coche?", "es", "¿Quién revisó el coche?"),
        ("¿Cuánto gastamos en 2022?", "¿y en 2023?", "es", "¿Cuánto gastamos en 2023?"),
        ("¿Dónde está la llave?", "¿quién la perdió?", "es", "¿quién la perdió? (¿Dónde está la llave?)"),
    ],
)
def test_what_a_follow_up_becomes(previous: str, text: str, language: str, resolved: str) -> None:
    conversation = (
        Turn(text="Where do we keep the ladder?", author_name="Ana"),
        Turn(text=previous, author_name="Ana"),
        Turn(text="In May 2024 [1]", author_name="Lorekeeper", from_bot=True),
    )
    assert resolve(text, conversation, language) == resolved


def test_a_chain_of_follow_ups_leads_back_to_its_question() -> None:
    conversation = (
        Turn(text="When did we replace the pool pump?", author_name="Ana"),
        Turn(text="12 May 2024", author_name="Lorekeeper", from_bot=True),
        Turn(text="and the filter?", author_name="Ana"),
        Turn(text="2 June 2024", author_name="Lorekeeper", from_bot=True),
    )
    assert resolve("how much was it?", conversation, "en") == "how much was the pool filter?"


@pytest.mark.parametrize(
    "conversation",
    [
        (),
        (Turn(text="It hums.", author_name="Lorekeeper", from_bot=True),),
        (Turn(text="word " * 100, author_name="Ana"),),
        (Turn(text="and the filter?", author_name="Ana"),),
    ],
)
def test_with_nothing_to_go_by_the_question_stays(conversation: tuple[Turn, ...]) -> None:
    assert resolve("and the filter?", conversation, "en") == "and the filter?"
