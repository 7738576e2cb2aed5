"""Where a dsn leads, read strictly: a network host, nothing of this machine's, no way around.

libpq would fill in what a dsn leaves out from the environment, files of the worker's user and
sockets of this machine, and so lend the worker's own rights to whoever writes a dsn.
"""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict

from adapters.contract import Json
from adapters.egress.addresses import Reach, classify, literal, resembles_address
from adapters.egress.gate import BlockedError, Gate
from adapters.egress.names import Lookup
from adapters.sql.statement import InvalidError

_UNREADABLE = (
    "dsn cannot be read: expected postgresql://user:password@host/database, "
    "and letters such as @ : / % # of a password percent-encoded"
)
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,253}")

_NEEDED = ("user", "host", "dbname")
_ALLOWED = (
    *_NEEDED, "password", "port", "sslmode", "channel_binding", "target_session_attrs",
    "load_balance_hosts", "options", "application_name",
)  # fmt: skip
_MOST_HOSTS = 16
_SHORTEST_COVERED = 4
# What is blank and not left out, libpq does not take from the environment.
_BLANK: Mapping[str, str] = {"password": ""}  # nosec B105
# Nothing of the worker's user is used: no password file, certificate or Kerberos ticket.
_CLOSED: Mapping[str, str] = {
    "passfile": "/dev/null/none",
    "sslcertmode": "disable",
    "gssencmode": "disable",
    "require_auth": "scram-sha-256,md5,password,none",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A database and who asks. `key` tells it from all others, and like `parts` is a secret."""

    key: str
    parts: Mapping[str, str]
    hosts: tuple[tuple[str, int], ...]

    @property
    def told(self) -> str:
        """Return hosts and ports: what may be said about it."""
        return ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
                        for host, port in self.hosts)  # fmt: skip

    def secrets(self) -> tuple[str, ...]:
        """Return what no error may show: the dsn and its password, as they are and encoded."""
        word = self.parts.get("password", "")
        return _covered(self.key, word, quote(word, safe=""))

    def names(self) -> tuple[str, ...]:
        """Return what a failed login does not tell: who wanted to get into which database."""
        return _covered(*(self.parts[each] for each in ("user", "dbname")))

    def __repr__(self) -> str:
        return f"Place({self.told})"


def read_dsn(dsn: Json) -> Place:
    """Return where a dsn leads; raise InvalidError, which shows nothing of it."""
    if not isinstance(dsn, str) or not dsn.startswith(("postgresql://", "postgres://")):
        raise InvalidError("dsn must begin with postgresql://")
    try:
        given = {name: str(text) for name, text in conninfo_to_dict(dsn).items() if text}
    except (psycopg.Error, UnicodeError):
        raise InvalidError(_UNREADABLE) from None
    missing = [name for name in _NEEDED if name not in given]
    if missing:
        raise InvalidError(f"dsn names no {missing[0].replace('dbname', 'database')}")
    for name in given:
        if name not in _ALLOWED:
            raise InvalidError(f"dsn sets {name}; it may set {', '.join(_ALLOWED[3:])}")
    return Place(dsn, given, _hosts(given))


def parameters(place: Place, gate: Gate, lookup: Lookup, ca_file: Path | None) -> Mapping[str, str]:
    """Return what libpq is told: checked addresses, and no blank that it would fill in itself.

    Blocks while names are resolved. Raise BlockedError, or OSError for a name without an address.
    """
    found = [
        (host, address, str(port))
        for host, port in place.hosts
        for address in _addresses(host, port, gate, lookup)
    ]
    hosts, addresses, ports = (",".join(each) for each in zip(*found, strict=True))
    made = {"connect_timeout": "10", "application_name": "sark", **_BLANK, **place.parts}
    made |= {"host": hosts, "hostaddr": addresses, "port": ports, "client_encoding": "UTF8"}
    made |= {"keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3"}
    made |= {"tcp_user_timeout": "25000", **_CLOSED}
    if ca_file is not None:
        made["sslrootcert"] = str(ca_file)
    elif made.get("sslmode") == "verify-full":
        made["sslrootcert"] = "system"
    return made


def _covered(*texts: str) -> tuple[str, ...]:
    """Return the texts that can be covered without covering half of everything, longest first."""
    found = {each for each in texts if len(each) >= _SHORTEST_COVERED}
    return tuple(sorted(found, key=len, reverse=True))


def _hosts(given: Mapping[str, str]) -> tuple[tuple[str, int], ...]:
    hosts, ports = given["host"].split(","), given.get("port", "5432").split(",")
    for host in hosts:
        if not host or host.startswith(("/", "@")):
            raise InvalidError("dsn must name a host: sockets of this machine are not used")
        if literal(host) is None and not _NAME.fullmatch(host):
            # A password with an @ in it begins to look like a host: it must not be looked up.
            raise InvalidError(_UNREADABLE)
        if literal(host) is None and resembles_address(host):
            raise InvalidError("dsn has a host that is a number but no dotted address")
    if len(ports) == 1:
        ports *= len(hosts)
    if len(ports) != len(hosts) or len(hosts) > _MOST_HOSTS:
        raise InvalidError(f"dsn has {len(hosts)} hosts and {len(ports)} ports; at most 16 go")
    if any("@" in each for each in ports):
        raise InvalidError(_UNREADABLE)
    if not all(each.isascii() and each.isdigit() and 0 < int(each) < 65536 for each in ports):
        raise InvalidError("dsn has a port that is no number from 1 to 65535")
    plain = (host.lower().removesuffix(".") for host in hosts)
    return tuple(zip(plain, map(int, ports), strict=True))


def _addresses(host: str, port: int, gate: Gate, lookup: Lookup) -> Sequence[str]:
    """Return the addresses of a host that may be connected to."""
    written = literal(host)
    answers = [str(written)] if written else list(dict.fromkeys(lookup(host, port)))
    if not answers:
        raise OSError(f"{host} has no address")
    listed = any(each.matches(host, written, port) for each in gate.entries)
    if gate.entries and not gate.public and not listed:
        shown = f"[{host}]" if ":" in host else host
        message = f"{host}:{port} is not in allow_hosts"
        raise BlockedError(f'{message}; add "{shown}:{port}" to allow_hosts in [adapters.sql]')
    for answer in answers:
        address = ipaddress.ip_address(answer)
        kind = classify(address)
        by_address = any(each.matches("", address, port) for each in gate.entries)
        if kind.reach is Reach.FORBIDDEN and not by_address:
            raise BlockedError(f"{host} is {kind.words}, where no database may be")
    return answers
