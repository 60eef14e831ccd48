"""docs/discord.md names every command with its options, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from discord import app_commands

from bot.client import COGS, PERMISSIONS
from bot.texts import ENGLISH

DOCUMENT = (Path(__file__).parents[3] / "docs" / "discord.md").read_text("utf-8")
_ROW = re.compile(r"^\| `/(?P<name>[\w ]+)` \| (?P<options>[^|]*)\|", re.MULTILINE)


def _commands() -> dict[str, set[str]]:
    found = {}
    for cog in COGS:
        for command in cog.__cog_app_commands__:
            each = command.walk_commands() if isinstance(command, app_commands.Group) else [command]
            for one in each:
                assert isinstance(one, app_commands.Command)
                found[one.qualified_name] = {parameter.name for parameter in one.parameters}
    return found


def test_every_command_is_documented_with_its_options_and_no_other() -> None:
    documented = {
        row["name"]: set(re.findall(r"`(\w+)`", row["options"]))
        for row in _ROW.finditer(DOCUMENT)
        if row["name"] != "ask" or "question" in row["options"]
    }
    assert documented == _commands()


def test_every_menu_entry_is_documented() -> None:
    for key, name in ENGLISH.descriptions.items():
        if key.startswith("menu."):
            assert f"\n| {name} |" in DOCUMENT


def test_every_permission_of_the_invite_link_is_documented() -> None:
    # Discord's clients call view_channel "View Channels" and send_messages "Send Messages".
    for name, asked in PERMISSIONS:
        if asked and name != "read_messages":
            assert name.replace("_", " ") in DOCUMENT.lower()
