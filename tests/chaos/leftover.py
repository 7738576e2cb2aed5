"""What must not be left once all runs have ended and the workers have gone."""

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.processes import tree
from tests.chaos.house import House
from tests.chaos.proof import Check

_PATIENCE = 10.0
_TABLES = ("outbox", "inbox", "watches", "approvals", "callbacks", "slots")
_ENDED = "SELECT id FROM runs WHERE ended_at IS NOT NULL"
_ROWS = {
    "timers of ended runs": f"{_ENDED} AND wake_at IS NOT NULL",
    "unheard tellings": f"{_ENDED} AND unheard > 0",
    "owners of ended runs": f"{_ENDED} AND owner IS NOT NULL",
    "workers": "SELECT id FROM workers",
    "locks of workers":
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = 7318",
    "sessions of owners":
        "SELECT pid FROM pg_stat_activity WHERE application_name IN ('sark-owner', 'sark-sweep')",
    "sessions idle in a transaction":
        "SELECT pid FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'",
}  # fmt: skip


def await_swept(house: House, patience: float) -> None:
    """Wait until what was for runs that have ended is forgotten."""
    limit = time.monotonic() + patience
    while any(house.rows(f"SELECT 1 FROM {table} LIMIT 1") for table in _TABLES):
        if time.monotonic() > limit:
            return
        time.sleep(0.2)


def checks(house: House) -> Iterator[Check]:
    """Yield what is left in the database, in folders and of processes: nothing.

    Servers and controllers go on: what is theirs comes and goes, and a session that was closed is
    there for a moment more. Only what is there at every look is left.
    """
    for table in _TABLES:
        yield _nothing(
            f"rows of {table}", partial(_rows, house, f"SELECT {table}::text FROM {table}")
        )
    for name, statement in _ROWS.items():
        yield _nothing(name, partial(_rows, house, statement))
    scratch = house.folder / "scratch"
    yield _nothing("temporary files", lambda: sorted(map(str, scratch.glob("*"))))
    yield _nothing("processes of workers and steps", lambda: list(_processes(house)))


def _rows(house: House, statement: str) -> list[str]:
    return [str(row[0]) for row in house.rows(statement)]


def _nothing(name: str, look: Callable[[], list[str]]) -> Check:
    limit = time.monotonic() + _PATIENCE
    while (found := look()) and time.monotonic() < limit:
        time.sleep(0.2)
    return Check(f"{name} left", len(found), [("", each) for each in found])


def _processes(house: House) -> Iterator[str]:
    """Yield what lives with a folder of ours in its environment, but servers and controllers."""
    servers = (*house.names("server"), *house.names("controller"))
    pids = (house.members[name].pid for name in servers)
    known = {each for pid in pids if pid is not None for each in tree(pid)}
    mark = os.fsencode(house.folder)
    for each in Path("/proc").iterdir():
        if not each.name.isdigit() or int(each.name) in known:
            continue
        try:
            if mark in (each / "environ").read_bytes():
                words = (each / "cmdline").read_bytes().replace(b"\0", b" ")
                yield f"{each.name}: {words.decode(errors='replace')}"
        except OSError:
            continue
