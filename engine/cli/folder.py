"""The specs at paths of a command line, and the files beside them, in a work tree."""

import hashlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import click

from engine.core.frozen import frozen

if TYPE_CHECKING:
    from engine.core.diagnostic import Diagnostic

_Told = TypeVar("_Told")
Look: TypeAlias = "Callable[[Mapping[str, bytes]], tuple[_Told, list[Diagnostic]]]"

MAX_COMPANION = 256 * 1024
# What the files below the root may have, and a file by itself has not.
_LACKING = frozenset(
    {
        "unknown-workflow",
        "unknown-pool",
        "unknown-breaker",
        "unknown-calendar",
        "unknown-connection",
        "unknown-variable",
        "missing-variable",
    }
)
# What nobody can say of files by themselves.
UNTOLD = frozenset({"event-nobody-emits", "unused-document"})
STDIN = "stdin.yaml"  # what findings call it
_STDIN = "-"
_MARK = ".git"


@frozen
class Given:
    """What a command is about: specs by the names that findings show, and the root above them.

    `is_whole` is false for files by themselves, of which not all neighbours are there.
    """

    texts: dict[str, bytes]
    root: Path
    is_whole: bool

    def shown(self) -> dict[str, str]:
        """Return the texts as a finding shows them."""
        return {name: data.decode("utf-8", "replace") for name, data in self.texts.items()}

    def among(self, look: "Look[_Told]") -> "tuple[_Told, list[Diagnostic]]":
        """Return what a look at the specs comes to, and what there is to say of them.

        Files by themselves are looked at among the others below their root if they name something
        that they have not; of the others nothing is told.
        """
        told, found = look(self.texts)
        if self.is_whole:
            return told, found
        if any(each.code in _LACKING for each in found):
            told, found = look({**self.others(), **self.texts})
        mine = [each for each in found if each.span.file in self.texts]
        return told, [each for each in mine if each.code not in UNTOLD]

    def others(self) -> dict[str, bytes]:
        """Return the specs below the root that were not given."""
        seen: set[tuple[int, int]] = set()
        for name in self.texts:
            if os.path.exists(name):
                _is_new(name, seen)
        found = _below(str(self.root), seen)
        return {os.path.relpath(name): data for name, data in found}


def read(paths: Iterable[str], root: str | None = None) -> Given:
    """Return each spec below the paths once, with their `root`, by `root_of` unless it is told.

    Raise UsageError for a path that is not there, or not below that root.
    """
    told = list(paths)
    texts = dict(_specs(told))
    return Given(texts, base_of(told, root), any(Path(path).is_dir() for path in told))


def base_of(paths: list[str], root: str | None) -> Path:
    """Return the `root` that was told, or that of the paths; raise UsageError as `read` does."""
    return root_of(paths) if root is None else _told_root(root, paths)


def named(folders: Iterable[str]) -> list[str]:
    """Return the names of the specs of folders, in the order of `read`; none is opened."""
    seen: set[tuple[int, int]] = set()
    return [name for each in folders for name in walked(str(Path(each)), seen)]


def root_of(paths: list[str]) -> Path:
    """Return the folder from which specs name other files.

    That is the folder, if just one is given. Else it is the nearest one above all of the paths
    that holds `.git`, or else the nearest above them all.
    """
    places = [Path.cwd() if path == _STDIN else Path(path).resolve() for path in paths]
    if len(places) == 1 and places[0].is_dir() and paths[0] != _STDIN:
        return places[0]
    folders = [each if each.is_dir() else each.parent for each in places]
    common = Path(os.path.commonpath(folders))
    marked = (each for each in (common, *common.parents) if (each / _MARK).exists())
    return next(marked, common)


def _told_root(root: str, paths: list[str]) -> Path:
    """Return the folder that a person calls the root."""
    base = Path(root).resolve()
    if not base.is_dir():
        raise click.UsageError(f"--root: there is no folder {root!r}")
    for path in paths:
        if path != _STDIN and not Path(path).resolve().is_relative_to(base):
            raise click.UsageError(f"--root: {path!r} is not below {root!r}")
    return base


@frozen
class Beside:
    """The files below a root, as specs may name them. Links lead nowhere outside of it."""

    root: Path

    def stamp(self, path: str) -> str:
        """Return the digest of a file's content, "" if there is no such file."""
        place = self._place(path)
        if place is None:
            return ""
        with place.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def read(self, path: str) -> bytes | None:
        """Return a file's content; None if there is none, or it is over 256 KiB."""
        place = self._place(path)
        if place is None or place.stat().st_size > MAX_COMPANION:
            return None
        return place.read_bytes()

    def _place(self, path: str) -> Path | None:
        place = (self.root / path).resolve()
        return place if place.is_relative_to(self.root.resolve()) and place.is_file() else None


def _specs(paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Yield each spec by the name that findings show."""
    seen: set[tuple[int, int]] = set()
    for told in paths:
        path = Path(told)
        if told == _STDIN:
            yield STDIN, sys.stdin.buffer.read()
        elif path.is_dir():
            yield from _below(str(path), seen)
        elif not path.is_file():
            raise click.UsageError(f"there is no file or folder {told!r}")
        elif _is_new(told, seen):
            yield told, path.read_bytes()


def _below(folder: str, seen: set[tuple[int, int]]) -> Iterator[tuple[str, bytes]]:
    """Yield each new spec of a folder."""
    return ((path, Path(path).read_bytes()) for path in walked(folder, seen))


def walked(folder: str, seen: set[tuple[int, int]]) -> Iterator[str]:
    """Yield the path of each new spec of a folder, without hidden ones and folders that are links.

    What is yielded is in `seen` from then on.
    """
    from engine.tree import is_spec

    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda each: each.name)
    for entry in found:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from walked(entry.path, seen)
        elif is_spec(entry.name) and entry.is_file() and _is_new(entry.path, seen):
            # An annotation of a forge, or a finding in SARIF, is of a file by its bare path.
            yield entry.path.removeprefix("./")


def _is_new(path: str, seen: set[tuple[int, int]]) -> bool:
    """True the first time that a file is met, however its path is written."""
    facts = os.stat(path)
    mark = (facts.st_dev, facts.st_ino)
    if mark in seen:
        return False
    seen.add(mark)
    return True
