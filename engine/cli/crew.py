"""Two processes that compile together, where there is enough to do for both."""

import os
from collections.abc import Sequence

import orjson

from engine.cli import shelved
from engine.core.commit import Commit, Unit
from engine.tree import Surveyed

# With fewer files a second process costs more than it saves.
_ENOUGH = 100


def compile_all(surveyed: Sequence[Surveyed], commit: Commit) -> list[Unit]:
    """Return what files compile to, in their order; those of the second process have no plans."""
    if len(surveyed) < _ENOUGH or (os.cpu_count() or 1) < 2:
        return [each.compile(commit) for each in surveyed]
    half = len(surveyed) // 2
    come, go = os.pipe()
    child = os.fork()
    if child == 0:
        _work(go, surveyed[half:], commit)
    os.close(go)
    mine = [each.compile(commit) for each in surveyed[:half]]
    with os.fdopen(come, "rb") as file:
        told = file.read()
    _, status = os.waitpid(child, 0)
    if status != 0:
        return [*mine, *(each.compile(commit) for each in surveyed[half:])]
    return [*mine, *map(shelved.taken, orjson.loads(told))]


def _work(go: int, surveyed: Sequence[Surveyed], commit: Commit) -> None:
    """Compile in the second process, and end it; what goes wrong is found by the first."""
    try:
        told = orjson.dumps([shelved.put(each.compile(commit)) for each in surveyed])
        with os.fdopen(go, "wb") as file:
            file.write(told)
        os._exit(0)
    finally:
        os._exit(1)
