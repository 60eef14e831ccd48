"""What was said before anybody watched: messages that no gateway event told of.

A test adds a few thousand to a channel by `add_past`. `GeneratedPast` stands for any number: it makes the
messages of a page when that is asked for and keeps none, so that what grows is the reader's memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from tests.discord.model import Channel, Message, MessageKind, Reference, Timeline, User
from tests.discord.snowflake import snowflake_at


def add_past(
    channel: Channel,
    said: Sequence[tuple[User, str]],
    *,
    begin: datetime,
    apart: timedelta = timedelta(minutes=1),
    answers: Message | None = None,
) -> list[Message]:
    """One message after the other, so far apart; `answers` is what the first of them replies to."""
    made = []
    for number, (author, content) in enumerate(said):
        at = begin + number * apart
        message = Message(
            id=snowflake_at(at),
            channel=channel,
            author=author,
            content=content,
            created=at,
        )
        if answers is not None and number == 0:
            message.kind = MessageKind.REPLY
            message.reference = Reference(message_id=answers.id, channel_id=channel.id)
        channel.messages.add(message)
        made.append(message)
    return made


class GeneratedPast(Timeline):
    """`count` messages, so far apart, each made by `make(number)` when it is asked for."""

    def __init__(
        self,
        channel: Channel,
        count: int,
        make: Callable[[int], tuple[User, str]],
        *,
        begin: datetime = datetime(2020, 1, 1, tzinfo=UTC),
        apart: timedelta = timedelta(minutes=1),
    ) -> None:
        super().__init__()
        self._channel = channel
        self._count = count
        self._make = make
        self._begin = begin
        self._apart = apart

    def __len__(self) -> int:
        return self._count

    def last(self) -> Message | None:
        return self._message(self._count - 1) if self._count else None

    def get(self, message_id: int) -> Message | None:
        number = self._first_from(message_id)
        found = self._message(number) if number < self._count else None
        return found if found is not None and found.id == message_id else None

    def page(
        self, limit: int, *, before: int | None = None, after: int | None = None, around: int | None = None
    ) -> list[Message]:
        """Newest first, as Discord pages."""
        if around is not None:
            raise NotImplementedError("nobody asks a generated past for what is around a message")
        start = 0 if after is None else self._first_from(after + 1)
        end = min(self._count, start + limit)
        if after is None:
            end = self._count if before is None else self._first_from(before)
            start = max(0, end - limit)
        return [self._message(number) for number in reversed(range(start, end))]

    def _message(self, number: int) -> Message:
        at = self._begin + number * self._apart
        author, content = self._make(number)
        return Message(id=snowflake_at(at), channel=self._channel, author=author, content=content, created=at)

    def _first_from(self, message_id: int) -> int:
        """The number of the first message whose id is not lower."""
        low, high = 0, self._count
        while low < high:
            middle = (low + high) // 2
            if snowflake_at(self._begin + middle * self._apart) < message_id:
                low = middle + 1
            else:
                high = middle
        return low
