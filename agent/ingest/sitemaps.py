"""Sitemaps: a URL that stands for many pages.

They are read without an XML parser, by their `<loc>` elements alone: no entity can be expanded, and a
sitemap that is not quite XML still works. One that declares entities is refused, since no honest one does.
Only pages of the sitemap's own host count, as sitemaps.org rules.
"""

from __future__ import annotations

import html
import re

import httpx

from agent.errors import FetchError
from agent.ingest.origins import Origin, decode
from agent.ingest.web import Fetcher, Page, decoder

_ROOT = re.compile(r"<(?:\w+:)?(urlset|sitemapindex)\b")
_STARTS = ("<?xml", "<!--", "<urlset", "<sitemapindex", "<!DOCTYPE")
_LOC = re.compile(r"<(?:\w+:)?loc>\s*(?:<!\[CDATA\[)?\s*([^<\s\]]+)\s*(?:\]\]>)?\s*</(?:\w+:)?loc>")
_DECLARES = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_INDEXED = 50
_GZIP = b"\x1f\x8b"
_HEAD = 4096


def is_sitemap(page: Page) -> bool:
    """Whether a page is a sitemap or an index of sitemaps, by its content."""
    if page.content_type == "text/html":
        return False
    if page.data.startswith(_GZIP):
        return "sitemap" in page.url
    head = page.data[:_HEAD].decode("utf-8", errors="ignore").lstrip("\ufeff \r\n\t")
    return head.startswith(_STARTS) and bool(_ROOT.search(head))


async def pages_of(fetcher: Fetcher, sitemap: Page, *, limit: int, unpacked_bytes: int) -> tuple[str, ...]:
    """The URLs of a sitemap's pages, at most `limit`, without repetition. Raises `FetchError`."""
    kind, urls = _read(sitemap, unpacked_bytes)
    if kind == "urlset":
        return urls[:limit]
    found: dict[str, None] = {}
    for url in urls[:_INDEXED]:
        inner, pages = _read(await fetcher.fetch(url), unpacked_bytes)
        if inner == "urlset":
            found |= dict.fromkeys(pages)
        if len(found) >= limit:
            break
    return tuple(found)[:limit]


def _read(page: Page, unpacked_bytes: int) -> tuple[str, tuple[str, ...]]:
    data = page.data
    if data.startswith(_GZIP):
        data = decoder("gzip", page.url, unpacked_bytes)(data, unpacked_bytes)
    text = decode(Origin(name=page.url, data=data, charset=page.charset))
    if _DECLARES.search(text):
        raise FetchError(f"{page.url}: a sitemap that declares entities is refused.")
    root = _ROOT.search(text)
    if not root:
        raise FetchError(f"{page.url} is not a sitemap.")
    host = httpx.URL(page.url).host
    urls = dict.fromkeys(html.unescape(url) for url in _LOC.findall(text))
    return root.group(1), tuple(url for url in urls if _host(url) == host)


def _host(url: str) -> str:
    try:
        return httpx.URL(url).host
    except httpx.InvalidURL:
        return ""
