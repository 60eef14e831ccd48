"""Registering application commands: what Discord refuses, and which of them a member is offered."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from tests.discord.errors import DiscordError, bad_length, invalid_form
from tests.discord.model import Channel, ChannelKind, Guild, Json, User
from tests.discord.permissions import Permission, in_channel, in_guild
from tests.discord.world import World

SLASH, USER_MENU, MESSAGE_MENU = 1, 2, 3
SUBCOMMAND, GROUP, STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = range(
    1, 12
)
_AT_MOST: Final = {SLASH: 100, USER_MENU: 5, MESSAGE_MENU: 5}
_OPTIONS: Final = 25
_CHOICES: Final = 25
_TEXT: Final = 100
_CHARACTERS: Final = 8000
_CREATES_A_DAY: Final = 200
_SLASH_NAME: Final = re.compile(r"[-_'\w]{1,32}")
_BOT_DIRECT_MESSAGES: Final = 1


class Registry:
    """The commands of the application; each guild's own, and the global ones under None.

    With a file they outlive the server, as on Discord: a bot that syncs only what changed relies on it.
    """

    def __init__(self, world: World, file: Path | None = None) -> None:
        self._world = world
        self._file = file
        self._created_today = 0
        if file is not None and file.exists():
            world.commands.update(dict(json.loads(file.read_text("utf-8"))))

    def replace(self, guild_id: int | None, wanted: list[Json]) -> list[Json]:
        """All at once; a command that was there keeps its id, others count to the 200 a day."""
        check_commands(wanted)
        known = {
            (command["type"], command["name"]): command for command in self._world.commands.get(guild_id, [])
        }
        new = [body for body in wanted if (body.get("type", SLASH), body["name"]) not in known]
        self._created_today += len(new)
        if self._created_today > _CREATES_A_DAY:
            raise DiscordError(
                429, 30034, "Max number of daily application command creates has been reached (200)"
            )
        registered = [self._registered(guild_id, body, known) for body in wanted]
        self._world.commands[guild_id] = registered
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(json.dumps(list(self._world.commands.items())), "utf-8")
        self._world.events.touch()
        return registered

    def _registered(self, guild_id: int | None, body: Json, known: dict[Any, Json]) -> Json:
        kind = body.get("type", SLASH)
        before = known.get((kind, body["name"]))
        command: Json = {
            "default_member_permissions": None,
            "nsfw": False,
            "options": [],
            **body,
            "id": before["id"] if before else str(self._world.snowflakes.next()),
            "application_id": str(self._world.application.id),
            "version": str(self._world.snowflakes.next()),
            "type": kind,
            "description": body.get("description", ""),
        }
        return command | ({"guild_id": str(guild_id)} if guild_id is not None else {})


def check_commands(commands: list[Json]) -> None:
    for kind, most in _AT_MOST.items():
        if sum(command.get("type", SLASH) == kind for command in commands) > most:
            raise DiscordError(400, 30032, f"Maximum number of application commands reached ({most})")
    keys = [(command.get("type", SLASH), command.get("name")) for command in commands]
    for index, command in enumerate(commands):
        if keys.index(keys[index]) != index:
            raise invalid_form(
                f"{index}.name", "APPLICATION_COMMANDS_DUPLICATE_NAME", "Names must be unique."
            )
        _check_command(str(index), command)


def _check_command(where: str, command: Json) -> None:
    if command.get("type", SLASH) != SLASH:
        if not 1 <= len(str(command.get("name") or "")) <= 32:
            raise bad_length(f"{where}.name", 1, 32)
        if command.get("description"):
            raise invalid_form(
                f"{where}.description", "APPLICATION_COMMAND_DESCRIPTION", "Must be empty on a menu."
            )
        return
    _check_named(where, command)
    _check_options(where, command.get("options") or [])
    if _characters(command) > _CHARACTERS:
        raise bad_length(where, 1, _CHARACTERS)


def _check_named(where: str, item: Json) -> None:
    names = {f"{where}.name": item.get("name")}
    names |= {f"{where}.name_localizations.{k}": v for k, v in (item.get("name_localizations") or {}).items()}
    for place, name in names.items():
        if not isinstance(name, str) or not _SLASH_NAME.fullmatch(name) or name != name.lower():
            raise invalid_form(place, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
    texts = {f"{where}.description": item.get("description")}
    texts |= {
        f"{where}.description_localizations.{k}": v
        for k, v in (item.get("description_localizations") or {}).items()
    }
    for place, text in texts.items():
        if not isinstance(text, str) or not 1 <= len(text) <= _TEXT:
            raise bad_length(place, 1, _TEXT)


def _check_options(where: str, options: list[Json], *, depth: int = 0) -> None:
    if len(options) > _OPTIONS:
        raise bad_length(f"{where}.options", 0, _OPTIONS)
    optional_seen = False
    names: set[str] = set()
    for index, option in enumerate(options):
        place = f"{where}.options.{index}"
        _check_named(place, option)
        if option["name"] in names:
            raise invalid_form(
                f"{place}.name", "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", "Name is doubled"
            )
        names.add(option["name"])
        if option.get("required") and optional_seen:
            raise invalid_form(
                f"{where}.options",
                "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                "Required options must be placed before non-required options",
            )
        optional_seen |= not option.get("required", False)
        _check_option(place, option, depth)


def _check_option(place: str, option: Json, depth: int) -> None:
    kind = option.get("type")
    if kind not in range(SUBCOMMAND, ATTACHMENT + 1):
        raise invalid_form(f"{place}.type", "BASE_TYPE_CHOICES", "Not an option type.")
    if kind in (SUBCOMMAND, GROUP):
        if depth >= (2 if kind == SUBCOMMAND else 1):
            raise invalid_form(
                f"{place}.type", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Nested too deep."
            )
        _check_options(place, option.get("options") or [], depth=depth + 1)
    choices = option.get("choices") or []
    if len(choices) > _CHOICES:
        raise bad_length(f"{place}.choices", 0, _CHOICES)
    if choices and option.get("autocomplete"):
        raise invalid_form(
            f"{place}.choices", "APPLICATION_COMMAND_AUTOCOMPLETE_CHOICES", "Not with autocomplete."
        )
    for number, choice in enumerate(choices):
        if not 1 <= len(str(choice.get("name") or "")) <= _TEXT:
            raise bad_length(f"{place}.choices.{number}.name", 1, _TEXT)


def _characters(item: Json) -> int:
    """Names, descriptions and values of everything in a command; Discord allows 8,000."""
    own = len(item.get("name", "")) + len(item.get("description", ""))
    choices = sum(len(choice["name"]) + len(str(choice["value"])) for choice in item.get("choices") or [])
    return own + choices + sum(_characters(option) for option in item.get("options") or [])


def offered(world: World, channel: Channel, user: User) -> Iterator[Json]:
    """The commands that the client shows to this member here, a guild's own before the global ones."""
    home = channel.guild
    if Permission.APPLICATION_COMMANDS not in in_channel(channel, user):
        return
    for command in world.commands.get(home.id, []) if home else []:
        if _may_use(command, home, user):
            yield command
    for command in world.commands.get(None, []):
        if _fits(command, channel) and _may_use(command, home, user):
            yield command


def find(world: World, channel: Channel, user: User, kind: int, name: str) -> Json:
    """The command by that name; LookupError where the client would not offer it."""
    seen = list(offered(world, channel, user))
    for command in seen:
        if command["type"] == kind and command["name"] == name:
            return command
    names = sorted(command["name"] for command in seen)
    raise LookupError(f"{user.name} is not offered {name!r} here; offered are {names}")


def _fits(command: Json, channel: Channel) -> bool:
    contexts = command.get("contexts")
    if channel.kind is not ChannelKind.DIRECT:
        return contexts is None or 0 in contexts
    if contexts is None:
        return bool(command.get("dm_permission", True))
    return _BOT_DIRECT_MESSAGES in contexts


def _may_use(command: Json, home: Guild | None, user: User) -> bool:
    needed = command.get("default_member_permissions")
    if needed is None or home is None:
        return True
    has = in_guild(home, user)
    return Permission.ADMINISTRATOR in has or (int(needed) != 0 and int(needed) & ~int(has) == 0)


def fill_options(
    command: Json, path: list[str], values: dict[str, Any], resolve: Callable[[Json, Any], Any]
) -> tuple[list[Json], list[Json]]:
    """The options that an interaction carries for these values, and the declared ones they answer.

    `path` names the subcommand below the command. LookupError where a member could not enter that.
    """
    declared = command.get("options") or []
    if path:
        inner = next((option for option in declared if option["name"] == path[0]), None)
        if inner is None or inner["type"] not in (SUBCOMMAND, GROUP):
            raise LookupError(f"/{command['name']} has no {path[0]!r}")
        filled, leaf = fill_options(inner, path[1:], values, resolve)
        return [{"name": inner["name"], "type": inner["type"], "options": filled}], leaf
    by_name = {option["name"]: option for option in declared}
    if unknown_names := values.keys() - by_name.keys():
        raise LookupError(
            f"/{command['name']} has no option {sorted(unknown_names)}; it has {sorted(by_name)}"
        )
    filled = [
        {"name": name, "type": by_name[name]["type"], "value": resolve(by_name[name], value)}
        for name, value in values.items()
    ]
    return filled, declared


def check_required(declared: list[Json], given: dict[str, Any]) -> None:
    for option in declared:
        if option["type"] in (SUBCOMMAND, GROUP):
            raise LookupError("a subcommand must be chosen")
        if option.get("required") and option["name"] not in given:
            raise LookupError(f"the option {option['name']!r} must be given")


def check_value(option: Json, value: Any) -> None:
    """What the client would not let a member send."""
    choices = option.get("choices")
    if choices and value not in [choice["value"] for choice in choices]:
        raise LookupError(f"{value!r} is no choice of {option['name']!r}")
    if isinstance(value, str) and not option.get("min_length", 0) <= len(value) <= option.get(
        "max_length", 6000
    ):
        raise LookupError(f"{option['name']!r} is too short or too long")
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    is_within = is_number and option.get("min_value", value) <= value <= option.get("max_value", value)
    if is_number and not is_within:
        raise LookupError(f"{option['name']!r} is too small or too large")
