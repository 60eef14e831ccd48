"""Everyday questions on no guild's topics, in English and in Spanish.

Their vectors tell an embedder's habits apart from meaning: where its vectors crowd together, and in which
direction a language moves them. Each Spanish question says the same as the English one beside it, so that
the difference of the two means is the language and nothing else.
"""

from __future__ import annotations

_PAIRS = (
    ("What is the weather like tomorrow?", "¿Qué tiempo hará mañana?"),
    ("Who won the match last night?", "¿Quién ganó el partido anoche?"),
    ("How do I tie a tie?", "¿Cómo se hace el nudo de la corbata?"),
    ("What time is it in Tokyo?", "¿Qué hora es en Tokio?"),
    ("Can you recommend a good book?", "¿Me recomiendas un buen libro?"),
    ("How far is it to the airport?", "¿A qué distancia está el aeropuerto?"),
    ("What is the meaning of this word?", "¿Qué significa esta palabra?"),
    ("When does the museum open?", "¿Cuándo abre el museo?"),
    ("Why is the sky blue?", "¿Por qué el cielo es azul?"),
    ("How do I learn to play the guitar?", "¿Cómo aprendo a tocar la guitarra?"),
    ("Where can I buy cheap tickets?", "¿Dónde puedo comprar entradas baratas?"),
    ("Who wrote this song?", "¿Quién escribió esta canción?"),
    ("Is it safe to travel there in winter?", "¿Es seguro viajar allí en invierno?"),
    ("What is the fastest animal?", "¿Cuál es el animal más rápido?"),
    ("How many people live in Canada?", "¿Cuánta gente vive en Canadá?"),
    ("Which film should we watch tonight?", "¿Qué película vemos esta noche?"),
    ("What did she say about the meeting?", "¿Qué dijo ella sobre la reunión?"),
    ("How do I change my password?", "¿Cómo cambio mi contraseña?"),
    ("When was the bridge built?", "¿Cuándo se construyó el puente?"),
    ("Please help me with my homework.", "Ayúdame con los deberes, por favor."),
    ("What is the square root of nine?", "¿Cuál es la raíz cuadrada de nueve?"),
    ("Do you have any news for me?", "¿Tienes alguna noticia para mí?"),
    ("How much does a new phone cost?", "¿Cuánto cuesta un teléfono nuevo?"),
    ("Tell me something about history.", "Cuéntame algo de historia."),
)

ENGLISH = tuple(english for english, _ in _PAIRS)
SPANISH = tuple(spanish for _, spanish in _PAIRS)
