"""Every limit of messages, modals, choices and commands: what just fits passes, what is over is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.discord.commands import check_commands
from tests.discord.errors import DiscordError
from tests.discord.loopback import Loopback
from tests.discord.model import Json
from tests.discord.validation import check_choices, check_message, check_modal


def button(**changes: Any) -> Json:
    return {"type": 2, "style": 1, "label": "ok", "custom_id": "ok"} | changes


def row(*components: Json) -> Json:
    return {"type": 1, "components": list(components)}


def select(**changes: Any) -> Json:
    options = [{"label": "a", "value": "a"}]
    return {"type": 3, "custom_id": "s", "options": options} | changes


def text_input(**changes: Any) -> Json:
    return row({"type": 4, "custom_id": "t", "label": "Text", "style": 1} | changes)


GOOD_MESSAGES: list[Json] = [
    {"content": "x" * 2000},
    {"embeds": [{"title": "x" * 256, "description": "x" * 4096}]},
    {"embeds": [{"fields": [{"name": "x" * 256, "value": "x"}] * 20}]},
    {"components": [row(*[button(custom_id=f"{r}{c}") for c in range(5)]) for r in range(5)]},
    {"components": [row(button(custom_id="x" * 100, label="x" * 80))]},
    {"components": [row(select(options=[{"label": str(n), "value": str(n)} for n in range(25)]))]},
    {"flags": 1 << 15, "components": [{"type": 17, "components": [{"type": 10, "content": "text"}]}]},
]

BAD_MESSAGES: list[Json] = [
    {"content": "x" * 2001},
    {"nonce": "x" * 26},
    {"embeds": [{"title": "x"}] * 11},
    {"embeds": [{"title": "x" * 257}]},
    {"embeds": [{"description": "x" * 4097}]},
    {"embeds": [{"footer": {"text": "x" * 2049}}]},
    {"embeds": [{"author": {"name": "x" * 257}}]},
    {"embeds": [{"fields": [{"name": "n", "value": "v"}] * 26}]},
    {"embeds": [{"fields": [{"name": "n" * 257, "value": "v"}]}]},
    {"embeds": [{"fields": [{"name": "n", "value": "v" * 1025}]}]},
    {"embeds": [{"fields": [{"name": "n", "value": ""}]}]},
    {"embeds": [{"description": "x" * 4000}, {"description": "x" * 2001}]},
    {"components": [row(button(custom_id=str(n))) for n in range(6)]},
    {"components": [row(*[button(custom_id=str(n)) for n in range(6)])]},
    {"components": [row()]},
    {"components": [button()]},
    {"components": [row(button(custom_id="x" * 101))]},
    {"components": [row(button(custom_id=""))]},
    {"components": [row(button(label="x" * 81))]},
    {"components": [row(button(label=""))]},
    {"components": [row(button(), button())]},
    {"components": [row(button(style=5, url="https://example.org"))]},
    {"components": [row({"type": 2, "style": 5, "label": "x", "url": "javascript:alert(1)"})]},
    {"components": [row(select(), button())]},
    {"components": [row(select(custom_id="x" * 101))]},
    {"components": [row(select(placeholder="x" * 151))]},
    {"components": [row(select(options=[]))]},
    {"components": [row(select(options=[{"label": str(n), "value": str(n)} for n in range(26)]))]},
    {"components": [row(select(options=[{"label": "x" * 101, "value": "a"}]))]},
    {"components": [row(select(options=[{"label": "a", "value": "a"}, {"label": "b", "value": "a"}]))]},
    {"components": [row(select(max_values=2))]},
    {"flags": 1 << 15, "content": "text", "components": [{"type": 10, "content": "text"}]},
    {"flags": 1 << 15, "components": [{"type": 10, "content": "x" * 4001}]},
    {"flags": 1 << 15, "components": [{"type": 10, "content": "x"}] * 41},
]


@pytest.mark.parametrize("body", GOOD_MESSAGES)
def test_what_just_fits_passes(body: Json) -> None:
    check_message(body, 10)


@pytest.mark.parametrize("body", BAD_MESSAGES)
def test_what_is_over_a_limit_is_refused(body: Json) -> None:
    with pytest.raises(DiscordError) as refused:
        check_message(body, 0)
    assert (refused.value.status, refused.value.code) == (400, 50035)
    assert refused.value.errors


def test_eleven_files_are_refused() -> None:
    with pytest.raises(DiscordError):
        check_message({"content": "files"}, 11)


@pytest.mark.parametrize(
    "modal",
    [
        {"title": "x" * 46, "custom_id": "m", "components": [text_input()]},
        {"title": "", "custom_id": "m", "components": [text_input()]},
        {"title": "t", "custom_id": "x" * 101, "components": [text_input()]},
        {"title": "t", "custom_id": "m", "components": []},
        {"title": "t", "custom_id": "m", "components": [text_input(custom_id=str(n)) for n in range(6)]},
        {"title": "t", "custom_id": "m", "components": [text_input(label="x" * 46)]},
        {"title": "t", "custom_id": "m", "components": [text_input(placeholder="x" * 101)]},
        {"title": "t", "custom_id": "m", "components": [text_input(value="x" * 4001)]},
        {"title": "t", "custom_id": "m", "components": [text_input(max_length=4001)]},
        {"title": "t", "custom_id": "m", "components": [text_input(), text_input()]},
        {
            "title": "t",
            "custom_id": "m",
            "components": [{"type": 18, "label": "x" * 46, "component": select()}],
        },
    ],
)
def test_a_modal_over_a_limit_is_refused(modal: Json) -> None:
    with pytest.raises(DiscordError, match="50035"):
        check_modal(modal)


@pytest.mark.parametrize(
    "choices",
    [
        [{"name": str(n), "value": str(n)} for n in range(26)],
        [{"name": "x" * 101, "value": "a"}],
        [{"name": "a", "value": "x" * 101}],
        [{"name": "", "value": "a"}],
    ],
)
def test_choices_over_a_limit_are_refused(choices: list[Json]) -> None:
    with pytest.raises(DiscordError, match="50035"):
        check_choices(choices)


def command(**changes: Any) -> Json:
    return {"type": 1, "name": "ask", "description": "ask"} | changes


def option(**changes: Any) -> Json:
    return {"type": 3, "name": "text", "description": "text"} | changes


@pytest.mark.parametrize(
    "commands",
    [
        [command()],
        [command(name="búsqueda"), {"type": 3, "name": "Add to Knowledge"}],
        [command(options=[option(required=True), option(name="more")])],
        [command(options=[option(type=2, options=[option(type=1, options=[option()])])])],
        [command(name=f"c{n}") for n in range(100)],
    ],
)
def test_good_commands_register(commands: list[Json]) -> None:
    check_commands(commands)


@pytest.mark.parametrize(
    "commands",
    [
        [command(name="Ask")],
        [command(name="ask me")],
        [command(name="x" * 33)],
        [command(description="")],
        [command(description="x" * 101)],
        [command(), command()],
        [command(name=f"c{n}") for n in range(101)],
        [{"type": 3, "name": f"menu {n}"} for n in range(6)],
        [{"type": 3, "name": "menu", "description": "no"}],
        [{"type": 3, "name": "x" * 33}],
        [command(name_localizations={"es-ES": "Con Espacio"})],
        [command(description_localizations={"es-ES": "x" * 101})],
        [command(options=[option(name=f"o{n}") for n in range(26)])],
        [command(options=[option(name="more"), option(required=True)])],
        [command(options=[option(), option()])],
        [command(options=[option(type=12)])],
        [command(options=[option(choices=[{"name": "a", "value": "a"}] * 26)])],
        [command(options=[option(choices=[{"name": "x" * 101, "value": "a"}])])],
        [command(options=[option(autocomplete=True, choices=[{"name": "a", "value": "a"}])])],
        [command(options=[option(type=2, options=[option(type=2, options=[option(type=1)])])])],
        [command(options=[option(name=f"o{n}", description="x" * 100, choices=LONG) for n in range(5)])]
        if (LONG := [{"name": "x" * 100, "value": str(n)} for n in range(17)])
        else [],
    ],
)
def test_bad_commands_are_refused(commands: list[Json]) -> None:
    with pytest.raises(DiscordError) as refused:
        check_commands(commands)
    assert refused.value.status == 400


async def test_commands_keep_their_ids_and_only_new_ones_count_to_the_day(discord_world: Loopback) -> None:
    registry = discord_world.server.registry
    first = registry.replace(None, [command()])
    again = registry.replace(None, [command(description="better")])
    assert first[0]["id"] == again[0]["id"]
    for number in range(99):
        registry.replace(None, [command(name=f"a{number}"), command(name=f"b{number}")])
    with pytest.raises(DiscordError, match="30034"):
        registry.replace(None, [command(name="x"), command(name="y")])


def test_commands_outlive_the_server_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "commands.json"
    first = Loopback(commands=file).server.registry.replace(None, [command()])
    second = Loopback(commands=file)
    assert second.world.commands == {None: first}
