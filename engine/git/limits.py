"""What a repository may cost, and which hosts may be asked for one."""

import re
from collections.abc import Set
from urllib.parse import urlsplit

from engine.core.frozen import frozen
from engine.git.address import Address
from engine.git.failure import HostRefused

MAX_FILES = 50_000
MAX_BYTES = 64 << 20
MAX_MIRROR = 2 << 30
FETCH_SECONDS = 300.0
_LOCAL = re.compile(r"(.+\.)?localhost\.?")


@frozen
class Limits:
    """The bounds of one repository.

    `files` are those below a source's root; `bytes` those of its specs together; `mirror` those
    of its mirror on the disk. `fetch_seconds` is how long one fetch may take. `hosts` are the only
    ones that are asked, in small letters; none of them means any but what lies inside.
    """

    files: int = MAX_FILES
    bytes: int = MAX_BYTES
    mirror: int = MAX_MIRROR
    fetch_seconds: float = FETCH_SECONDS
    hosts: Set[str] = frozenset()

    def admit(self, address: Address) -> None:
        """Raise HostRefused for a host that is not to be asked, before it is."""
        if address.transport == "file":
            return
        host = host_of(address)
        if host in self.hosts:
            return
        if self.hosts:
            raise HostRefused(f"the host {host} is not listed in hosts of [git]; nothing was asked")
        if inside := _inside(host):
            raise HostRefused(
                f"the host {host} is {inside}; list it in hosts of [git] if it is meant"
            )


LIMITS = Limits()


def host_of(address: Address) -> str:
    """Return the host of an https or ssh address in small letters."""
    if "://" in address.url:
        return (urlsplit(address.url).hostname or "").lower()
    return address.url.partition("@")[2].partition(":")[0].lower()


def _inside(host: str) -> str:
    """Return in words what is wrong with a host that no public one is called, or nothing."""
    from adapters.egress.addresses import Reach, classify, literal, resembles_address

    if _LOCAL.fullmatch(host):
        return "this machine"
    address = literal(host)
    if address is None:
        return "a number for a name" if resembles_address(host) else ""
    kind = classify(address)
    return "" if kind.reach is Reach.PUBLIC else kind.words
