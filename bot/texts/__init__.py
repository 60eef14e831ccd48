"""Everything the bot says in Discord, in English and Spanish.

A language is one value of `Texts`, so a text that is missing in one is a type error, and
tests/bot/discord/test_texts.py compares their placeholders. Interactions speak the member's language, other
messages the guild's; what stands around an answer follows the answer.
"""

from bot.texts.english import ENGLISH
from bot.texts.spanish import SPANISH
from bot.texts.words import Texts

__all__ = ["ENGLISH", "LANGUAGES", "SPANISH", "Texts", "texts_for"]

LANGUAGES = {"en": ENGLISH, "es": SPANISH}


def texts_for(*languages: str) -> Texts:
    """Return the texts of the first of these languages (`es`, `es-419`, `en_GB`) that is spoken here."""
    for language in languages:
        if (code := language.lower()[:2]) in LANGUAGES:
            return LANGUAGES[code]
    return ENGLISH
