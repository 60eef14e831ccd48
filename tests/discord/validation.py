"""The limits of what can be said: lengths and counts of text, embeds, components, modals and files.

discord.py checks hardly any of them, so a bot that ignores them learns it only here, as on Discord: 400,
50035.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from tests.discord.errors import DiscordError, bad_length, invalid_form, too_long
from tests.discord.model import INTERACTIVE, Json, walk

CONTENT: Final = 2000
EMBEDS: Final = 10
EMBED_TOTAL: Final = 6000
EMBED_PARTS: Final[Mapping[str, int]] = {
    "title": 256,
    "description": 4096,
    "footer.text": 2048,
    "author.name": 256,
}
FIELDS: Final = 25
FIELD_NAME: Final = 256
FIELD_VALUE: Final = 1024
CUSTOM_ID: Final = 100
ROWS: Final = 5
BUTTONS_IN_ROW: Final = 5
COMPONENTS_V2: Final = 40
LABEL: Final = 80
OPTIONS: Final = 25
OPTION_TEXT: Final = 100
PLACEHOLDER: Final = 150
MODAL_TITLE: Final = 45
MODAL_ROWS: Final = 5
INPUT_LABEL: Final = 45
INPUT_PLACEHOLDER: Final = 100
INPUT_VALUE: Final = 4000
FILES: Final = 10
FILE_BYTES: Final = 10 * 1024 * 1024
CHOICES: Final = 25
CHOICE_TEXT: Final = 100
NONCE: Final = 25

_BUTTON, _STRING_SELECT, _TEXT_INPUT, _ROW, _LABEL_ROW, _TEXT = 2, 3, 4, 1, 18, 10
_LINK_STYLE, _PREMIUM_STYLE = 5, 6
_COMPONENTS_ONLY: Final = 1 << 15
"""The flag of a message made of components only, without content and embeds."""


def check_message(body: Json, files: int) -> None:
    """Refuse what a new message or its whole new state may not be."""
    content = body.get("content") or ""
    embeds = body.get("embeds") or []
    components = body.get("components") or []
    modern = bool((body.get("flags") or 0) & _COMPONENTS_ONLY)
    if len(content) > CONTENT:
        raise too_long("content", CONTENT)
    if modern and (content or embeds):
        raise invalid_form("content", "MESSAGE_CANNOT_USE_LEGACY_FIELDS", "Not with components v2.")
    if len(str(body.get("nonce") or "")) > NONCE:
        raise too_long("nonce", NONCE)
    if files > FILES:
        raise bad_length("files", 0, FILES)
    check_embeds(embeds)
    check_components(components, modern=modern)


def check_not_empty(content: str, others: Iterable[object]) -> None:
    if not content.strip() and not any(others):
        raise DiscordError(400, 50006, "Cannot send an empty message")


def check_file(content: bytes) -> None:
    if len(content) > FILE_BYTES:
        raise DiscordError(413, 40005, "Request entity too large")


def check_embeds(embeds: list[Json]) -> None:
    if len(embeds) > EMBEDS:
        raise bad_length("embeds", 0, EMBEDS)
    total = sum(_check_embed(f"embeds.{index}", embed) for index, embed in enumerate(embeds))
    if total > EMBED_TOTAL:
        raise invalid_form(
            "embeds", "MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {EMBED_TOTAL}"
        )


def _check_embed(where: str, embed: Json) -> int:
    """How many characters count to the sum over all embeds."""
    total = 0
    for part, limit in EMBED_PARTS.items():
        text = _part(embed, part)
        total += len(text)
        if len(text) > limit:
            raise too_long(f"{where}.{part}", limit)
    fields = embed.get("fields") or []
    if len(fields) > FIELDS:
        raise bad_length(f"{where}.fields", 0, FIELDS)
    for index, of_embed in enumerate(fields):
        _check_length(f"{where}.fields.{index}.name", of_embed.get("name"), 1, FIELD_NAME)
        _check_length(f"{where}.fields.{index}.value", of_embed.get("value"), 1, FIELD_VALUE)
        total += len(of_embed["name"]) + len(of_embed["value"])
    return total


def _part(embed: Json, path: str) -> str:
    value: Any = embed
    for key in path.split("."):
        value = (value or {}).get(key)
    return value or ""


def _check_length(where: str, text: object, least: int, most: int) -> None:
    if not isinstance(text, str) or not least <= len(text) <= most:
        raise bad_length(where, least, most)


def check_components(components: list[Json], *, modern: bool = False) -> None:
    if not modern and len(components) > ROWS:
        raise bad_length("components", 0, ROWS)
    if modern and sum(1 for _ in walk(components)) > COMPONENTS_V2:
        raise bad_length("components", 1, COMPONENTS_V2)
    if (
        modern
        and sum(len(c.get("content", "")) for c in walk(components) if c["type"] == _TEXT) > INPUT_VALUE
    ):
        raise too_long("components", INPUT_VALUE)
    for index, component in enumerate(components):
        if not modern and component.get("type") != _ROW:
            raise invalid_form(f"components.{index}.type", "UNION_TYPE_CHOICES", "Must be an action row.")
        if component.get("type") == _ROW:
            _check_row(f"components.{index}", component.get("components", []))
    for component in walk(components):
        if component.get("type") in INTERACTIVE:
            _check_interactive("components", component)
    _check_unique([c["custom_id"] for c in walk(components) if "custom_id" in c])


def _check_row(where: str, children: list[Json]) -> None:
    if not 1 <= len(children) <= BUTTONS_IN_ROW:
        raise bad_length(f"{where}.components", 1, BUTTONS_IN_ROW)
    if len(children) > 1 and any(child.get("type") != _BUTTON for child in children):
        raise invalid_form(
            f"{where}.components", "COMPONENT_LAYOUT_WIDTH_EXCEEDED", "A select fills its row."
        )


def _check_interactive(where: str, component: Json) -> None:
    if component["type"] == _BUTTON:
        _check_button(where, component)
        return
    _check_length(f"{where}.custom_id", component.get("custom_id"), 1, CUSTOM_ID)
    _check_length(f"{where}.placeholder", component.get("placeholder") or "", 0, PLACEHOLDER)
    if component["type"] == _STRING_SELECT:
        _check_options(where, component)


def _check_button(where: str, button: Json) -> None:
    is_link = button.get("style") == _LINK_STYLE
    if is_link:
        _check_length(f"{where}.url", button.get("url"), 1, 512)
        if not re.match(r"(https?|discord)://", button["url"]):
            raise invalid_form(
                f"{where}.url", "URL_TYPE_INVALID_SCHEME", "Scheme must be http, https or discord."
            )
    elif button.get("style") != _PREMIUM_STYLE:
        _check_length(f"{where}.custom_id", button.get("custom_id"), 1, CUSTOM_ID)
    if is_link and button.get("custom_id"):
        raise invalid_form(f"{where}.custom_id", "BUTTON_COMPONENT_CUSTOM_ID_URL", "Both url and custom_id.")
    _check_length(f"{where}.label", button.get("label") or "", 0, LABEL)
    if not button.get("label") and not button.get("emoji"):
        raise invalid_form(
            f"{where}.label", "BUTTON_COMPONENT_INVALID_LABEL_EMOJI", "A label or emoji is required."
        )


def _check_options(where: str, select: Json) -> None:
    options = select.get("options") or []
    if not 1 <= len(options) <= OPTIONS:
        raise bad_length(f"{where}.options", 1, OPTIONS)
    for index, option in enumerate(options):
        for key, least in (("label", 1), ("value", 1), ("description", 0)):
            text = option.get(key) or ""
            _check_length(f"{where}.options.{index}.{key}", text, least, OPTION_TEXT)
    values = [option["value"] for option in options]
    if len(set(values)) != len(values):
        raise invalid_form(
            f"{where}.options", "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", "A value is doubled."
        )
    most = select.get("max_values", 1)
    if not 0 <= select.get("min_values", 1) <= most <= len(options):
        raise invalid_form(f"{where}.max_values", "NUMBER_TYPE_MAX", f"Must be at most {len(options)}.")


def _check_unique(custom_ids: list[str]) -> None:
    if len(set(custom_ids)) != len(custom_ids):
        raise invalid_form(
            "components", "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated"
        )


def check_modal(modal: Json) -> None:
    _check_length("data.title", modal.get("title"), 1, MODAL_TITLE)
    _check_length("data.custom_id", modal.get("custom_id"), 1, CUSTOM_ID)
    rows = modal.get("components") or []
    if not 1 <= len(rows) <= MODAL_ROWS:
        raise bad_length("data.components", 1, MODAL_ROWS)
    for row in rows:
        if row.get("type") == _LABEL_ROW:
            _check_length("data.components.label", row.get("label"), 1, INPUT_LABEL)
            _check_length("data.components.description", row.get("description") or "", 0, 100)
    for component in walk(rows):
        if component.get("type") == _TEXT_INPUT:
            _check_input(component)
        elif component.get("type") in INTERACTIVE:
            _check_interactive("data.components", component)
    _check_unique([c["custom_id"] for c in walk(rows) if "custom_id" in c])


def _check_input(component: Json) -> None:
    _check_length("data.components.custom_id", component.get("custom_id"), 1, CUSTOM_ID)
    _check_length("data.components.label", component.get("label") or "", 0, INPUT_LABEL)
    _check_length("data.components.placeholder", component.get("placeholder") or "", 0, INPUT_PLACEHOLDER)
    _check_length("data.components.value", component.get("value") or "", 0, INPUT_VALUE)
    if not 0 <= component.get("min_length", 0) <= component.get("max_length", INPUT_VALUE) <= INPUT_VALUE:
        raise invalid_form("data.components.max_length", "NUMBER_TYPE_MAX", f"Must be at most {INPUT_VALUE}.")


def check_choices(choices: list[Json]) -> None:
    if len(choices) > CHOICES:
        raise bad_length("data.choices", 0, CHOICES)
    for index, choice in enumerate(choices):
        _check_length(f"data.choices.{index}.name", choice.get("name"), 1, CHOICE_TEXT)
        if isinstance(choice.get("value"), str):
            _check_length(f"data.choices.{index}.value", choice["value"], 1, CHOICE_TEXT)
