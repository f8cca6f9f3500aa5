"""Where a webhook may go: no address of the service's own network, unless that is allowed (SSRF)."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from features.errors import InputError

MAX_URL = 2_000  # characters
ALLOW = "Set LEADTIME_WEBHOOK_ALLOW_PRIVATE=true to allow it"
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # IPv4 in its last 32 bits
# What the registries of IANA say is not for the Internet at large and some versions of Python take for public.
_SPECIAL = tuple(
    ipaddress.ip_network(text)
    for text in ("192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "100::/64", "2001::/23", "3fff::/20", "5f00::/16")
)

Lookup = Callable[..., list[tuple[Any, ...]]]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that a webhook can go to. ``path``: with its query."""

    secure: bool
    host: str
    port: int
    path: str


def parse_url(url: str, *, allow_private: bool) -> Target:
    """InputError for anything but https://host[:port]/path; plain http only where private targets are allowed."""

    def refused(expected: str, remedy: str = "") -> InputError:
        return InputError(where="url", expected=expected, got=repr(url[:200]), remedy=remedy)

    if len(url) > MAX_URL or not url.isascii() or any(character <= " " or character == "\x7f" for character in url):
        raise refused(f"an ASCII URL of at most {MAX_URL} characters, without spaces")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise refused("a URL such as https://crm.example.com/hooks") from None
    if parts.scheme not in ("https", "http") or not host or port == 0:
        raise refused("a URL such as https://crm.example.com/hooks")
    if parts.scheme == "http" and not allow_private:
        raise refused("https: what is sent is about people", f"{ALLOW}, http as well")
    if "@" in parts.netloc or parts.fragment:
        raise refused("a URL without user, password or fragment")
    secure = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(secure, host, port or (443 if secure else 80), path)


def addresses(target: Target, *, allow_private: bool, lookup: Lookup = socket.getaddrinfo) -> list[str]:
    """The addresses of the host, each one checked: connect to these and ask no name server again.

    InputError when there is none, or when one of them is not public and that is not allowed.
    """
    try:
        found = lookup(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # the latter for labels that are empty or too long
        raise InputError(where="url", expected="a host that can be resolved", got=repr(target.host)) from None
    texts = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for text in texts:
        if not allow_private and not is_public(text):
            got = text if text == target.host else f"{target.host}, which is {text}"
            raise InputError(where="url", expected="a host with public addresses", got=got, remedy=ALLOW)
    return texts


def is_public(text: str) -> bool:
    """Whether it is an address of the Internet at large. An IPv4 address within an IPv6 one counts as itself."""
    address: Address = ipaddress.ip_address(text.partition("%")[0])  # a zone such as %eth0 is link-local anyway
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if address.is_site_local:
            return False
    if any(address in network for network in _SPECIAL):
        return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    )
