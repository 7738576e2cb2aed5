"""Where a request may go: hosts, ports and addresses, checked by name before and by address after.

Without settings, public addresses are open and all others closed. `allow_hosts` closes the
public ones as well and opens what it lists, private addresses included; `allow_public` opens
them again beside the list.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from adapters.egress.addresses import Address, Reach, classify, literal, resembles_address

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")
# Ports that the Fetch standard calls bad, and those of databases, brokers and container engines.
# fmt: off
DENIED_PORTS = frozenset({
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101,
    102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389,
    427, 445, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601,
    636, 989, 990, 993, 995, 1433, 1521, 1719, 1720, 1723, 2049, 2375, 2376, 2379, 2380, 3306,
    3389, 3659, 4045, 4190, 5060, 5061, 5432, 5671, 5672, 6000, 6379, 6432, 6566, 6665, 6666,
    6667, 6668, 6669, 6679, 6697, 9042, 10080, 10250, 11211, 26379, 27017, 27018, 27019,
})
# fmt: on


class BlockedError(Exception):
    """The request may not go there; the message says what would open the way."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of `allow_hosts`: a name, a name after `*.`, an address or a network."""

    name: str = ""
    network: Network | None = None
    port: int | None = None

    def matches(self, host: str, address: Address | None, port: int) -> bool:
        """True if a URL's host (and the address that it spells, if any) and port are meant."""
        if self.port is not None and self.port != port:
            return False
        if self.network is not None:
            return address is not None and address in self.network
        if self.name.startswith("*."):
            return host.endswith(self.name[1:]) and len(host) > len(self.name) - 1
        return host == self.name


@dataclass(frozen=True, slots=True)
class Gate:
    """The rules of one process; immutable, so that a checked connection stays checked."""

    entries: tuple[Entry, ...] = ()
    public: bool = True
    adapter: str = "http"

    def check_host(self, host: str, port: int) -> None:
        """Raise BlockedError unless a URL with this host and port may be asked at all."""
        if not 1 <= port <= 65535:
            raise BlockedError(f"port {port} is out of range")
        address = literal(host)
        if address is None and resembles_address(host):
            raise BlockedError("the host is a number that is no dotted address; write it as one")
        entry = self._entry(host, address, port)
        if port in DENIED_PORTS and (entry is None or entry.port is None):
            raise BlockedError(f"port {port} is closed; {self._remedy(host, port)}")
        if entry is not None:
            return
        if address is not None:
            self._check_unlisted(host, port, address)
        elif host == "localhost" or host.endswith(".localhost"):
            raise BlockedError(f"{host} is this machine (RFC 6761); {self._remedy(host, port)}")
        elif not self.public:
            raise BlockedError(f"{host}:{port} is not in allow_hosts; {self._remedy(host, port)}")

    def check_answers(self, host: str, port: int, answers: Sequence[str]) -> None:
        """Raise BlockedError unless every address that the name `host` has may be connected to."""
        listed = self._entry(host, None, port) is not None
        for answer in answers:
            address = ipaddress.ip_address(answer)
            kind = classify(address)
            if kind.reach is Reach.PUBLIC or self._entry("", address, port) is not None:
                continue
            if kind.reach is Reach.FORBIDDEN:
                text = f"{host} leads to {kind.words}, which no name may lead to"
                raise BlockedError(f"{text}; write the address itself, and allow it, if you must")
            if not listed:
                raise BlockedError(f"{host} leads to {kind.words}; {self._remedy(host, port)}")

    def check_socket(self, answer: str, port: int) -> None:
        """Raise BlockedError for an address that nothing in these rules could have opened.

        The last door before a connection, in case a library finds a way around the others.
        """
        address = ipaddress.ip_address(answer)
        kind = classify(address)
        if kind.reach is Reach.FORBIDDEN and self._entry("", address, port) is None:
            raise BlockedError(f"{address} is {kind.words}")
        if kind.reach is Reach.PRIVATE and not self.entries:
            raise BlockedError(f"{address} is {kind.words}")

    def _check_unlisted(self, host: str, port: int, address: Address) -> None:
        kind = classify(address)
        if kind.reach is not Reach.PUBLIC:
            raise BlockedError(f"{host} is {kind.words}; {self._remedy(host, port)}")
        if not self.public:
            raise BlockedError(f"{host}:{port} is not in allow_hosts; {self._remedy(host, port)}")

    def _remedy(self, host: str, port: int) -> str:
        shown = f"[{host}]" if ":" in host else host
        return f'to open it, add "{shown}:{port}" to allow_hosts in [adapters.{self.adapter}]'

    def _entry(self, host: str, address: Address | None, port: int) -> Entry | None:
        """Return the entry that opens the most: one with a port opens closed ports too."""
        found = [each for each in self.entries if each.matches(host, address, port)]
        return max(found, key=lambda each: each.port is not None, default=None)


def read_gate(allow_hosts: Iterable[str], public: bool | None, adapter: str = "http") -> Gate:
    """Return the gate that the settings mean; raise ValueError for a line that means nothing."""
    entries = tuple(_entry(each) for each in allow_hosts)
    return Gate(entries, public if public is not None else not entries, adapter)


def _entry(text: str) -> Entry:
    """Return what one line of `allow_hosts` means; raise ValueError if it means nothing."""
    plain = text.strip().lower()
    if plain == "*":
        raise ValueError('"*" would open every private address: set allow_public, name the rest')
    if "/" in plain:
        return Entry(network=_network(text, plain))
    address = literal(plain)
    if address is not None:
        return Entry(network=ipaddress.ip_network(address))
    host, colon, digits = plain.rpartition(":")
    port = _port(text, digits) if colon else None
    host = host if colon else digits
    address = literal(host)
    if address is not None:
        return Entry(network=ipaddress.ip_network(address), port=port)
    return Entry(name=_name(text, host), port=port)


def _network(text: str, plain: str) -> Network:
    try:
        return ipaddress.ip_network(plain)
    except ValueError:
        raise ValueError(f"{text!r} is no network such as 10.1.0.0/16 (and no URL)") from None


def _port(text: str, digits: str) -> int:
    if not digits.isascii() or not digits.isdigit() or not 1 <= int(digits) <= 65535:
        raise ValueError(f"{text!r} has no port from 1 to 65535 after its colon")
    return int(digits)


def _name(text: str, host: str) -> str:
    try:
        ascii_host = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        raise ValueError(f"{text!r} is no host name") from None
    ascii_host = ascii_host.removesuffix(".")
    if not _NAME.fullmatch(ascii_host) or resembles_address(ascii_host):
        raise ValueError(f"{text!r} is no name, *.name, address or network (:port may follow)")
    return ascii_host
