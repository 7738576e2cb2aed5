"""What kind of address an address is, by a table of our own.

Python's `is_global` is not asked: up to 3.11 it calls NAT64, 6to4, IPv4-compatible and multicast
addresses global. Source: the IANA IPv4 and IPv6 special-purpose address registries (RFC 6890 and
its updates), and the published metadata addresses of the large clouds.
"""

import ipaddress
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


class Reach(StrEnum):
    """Who may be behind an address, and so how it may be opened.

    A private address is opened by allowing the name that leads to it. A forbidden one is opened
    by nothing but its own address, written out: no name may ever lead there.
    """

    PUBLIC = "public"
    PRIVATE = "private"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class Kind:
    """What an address is, in words that follow "is"."""

    reach: Reach
    words: str


_PUBLIC = Kind(Reach.PUBLIC, "a public address")
_PRIVATE, _FORBIDDEN = Reach.PRIVATE, Reach.FORBIDDEN

# The first row that holds the address decides: metadata before the network it lies in.
_V4 = tuple(
    (ipaddress.IPv4Network(network), Kind(reach, words))
    for network, reach, words in (
        ("169.254.169.254/32", _FORBIDDEN, "a cloud metadata address"),
        ("169.254.170.2/32", _FORBIDDEN, "a cloud metadata address"),
        ("100.100.100.200/32", _FORBIDDEN, "a cloud metadata address"),
        ("168.63.129.16/32", _FORBIDDEN, "a cloud metadata address"),
        ("192.0.0.192/32", _FORBIDDEN, "a cloud metadata address"),
        ("127.0.0.0/8", _PRIVATE, "a loopback address"),
        ("10.0.0.0/8", _PRIVATE, "a private address"),
        ("172.16.0.0/12", _PRIVATE, "a private address"),
        ("192.168.0.0/16", _PRIVATE, "a private address"),
        ("100.64.0.0/10", _PRIVATE, "a carrier's shared address"),
        ("198.18.0.0/15", _PRIVATE, "a benchmarking address"),
        ("0.0.0.0/8", _FORBIDDEN, "an address of this host"),
        ("169.254.0.0/16", _FORBIDDEN, "a link-local address"),
        ("192.0.0.0/24", _FORBIDDEN, "a protocol assignment"),
        ("192.0.2.0/24", _FORBIDDEN, "a documentation address"),
        ("198.51.100.0/24", _FORBIDDEN, "a documentation address"),
        ("203.0.113.0/24", _FORBIDDEN, "a documentation address"),
        ("192.31.196.0/24", _FORBIDDEN, "an AS112 address"),
        ("192.175.48.0/24", _FORBIDDEN, "an AS112 address"),
        ("192.52.193.0/24", _FORBIDDEN, "a multicast relay"),
        ("192.88.99.0/24", _FORBIDDEN, "a 6to4 relay"),
        ("224.0.0.0/4", _FORBIDDEN, "a multicast address"),
        ("240.0.0.0/4", _FORBIDDEN, "a reserved address"),
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_V6 = tuple(
    (ipaddress.IPv6Network(network), Kind(reach, words))
    for network, reach, words in (
        ("fd00:ec2::/32", _FORBIDDEN, "a cloud metadata address"),
        ("fd20:ce::254/128", _FORBIDDEN, "a cloud metadata address"),
        ("::1/128", _PRIVATE, "a loopback address"),
        ("fc00::/7", _PRIVATE, "a private address"),
        ("::/128", _FORBIDDEN, "an address of this host"),
        ("::ffff:0:0/96", _FORBIDDEN, "an IPv4-mapped address"),
        ("::ffff:0:0:0/96", _FORBIDDEN, "an IPv4-translated address"),
        ("::/96", _FORBIDDEN, "an IPv4-compatible address"),
        ("64:ff9b:1::/48", _FORBIDDEN, "a local NAT64 address"),
        ("fe80::/10", _FORBIDDEN, "a link-local address"),
        ("fec0::/10", _FORBIDDEN, "a site-local address"),
        ("ff00::/8", _FORBIDDEN, "a multicast address"),
        ("2001::/32", _FORBIDDEN, "a Teredo address"),
        ("2001::/23", _FORBIDDEN, "a protocol assignment"),
        ("2001:db8::/32", _FORBIDDEN, "a documentation address"),
        ("3fff::/20", _FORBIDDEN, "a documentation address"),
        ("2002::/16", _FORBIDDEN, "a 6to4 address"),
        ("2620:4f:8000::/48", _FORBIDDEN, "an AS112 address"),
        ("2000::/3", Reach.PUBLIC, "a public address"),
        ("::/0", _FORBIDDEN, "a reserved address"),
    )
)


def classify(address: Address) -> Kind:
    """Return what kind of address it is.

    An address behind the well-known NAT64 prefix is what the IPv4 address in it is, so that
    networks with nothing but IPv6 reach the public IPv4 world; all else in it is forbidden.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return next((kind for network, kind in _V4 if address in network), _PUBLIC)
    if address in _NAT64:
        inner = classify(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        words = f"a NAT64 address of {inner.words}"
        return inner if inner.reach is Reach.PUBLIC else Kind(Reach.FORBIDDEN, words)
    return next(kind for network, kind in _V6 if address in network)


def literal(host: str) -> Address | None:
    """Return the address that `host` is written as, or None if it is a name.

    Only the canonical spelling counts: a dotted quad or RFC 4291 text without a zone.
    """
    try:
        return ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def resembles_address(host: str) -> bool:
    """True for what a resolver would read as an IPv4 address though it is no dotted quad.

    The rule is the URL standard's (WHATWG, "ends in a number"): the last label is digits, or
    hexadecimal after 0x. So `2130706433`, `127.1`, `0x7f000001` and `0177.0.0.1` are caught.
    """
    last = host.removesuffix(".").rpartition(".")[2].lower()
    if last.startswith("0x"):
        return all(each in "0123456789abcdef" for each in last[2:])
    return last.isdigit()
