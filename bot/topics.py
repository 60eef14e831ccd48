"""Topics before they are categories: what a template holds, what is typed as text, what channels suggest.

Pure. A proposal is made of what everybody can see of a guild; nobody is shown the name of a hidden channel.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from agent.catalog.slugs import slug_of
from agent.contracts import Slug
from agent.errors import UsageError

NAME_CHARACTERS: Final = 60
ABOUT_CHARACTERS: Final = 500
MOST_TOPICS: Final = 25
"""What a guild begins with; more are added one by one."""
_PROPOSED_ABOUT: Final = 90
"""Characters: so many topics with their names fit into one form of Discord."""
_FEWEST_TAGS: Final = 2
"""A forum with a single tag sorts nothing by it."""

_SEPARATORS: Final = re.compile(r"[-_\s]+")
_NUMBERED: Final = re.compile(r"^\d+\s+|\s+\d+$")
_MARKUP: Final = re.compile(r"<(?:@[!&]?|#|a?:\w+:)\d+>|https?://\S+|[*_~`|>]")
_NAMES: Final = """
    admin admins announcement announcements anuncio anuncios bienvenida bienvenidas bot bots bot-commands
    bot-spam changelog charla chat comandos commands general general-chat intro introductions introducciones
    links log logs lounge main meta mod mods moderators moderadores news noticias normas off-topic offtopic
    otros presentaciones random reglas roles rules sala spam staff start-here starboard sugerencias
    suggestions test testing tests varios welcome
"""
_ABOUT_NOTHING: Final = frozenset(_NAMES.split())
"""Channels by whose name nobody knows what is talked about in them, as slugs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A category that is not there yet, with questions that belong to it."""

    name: str
    about: str = ""
    questions: tuple[str, ...] = ()

    @property
    def slug(self) -> Slug:
        """Raises `UsageError` for a name that no slug can be made of."""
        return slug_of(self.name)

    @property
    def unusable(self) -> bool:
        """No category can have this name."""
        return len(self.name) > NAME_CHARACTERS or not _has_slug(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A channel or forum as everybody in the guild can see it."""

    name: str
    about: str = ""
    """Its topic, as Discord calls what stands beside the name."""
    tags: tuple[str, ...] = ()
    """Of a forum."""


def propose(channels: Iterable[Seen]) -> tuple[Topic, ...]:
    """Topics that a guild seems to have: a forum's tags, else the forum or channel itself.

    Channels that are about anything are left out; of names that make the same slug the first counts. At most
    `MOST_TOPICS`.
    """
    found: dict[Slug, Topic] = {}
    for channel in channels:
        for topic in _topics_of(channel):
            found.setdefault(topic.slug, topic)
    return tuple(found.values())[:MOST_TOPICS]


def as_text(topics: Sequence[Topic], longest: int) -> str:
    """One topic a line, `Name: what it is about`; lines are cut where they do not fit otherwise."""
    lines = [_line(topic) for topic in topics]
    whole = "\n".join(lines)
    room = longest // max(len(lines), 1) - 1
    return whole if len(whole) <= longest else "\n".join(line[:room] for line in lines)


def from_text(text: str, known: Sequence[Topic]) -> tuple[Topic, ...]:
    """Read what `as_text` wrote and a person changed. A topic that was `known` keeps its questions. Of lines
    with the same slug the last counts; a line without a usable name stays, for somebody to say so.
    """
    questions = {topic.slug: topic.questions for topic in known}
    found: dict[str, Topic] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, _, about = (part.strip() for part in line.partition(":"))
        topic = Topic(name=name, about=about[:ABOUT_CHARACTERS])
        if topic.unusable:
            found[line] = topic
        else:
            found[topic.slug] = replace(topic, questions=questions.get(topic.slug, ()))
    return tuple(found.values())


def _topics_of(channel: Seen) -> Iterator[Topic]:
    if len(channel.tags) >= _FEWEST_TAGS:
        names = [spoken_name(tag) for tag in channel.tags]
        yield from (Topic(name=name) for name in names if _says_something(name))
        return
    name = spoken_name(channel.name)
    if _says_something(name):
        yield Topic(name=name, about=_plain(channel.about))


def spoken_name(name: str) -> str:
    """A channel's or tag's name as a person would say it: `🏊│pool-and-spa` is `Pool and spa`."""
    letters = "".join(
        character if unicodedata.category(character)[0] in "LNM" or character in "&'+" else " "
        for character in name
    )
    words = _NUMBERED.sub("", _SEPARATORS.sub(" ", letters).strip())
    return (words[:1].upper() + words[1:])[:NAME_CHARACTERS].strip()


def _says_something(name: str) -> bool:
    return _has_slug(name) and len(slug_of(name)) > 1 and slug_of(name) not in _ABOUT_NOTHING


def _has_slug(name: str) -> bool:
    try:
        return bool(slug_of(name))
    except UsageError:
        return False


def _plain(about: str) -> str:
    return textwrap.shorten(_MARKUP.sub(" ", about), _PROPOSED_ABOUT, placeholder=" …")


def _line(topic: Topic) -> str:
    return f"{topic.name}: {topic.about}" if topic.about else topic.name
