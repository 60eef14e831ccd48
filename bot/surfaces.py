"""Where an answer appears: a message that replies to the question, or the answer to a slash command.

Both begin as a placeholder within a moment, show the newest text while it is made, and end as the final
messages. The rows that lead from those messages to the episode are written before their buttons are there
to be pressed. What Discord refuses comes out as `SurfaceGoneError`: there is nothing left to write to. What
may pass is tried for a while and then comes out as `DiscordAwayError`.
"""

from __future__ import annotations

import io
import logging
import secrets
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeAlias, cast

import aiohttp
import discord

from agent.errors import LorekeeperError
from bot.delivery import DiscordAwayError, may_pass, persistently
from bot.pacing import Pacing, Stream
from bot.rendering import neutral_line
from bot.splitter import LIMIT, Layout, TextFile
from bot.texts import Texts
from bot.threads import is_closed, open_thread, reopened

_log = logging.getLogger(__name__)

Record: TypeAlias = Callable[[Sequence[int]], Awaitable[None]]
"""Writes down which messages an answer is made of."""

_RATE_LIMITED: Final = 429
_TOKEN_DEAD: Final = frozenset({10015, 50027})
"""Discord's codes when the token of a command is not, or no longer, valid."""
_ORIGINAL: Final = cast(int, "@original")
"""Discord's name for the first answer to a command, where its id is not known. discord.py types ids only."""
_MOVED: Final = "…"
"""Stands in the new place until the answer does, a moment later."""


class SurfaceGoneError(Exception):
    """The placeholder, the channel or the right to write in it is gone."""

    def __init__(self, error: discord.HTTPException) -> None:
        super().__init__(error.text)
        self.unseen = isinstance(error, discord.Forbidden) or error.code in _TOKEN_DEAD
        """The asker sees nothing of it, unless told in another place."""


class Surface(ABC):
    """One answer in Discord."""

    def __init__(self, pacing: Pacing, channel: int) -> None:
        self._pacing = pacing
        self._channel = channel
        self._stream: Stream | None = None

    @property
    def opened(self) -> bool:
        """The placeholder is there."""
        return self._stream is not None

    @property
    def channel(self) -> int:
        """The channel or thread in which the answer stands, once it is opened."""
        return self._channel

    async def open(self, text: str) -> int:
        """Show the placeholder; return its id. Raises `SurfaceGoneError`, `DiscordAwayError`."""
        try:
            placeholder = await self._open(text)
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            raise _failure(error) from error
        if self._stream is None:
            self._begin_stream(posted=True)
        return placeholder

    def show(self, text: str) -> None:
        """Show this text when the channel's pace allows, unless a newer one comes before."""
        if self._stream is not None:
            self._stream.show(_beginning(text))

    async def finish(self, layout: Layout, view: discord.ui.View | None, record: Record) -> None:
        """Show the final messages. Raises `SurfaceGoneError`, `DiscordAwayError`."""

        async def last() -> None:
            try:
                await self._final(layout, view, record)
            except discord.HTTPException as error:
                if not await self._moved(error):
                    raise
                await self._final(layout, view, record)

        if self._stream is None:
            self._begin_stream()
        assert self._stream is not None
        try:
            await self._stream.finish(last)
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            failure = _failure(error)
            if not isinstance(failure, SurfaceGoneError):
                self._begin_stream()
            raise failure from error
        except LorekeeperError:
            # The answer does not stand there yet: it can be tried again, or told, in the same place.
            self._begin_stream()
            raise

    async def say(self, text: str) -> None:
        """End with one plain message, without buttons. Raises `SurfaceGoneError`, `DiscordAwayError`."""

        async def nothing_to_record(_: Sequence[int]) -> None:
            return

        if self._stream is None:
            await self.open(text)
        await self.finish(Layout(messages=(text,)), None, nothing_to_record)

    @abstractmethod
    async def tell_elsewhere(self, texts: Texts) -> None:
        """Tell the asker why nothing can be shown here, if they take direct messages."""

    def _begin_stream(self, *, posted: bool = False) -> None:
        self._stream = self._pacing.stream(self._channel, self._edited, posted=posted)

    async def _edited(self, text: str) -> float:
        """Send one edit. What fails here is tried again by the final one, which tells."""
        try:
            await self._edit(text)
        except discord.RateLimited as error:
            return error.retry_after
        except discord.HTTPException as error:
            _log.info("an edit was refused: %s %s", error.status, error.code)
            return 60.0 if error.status == _RATE_LIMITED else 0.0
        except (aiohttp.ClientError, OSError) as error:
            _log.info("an edit did not reach Discord: %s", error)
        return 0.0

    async def _final(self, layout: Layout, view: discord.ui.View | None, record: Record) -> None:
        first, *rest = layout.messages
        if not rest:
            await record([self._id])
            await persistently(lambda: self._edit(first, view=view, attachments=_files(layout.files)))
            return
        await persistently(lambda: self._edit(first, view=None, attachments=[]))
        sent: list[discord.Message] = []
        for text in rest:
            files = layout.files if len(sent) == len(rest) - 1 else ()
            sent.append(await self._send(text, files))
        await record([self._id, *(message.id for message in sent)])
        if view is not None:
            await persistently(lambda: sent[-1].edit(view=view))

    async def _moved(self, refused: discord.HTTPException) -> bool:
        """Find the answer another place after a refusal; False when there is none."""
        return False

    @property
    @abstractmethod
    def _id(self) -> int:
        """Of the placeholder."""

    @abstractmethod
    async def _open(self, text: str) -> int: ...

    @abstractmethod
    async def _edit(self, text: str, **final: Any) -> None:
        """Change the placeholder; `final` holds `view` and `attachments`, which else stay as they are."""

    @abstractmethod
    async def _send(self, text: str, files: Sequence[TextFile]) -> discord.Message: ...


class MessageSurface(Surface):
    """A reply to a message, or what stands in a thread under it."""

    def __init__(
        self,
        pacing: Pacing,
        question: discord.Message,
        placeholder: discord.PartialMessage | None = None,
        extra: Sequence[discord.PartialMessage] = (),
        *,
        thread_title: str = "",
    ) -> None:
        """`placeholder` is there already when an answer goes on or is made again; `extra` were further
        messages of it, which go. With a title the answer stands in a thread under the question, if it may.
        """
        self._place: discord.abc.Messageable = placeholder.channel if placeholder else question.channel
        super().__init__(pacing, placeholder.channel.id if placeholder else question.channel.id)
        self._question = question
        self._thread_title = thread_title
        self._placeholder: discord.Message | discord.PartialMessage | None = placeholder
        self._extra = list(extra)

    async def tell_elsewhere(self, texts: Texts) -> None:
        name = getattr(self._question.channel, "name", "")
        try:
            await self._question.author.send(texts.cannot_write_here.format(channel=f"#{neutral_line(name)}"))
        except discord.HTTPException as error:
            _log.info("a member takes no direct messages: %s", error.code)

    @property
    def _id(self) -> int:
        assert self._placeholder is not None
        return self._placeholder.id

    async def _open(self, text: str) -> int:
        if self._placeholder is None:
            self._placeholder = await self._post(text)
            return self._placeholder.id
        await self._drop_extra()
        await persistently(lambda: self._edit(text))
        return self._placeholder.id

    async def _post(self, text: str) -> discord.Message:
        thread = await open_thread(self._question, self._thread_title) if self._thread_title else None
        if thread is not None:
            try:
                # Not the number of a reply, which Discord would give back for it.
                nonce = self._question.id + 1
                posted = await persistently(lambda: thread.send(text, suppress_embeds=True, nonce=nonce))
            except discord.HTTPException as error:
                _log.info("a thread takes no answer: %s", error)
            else:
                self._place, self._channel = thread, posted.channel.id
                return posted
        self._place, self._channel = self._question.channel, self._question.channel.id
        return await reply_once(self._question, text)

    async def _moved(self, refused: discord.HTTPException) -> bool:
        """A thread that was archived is opened again; one that is locked or deleted gives way to the channel
        in which the question stands.
        """
        if await reopened(self._question.guild, self._channel, refused):
            return True
        if self._channel == self._question.channel.id or not is_closed(refused):
            return False
        self._thread_title = ""
        self._placeholder = await self._post(_MOVED)
        return True

    async def _edit(self, text: str, **final: Any) -> None:
        assert self._placeholder is not None
        await self._placeholder.edit(content=text, **final)

    async def _send(self, text: str, files: Sequence[TextFile]) -> discord.Message:
        nonce = secrets.randbits(63)
        return await persistently(
            lambda: self._place.send(text, files=_files(files), suppress_embeds=True, nonce=nonce)
        )

    async def _drop_extra(self) -> None:
        while self._extra:
            try:
                await self._extra.pop().delete()
            except discord.NotFound:
                continue


class CommandSurface(Surface):
    """The answer to a slash command. Its token lives for fifteen minutes; after them an answer that others
    see too is a message of the bot's own, in a channel.
    """

    def __init__(
        self,
        pacing: Pacing,
        channel: discord.PartialMessageable,
        webhook: discord.Webhook,
        asker: discord.User | discord.Member,
        *,
        private: bool,
        message: int | None = None,
    ) -> None:
        """`webhook` speaks with the token; `message` is the placeholder, if the last process noted it."""
        super().__init__(pacing, channel.id)
        self._place = channel
        self._webhook = webhook
        self._asker = asker
        self._private = private
        self._message = message
        self._expired = False

    async def tell_elsewhere(self, texts: Texts) -> None:
        try:
            await self._asker.send(texts.command_lost.format(channel=f"<#{self._channel}>"))
        except discord.HTTPException as error:
            _log.info("a member takes no direct messages: %s", error.code)

    @property
    def _id(self) -> int:
        assert self._message is not None
        return self._message

    async def _open(self, text: str) -> int:
        if self._message is None:
            self._message = (await self._webhook.edit_message(_ORIGINAL, content=text)).id
            return self._message
        try:
            await self._edit(text)
        except discord.HTTPException as error:
            if not await self._moved(error):
                raise
            await self._edit(text)
        return self._message

    async def _moved(self, refused: discord.HTTPException) -> bool:
        if self._expired or self._private or refused.code not in _TOKEN_DEAD:
            return False
        self._expired = True
        return True

    async def _edit(self, text: str, **final: Any) -> None:
        if self._expired:
            await self._place.get_partial_message(self._id).edit(content=text, **final)
        else:
            await self._webhook.edit_message(self._id, content=text, **final)

    async def _send(self, text: str, files: Sequence[TextFile]) -> discord.Message:
        if self._expired:
            return await self._place.send(text, files=_files(files), suppress_embeds=True)
        return await self._webhook.send(
            text, files=_files(files), ephemeral=self._private, suppress_embeds=True, wait=True
        )


class InteractionSurface(CommandSurface):
    """The same for a command that has just come: Discord wants to hear of it within three seconds."""

    def __init__(self, pacing: Pacing, interaction: discord.Interaction, *, private: bool) -> None:
        channel = interaction.client.get_partial_messageable(interaction.channel_id or 0)
        super().__init__(pacing, channel, interaction.followup, interaction.user, private=private)
        self._interaction = interaction

    async def _open(self, text: str) -> int:
        if not self._interaction.response.is_done():
            await self._interaction.response.defer(ephemeral=self._private, thinking=True)
        self._message = (await self._interaction.edit_original_response(content=text)).id
        return self._message


async def reply_once(question: discord.Message, text: str) -> discord.Message:
    """Reply to a message, however often this is called: Discord takes one message of each nonce and gives it
    again for minutes, so neither a lost answer of Discord's nor a restart makes two replies.
    """
    return await persistently(
        lambda: question.reply(text, mention_author=False, suppress_embeds=True, nonce=question.id)
    )


def _failure(error: Exception) -> Exception:
    """What it means that Discord did not take something that was not said again."""
    if isinstance(error, discord.HTTPException) and not may_pass(error):
        return SurfaceGoneError(error)
    return DiscordAwayError()


def _files(files: Sequence[TextFile]) -> list[discord.File]:
    return [discord.File(io.BytesIO(file.text.encode()), file.name) for file in files]


def _beginning(text: str) -> str:
    """What fits in the placeholder while the rest is still being made."""
    return text if len(text) <= LIMIT else f"{text[: LIMIT - 2].rstrip()} …"
