"""How a name becomes addresses, which a gate then looks at before anything connects to one."""

import socket
from collections.abc import Callable, Sequence

Lookup = Callable[[str, int], Sequence[str]]


def look_up(host: str, port: int) -> Sequence[str]:
    """Return every address of a name once, as the system's resolver orders them; raise OSError.

    Blocks for as long as the resolver takes.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def family_of(address: str) -> socket.AddressFamily:
    """Return the family of sockets that connect to an address."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET
