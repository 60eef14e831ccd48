"""Markdown, read with markdown-it: inline markup goes, so that a quote reads as it was meant.

Front matter is data: known keys are read as plain values, and everything else in it is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from agent.contracts import GUILD_WIDE
from agent.errors import IngestError
from agent.ingest.cleaning import clean_link, clean_text, clean_title
from agent.ingest.dates import read_date
from agent.ingest.documents import BlockKind, Document, DocumentBuilder
from agent.ingest.origins import Origin, decode

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_FRONT_MATTER_CHARACTERS = 65_536
_VISIBILITY = re.compile(r"(?:channel|member):[\w-]{1,64}")
_TAG = re.compile(r"<!--.*?(?:-->|\Z)|<[^>]*>", re.DOTALL)


def load_markdown(origin: Origin) -> Document:
    text = clean_text(decode(origin))
    match = _FRONT_MATTER.match(text)
    about = _front_matter(match.group(1), origin.name) if match else None
    return document_from_markdown(text[match.end() :] if match else text, about)


def document_from_markdown(text: str, about: Document | None = None) -> Document:
    """The blocks of Markdown `text`; what `about` does not say, the text's first heading may."""
    from markdown_it import MarkdownIt
    from markdown_it.tree import SyntaxTreeNode

    builder = DocumentBuilder()
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    _add_blocks(builder, SyntaxTreeNode(tokens).children)
    about = about or Document(text="", blocks=())
    return builder.build(replace(about, title=about.title or builder.top_heading()))


def _front_matter(raw: str, name: str) -> Document:
    import yaml

    if len(raw) > _FRONT_MATTER_CHARACTERS:
        raise IngestError(f"The front matter of {name} is too long.", "Keep it under 64 KB.")
    try:
        # BaseLoader makes text of every scalar: nothing in it can become an object.
        read: Any = yaml.load(raw, Loader=yaml.BaseLoader)  # noqa: S506
    except (yaml.YAMLError, RecursionError) as error:
        raise IngestError(
            f"The front matter of {name} is not valid YAML.", "See between the --- lines."
        ) from error
    values = read if isinstance(read, dict) else {}
    written = {str(key).casefold(): value for key, value in values.items()}
    given = {key: value for key, value in written.items() if isinstance(value, str)}
    return Document(
        text="",
        blocks=(),
        title=clean_title(given.get("title", "")),
        date=read_date(given.get("date", "")),
        author=clean_title(given.get("author", "")),
        category=clean_title(given.get("category", "")),
        visibility=_visibility(str(written.get("visibility", "")), name),
        language=given.get("language", "").strip().casefold()[:2],
        link=clean_link(given.get("link", "")),
    )


def _visibility(value: str, name: str) -> str:
    """A misspelt visibility fails the file: read as guild-wide, it would show what is private."""
    value = value.strip()
    if value in ("", GUILD_WIDE) or _VISIBILITY.fullmatch(value):
        return value
    raise IngestError(
        f"The front matter of {name} has an unknown visibility.", "Write guild, channel:ID or member:ID."
    )


def _add_blocks(builder: DocumentBuilder, nodes: Sequence[Any]) -> None:
    for node in nodes:
        if node.type == "heading":
            builder.heading(int(node.tag[1]), _inline(node))
        elif node.type == "blockquote":
            _add_blocks(builder, node.children)
        elif node.type in ("bullet_list", "ordered_list"):
            builder.add(BlockKind.LIST, "\n".join(_items(node)))
        elif node.type == "table":
            builder.add(BlockKind.TABLE, "\n".join(_rows(node)))
        elif node.type in ("fence", "code_block"):
            builder.add(BlockKind.CODE, node.content)
        elif node.type == "html_block":
            builder.add(BlockKind.PARAGRAPH, _TAG.sub("", node.content))
        elif node.type == "paragraph":
            builder.add(BlockKind.PARAGRAPH, _inline(node))


def _items(node: Any, indent: str = "") -> Iterator[str]:
    first = int(node.attrs.get("start", 1))
    for number, item in enumerate(node.children, start=first):
        marker = f"{number}. " if node.type == "ordered_list" else "- "
        for child in item.children:
            if child.type in ("bullet_list", "ordered_list"):
                yield from _items(child, indent + "  ")
            else:
                yield f"{indent}{marker}{_inline(child) if child.children else child.content.rstrip()}"
                marker = " " * len(marker)


def _rows(table: Any) -> Iterator[str]:
    for section in table.children:
        for row in section.children:
            yield "| " + " | ".join(_inline(cell) for cell in row.children) + " |"


def _inline(node: Any) -> str:
    """The text of a node without its markup; a link keeps its address when that says more."""
    match node.type:
        case "text" | "code_inline":
            return str(node.content)
        case "softbreak":
            return " "
        case "hardbreak":
            return "\n"
        case "image":
            return str(node.content)
        case "link":
            return _link(_children(node), clean_link(str(node.attrs.get("href", ""))))
        case _:
            return _children(node)


def _children(node: Any) -> str:
    return "".join(_inline(child) for child in node.children)


def _link(text: str, address: str) -> str:
    return text if not address or address in text else f"{text} ({address})"
