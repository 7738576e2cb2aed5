"""Lists the files below a folder, in the order of their paths, a page at a time.

A program of its own, which knows the standard library alone: `python -IS walk.py` reads one JSON
value from its input, a query, and prints one, a page or `{"fault": ..., "kind": ...}`.

It never leaves the root: each folder is opened by its name in the one before, and no symbolic
link is followed. Whoever changes names meanwhile can make it see less, and nothing else.
"""

import errno
import json
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
MOST_DEPTH = 32
MOST_NAMES = 100_000
# So that a page with all around it stays below what a run keeps of a step.
MOST_BYTES = 192 * 1024
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Names that went, or became something else, since they were read.
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
_PART = re.compile(r"\*\*/|\*\*|\*|\[[^\]]+\]|\\.|.", re.DOTALL)

# Whether a character is taken.
Takes: TypeAlias = Callable[[str], object]
# How far each of some globs has got in a text: the numbers of its states.
Reached: TypeAlias = tuple[frozenset[int], ...]


class Fault(Exception):
    """The folder cannot be listed; `kind` is the last part of the error's type."""

    def __init__(self, kind: str, words: str) -> None:
        super().__init__(words)
        self.kind = kind


class Full(Exception):
    """The page has no room for one more file."""


@dataclass(slots=True)
class State:
    """A place in a glob: what it takes and stays, what it takes and goes on, where it may skip to.

    Skips are told as so many states further on.
    """

    stays: Takes | None = None
    goes: Takes | None = None
    skips: tuple[int, ...] = ()


class Glob:
    """A glob as a machine of states: the work for a text is linear in its length.

    It means what `engine.core.glob` says, from which nothing is imported; a test compares.
    Raise ValueError for a set of characters that is none.
    """

    def __init__(self, text: str) -> None:
        self._states: list[State] = []
        is_first, may_repeat, is_repeated = True, False, False
        for part in _PART.findall(text):
            if part in ("?", "+") and may_repeat:
                if not is_repeated:
                    self._repeat(part)
                is_first, is_repeated = False, True
                continue
            may_repeat, is_repeated = self._add(part, is_first=is_first), False
            is_first = part in ("/", "\\/")
        self.end = len(self._states)

    def begin(self) -> frozenset[int]:
        return self._closed({0})

    def advance(self, reached: frozenset[int], text: str) -> frozenset[int]:
        """Return where a text leads to from some states."""
        for character in text:
            found = set()
            for number in reached:
                state = self._states[number] if number < self.end else State()
                if state.stays is not None and state.stays(character):
                    found.add(number)
                if state.goes is not None and state.goes(character):
                    found.add(number + 1)
            reached = self._closed(found)
        return reached

    def takes_all(self, reached: frozenset[int]) -> bool:
        """True if whatever follows is matched."""
        last = self.end - 1
        return last in reached and self._states[last].stays is _any

    def _closed(self, found: set[int]) -> frozenset[int]:
        """Return states with all that can be reached by skipping."""
        waiting = list(found)
        while waiting:
            number = waiting.pop()
            skips = self._states[number].skips if number < len(self._states) else ()
            for each in skips:
                if number + each not in found:
                    found.add(number + each)
                    waiting.append(number + each)
        return frozenset(found)

    def _add(self, part: str, *, is_first: bool) -> bool:
        """Add what a part means; return whether it is a character, which may repeat."""
        if part == "*":
            self._states.append(State(_within, None, (1,)))
        elif part == "**":
            self._states.append(State(_any, None, (1,)))
        elif part == "**/" and is_first:
            self._states += [State(skips=(1, 2)), State(_any, "/".__eq__)]
        elif part == "**/":
            self._states += [State(_any, None, (1,)), State(goes="/".__eq__)]
            return True
        else:
            self._states.append(State(goes=_taking(part)))
            return True
        return False

    def _repeat(self, part: str) -> None:
        last = self._states[-1]
        if part == "?":
            last.skips = (1,)
        else:
            self._states.append(State(last.goes, None, (1,)))


class Globs:
    """Globs of which the last that matches decides; one that begins with `!` takes out."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._globs = [(Glob(each.removeprefix("!")), each.startswith("!")) for each in texts]

    def begin(self) -> Reached:
        return tuple(glob.begin() for glob, _ in self._globs)

    def advance(self, reached: Reached, text: str) -> Reached:
        """Return how far a text leads."""
        told = zip(self._globs, reached, strict=True)
        return tuple(glob.advance(states, text) for (glob, _), states in told)

    def matches(self, reached: Reached) -> bool:
        """True if a text that has led there is wanted."""
        told = reversed(list(zip(self._globs, reached, strict=True)))
        return next((not takes_out for (glob, takes_out), got in told if glob.end in got), False)

    def may_match(self, reached: Reached) -> bool:
        """True if a text may be wanted that begins with what has led there, and goes on."""
        for (glob, takes_out), got in reversed(list(zip(self._globs, reached, strict=True))):
            if takes_out and glob.takes_all(got):
                return False
            if not takes_out and got - {glob.end}:
                return True
        return False


def _any(_: str) -> bool:
    return True


def _within(character: str) -> bool:
    return character != "/"


def _taking(part: str) -> Takes:
    """Return what says whether a character is the one of a part, or of the set that it is."""
    if len(part) > 1 and part[0] == "[":
        inner = "".join(each if each == "-" else re.escape(each) for each in part[1:-1])
        try:
            return re.compile(f"[{inner}]", re.DOTALL).match
        except re.error as error:
            raise ValueError(f"{part} is no set of characters: {error}") from None
    return part[-1].__eq__


@dataclass(frozen=True, slots=True)
class Query:
    """What to list: `folder` below `root`, by globs, at most `limit` files behind `after`.

    With `mount`, the root must be where another file system is mounted.
    """

    root: str
    mount: bool
    folder: str
    paths: Sequence[str]
    limit: int
    after: str


def page(query: Query) -> dict[str, Any]:
    """Return a page of files and where the next begins; raise Fault."""
    walk = _Walk(query)
    try:
        with _folder(query) as folder:
            walk.into(folder, "", walk.globs.begin(), 1)
    except Full:
        return {"files": walk.files, "next": walk.files[-1]["path"]}
    except OSError as error:
        raise _fault(error, query.folder) from None
    return {"files": walk.files, "next": None}


class _Walk:
    """One walk through a folder, for one page."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self.globs = Globs(query.paths)
        self._names = 0
        self._bytes = 0
        self.files: list[dict[str, Any]] = []

    def into(self, folder: int, prefix: str, states: Reached, depth: int) -> None:
        """Take what is wanted of an open folder; raise Full, Fault or OSError."""
        after = self._query.after
        for name, is_folder in self._sorted(folder):
            path = prefix + name
            if is_folder:
                within = self.globs.advance(states, name)
                is_due = path > after or after.startswith(path)
                if is_due and self.globs.may_match(within):
                    self._below(folder, path, within, depth)
            elif path > after and self.globs.matches(self.globs.advance(states, name)):
                self._take(folder, name, path)

    def _below(self, folder: int, path: str, states: Reached, depth: int) -> None:
        if depth == MOST_DEPTH:
            raise Fault("limit", f"{path} is over {MOST_DEPTH} folders deep")
        name = path.rstrip("/").rpartition("/")[2]
        try:
            with _opened(name, folder) as within:
                self.into(within, path, states, depth + 1)
        except OSError as error:
            if error.errno not in _GONE:
                raise _fault(error, path) from None

    def _take(self, folder: int, name: str, path: str) -> None:
        try:
            told = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return
        if not stat.S_ISREG(told.st_mode):
            return
        version = f"{told.st_mtime_ns:x}-{told.st_size:x}"
        file = {
            "path": path, "size": told.st_size, "modified": _instant(told.st_mtime_ns),
            "version": version,
        }  # fmt: skip
        self._bytes += len(json.dumps(file, ensure_ascii=False).encode()) + 1
        if len(self.files) == self._query.limit or self._bytes > MOST_BYTES:
            raise Full
        self.files.append(file)

    def _sorted(self, folder: int) -> list[tuple[str, bool]]:
        """Return files and folders by name; that of a folder ends with a slash.

        So they come in the order of the paths. Names that are no UTF-8 are left out.
        """
        found = []
        with os.scandir(folder) as entries:
            for entry in entries:
                self._names += 1
                if self._names > MOST_NAMES:
                    raise Fault("limit", f"there are over {MOST_NAMES:,} names to look at")
                if not _is_text(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    found.append((f"{entry.name}/", True))
                elif entry.is_file(follow_symlinks=False):
                    found.append((entry.name, False))
        return sorted(found)


@contextmanager
def _folder(query: Query) -> Iterator[int]:
    """Give the folder that a query begins in, open; raise Fault or OSError."""
    try:
        root = os.open(query.root, _FLAGS)
    except OSError as error:
        raise _fault(error, "") from None
    try:
        if query.mount and not _is_mounted(root):
            raise Fault("unreachable", "nothing is mounted on the root")
        for part in filter(None, query.folder.split("/")):
            with _opened(part, root) as within:
                os.dup2(within, root, inheritable=False)
        yield root
    finally:
        os.close(root)


@contextmanager
def _opened(name: str, folder: int) -> Iterator[int]:
    """Give a folder within another one, open; a symbolic link is none."""
    within = os.open(name, _FLAGS | os.O_NOFOLLOW, dir_fd=folder)
    try:
        yield within
    finally:
        os.close(within)


def _is_mounted(folder: int) -> bool:
    here, above = os.fstat(folder), os.stat("..", dir_fd=folder)
    return here.st_dev != above.st_dev or here.st_ino == above.st_ino


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _instant(nanoseconds: int) -> str:
    """Return when it was, or the end of what a calendar can tell."""
    try:
        at = _EPOCH + timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:
        at = datetime.max.replace(tzinfo=UTC) if nanoseconds > 0 else _EPOCH
    return at.isoformat()


def _fault(error: OSError, where: str) -> Fault:
    kind = "denied" if error.errno in (errno.EACCES, errno.EPERM) else "unreachable"
    place = f"the folder {where.rstrip('/')}" if where else "the root"
    words = error.strerror
    if where and error.errno in (errno.ENOTDIR, errno.ELOOP):
        words = "it is no folder, or a symbolic link, which is not followed"
    return Fault(kind, f"{place} cannot be read: {words}")


def _main() -> None:
    try:
        found = page(Query(**json.load(sys.stdin.buffer)))
    except Fault as fault:
        found = {"fault": str(fault), "kind": fault.kind}
    except ValueError as error:
        found = {"fault": str(error), "kind": "invalid"}
    sys.stdout.buffer.write(json.dumps(found, ensure_ascii=False).encode())


if __name__ == "__main__":
    _main()
