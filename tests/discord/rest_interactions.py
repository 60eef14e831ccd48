"""REST: acknowledging interactions, and the answers that follow under their token."""

from __future__ import annotations

from typing import Final

from tests.discord import interactions, payloads
from tests.discord.errors import unknown
from tests.discord.interactions import Answer, Interaction, changes_named
from tests.discord.model import Json
from tests.discord.rest import Body, Call, Routes, draft_of

ROUTES: Final = Routes()
_WEBHOOK: Final = "/webhooks/{application}/{token:text}"


@ROUTES.add("POST", "/interactions/{interaction}/{token:text}/callback", bucket="webhook", for_anyone=True)
def _callback(call: Call) -> Body:
    interaction = call.world.interactions.get(call.path["token"])
    if interaction is None or interaction.id != call.id("interaction"):
        raise unknown("Interaction")
    data: Json = call.body.get("data") or {}
    answer = Answer(call.body["type"])
    interactions.acknowledge(call.world, interaction, answer, data, draft_of(data, call.files))
    if call.query.get("with_response") not in ("1", "true"):
        return None
    return _response(call, interaction, answer)


def _response(call: Call, interaction: Interaction, answer: Answer) -> Json:
    about: Json = {"id": str(interaction.id), "type": int(interaction.kind)}
    body: Json = {"interaction": about}
    original = interaction.original
    if original is not None:
        about |= {
            "response_message_id": str(original.id),
            "response_message_ephemeral": original.is_ephemeral,
            "response_message_loading": original.is_thinking,
        }
        body["resource"] = {"type": int(answer), "message": payloads.message(call.world, original)}
    return body


def _interaction(call: Call) -> Interaction:
    interaction = call.world.interactions.get(call.path["token"])
    if interaction is None or call.id("application") != call.world.application.id:
        raise unknown("Webhook")
    return interaction


@ROUTES.add("POST", _WEBHOOK, bucket="webhook", for_anyone=True)
def _follow_up(call: Call) -> Body:
    message = interactions.follow_up(call.world, _interaction(call), draft_of(call.body, call.files))
    return payloads.message(call.world, message)


@ROUTES.add("GET", _WEBHOOK + "/messages/{message:text}", bucket="webhook", for_anyone=True)
def _read(call: Call) -> Body:
    message = interactions.answer_of(call.world, _interaction(call), call.path["message"])
    return payloads.message(call.world, message)


@ROUTES.add("PATCH", _WEBHOOK + "/messages/{message:text}", bucket="webhook", for_anyone=True)
def _edit(call: Call) -> Body:
    changes = changes_named(call.body, draft_of(call.body, call.files))
    message = interactions.edit_answer(call.world, _interaction(call), call.path["message"], changes)
    return payloads.message(call.world, message)


@ROUTES.add("DELETE", _WEBHOOK + "/messages/{message:text}", bucket="webhook", for_anyone=True)
def _delete(call: Call) -> Body:
    interactions.delete_answer(call.world, _interaction(call), call.path["message"])
    return None
