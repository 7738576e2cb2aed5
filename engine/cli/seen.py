"""The whole answer of an earlier check: it is given again as long as no file has changed.

No file is opened to tell: its time of change, size and number (of the inode) are what they were.
Whatever the clock of a file system is too coarse to tell apart is not kept.
"""

import hashlib
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from engine.cli import finding, shelf
from engine.cli.folder import STDIN, base_of, named
from engine.core.diagnostic import Diagnostic
from engine.core.values import Json

# The coarsest clock of a file system in use, that of FAT, in nanoseconds.
_COARSE = 2 * 10**9
Facts = list[int]


@dataclass(frozen=True)
class Answer:
    """What a check of some files has found."""

    found: list[Diagnostic]
    count: int


class Seen:
    """The files at paths of a command line as they are now, before any is read."""

    def __init__(self, paths: Sequence[str], root: str | None = None) -> None:
        self._paths = list(paths)
        self._root = base_of(self._paths, root)
        self._since = time.time_ns() - _COARSE
        self._files = {name: _facts(name) for name in named(paths)}

    def answer(self) -> Answer | None:
        """Return what a check of the same files has found; None if that is not known."""
        told = shelf.load(self._place, self._stamp)
        if (
            not told
            or told["files"] != self._files
            or told["beside"] != self._beside(told["beside"])
        ):
            return None
        return Answer([finding.taken(*each) for each in told["found"]], len(self._files))

    def keep(self, found: Iterable[Diagnostic], beside: Iterable[str]) -> None:
        """Keep what was found in the files, and in those `beside` them that they name."""
        companions = self._beside(beside)
        if not all(map(self._is_settled, (*self._files.values(), *companions.values()))):
            return
        put: list[Json] = [[each.span.file, *finding.put(each)] for each in found]
        facts: dict[str, Json] = {"files": self._files, "beside": companions}
        shelf.save(self._place, {"stamp": self._stamp, "found": put, **facts})

    def _is_settled(self, facts: Facts | None) -> bool:
        """True if a file is not so new that it could change again and look the same."""
        return facts is None or max(facts[:2]) < self._since

    def _beside(self, names: Iterable[str]) -> dict[str, Facts | None]:
        return {name: _facts(self._root / name) for name in sorted(names)}

    @cached_property
    def _stamp(self) -> str:
        return shelf.stamp()

    @cached_property
    def _place(self) -> Path:
        told = "\0".join((os.getcwd(), str(self._root), *self._paths))
        return shelf.folder() / f"{hashlib.sha256(os.fsencode(told)).hexdigest()[:24]}.seen"


def can_keep(paths: Sequence[str]) -> bool:
    """True of folders; what a file by itself comes to hangs on files that it does not name."""
    return STDIN not in paths and all(map(os.path.isdir, paths))


def _facts(path: str | Path) -> Facts | None:
    """Return the times of change, size and number of a file; None if there is none."""
    try:
        told = os.stat(path)
    except OSError:
        return None
    return [told.st_mtime_ns, told.st_ctime_ns, told.st_size, told.st_ino, told.st_dev]
