"""Cutting an answer into messages that Discord takes, where a reader would cut it.

Discord counts code points, as `len` does (its API is Python 3; discord-api-docs issue 1315), so a surrogate
pair cannot be parted; what can be are letters made of several code points, and those are kept whole too.
A code fence opens at any three backticks and ends at the next three, wherever they stand in a line.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

LIMIT: Final = 2000
"""Characters of one message."""
_MOST_MESSAGES: Final = 4
_MOST_CODE: Final = 3000
"""Characters of a code block that is still shown as messages."""

_FENCE: Final = "```"
_CODE = re.compile(r"```(?:(?P<language>[\w+.#-]{1,20})\n)?(?P<code>.*?)(?:```|\Z)", re.DOTALL)
_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]")
_WHOLE = re.compile(r"\[[^\]\n]*\]\([^)\n]*\)|<[^<>\s]+>|https?://\S+|`[^`\n]+`")
"""What is never cut within: links, mentions and timestamps, inline code."""
_SENTENCE_END = re.compile(r"[.!?…][\"'”»)\]]*\s")
_ENDINGS: Final = {"python": "py", "javascript": "js", "typescript": "ts", "bash": "sh", "rust": "rs"}
_JOINER: Final = "\u200d"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFile:
    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What is sent for one answer: messages in order, the files with the last of them."""

    messages: tuple[str, ...]
    files: tuple[TextFile, ...] = ()


def lay_out(body: str, footer: str = "") -> Layout:
    """Lay an answer out. Long code becomes a file, and so does an answer of more than a few messages;
    the footer (sources) is always shown.
    """
    files: list[TextFile] = []
    shown = _CODE.sub(lambda match: _code_or_file(match, files), body)
    messages = split(_joined(shown, footer))
    if len(messages) <= _MOST_MESSAGES:
        return Layout(messages=tuple(messages), files=tuple(files))
    beginning = split(shown)[0]
    whole = TextFile(name="answer.md", text=body)
    return Layout(messages=tuple(split(_joined(f"{beginning}\n…", footer))), files=(whole,))


def split(text: str, limit: int = LIMIT) -> list[str]:
    """Cut a text into messages of at most `limit` characters (at least 50), none of them blank."""
    messages: list[str] = []
    current = ""
    for part in _parts(text, limit):
        joined = f"{current}\n{part}" if current else part
        if len(joined) <= limit:
            current = joined
        else:
            messages.append(current)
            current = part
    messages.append(current)
    return [message.strip("\n") for message in messages if message.strip()]


def _parts(text: str, limit: int) -> Iterator[str]:
    """Yield what must stay together, each at most `limit` long."""
    for block in _blocks(text):
        if len(block) <= limit:
            yield block
        elif block.startswith(_FENCE):
            yield from _cut_code(block, limit)
        else:
            yield from _cut_prose(block, limit)


def _blocks(text: str) -> Iterator[str]:
    """Yield code blocks, lists and paragraphs, each with the blank lines after it."""
    at = 0
    for match in _CODE.finditer(text):
        yield from _prose_blocks(text[at : match.start()])
        yield _fenced(match["language"] or "", match["code"])
        at = match.end()
    yield from _prose_blocks(text[at:])


def _prose_blocks(text: str) -> Iterator[str]:
    if not text.strip("\n"):
        return
    block: list[str] = []
    in_list = False
    for line in text.removeprefix("\n").removesuffix("\n").split("\n"):
        item = _ITEM.match(line) is not None
        after_blank = bool(block and line.strip() and not block[-1].strip())
        if block and (not in_list if item else after_blank):
            yield "\n".join(block)
            block, in_list = [], False
        in_list = in_list or item
        block.append(line)
    yield "\n".join(block)


def _cut_code(block: str, limit: int) -> Iterator[str]:
    """Cut between lines, and give each piece fences and the language of its own."""
    match = _CODE.match(block)
    language, code = (match["language"] or "", match["code"]) if match else ("", block)
    room = limit - len(_fenced(language, ""))
    piece = ""
    for line in code.strip("\n").split("\n"):
        for part in _cut_hard(line, room):
            joined = f"{piece}\n{part}" if piece else part
            if len(joined) > room:
                yield _fenced(language, piece)
                piece = part
            else:
                piece = joined
    yield _fenced(language, piece)


def _cut_prose(block: str, limit: int) -> Iterator[str]:
    """Cut between the lines of a paragraph or the items of a list; a line that is too long, between words."""
    for unit in _units(block):
        rest = unit
        while len(rest) > limit:
            cut = _place_to_cut(rest, limit)
            yield rest[:cut].rstrip(" ")
            rest = rest[cut:].lstrip(" ")
        yield rest


def _units(block: str) -> Iterator[str]:
    """Yield the items of a list with what is indented under each, or the lines of a paragraph."""
    unit: list[str] = []
    for line in block.split("\n"):
        if unit and not (_ITEM.match(unit[0]) and line.startswith((" ", "\t")) and not _ITEM.match(line)):
            yield "\n".join(unit)
            unit = []
        unit.append(line)
    yield "\n".join(unit)


def _place_to_cut(text: str, limit: int) -> int:
    """Return where to cut: after a sentence of the second half, else between words, else anywhere that parts
    no letter. Never within a link unless it alone is longer than a message.
    """
    whole = [match.span() for match in _WHOLE.finditer(text)]

    def inside(at: int) -> tuple[int, int] | None:
        return next((span for span in whole if span[0] < at < span[1]), None)

    ends = [match.end() for match in _SENTENCE_END.finditer(text, limit // 2, limit)]
    words = [at + 1 for at in range(limit - 1, 0, -1) if text[at].isspace()]
    for cut in (*reversed(ends), *words):
        if not inside(cut):
            return cut
    span = inside(limit)
    return span[0] if span and span[0] > 0 else _letter_start(text, limit)


def _cut_hard(line: str, room: int) -> Iterator[str]:
    while len(line) > room:
        cut = _letter_start(line, room)
        yield line[:cut]
        line = line[cut:]
    yield line


def _letter_start(text: str, at: int) -> int:
    """Move `at` back to where a letter begins; a letter without an end is cut anyway."""
    cut = at
    while cut > 0 and cut < len(text) and (_continues(text[cut]) or text[cut - 1] == _JOINER):
        cut -= 1
    return cut or at


def _continues(char: str) -> bool:
    """Say whether a code point belongs to the letter before it: accents, joiners, skin tones."""
    return (
        char == _JOINER or unicodedata.category(char).startswith("M") or "\U0001f3fb" <= char <= "\U0001f3ff"
    )


def _fenced(language: str, code: str) -> str:
    return f"{_FENCE}{language}\n{code.strip(chr(10))}\n{_FENCE}"


def _code_or_file(match: re.Match[str], files: list[TextFile]) -> str:
    code, language = match["code"], match["language"] or ""
    if len(code) <= _MOST_CODE:
        return match[0]
    name = f"code-{len(files) + 1}.{_ENDINGS.get(language.lower(), language.lower() or 'txt')}"
    files.append(TextFile(name=name, text=code.strip("\n") + "\n"))
    return f"`{name}`"


def _joined(body: str, footer: str) -> str:
    return f"{body.rstrip()}\n\n{footer}" if footer else body
