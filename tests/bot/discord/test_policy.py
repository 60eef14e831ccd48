"""Every yes and every no of the policy, by name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.policy import Incoming, Reason, Rules, should_respond

_AUTO = Rules(auto=True)
_SILENCED = Rules(silenced=True)
_MAY_NOT = Rules(may_ask=False)
_MENTION = Incoming(mentions_me=True)
_PLAIN = Incoming()


@pytest.mark.parametrize(
    ("message", "rules", "reason"),
    [
        (_MENTION, Rules(), Reason.MENTIONED),
        (replace(_MENTION, empty=True), Rules(), Reason.MENTIONED),
        (replace(_MENTION, mentions_others=True, mentions_many=True), _AUTO, Reason.MENTIONED),
        (replace(_MENTION, replies_to_others=True), Rules(), Reason.MENTIONED),
        (Incoming(replies_to_me=True), Rules(), Reason.REPLIED),
        (Incoming(replies_to_me=True, mentions_others=True), Rules(), Reason.REPLIED),
        (Incoming(direct=True), Rules(), Reason.DIRECT),
        (Incoming(in_my_thread=True), Rules(), Reason.THREAD),
        (Incoming(in_my_thread=True), _AUTO, Reason.THREAD),
        (_PLAIN, _AUTO, Reason.AUTO),
        (Incoming(from_me=True, from_bot=True), _AUTO, Reason.OWN_MESSAGE),
        (replace(_MENTION, from_bot=True), Rules(), Reason.OTHER_BOT),
        (replace(_MENTION, from_bot=True, from_webhook=True), Rules(), Reason.WEBHOOK),
        (Incoming(from_system=True), _AUTO, Reason.SYSTEM_MESSAGE),
        (_MENTION, _SILENCED, Reason.SILENCED),
        (Incoming(replies_to_me=True), _SILENCED, Reason.SILENCED),
        (Incoming(in_my_thread=True), _SILENCED, Reason.SILENCED),
        (_PLAIN, replace(_AUTO, silenced=True), Reason.SILENCED),
        (_MENTION, _MAY_NOT, Reason.MAY_NOT_ASK),
        (_PLAIN, replace(_AUTO, may_ask=False), Reason.MAY_NOT_ASK),
        (Incoming(direct=True), _MAY_NOT, Reason.MAY_NOT_ASK),
        (Incoming(mentions_many=True), _AUTO, Reason.FOR_EVERYONE),
        (Incoming(mentions_many=True, in_my_thread=True), Rules(), Reason.FOR_EVERYONE),
        (Incoming(mentions_others=True), _AUTO, Reason.FOR_SOMEONE_ELSE),
        (Incoming(replies_to_others=True), _AUTO, Reason.FOR_SOMEONE_ELSE),
        (Incoming(mentions_others=True, in_my_thread=True), Rules(), Reason.FOR_SOMEONE_ELSE),
        (Incoming(empty=True), _AUTO, Reason.EMPTY),
        (Incoming(empty=True, direct=True), Rules(), Reason.EMPTY),
        (_PLAIN, Rules(), Reason.NOT_ADDRESSED),
        (Incoming(mentions_many=True), Rules(), Reason.NOT_ADDRESSED),
        (_PLAIN, _SILENCED, Reason.NOT_ADDRESSED),
    ],
)
def test_each_reason(message: Incoming, rules: Rules, reason: Reason) -> None:
    decision = should_respond(message, rules)
    assert decision.reason is reason
    assert decision.respond is (
        reason in (Reason.MENTIONED, Reason.REPLIED, Reason.DIRECT, Reason.THREAD, Reason.AUTO)
    )


_MESSAGES = st.builds(Incoming, **{name: st.booleans() for name in Incoming.__dataclass_fields__})
_RULES = st.builds(Rules, **{name: st.booleans() for name in Rules.__dataclass_fields__})


@given(_MESSAGES, _RULES)
def test_no_machine_and_no_silenced_channel_is_ever_answered(message: Incoming, rules: Rules) -> None:
    if should_respond(message, rules).respond:
        assert not any((message.from_me, message.from_bot, message.from_webhook, message.from_system))
        assert rules.may_ask
        assert not rules.silenced


@given(_MESSAGES)
def test_an_unaddressed_message_is_answered_only_where_that_was_switched_on(message: Incoming) -> None:
    addressed = message.mentions_me or message.replies_to_me or message.direct or message.in_my_thread
    if not addressed:
        assert not should_respond(message, Rules()).respond
