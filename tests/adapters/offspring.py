"""The processes that a test has made, without the servers that all tests share."""

import os
from pathlib import Path

from adapters.traces import descendants

_SERVERS = ("postgres", "valkey-server")


def offspring() -> frozenset[int]:
    """Return the ids of all processes below this one, but for the session's servers."""
    return frozenset(pid for pid in descendants(os.getpid()) if _name(pid) not in _SERVERS)


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
