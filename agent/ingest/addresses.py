"""Which addresses of the internet may be fetched from: public ones, however they are written.

A name is resolved once and the connection goes to the address that was checked, so that a second answer
of the name server (DNS rebinding) changes nothing. Decimal, octal and hexadecimal forms of an address are
resolved by the same function as names, and therefore checked as what they mean.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from agent.errors import FetchError

Resolver: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port to numeric addresses."""

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_SITE_LOCAL = ipaddress.ip_network("fec0::/10")


async def resolve(host: str, port: int) -> Sequence[str]:
    """Every address of a host, in the system's order."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def checked_addresses(
    host: str, port: int, *, resolver: Resolver, allowed: Callable[[str], bool]
) -> tuple[str, ...]:
    """The addresses of `host`. One that is not allowed refuses them all."""
    try:
        found = await resolver(host, port)
    except (OSError, UnicodeError) as error:
        raise FetchError(f"{host}: no such host.", "Check the URL and the network.") from error
    if not all(allowed(address) for address in found):
        raise FetchError(
            f"{host} is an address of this machine or of a private network: refused.",
            "Set LOREKEEPER_WEB_PRIVATE_ADDRESSES=true to allow it.",
        )
    return tuple(found)


def is_public(address: str) -> bool:
    """Whether it, and each IPv4 address that an IPv6 one carries inside, is globally reachable unicast."""
    return all(
        one.is_global and not (one.is_multicast or one.is_reserved or one in _SITE_LOCAL)
        for one in _carried(ipaddress.ip_address(address.partition("%")[0]))
    )


def _carried(address: _Address) -> Sequence[_Address]:
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    inside = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        inside.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    carried = [one for one in inside if one is not None]
    # A mapped address is IPv4 written longer: what IPv6 says of its range does not matter.
    return carried if address.ipv4_mapped or address in _NAT64 else [address, *carried]
