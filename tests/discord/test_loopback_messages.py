"""discord.py's own client on the loopback: messages, replies, reactions, threads, files."""

from __future__ import annotations

import discord

from tests.discord.fixtures import running
from tests.discord.loopback import Loopback


class Echo(discord.Client):
    """Answers a mention with a reply."""

    async def on_message(self, message: discord.Message) -> None:
        if message.author != self.user and self.user in message.mentions:
            await message.reply(f"heard: {message.clean_content}")


def echo() -> Echo:
    intents = discord.Intents.default()
    intents.message_content = True
    return Echo(intents=intents, guild_ready_timeout=0.05, allowed_mentions=discord.AllowedMentions.none())


async def test_a_mention_is_answered_with_a_reply(pointed: Loopback) -> None:
    ana = pointed.member("ana")
    async with running(echo(), pointed):
        asked = await ana.asks("general", "when was the pump replaced?")
        answer = await pointed.wait.reply_to(asked)
    assert "when was the pump replaced?" in answer.content
    assert answer.author is pointed.bot
