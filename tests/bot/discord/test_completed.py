"""Names that are typed are completed: topics, sources, patterns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from discord import app_commands

from bot.client import COGS
from bot.templates import Template

_TYPED = {"topic", "into", "source", "version", "pattern", "adapter"}
"""Options that name something of the guild; Discord itself completes roles, channels and members."""


def _commands() -> Iterator[app_commands.Command[Any, ..., Any]]:
    for cog in COGS:
        for command in cog.__cog_app_commands__:
            each = command.walk_commands() if isinstance(command, app_commands.Group) else [command]
            yield from (one for one in each if isinstance(one, app_commands.Command))


def test_every_option_that_names_something_is_completed() -> None:
    left = [
        f"{command.qualified_name} {parameter.name}"
        for command in _commands()
        for parameter in command.parameters
        if parameter.name in _TYPED and not parameter.autocomplete
    ]
    assert left == []


def test_templates_are_offered_as_a_list() -> None:
    templates = next(one for one in _commands() if one.qualified_name == "category templates")
    assert [choice.value for choice in templates.parameters[0].choices] == list(Template)
