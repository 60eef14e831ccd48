"""The bot's own state, on every database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from agent.catalog.sql import SqlCatalog
from agent.contracts import EpisodeId, GuildId, MemberId, Slug
from agent.database import tables
from agent.database.engine import Database
from agent.errors import StoreError
from bot.fairness import Allowance
from bot.state.config import ChannelConfig, GuildConfig, Power
from bot.state.store import AnswerMessage, BotState, Pending
from tests.agent.database.backends import BACKENDS, opened

_HOME, _OTHER = GuildId("1"), GuildId("2")
_ANA, _BEN = MemberId("10"), MemberId("11")
_EPISODE = EpisodeId("0197-e1")
_QUESTION = 1_200_000_000_000_000_001


@pytest.fixture(params=BACKENDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    async with opened(request, tmp_path, _HOME, _OTHER) as database:
        yield database


@pytest.fixture
def state(database: Database) -> BotState:
    return BotState(database)


_PENDING = Pending(
    guild=_HOME,
    question=_QUESTION,
    channel=5,
    member=_ANA,
    placeholder=None,
    asked_at=datetime(2026, 11, 22, 12, tzinfo=UTC),
)
_ANSWER = AnswerMessage(
    guild=_HOME, message=900, channel=5, question=_QUESTION, episode=_EPISODE, member=_ANA
)


async def test_a_guild_that_chose_nothing_has_the_defaults(state: BotState) -> None:
    assert await state.config(_HOME) == GuildConfig()


async def test_a_configuration_comes_back_as_it_was(database: Database) -> None:
    chosen = GuildConfig(
        language="es",
        channels={7: ChannelConfig(auto=True, category=Slug("pool"))},
        roles={Power.TEACH: frozenset({3, 4})},
        allowance=Allowance(questions=1, seconds=5),
        allowances={3: Allowance(questions=0, seconds=1)},
    )
    await BotState(database).change_config(_HOME, lambda _: chosen, by=_ANA, action="setup", detail={"a": 1})
    assert await BotState(database).config(_HOME) == chosen
    assert await BotState(database).config(_OTHER) == GuildConfig()


async def test_every_change_is_in_the_audit_log(state: BotState) -> None:
    await state.change_config(
        _HOME, lambda old: replace(old, language="es"), by=_ANA, action="language", detail={"to": "es"}
    )
    await state.audit(_HOME, by=_BEN, action="category add", detail={"slug": "pool"})
    changes = await state.changes(_HOME)
    assert [(change.member, change.action, change.detail) for change in changes] == [
        (_BEN, "category add", {"slug": "pool"}),
        (_ANA, "language", {"to": "es"}),
    ]
    assert await state.changes(_OTHER) == ()


async def test_the_audit_log_cannot_be_rewritten(state: BotState, database: Database) -> None:
    await state.audit(_HOME, by=_BEN, action="category add", detail={})
    with pytest.raises(StoreError) as refused:
        async with database.write() as connection:
            await connection.execute(tables.bot_audit.update().values(action="nothing"))
    assert isinstance(refused.value.__cause__, DBAPIError)


async def test_a_configuration_that_cannot_be_read_is_told(database: Database) -> None:
    async with database.write() as connection:
        row = {"guild": _HOME, "config": {"channels": "all"}}
        await connection.execute(tables.bot_guilds.insert(), row)
    with pytest.raises(StoreError, match="configuration of guild 1"):
        await BotState(database).config(_HOME)


async def test_a_question_is_pending_until_it_is_answered_and_never_again(state: BotState) -> None:
    assert await state.begin(_PENDING)
    assert not await state.begin(_PENDING)
    await state.set_placeholder(_HOME, _QUESTION, 900)
    assert await state.pending() == (replace(_PENDING, placeholder=900),)
    await state.put_answers([_ANSWER])
    await state.end(_HOME, _QUESTION)
    assert await state.pending() == ()
    assert not await state.begin(_PENDING)
    assert await state.answers_to(_HOME, _QUESTION) == (_ANSWER,)
    assert await state.answers_to(_OTHER, _QUESTION) == ()


async def test_a_message_leads_to_its_answer_and_the_answer_to_its_messages(state: BotState) -> None:
    second = replace(_ANSWER, message=901)
    await state.put_answers([second, _ANSWER])
    assert await state.answer(901) == second
    assert await state.answer(902) is None
    assert await state.messages_of(_HOME, _EPISODE) == (_ANSWER, second)
    assert await state.messages_of(_OTHER, _EPISODE) == ()


async def test_an_answer_that_is_made_again_is_of_the_new_episode(state: BotState) -> None:
    await state.put_answers([_ANSWER])
    await state.put_answers([replace(_ANSWER, episode=EpisodeId("e2"))])
    found = await state.answer(_ANSWER.message)
    assert found is not None
    assert found.episode == "e2"


async def test_what_was_taken_is_known_when_it_is_done_too(state: BotState) -> None:
    await state.begin(_PENDING)
    assert await state.taken(_HOME, _PENDING.question) == _PENDING
    await state.end(_HOME, _PENDING.question)
    assert await state.taken(_HOME, _PENDING.question) == replace(_PENDING, done=True)
    assert await state.taken(_OTHER, _PENDING.question) is None


async def test_what_was_asked_last_in_a_channel(state: BotState) -> None:
    channel = _PENDING.channel
    assert await state.last_asked(_HOME, channel, _ANA) is None
    await state.begin(_PENDING)
    command = replace(_ANSWER, message=_PENDING.question + 5, channel=channel, question=None, member=_BEN)
    await state.put_answers([command])
    assert await state.last_asked(_HOME, channel, _ANA) == _PENDING.question
    assert await state.last_asked(_HOME, channel, _BEN) == command.message
    assert await state.last_asked(_HOME, channel + 1, _ANA) is None


async def test_where_answers_stand_is_known_but_for_those_to_commands(state: BotState) -> None:
    other = replace(_ANSWER, message=_ANSWER.message + 1, episode=EpisodeId("0197-e2"), question=None)
    await state.put_answers([_ANSWER, other])
    assert await state.channels_of_answers(_HOME) == {_ANSWER.episode: _ANSWER.channel}


async def test_the_audit_log_of_one_member(state: BotState) -> None:
    for by, action in ((_ANA, "one"), (_BEN, "two"), (_ANA, "three")):
        await state.audit(_HOME, by=by, action=action, detail={})
    assert [change.action for change in await state.changes(_HOME, 2)] == ["three", "two"]
    assert [change.action for change in await state.changes(_HOME, 50, _ANA)] == ["three", "one"]


async def test_what_was_seen_moves_on(state: BotState) -> None:
    await state.set_seen({})
    await state.set_seen({1: 100, 2: 200})
    await state.set_seen({1: 150})
    assert await state.seen() == {1: 150, 2: 200}


async def test_direct_messages_have_a_home(state: BotState) -> None:
    assert await state.home(_ANA) is None
    assert await state.begin(replace(_PENDING, guild=_HOME), home=True)
    assert await state.begin(replace(_PENDING, guild=_OTHER), home=True)
    assert await state.home(_ANA) == _OTHER


async def test_a_question_that_was_taken_before_is_asked_at_home_too(state: BotState) -> None:
    assert await state.begin(_PENDING)
    assert await state.home(_ANA) is None
    assert not await state.begin(_PENDING, home=True)
    assert await state.home(_ANA) == _PENDING.guild


async def test_values_are_kept(state: BotState) -> None:
    assert await state.value("commands") is None
    await state.set_value("commands", "a")
    await state.set_value("commands", "b")
    assert await state.value("commands") == "b"


async def test_everything_of_a_guild_goes_with_it(state: BotState, database: Database) -> None:
    await state.change_config(_HOME, lambda old: old, by=_ANA, action="setup", detail={})
    await state.begin(replace(_PENDING, question=2), home=True)
    await state.put_answers([_ANSWER])
    await SqlCatalog(database).drop_guild(_HOME)
    assert await state.pending() == ()
    assert await state.answer(_ANSWER.message) is None
    assert await state.home(_ANA) is None
    assert await state.changes(_HOME) == ()


@pytest.mark.parametrize(
    ("power", "named", "roles", "manages", "may"),
    [
        (Power.ASK, [], [], False, True),
        (Power.ASK, [3], [], False, False),
        (Power.ASK, [3], [3, 9], False, True),
        (Power.ASK, [3], [], True, True),
        (Power.TEACH, [], [], False, True),
        (Power.TEACH, [4], [3], False, False),
        (Power.REVIEW, [], [3], False, False),
        (Power.ADMINISTER, [], [3], False, False),
        (Power.ADMINISTER, [3], [3], False, True),
        (Power.ADMINISTER, [], [], True, True),
    ],
)
def test_who_may(power: Power, named: list[int], roles: list[int], manages: bool, may: bool) -> None:
    config = GuildConfig().with_roles(power, frozenset(named))
    assert config.has(power, frozenset(roles), manages=manages) is may


def test_a_thread_goes_by_its_channel_unless_it_has_its_own_choice() -> None:
    auto, silent = ChannelConfig(auto=True), ChannelConfig(silenced=True)
    config = GuildConfig().with_channel(10, auto).with_channel(11, silent)
    assert config.channel(99, 10, None) == auto
    assert config.channel(11, 10) == silent
    assert config.channel(99, None) == ChannelConfig()
    assert config.with_channel(10, ChannelConfig()).channels == {11: silent}
