"""Ports for servers of ours."""

import secrets
import socket

from engine.errors import Misconfigured

# Systems give the ports above these to whoever calls out: a server that is down for a second may
# find its own taken by a call of anybody's.
_OURS = range(15_000, 32_000)
_TRIES = 100


def free_port(wanted: int = 0) -> int:
    """Return `wanted` if nobody listens on it, else a port of 127.0.0.1 that is free just now.

    It is none that the system gives to calls, so a server that is started again finds it free.
    Raise Misconfigured if there is none.
    """
    for port in (wanted, *(secrets.choice(_OURS) for _ in range(_TRIES))):
        if port and _is_free(port):
            return port
    raise Misconfigured(f"no port of 127.0.0.1 from {_OURS.start} to {_OURS.stop - 1} is free")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
