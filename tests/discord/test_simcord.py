"""A second opinion: a part of the scenarios in simcord's Discord, which others wrote from the same documents.

It feeds payloads into discord.py in this process, so that it says nothing of sockets and rate limits; those
are the loopback's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import discord
import pytest
import simcord

from agent.contracts import LOCAL_GUILD, FeedbackKind
from agent.database import tables
from agent.runtime import Installation
from bot.client import Lorekeeper

pytestmark = pytest.mark.asyncio(loop_scope="session")

_PUMP = "When did we replace our pool pump?"


@asynccontextmanager
async def _running(household: Installation) -> AsyncIterator[simcord.Env]:
    """simcord's Discord with the bot in it; fails the test on an error that the bot did not handle."""
    async with household.stores.database.write() as connection:
        for table in (tables.bot_values, tables.bot_seen, tables.bot_questions, tables.bot_answers):
            await connection.execute(table.delete())
    async with simcord.run(_bot(household), shard_count=1, settle_timeout=60.0) as env:
        guild = env.create_guild("Household")
        guild.create_text_channel("general")
        _share_the_sample(env)
        yield env


def _bot(household: Installation) -> Lorekeeper:
    settings = household.settings.model_copy(update={"discord_edit_seconds": 0.05})
    return Lorekeeper(replace(household, settings=settings), guild_ready_timeout=0.05)


def _share_the_sample(env: simcord.Env) -> None:
    env.bot.settings = env.bot.settings.model_copy(update={"discord_local_guild": env.guild.id})


def _button(message: discord.Message, action: str) -> str:
    rows = [row for row in message.components if isinstance(row, discord.ActionRow)]
    ids = [child.custom_id for row in rows for child in row.children if isinstance(child, discord.Button)]
    return next(id_ for id_ in ids if id_ and id_.startswith(f"lk:a:{action}:"))


async def _votes(env: simcord.Env, answer: discord.Message) -> Sequence[int]:
    row = await env.bot.state.answer(answer.id)
    return sorted((await env.bot.agent.parts.journal.votes(LOCAL_GUILD, row.episode)).values())


async def test_a_mention_is_answered_and_anyone_votes_once(household: Installation) -> None:
    async with _running(household) as env:
        channel = env.guild.channels["general"]
        ana = env.guild.add_member(env.create_user("ana"))
        ben = env.guild.add_member(env.create_user("ben"))
        await ana.send(channel, f"<@{env.bot.user.id}> {_PUMP}")
        answer = channel.last_message
        assert "-# \\[1] " in answer.content
        assert answer.content.splitlines()[-1] == "-# Topic: Pool"
        thanked = await ana.click(answer, custom_id=_button(answer, "up"))
        assert thanked.ephemeral
        await ben.react(answer, "👎")
        assert await _votes(env, answer) == [-1, 1]
        await ben.unreact(answer, "👎")
        assert await _votes(env, answer) == [1]
        refused = await ben.click(answer, custom_id=_button(answer, "dismiss"))
        assert refused.response is not None
        assert refused.ephemeral
        assert channel.last_message.id == answer.id


async def test_the_form_works_on_an_answer_from_before_a_restart(household: Installation) -> None:
    async with _running(household) as env:
        channel = env.guild.channels["general"]
        ana = env.guild.add_member(env.create_user("ana"))
        await ana.send(channel, f"<@{env.bot.user.id}> {_PUMP}")
        answer = channel.last_message
        await env.restart_bot(_bot(household))
        _share_the_sample(env)
        shown = await ana.click(answer, custom_id=_button(answer, "down"))
        assert shown.modal is not None
        reason, correction = (label["component"]["custom_id"] for label in shown.modal["components"])
        await ana.submit_modal(shown, {reason: ["outdated"], correction: "In May 2025."})
        row = await env.bot.state.answer(answer.id)
        assert row is not None
        events = await household.stores.journal.feedback(LOCAL_GUILD, episode=row.episode)
        assert {event.kind for event in events} == {
            FeedbackKind.VOTE,
            FeedbackKind.REASON,
            FeedbackKind.CORRECTION,
        }


async def test_a_command_answers_its_asker_alone(household: Installation) -> None:
    async with _running(household) as env:
        channel = env.guild.channels["general"]
        ana = env.guild.add_member(env.create_user("ana"))
        given = await ana.slash(channel, "ask", question=_PUMP, private=True)
        assert given.ephemeral
        assert given.response is not None
        assert "Topic: Pool" in given.response.content


async def test_nobody_is_pinged_and_no_other_guild_is_quoted(household: Installation) -> None:
    async with _running(household) as env:
        elsewhere = env.create_guild("Elsewhere")
        channel = elsewhere.create_text_channel("talk")
        eve = elsewhere.add_member(env.create_user("eve"))
        await eve.send(channel, f"<@{env.bot.user.id}> who is @everyone by the pool pump?")
        answer = channel.last_message
        assert answer.author == env.bot.user
        assert "-# \\[1] " not in answer.content
        assert not answer.mention_everyone
        posts = [
            each.json for each in env.http_requests if each.method == "POST" and "/messages" in each.path
        ]
        assert posts
        assert all(body["allowed_mentions"]["parse"] == [] for body in posts)


async def test_it_is_silent_where_nobody_speaks_to_it(household: Installation) -> None:
    async with _running(household) as env:
        channel = env.guild.channels["general"]
        ana = env.guild.add_member(env.create_user("ana"))
        said = await ana.send(channel, _PUMP)
        assert channel.last_message.id == said.id
