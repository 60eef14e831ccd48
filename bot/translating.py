"""Names and descriptions of commands in the languages of Discord's clients."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from discord import Locale, app_commands

from bot.texts import ENGLISH, SPANISH

_T = TypeVar("_T")

_SPANISH = frozenset({Locale.spain_spanish, Locale.latin_american_spanish})


def described(key: str) -> app_commands.locale_str:
    """The description of a command or option, by its key in `Texts.descriptions`."""
    return app_commands.locale_str(ENGLISH.descriptions[key], key=key)


def options(command: str, *names: str) -> Callable[[_T], _T]:
    """Describe the options of a command, by their keys: `channel.set.auto` for `auto` of `channel.set`."""
    return app_commands.describe(**{name: described(f"{command}.{name}") for name in names})


class Translator(app_commands.Translator):
    """Translates what `described` made; names of commands are the same in every language."""

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        key = string.extras.get("key")
        return SPANISH.descriptions[key] if key and locale in _SPANISH else None
