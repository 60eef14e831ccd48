"""Fetching pages that strangers serve: limited in time, size, redirects, and in where they may be.

Neither proxies nor credentials of the environment are used. The deadline covers the whole fetch with its
redirects, so that a server that answers for ever, or a byte at a time, ends as one that never answers.
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from agent.errors import FetchError
from agent.ingest.addresses import Resolver, checked_addresses, is_public, resolve
from agent.settings import Settings

_REDIRECTS = 5
_REDIRECT = frozenset({301, 302, 303, 307, 308})
_GONE = frozenset({404, 410})
_HEADERS = {
    "User-Agent": "Lorekeeper/0.1 (self-hosted knowledge bot)",
    "Accept": "text/html, text/markdown, text/plain, application/pdf, text/csv, */*;q=0.5",
    "Accept-Encoding": "gzip",
}


class GoneError(FetchError):
    """The server says that nothing is there any longer: what was kept of it may go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    url: str
    """Where it was found in the end, after redirects."""
    content_type: str
    """Lower case, without parameters."""
    charset: str
    data: bytes


class Fetcher:
    """Fetches http(s) URLs. Safe to share; each fetch opens and closes its own connections."""

    def __init__(
        self,
        settings: Settings,
        *,
        resolver: Resolver = resolve,
        allowed: Callable[[str], bool] = is_public,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`allowed` says of a numeric address whether it may be connected to, unless the settings allow all.

        `tls` None trusts the usual authorities.
        """
        self._seconds = settings.web_seconds
        self._bytes = int(settings.web_mb * 1024 * 1024)
        self._allowed = _any_address if settings.web_private_addresses else allowed
        self._resolver = resolver
        self._tls = tls

    async def fetch(self, url: str) -> Page:
        """Raises `GoneError` where the server says that there is nothing, else `FetchError`."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._follow(parse_url(url))
        except TimeoutError as error:
            raise FetchError(
                f"{url}: no complete answer within {self._seconds:g} s.", "Raise LOREKEEPER_WEB_SECONDS."
            ) from error
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            raise FetchError(f"{url}: {reason}", "Check the URL and the network.") from error

    async def _follow(self, url: httpx.URL) -> Page:
        transport = _CheckedTransport(self._resolver, self._allowed, self._tls)
        async with httpx.AsyncClient(
            transport=transport, trust_env=False, timeout=self._seconds, headers=_HEADERS
        ) as client:
            for _ in range(_REDIRECTS + 1):
                async with client.stream("GET", url, follow_redirects=False) as response:
                    if response.status_code not in _REDIRECT:
                        return await self._read(url, response)
                    url = _next(url, response)
        raise FetchError(f"{url}: more than {_REDIRECTS} redirects.")

    async def _read(self, url: httpx.URL, response: httpx.Response) -> Page:
        if response.status_code in _GONE:
            raise GoneError(f"{url}: there is nothing there (HTTP {response.status_code}).")
        if response.status_code != 200:
            raise FetchError(f"{url}: the server answered HTTP {response.status_code}.")
        announced = response.headers.get("content-length", "0")
        if announced.isdecimal() and int(announced) > self._bytes:
            raise _too_large(str(url), self._bytes)
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        decode = decoder(encoding, str(url), self._bytes)
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += decode(chunk, self._bytes - len(body))
        content_type, _, _ = response.headers.get("content-type", "").partition(";")
        return Page(
            url=str(url),
            content_type=content_type.strip().lower(),
            charset=response.charset_encoding or "",
            data=bytes(body),
        )


def _any_address(_: str) -> bool:
    return True


def parse_url(url: str) -> httpx.URL:
    """Raises `FetchError` for anything but a plain http(s) URL with a host."""
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise FetchError(f"{url!r} is not a URL.") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise FetchError(f"{url}: only http and https are fetched.")
    if parsed.userinfo:
        raise FetchError("A URL with a user name or password is not fetched.", "It would be kept and shown.")
    return parsed.copy_with(fragment=None)


def decoder(encoding: str, url: str, limit: int) -> Callable[[bytes, int], bytes]:
    """Return a function of a chunk and the bytes still allowed, which never unpacks more than those.

    It raises `FetchError` beyond them: httpx would unpack a chunk of a bomb whole before its size is known.
    """
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise FetchError(f"{url}: answers with a content encoding that was not asked for.")
    gzip = zlib.decompressobj(wbits=31) if "gzip" in encoding else None

    def decode(chunk: bytes, allowed: int) -> bytes:
        try:
            piece = gzip.decompress(chunk, allowed + 1) if gzip else chunk
        except zlib.error as error:
            raise FetchError(f"{url}: its compressed answer is damaged.") from error
        if len(piece) > allowed:
            raise _too_large(url, limit)
        return piece

    return decode


def _too_large(url: str, limit: int) -> FetchError:
    return FetchError(f"{url}: larger than {limit / 1024**2:.3g} MB.", "Raise LOREKEEPER_WEB_MB.")


def _next(url: httpx.URL, response: httpx.Response) -> httpx.URL:
    location = response.headers.get("location", "")
    if not location:
        raise FetchError(f"{url}: redirects to nowhere.")
    return parse_url(str(url.join(location)))


class _CheckedTransport(httpx.AsyncBaseTransport):
    """Resolves the host, checks every address, and connects to one of those and to nothing else.

    The URL of the request is rewritten to the address; the Host header is already set, and the name for TLS
    (SNI and the certificate's check) goes along as httpcore's `sni_hostname`. Connections are not kept, since
    a kept one would be shared by the names of one address.
    """

    def __init__(
        self, resolver: Resolver, allowed: Callable[[str], bool], tls: ssl.SSLContext | None
    ) -> None:
        self._resolver = resolver
        self._allowed = allowed
        self._inner = httpx.AsyncHTTPTransport(
            verify=tls or True, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        port = url.port or (443 if url.scheme == "https" else 80)
        addresses = await checked_addresses(url.host, port, resolver=self._resolver, allowed=self._allowed)
        request.extensions["sni_hostname"] = url.raw_host.decode("ascii")
        failure: httpx.ConnectError | None = None
        for address in addresses:
            request.url = url.copy_with(host=address)
            try:
                return await self._inner.handle_async_request(request)
            except httpx.ConnectError as error:
                failure = error
        raise failure or httpx.ConnectError("the host has no address", request=request)

    async def aclose(self) -> None:
        await self._inner.aclose()
