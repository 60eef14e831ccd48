"""Members' acts on the bot: commands, buttons, selects, modals and menus, as the client turns them into
payloads.

The client offers only what exists, is allowed and is complete; asking for more raises LookupError here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.discord import commands, payloads
from tests.discord.errors import unknown
from tests.discord.interactions import Interaction, Kind, begin
from tests.discord.messages import Upload, store
from tests.discord.model import Channel, Json, Message, Role, User
from tests.discord.permissions import Permission, can, in_channel
from tests.discord.world import World

_BUTTON, _LINK_STYLE = 2, 5
_STRING_SELECT = 3
_TEXT_INPUT, _RADIO_GROUP, _CHECKBOX_GROUP, _CHECKBOX = 4, 21, 22, 23
_LABEL_ROW = 18
_ENTITY_SELECTS: Final = {5: "users", 6: "roles", 7: "users", 8: "channels"}


def slash(world: World, user: User, place: Channel, command: str, values: Mapping[str, Any]) -> Interaction:
    """`command` with its subcommands separated by spaces."""
    name, *path = command.split()
    found = commands.find(world, place, user, commands.SLASH, name)
    resolved: Json = {}

    def resolve(option: Json, value: Any) -> Any:
        commands.check_value(option, value)
        return _resolve(world, place, value, resolved)

    given = {key: value for key, value in values.items() if value is not None}
    options, declared = commands.fill_options(found, path, given, resolve)
    commands.check_required(declared, given)
    data = _command_data(found) | {"options": options} | ({"resolved": resolved} if resolved else {})
    return begin(world, Kind.COMMAND, user, place, data, name=command)


def autocomplete(
    world: World,
    user: User,
    place: Channel,
    command: str,
    option: str,
    text: str,
    others: Mapping[str, Any],
) -> Interaction:
    """What the client sends at each letter, with the options that are filled already."""
    name, *path = command.split()
    found = commands.find(world, place, user, commands.SLASH, name)
    options, declared = commands.fill_options(found, path, {**others, option: text}, lambda _, value: value)
    if not next(item for item in declared if item["name"] == option).get("autocomplete"):
        raise LookupError(f"{option!r} of /{command} has no autocomplete")
    leaf = options
    for _ in path:
        leaf = leaf[0]["options"]
    next(item for item in leaf if item["name"] == option)["focused"] = True
    data = _command_data(found) | {"options": options}
    return begin(world, Kind.AUTOCOMPLETE, user, place, data, name=command)


def message_menu(world: World, user: User, message: Message, command: str) -> Interaction:
    _check_sees(message, user)
    found = commands.find(world, message.channel, user, commands.MESSAGE_MENU, command)
    resolved = {"messages": {str(message.id): payloads.message(world, message)}}
    data = _command_data(found) | {"target_id": str(message.id), "resolved": resolved}
    return begin(world, Kind.COMMAND, user, message.channel, data, name=command)


def click(world: World, user: User, message: Message, button: Json) -> Interaction:
    _check_usable(message, user, button)
    if button["type"] != _BUTTON or button.get("style") == _LINK_STYLE:
        raise LookupError(
            f"{button.get('label') or button.get('custom_id')!r} is no button that tells the bot"
        )
    data = {"custom_id": button["custom_id"], "component_type": _BUTTON, "id": button["id"]}
    return begin(
        world, Kind.COMPONENT, user, message.channel, data, name=button["custom_id"], message=message
    )


def choose(world: World, user: User, message: Message, select: Json, values: Sequence[str]) -> Interaction:
    _check_usable(message, user, select)
    least, most = select.get("min_values", 1), select.get("max_values", 1)
    if not least <= len(values) <= most:
        raise LookupError(f"between {least} and {most} must be chosen")
    chosen = [_option_value(select, value) for value in values]
    data: Json = {"custom_id": select["custom_id"], "component_type": select["type"], "id": select["id"]}
    data["values"] = chosen
    if kind := _ENTITY_SELECTS.get(select["type"]):
        data["resolved"] = _resolved_entities(world, message.channel, kind, chosen)
    return begin(
        world, Kind.COMPONENT, user, message.channel, data, name=select["custom_id"], message=message
    )


def submit(world: World, opened: Interaction, values: Mapping[str, Any]) -> Interaction:
    """The modal that `opened` answered with, by label or custom_id; it keeps the button's message."""
    modal = opened.modal
    if modal is None:
        raise LookupError(f"{opened.name!r} opened no modal")
    rest = dict(values)
    rows = [_filled_row(row, rest) for row in modal["components"]]
    if rest:
        raise LookupError(f"the modal {modal['title']!r} has no field {sorted(rest)}")
    data = {"custom_id": modal["custom_id"], "components": rows}
    return begin(
        world,
        Kind.MODAL,
        opened.user,
        opened.channel,
        data,
        name=modal["custom_id"],
        message=opened.message,
    )


def _filled_row(row: Json, values: dict[str, Any]) -> Json:
    if row["type"] == _LABEL_ROW:
        return {"type": _LABEL_ROW, "component": _filled(row["component"], row["label"], values)}
    if "components" not in row:
        return {"type": row["type"]}
    children = [_filled(child, child.get("label") or "", values) for child in row["components"]]
    return {"type": row["type"], "components": children}


def _filled(component: Json, label: str, values: dict[str, Any]) -> Json:
    """What the client sends for one field, under the rules that it checks itself."""
    key = next((key for key in values if key in (label, component["custom_id"])), None)
    value = values.pop(key) if key is not None else None
    body: Json = {
        "type": component["type"],
        "custom_id": component["custom_id"],
        "id": component.get("id", 0),
    }
    if component["type"] == _TEXT_INPUT:
        return body | {"value": _text_value(component, label, value)}
    if component["type"] == _CHECKBOX:
        return body | {"value": bool(value)}
    if component["type"] == _RADIO_GROUP:
        chosen = _chosen_values(component, label, [value] if value else [])
        return body | {"value": chosen[0] if chosen else None}
    if component["type"] not in {_STRING_SELECT, _CHECKBOX_GROUP}:
        raise LookupError(f"this client cannot fill a component of type {component['type']}")
    given = [value] if isinstance(value, str) else list(value or [])
    return body | {"values": _chosen_values(component, label, given)}


def _text_value(component: Json, label: str, value: Any) -> str:
    text = str(value if value is not None else component.get("value") or "")
    required = component.get("required", True)
    least = max(component.get("min_length", 0), 1 if required else 0)
    if (text or required) and not least <= len(text) <= component.get("max_length", 4000):
        raise LookupError(f"{label!r} takes {least} to {component.get('max_length', 4000)} characters")
    return text


def _chosen_values(component: Json, label: str, given: Sequence[str]) -> list[str]:
    if not given and component.get("required", True):
        raise LookupError(f"{label!r} must be chosen")
    return [_option_value(component, value) for value in given]


def _option_value(select: Json, value: str) -> str:
    """By value or label; the entity selects take any id."""
    if "options" not in select:
        return str(value)
    for option in select["options"]:
        if value in (option["value"], option["label"]):
            return str(option["value"])
    raise LookupError(f"no option {value!r}; there are {[option['label'] for option in select['options']]}")


def _command_data(command: Json) -> Json:
    data: Json = {"id": command["id"], "name": command["name"], "type": command["type"]}
    return data | ({"guild_id": command["guild_id"]} if "guild_id" in command else {})


def _resolve(world: World, place: Channel, value: Any, resolved: Json) -> Any:
    """The id of an entity, which goes into `resolved`; any other value as it is."""
    if isinstance(value, Upload):
        attachment = store(world, value)
        body = payloads.attachment(world, attachment, place)
        resolved.setdefault("attachments", {})[body["id"]] = body
        return body["id"]
    for kind, entity_type in (("users", User), ("roles", Role), ("channels", Channel)):
        if isinstance(value, entity_type):
            found = _resolved_entities(world, place, kind, [str(value.id)])
            for key, entities in found.items():
                resolved.setdefault(key, {}).update(entities)
            return str(value.id)
    return value


def _resolved_entities(world: World, place: Channel, kind: str, ids: Sequence[str]) -> Json:
    home = place.guild
    if kind == "users":
        users = {one: payloads.user(world.user(int(one))) for one in ids}
        known = {one: home.members[int(one)] for one in ids if home and int(one) in home.members}
        members = {
            one: payloads.member(membership, with_user=False)
            | {"permissions": str(int(in_channel(place, membership.user)))}
            for one, membership in known.items()
        }
        return {"users": users, "members": members}
    if kind == "roles":
        assert home is not None
        return {"roles": {one: payloads.role(home.roles[int(one)]) for one in ids}}
    return {"channels": {one: _partial_channel(world.channel(int(one)), world.bot) for one in ids}}


def _partial_channel(channel: Channel, bot: User) -> Json:
    return payloads.channel(channel) | {"permissions": str(int(in_channel(channel, bot)))}


def _check_sees(message: Message, user: User) -> None:
    """An ephemeral answer is there only for whom it answers; a deleted message for nobody."""
    if message.deleted or not can(user, message.channel, Permission.VIEW_CHANNEL):
        raise unknown("Message")
    if message.is_ephemeral and (message.interaction is None or message.interaction.user is not user):
        raise unknown("Message")


def _check_usable(message: Message, user: User, component: Json) -> None:
    _check_sees(message, user)
    if component.get("disabled"):
        raise LookupError(f"{component.get('label') or component.get('custom_id')!r} is disabled")
