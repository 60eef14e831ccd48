"""What an answer looks like in Discord: its words made harmless, its sources as links, its topic.

Text of models, sources and members can ping nobody, hide no link behind words, and take no heading or
spoiler. What stands verbatim in a source also keeps its signs; what a model wrote keeps emphasis, lists and
code. Sources stand in small print under the answer, which is how `spoken_part` finds the answer again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from agent.answering.display import one_line, spoken_date
from agent.contracts import Answer, AnswerKind, Failed, Quote, Route, RouteDecision, Slug
from bot.splitter import Layout, lay_out
from bot.texts import Texts

_SMALL: Final = "-# "
_NO_PING: Final = "\u2060"
"""WORD JOINER after an @: nothing is seen of it, and nobody is called."""
_VERBATIM: Final = frozenset(
    {AnswerKind.EXTRACTIVE, AnswerKind.SUMMARY, AnswerKind.REMEMBERED, AnswerKind.SUGGESTION}
)
_WITH_TOPIC: Final = frozenset({AnswerKind.EXTRACTIVE, AnswerKind.GENERATED, AnswerKind.SUGGESTION})
"""The others name their categories themselves, or have none."""
_LONGEST_TITLE: Final = 120
_LONGEST_LINK: Final = 500

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)
_MENTION = re.compile(r"<(@[!&]?\d+|#\d+|/[^>\n]{1,200}:\d+|id:\w+)>")
_EVERYBODY = re.compile(r"@(?=everyone|here)", re.IGNORECASE)
_LINK_WORDS = re.compile(r"\](?=\()")
_LINE_START = re.compile(r"^([ \t]*)(#{1,3} |-# |>{1,3} ?)", re.MULTILINE)
_FORMATTING = re.compile(r"(https?://[^\s`|*<>()]+)|([\\*_~`|])")
_HTTP = re.compile(r"https?://[^\s<>]+\Z")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def render_answer(answer: Answer, route: Route | None, names: Mapping[Slug, str], texts: Texts) -> Layout:
    """Lay out an answer with its sources and its topic; `names` are those of the guild's categories."""
    body = neutralise(answer.text, verbatim=answer.kind in _VERBATIM)
    footer = [_SMALL + line for line in source_lines(answer.quotes, texts)]
    if topic := topic_line(answer, route, names, texts):
        footer.append(_SMALL + topic)
    return lay_out(body, "\n".join(footer))


def neutralise(text: str, *, verbatim: bool = False) -> str:
    """Make text of a model, a source or a member harmless. `verbatim` shows every sign as it stands."""
    text = _LONE_SURROGATE.sub("\ufffd", text)
    if verbatim:
        return _neutral_prose(text, verbatim=True)
    parts: list[str] = []
    at = 0
    for match in _CODE.finditer(text):
        parts += (_neutral_prose(text[at : match.start()], verbatim=False), match[0])
        at = match.end()
    return "".join([*parts, _neutral_prose(text[at:], verbatim=False)])


def neutral_line(text: str) -> str:
    """The same for a name or a title, on one line."""
    return neutralise(one_line(text), verbatim=True)


def source_lines(quotes: Sequence[Quote], texts: Texts) -> list[str]:
    """List each source once, by its number: `[1] [Title › place](<link>), 14 May 2024, by Ana`."""
    by_number = {quote.number: quote for quote in reversed(quotes)}
    return [f"\\[{number}] {_described(by_number[number], texts)}" for number in sorted(by_number)]


def topic_line(answer: Answer, route: Route | None, names: Mapping[Slug, str], texts: Texts) -> str:
    """Say what the answer is about: the categories of its quotes, else those that were searched."""
    if answer.kind not in _WITH_TOPIC:
        return ""
    quoted = [quote.category for quote in answer.quotes if quote.category]
    searched = route.categories if route and route.decision is not RouteDecision.OUT_OF_SCOPE else ()
    slugs = dict.fromkeys(quoted or searched)
    if not slugs:
        return ""
    shown = (neutral_line(names.get(slug, slug)) for slug in slugs)
    return texts.topic.format(names=texts.topics_join.join(shown))


def render_status(categories: Sequence[Slug], names: Mapping[Slug, str], texts: Texts) -> str:
    """What is shown while the answer is made."""
    if not categories:
        return texts.searching
    where = texts.topics_join.join(f"*{neutral_line(names.get(slug, slug))}*" for slug in categories)
    return texts.searching_in.format(where=where)


def render_failure(failed: Failed, texts: Texts) -> str:
    """One line, what to do, and the id that the log explains; a wrong question needs no id."""
    if failed.misuse:
        return neutralise(f"{failed.message} {failed.hint}".strip())
    said = texts.not_answered.format(message=failed.message, hint=failed.hint, error_id=failed.error_id)
    return neutralise(said)


def spoken_part(shown: str) -> str:
    """Return the answer out of a message that `render_answer` laid out, without its small print."""
    lines = shown.split("\n")
    end = next((at for at, line in enumerate(lines) if line.startswith(_SMALL)), len(lines))
    return "\n".join(lines[:end]).replace(_NO_PING, "").strip()


def _neutral_prose(text: str, *, verbatim: bool) -> str:
    if verbatim:
        text = _FORMATTING.sub(lambda match: match[1] or f"\\{match[2]}", text)
    text = _MENTION.sub(rf"<{_NO_PING}\1>", text)
    text = _EVERYBODY.sub(f"@{_NO_PING}", text)
    text = _LINK_WORDS.sub(r"]\\", text)
    text = text.replace("||", r"\|\|")
    return _LINE_START.sub(r"\1\\\2", text)


def _described(quote: Quote, texts: Texts) -> str:
    place = " › ".join(one_line(part) for part in dict.fromkeys((quote.title, quote.location)) if part)
    parts = [_linked(_shortened(place), quote.link)]
    if quote.date:
        parts.append(spoken_date(quote.date, texts.language))
    if quote.author_name:
        parts.append(texts.by.format(name=neutral_line(quote.author_name)))
    return ", ".join(parts)


def _linked(label: str, link: str) -> str:
    """The label as a link, in <> so that no preview grows under the answer; without a link, the label."""
    shown = neutral_line(label)
    if len(link) > _LONGEST_LINK or not _HTTP.match(link):
        return shown
    words = re.sub(r"[\[\]]", lambda match: f"\\{match[0]}", shown)
    return f"[{words}](<{link.replace(')', '%29')}>)"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_TITLE else f"{text[: _LONGEST_TITLE - 1].rstrip()}…"
