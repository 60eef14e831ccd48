"""Fetching from real servers on loopback: where it may go, how long and how large it may be."""

import gzip
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from agent.errors import FetchError
from agent.ingest.addresses import is_public
from agent.ingest.sitemaps import is_sitemap, pages_of
from agent.ingest.web import Fetcher, GoneError, Page, parse_url
from agent.settings import Settings
from tests.agent.ingest.servers import Site, drip, flood, redirect, response, serving, silence

LIMITS = Settings(web_seconds=1.0, web_mb=0.1, web_private_addresses=True)
STRICT = Settings(web_seconds=5.0, web_mb=0.1)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with serving() as site:
        yield site


def only_loopback_one(address: str) -> bool:
    """Stands for "public" where the test's server plays the internet; 127.0.0.2 and ::1 stay private."""
    return address == "127.0.0.1"


async def test_a_page_is_fetched_with_its_type_and_charset(site: Site) -> None:
    site.pages["/a"] = response("año".encode("latin-1"), content_type="Text/HTML; charset=iso-8859-1")
    page = await Fetcher(LIMITS).fetch(site.url("/a#part"))
    assert (page.content_type, page.data) == ("text/html", "año".encode("latin-1"))
    assert page.charset == "iso-8859-1"
    assert page.url == site.url("/a")


async def test_the_environment_decides_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    site.pages["/a"] = response(b"direct")
    assert (await Fetcher(LIMITS).fetch(site.url("/a"))).data == b"direct"


@pytest.mark.parametrize(
    "url",
    ["ftp://a.org/x", "file:///etc/passwd", "http://", "//a.org", "http://user:pw@a.org/", "http://[::bad"],
)
async def test_only_plain_web_addresses_are_fetched(url: str) -> None:
    with pytest.raises(FetchError):
        await Fetcher(LIMITS).fetch(url)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("127.0.0.1", False),
        ("127.9.9.9", False),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("2002:7f00:0001::", False),
        ("64:ff9b::10.0.0.1", False),
        ("64:ff9b::93.184.216.34", True),
        ("2001:0:7f00:1::", False),
    ],
)
def test_only_global_unicast_is_public(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f000001",
        "127.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ],
)
async def test_private_addresses_are_refused_however_they_are_written(site: Site, host: str) -> None:
    site.pages["/"] = response(b"secret")
    with pytest.raises(FetchError, match="private network: refused") as refused:
        await Fetcher(STRICT).fetch(site.url("/", host))
    assert "LOREKEEPER_WEB_PRIVATE_ADDRESSES" in refused.value.hint
    assert site.requests == []


async def test_an_octal_address_is_no_url(site: Site) -> None:
    with pytest.raises(FetchError, match="is not a URL"):
        await Fetcher(STRICT).fetch(site.url("/", "0177.0.0.1"))


@pytest.mark.parametrize("inner", ["127.0.0.2", "localhost.test", "[::1]", "2130706434"])
async def test_a_redirect_to_a_private_address_is_refused(site: Site, inner: str) -> None:
    site.pages["/out"] = redirect(site.url("/in", inner))
    site.pages["/in"] = response(b"secret")

    async def resolver(host: str, port: int) -> Sequence[str]:
        return {"localhost.test": ["10.0.0.1"], "2130706434": ["127.0.0.2"]}.get(host, [host])

    fetcher = Fetcher(STRICT, resolver=resolver, allowed=only_loopback_one)
    with pytest.raises(FetchError, match="refused"):
        await fetcher.fetch(site.url("/out"))
    assert len(site.requests) == 1


async def test_a_second_answer_of_the_name_server_changes_nothing(site: Site) -> None:
    site.pages["/"] = response(b"public")
    answers = [["127.0.0.1"], ["127.0.0.2"], ["127.0.0.2"]]

    async def rebinding(host: str, port: int) -> Sequence[str]:
        return answers.pop(0)

    fetcher = Fetcher(STRICT, resolver=rebinding, allowed=only_loopback_one)
    page = await fetcher.fetch(site.url("/", "pool.test"))
    assert page.data == b"public"
    assert len(answers) == 2
    assert f"host: pool.test:{site.port}".encode() in site.requests[0].lower()


async def test_one_private_address_among_public_ones_refuses_all(site: Site) -> None:
    async def mixed(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1", "10.0.0.1"]

    with pytest.raises(FetchError, match="refused"):
        await Fetcher(STRICT, resolver=mixed, allowed=only_loopback_one).fetch(site.url("/", "mixed.test"))
    assert site.requests == []


async def test_the_next_address_is_tried_when_one_does_not_answer(site: Site) -> None:
    site.pages["/"] = response(b"here")

    async def two(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.9", "127.0.0.1"]

    assert (await Fetcher(LIMITS, resolver=two).fetch(site.url("/", "two.test"))).data == b"here"


async def test_ipv6_is_fetched() -> None:
    async with serving(host="::1") as site:
        site.pages["/"] = response(b"six")
        assert (await Fetcher(LIMITS).fetch(site.url("/", "[::1]"))).data == b"six"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A folder with the certificate of pool.test and its key."""
    if not shutil.which("openssl"):
        pytest.skip("openssl makes the certificate of this test")
    kind = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=pool.test"
    names = "-addext subjectAltName=DNS:pool.test -keyout key.pem -out cert.pem"
    subprocess.run([*kind.split(), *names.split()], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


async def test_tls_names_and_checks_the_host_and_not_the_address(certificate: Path) -> None:
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    names: list[str | None] = []
    ours.sni_callback = lambda _, name, __: names.append(name)
    trusting = ssl.create_default_context(cafile=str(certificate / "cert.pem"))

    async def resolver(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    async with serving(tls=ours) as site:
        site.pages["/"] = response(b"safe")
        fetcher = Fetcher(LIMITS, resolver=resolver, tls=trusting)
        assert (await fetcher.fetch(site.url("/", "pool.test"))).data == b"safe"
        assert names == ["pool.test"]
        with pytest.raises(FetchError, match=r"(?i)certificate"):
            await fetcher.fetch(site.url("/", "other.test"))
        with pytest.raises(FetchError, match=r"(?i)certificate"):
            await Fetcher(LIMITS, resolver=resolver).fetch(site.url("/", "pool.test"))


async def test_redirects_are_followed_five_times(site: Site) -> None:
    for step in range(7):
        site.pages[f"/{step}"] = redirect(f"/{step + 1}")
    site.pages["/7"] = response(b"end")
    page = await Fetcher(LIMITS).fetch(site.url("/2"))
    assert (page.data, page.url) == (b"end", site.url("/7"))
    with pytest.raises(FetchError, match="more than 5 redirects"):
        await Fetcher(LIMITS).fetch(site.url("/1"))


@pytest.mark.parametrize("target", ["ftp://a.org/", "file:///etc/passwd", "javascript:x", ""])
async def test_a_redirect_leads_to_the_web_or_nowhere(site: Site, target: str) -> None:
    site.pages["/"] = redirect(target)
    with pytest.raises(FetchError):
        await Fetcher(LIMITS).fetch(site.url("/"))


@pytest.mark.parametrize("behaviour", [silence, drip])
async def test_a_server_that_never_ends_is_left(site: Site, behaviour: object) -> None:
    site.pages["/"] = behaviour  # type: ignore[assignment]
    with pytest.raises(FetchError, match="no complete answer within 1 s"):
        await Fetcher(LIMITS).fetch(site.url("/"))


async def test_a_flood_is_cut_off_at_the_size(site: Site) -> None:
    site.pages["/"] = flood
    with pytest.raises(FetchError, match=r"larger than 0\.1 MB"):
        await Fetcher(LIMITS).fetch(site.url("/"))


async def test_an_announced_size_is_refused_before_it_is_read(site: Site) -> None:
    site.pages["/"] = response(b"", content_length="999999999999")
    with pytest.raises(FetchError, match="larger than"):
        await Fetcher(LIMITS).fetch(site.url("/"))


async def test_a_compressed_page_is_limited_by_what_it_unpacks_to(site: Site) -> None:
    small, large = gzip.compress(b"small" * 100), gzip.compress(bytes(50_000_000))
    assert len(large) < 100_000
    site.pages["/small"] = response(small, content_encoding="gzip")
    site.pages["/large"] = response(large, content_encoding="gzip")
    site.pages["/broken"] = response(b"no gzip", content_encoding="gzip")
    site.pages["/other"] = response(b"?", content_encoding="br")
    assert (await Fetcher(LIMITS).fetch(site.url("/small"))).data == b"small" * 100
    for path, reason in (("/large", "larger than"), ("/broken", "damaged"), ("/other", "not asked for")):
        with pytest.raises(FetchError, match=reason):
            await Fetcher(LIMITS).fetch(site.url(path))


@pytest.mark.parametrize(
    ("status", "gone"), [("404 Not Found", True), ("410 Gone", True), ("500 Oops", False), ("403 No", False)]
)
async def test_only_the_server_says_that_a_page_is_gone(site: Site, status: str, gone: bool) -> None:
    site.pages["/"] = response(b"", status=status)
    with pytest.raises(FetchError) as failure:
        await Fetcher(LIMITS).fetch(site.url("/"))
    assert isinstance(failure.value, GoneError) is gone


async def test_a_host_that_is_not_there_is_one_clear_line() -> None:
    with pytest.raises(FetchError, match=r"no-such-host\.invalid: no such host"):
        await Fetcher(Settings()).fetch("http://no-such-host.invalid/")


async def test_a_refused_connection_is_not_a_gone_page(site: Site) -> None:
    async with serving() as closed:
        url = closed.url("/")
    with pytest.raises(FetchError) as failure:
        await Fetcher(LIMITS).fetch(url)
    assert not isinstance(failure.value, GoneError)


def sitemap(*urls: str, root: str = "urlset") -> bytes:
    inner = "".join(f"<x><loc>\n{url}</loc></x>" for url in urls)
    return f'<?xml version="1.0"?>\n<{root} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{inner}</{root}>'.encode()


async def expanded(site: Site, path: str, limit: int = 100) -> tuple[str, ...]:
    fetcher = Fetcher(LIMITS)
    page = await fetcher.fetch(site.url(path))
    assert is_sitemap(page)
    return await pages_of(fetcher, page, limit=limit, unpacked_bytes=100_000)


async def test_a_sitemap_stands_for_the_pages_of_its_host(site: Site) -> None:
    other = "http://169.254.169.254/latest/meta-data"
    urls = [site.url("/a?x=1&amp;y=2"), site.url("/b"), site.url("/b"), other, "file:///etc/passwd"]
    site.pages["/sitemap.xml"] = response(sitemap(*urls), content_type="application/xml")
    assert await expanded(site, "/sitemap.xml") == (site.url("/a?x=1&y=2"), site.url("/b"))
    assert await expanded(site, "/sitemap.xml", limit=1) == (site.url("/a?x=1&y=2"),)


async def test_an_index_and_gzip(site: Site) -> None:
    index = sitemap(site.url("/1.xml.gz"), site.url("/2.xml"), root="sitemapindex")
    site.pages["/sitemap.xml"] = response(index, content_type="text/xml")
    site.pages["/1.xml.gz"] = response(
        gzip.compress(sitemap(site.url("/a"))), content_type="application/gzip"
    )
    site.pages["/2.xml"] = response(sitemap(site.url("/b"), site.url("/a")))
    assert await expanded(site, "/sitemap.xml") == (site.url("/a"), site.url("/b"))


async def test_an_index_that_names_itself_ends(site: Site) -> None:
    site.pages["/sitemap.xml"] = response(sitemap(site.url("/sitemap.xml"), root="sitemapindex"))
    assert await expanded(site, "/sitemap.xml") == ()


async def test_entity_and_gzip_bombs_are_refused(site: Site) -> None:
    laughs = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha">]><urlset><loc>&a;</loc></urlset>'
    site.pages["/laughs.xml"] = response(laughs)
    site.pages["/sitemap.gz"] = response(gzip.compress(b"<urlset>" + bytes(10_000_000)))
    with pytest.raises(FetchError, match="declares entities"):
        await expanded(site, "/laughs.xml")
    with pytest.raises(FetchError, match="larger than"):
        await expanded(site, "/sitemap.gz")


@pytest.mark.parametrize(
    ("content_type", "data"),
    [
        ("text/html", b"<p>Write &lt;urlset&gt; <urlset></p>"),
        ("text/plain", b"About sitemaps: begin with <urlset>."),
        ("application/xml", b"<?xml version='1.0'?><rss></rss>"),
    ],
)
def test_other_pages_are_no_sitemaps(content_type: str, data: bytes) -> None:
    assert not is_sitemap(Page(url="http://a.org/", content_type=content_type, charset="", data=data))


def test_a_url_is_kept_without_its_fragment() -> None:
    assert str(parse_url("https://Example.org/a#b")) == "https://example.org/a"
