"""Asking the real bot over the socket, and what members see."""

from __future__ import annotations

from typing import Any

import pytest

from agent.contracts import LOCAL_GUILD, MemberId
from bot.fairness import Allowance
from bot.state.config import ChannelConfig, GuildConfig, Power
from tests.bot.discord.conftest import Stage
from tests.discord.messages import Upload

pytestmark = pytest.mark.asyncio(loop_scope="session")

_PUMP = "When did we replace our pool pump?"
_ADMIN = MemberId("1")


async def _configure(stage: Stage, config: GuildConfig) -> None:
    await stage.bot.state.change_config(LOCAL_GUILD, lambda _: config, by=_ADMIN, action="test", detail={})


async def test_a_mention_is_answered_with_a_quote_its_source_and_its_topic(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    answer = await stage.answer_to(await ana.asks("general", _PUMP))
    assert "“" in answer.content
    assert "-# \\[1] " in answer.content
    assert answer.content.splitlines()[-1] == "-# Topic: Pool"
    assert [button["emoji"]["name"] for button in answer.interactive()] == ["👍", "👎", "🏷️", "📚", "🔁", "🗑️"]
    assert answer.versions[0].startswith("🔎")


async def test_the_answer_is_in_the_questions_language(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    answer = await stage.answer_to(await ana.asks("general", "¿Cuándo cambiamos la bomba de la piscina?"))
    assert answer.content.splitlines()[-1].startswith("-# Tema: ")
    assert answer.button("Útil")


async def test_a_reply_and_a_direct_message_need_no_mention(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    first = await stage.answer_to(await ana.asks("general", _PUMP))
    second = await stage.answer_to(await ana.replies(first, "And who did it?", ping=False))
    assert second.id != first.id
    direct = await stage.answer_to(await ana.direct(_PUMP))
    assert direct.channel is ana.direct_channel


async def test_a_thread_needs_one_mention_and_then_none(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    thread = await ana.opens_thread("general", "Pump")
    unasked = await ana.says(thread, _PUMP)
    await stage.looked_at(unasked)
    assert stage.loopback.wait.present_replies(unasked) == []
    await stage.answer_to(await ana.asks(thread, _PUMP))
    await stage.answer_to(await ana.says(thread, "What does the new pump cost?"))


async def test_an_automatic_channel_answers_only_what_is_for_nobody_else(stage: Stage) -> None:
    ana, ben = stage.loopback.member("ana"), stage.loopback.member("ben")
    channel = stage.loopback.channel("pool")
    await _configure(stage, GuildConfig().with_channel(channel.id, ChannelConfig(auto=True)))
    await stage.answer_to(await ana.says("pool", _PUMP))
    ignored = [
        await ana.says("pool", f"{ben.mention} do you know when?"),
        await ana.says("pool", "@everyone the pool is closed"),
        await ana.says("general", _PUMP),
        await stage.loopback.other_bot().says("pool", _PUMP),
    ]
    ignored.append(await ben.replies(ignored[0], "In May, I think."))
    await stage.looked_at(ignored[-1])
    assert [stage.loopback.wait.present_replies(each) for each in ignored] == [[]] * 5


async def test_a_forum_post_is_answered_by_its_title(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    forum = stage.loopback.channel("help")
    await _configure(stage, GuildConfig().with_channel(forum.id, ChannelConfig(auto=True)))
    post = await ana.posts("help", "Pool pump", "When did we replace it?")
    answer = await stage.final(await stage.loopback.wait.next_in(post))
    assert "Topic: Pool" in answer.content


async def test_a_silenced_channel_stays_silent(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    channel = stage.loopback.channel("car")
    await _configure(stage, GuildConfig().with_channel(channel.id, ChannelConfig(silenced=True)))
    asked = await ana.asks("car", _PUMP)
    await stage.looked_at(asked)
    assert stage.loopback.said_by_bot(channel) == []


async def test_who_may_not_ask_is_told_so(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    owners = stage.loopback.role("Owners")
    await _configure(stage, GuildConfig().with_roles(Power.ASK, frozenset({owners.id})))
    refused = await stage.loopback.wait.reply_to(await ana.asks("general", _PUMP))
    assert "/roles" in refused.content
    ben = stage.loopback.member("ben", roles=("Owners",))
    await stage.answer_to(await ben.asks("general", _PUMP))


async def test_who_asks_too_much_is_told_when_to_come_back(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    await _configure(stage, GuildConfig(allowance=Allowance(questions=1, seconds=600)))
    await stage.answer_to(await ana.asks("general", _PUMP))
    refused = await stage.loopback.wait.reply_to(await ana.asks("general", _PUMP))
    assert "<t:" in refused.content
    await stage.answer_to(await stage.loopback.admin().asks("general", _PUMP))


async def test_a_mention_alone_says_what_the_bot_does(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    told = await stage.loopback.wait.reply_to(await ana.asks("general", ""))
    assert told.content.startswith("Ask me something")


async def test_a_mention_under_a_message_asks_what_that_message_asks(stage: Stage) -> None:
    ana, ben = stage.loopback.member("ana"), stage.loopback.member("ben")
    question = await ana.says("general", _PUMP)
    answer = await stage.answer_to(await ben.replies(question, stage.loopback.bot.mention, ping=False))
    assert "Topic: Pool" in answer.content


async def test_what_is_asked_can_ping_nobody(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    answer = await stage.answer_to(await ana.asks("general", "who is @everyone and <@1> in the pool?"))
    assert "@everyone" not in answer.content
    assert stage.loopback.pings == []


async def test_a_deleted_message_is_gone_from_the_conversation(stage: Stage) -> None:
    from bot.conversation import conversation_before

    ana = stage.loopback.member("ana")
    secret = await ana.says("general", "The alarm code is 4711.")
    reply = await ana.replies(secret, "Hm.")
    image = Upload(filename="pump.png", content=b"\x89PNG", content_type="image/png")
    asked = await ana.replies(reply, "What was that?", ping=False)
    shown = await ana.says("general", "", files=[image], reply_to=asked)
    channel: Any = await stage.bot.fetch_channel(shown.channel.id)

    async def turns() -> list[str]:
        message = await channel.fetch_message(shown.id)
        return [turn.text for turn in await conversation_before(message, stage.bot.me_id, 500)]

    assert await turns() == ["The alarm code is 4711.", "Hm.", "What was that?"]
    await ana.deletes(secret)
    assert await turns() == ["Hm.", "What was that?"]


async def test_a_command_asks_too_and_can_be_private(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    await stage.loopback.wait.until(lambda: stage.loopback.world.commands or None, what="the commands")
    public = await ana.slash("ask", question=_PUMP)
    shown = await stage.loopback.wait.until(
        lambda: next((m for m in public.messages() if m.components), None), what="the answer"
    )
    assert "Topic: Pool" in shown.content
    assert not shown.is_ephemeral
    private = await ana.slash("ask", question=_PUMP, private=True, topic="pool")
    hidden = await stage.loopback.wait.until(
        lambda: next((m for m in private.messages() if m.components), None), what="the answer"
    )
    assert hidden.is_ephemeral


async def test_an_unknown_topic_is_told_in_the_members_language(stage: Stage) -> None:
    pilar = stage.loopback.member("pilar", locale="es-ES")
    await stage.loopback.wait.until(lambda: stage.loopback.world.commands or None, what="the commands")
    given = await pilar.slash("ask", question=_PUMP, topic="barcos")
    told = await stage.loopback.wait.answered(given)
    assert (told.content, told.is_ephemeral) == (
        "No hay ningún tema barcos. `/category list` los muestra.",
        True,
    )
    assert not stage.bot.desk.running


async def test_topics_are_offered_while_typing(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    await stage.loopback.wait.until(lambda: stage.loopback.world.commands or None, what="the commands")
    assert await ana.types("ask", "topic", "poo", question="x") == {"Pool": "pool"}


async def test_guilds_do_not_see_each_others_knowledge(stage: Stage) -> None:
    other = stage.loopback.add_guild("Elsewhere")
    eve = stage.loopback.member("eve", guild=other)
    answer = await stage.answer_to(await eve.asks(other.channel("general"), _PUMP))
    assert "I don't know" in answer.content
    assert "-# \\[1]" not in answer.content


async def test_a_draft_is_suggested_to_its_asker_alone(stage: Stage) -> None:
    ana, ben = stage.loopback.member("ana"), stage.loopback.member("ben")
    await stage.loopback.wait.until(lambda: stage.loopback.world.commands or None, what="the commands")
    given = await ana.menu("Suggest a reply", await ben.says("general", _PUMP))
    draft = await stage.loopback.wait.until(
        lambda: next((message for message in given.messages() if message.components), None)
    )
    assert draft.is_ephemeral
    assert "-# Topic: Pool" in draft.content


async def test_the_last_messages_of_a_channel_are_summarized_with_links(stage: Stage) -> None:
    ana, ben = stage.loopback.member("ana"), stage.loopback.member("ben")
    await ana.says("car", "This is too old to matter.")
    said = [
        await ana.says("car", "The brake pads were replaced on Monday by Motor Haus for 240 dollars."),
        await ben.says("car", "The winter tires are booked for the fifth of December at nine."),
    ]
    asked = await ana.asks("car", "summarize the last 2 messages")
    summary = await stage.answer_to(asked)
    assert "brake pads" in summary.content
    assert said[0].jump_url in summary.content
    assert "too old" not in summary.content


async def test_who_may_not_ask_is_not_told_at_every_word_in_an_automatic_channel(stage: Stage) -> None:
    ana = stage.loopback.member("ana")
    channel = stage.loopback.channel("pool")
    config = GuildConfig().with_channel(channel.id, ChannelConfig(auto=True))
    await _configure(stage, config.with_roles(Power.ASK, frozenset({1})))
    said = await ana.says("pool", _PUMP)
    await stage.looked_at(said)
    assert stage.loopback.said_by_bot(channel) == []
