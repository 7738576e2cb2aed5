"""The specs at paths of a command line, and the files beside them, in a work tree."""

import hashlib
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

MAX_COMPANION = 256 * 1024
_STDIN = "-"
_MARKS = (".git", "sark.yaml")


@dataclass(frozen=True, slots=True)
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

    def others(self) -> dict[str, bytes]:
        """Return the specs below the root that were not given."""
        given = {Path(name).resolve() for name in self.texts}
        found = _below(self.root, self.root, given)
        return {os.path.relpath(name): data for name, data in found}


def read(paths: Iterable[str]) -> Given:
    """Return each spec below the paths once; raise UsageError for a path that is not there."""
    told = list(paths)
    texts = dict(_specs(told))
    return Given(texts, root_of(told), any(Path(path).is_dir() for path in told))


def root_of(paths: list[str]) -> Path:
    """Return the folder from which specs name other files.

    That is the folder, if just one is given. Else it is the nearest one above all of the paths
    that holds `.git` or `sark.yaml`, or else the nearest above them all.
    """
    places = [Path.cwd() if path == _STDIN else Path(path).resolve() for path in paths]
    if len(places) == 1 and places[0].is_dir() and paths[0] != _STDIN:
        return places[0]
    folders = [each if each.is_dir() else each.parent for each in places]
    common = Path(os.path.commonpath(folders))
    marked = (each for each in (common, *common.parents) if _is_marked(each))
    return next(marked, common)


@dataclass(frozen=True, slots=True)
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
    seen: set[Path] = set()
    for told in paths:
        path = Path(told)
        if told == _STDIN:
            yield "stdin.yaml", sys.stdin.buffer.read()
        elif path.is_dir():
            yield from _below(path, path, seen)
        elif not path.is_file():
            raise click.UsageError(f"there is no file or folder {told!r}")
        elif _is_new(path, seen):
            yield told, path.read_bytes()


def _below(folder: Path, root: Path, seen: set[Path]) -> Iterator[tuple[str, bytes]]:
    """Yield each spec of a folder that was not seen yet."""
    from engine.source import is_spec

    for file in sorted(folder.rglob("*")):
        if is_spec(str(file.relative_to(root))) and _is_new(file, seen):
            yield str(file), file.read_bytes()


def _is_marked(folder: Path) -> bool:
    return any((folder / mark).exists() for mark in _MARKS)


def _is_new(path: Path, seen: set[Path]) -> bool:
    """True the first time that a file is met, however its path is written."""
    if not path.is_file() or path.resolve() in seen:
        return False
    seen.add(path.resolve())
    return True
