"""The two ends of a change in the repository around us, each compiled; what both have is once."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import click

from engine.cli.folder import Beside
from engine.core.commit import Companions
from engine.core.diagnostic import Diagnostic, Severity
from engine.core.frozen import frozen
from engine.core.review import WORK_TREE, End, Head
from engine.core.review.policy import is_policy
from engine.core.review.words import many
from engine.errors import Invalid
from engine.git.here import Here
from engine.operations import catalogue
from engine.source import Beside as Committed
from engine.source import Cache, Compiled, File, compile_files, is_spec, too_large

_MAX_FILE = 256 << 10
_SHA256 = 64


@frozen
class Side:
    """One end: what its specs compile to, their texts by their names below the root, and those
    of its policies. `tree` is the commit or tree that they are of, "" for files as they are.
    """

    head: Head
    compiled: Compiled
    texts: Mapping[str, bytes]
    policies: Mapping[str, bytes]
    tree: str = ""

    @property
    def end(self) -> End:
        made = self.compiled
        return End(self.head, made.plans, made.files, made.diagnostics)


@frozen
class _Sparse:
    """The files beside specs in a work tree; those that it leaves out as the index has them."""

    here: Beside
    left_out: Committed

    def stamp(self, path: str) -> str:
        return self.here.stamp(path) or self.left_out.stamp(path)

    def read(self, path: str) -> bytes | None:
        return self.here.read(path) if self.here.stamp(path) else self.left_out.read(path)


@dataclass(slots=True)
class Ends:
    """Reads ends of changes; a content that was read and compiled for one is not for another."""

    repository: Here
    environment: str = ""
    _cache: Cache = field(default_factory=Cache)
    _held: dict[str, bytes | None] = field(default_factory=dict)

    def of_commit(self, head: Head, tree: str = "") -> Side:
        """Return the specs of a commit, or of a `tree` that stands for it."""
        listed = self.repository.tree(tree or head.commit).blobs
        self._read({blob for name, blob in listed.items() if _matters(name)})
        files = {name: self._file(name, blob) for name, blob in listed.items()}
        return replace(self._side(head, files, Committed(files)), tree=tree or head.commit)

    def of_folder(self) -> Side:
        """Return the specs in the root's folder as they are now, as a commit would have them."""
        root = self.repository.top / self.repository.root
        if not root.is_dir():
            raise Invalid(f"there is no folder {self.repository.root!r} here, which is the root")
        there = self.repository.files(_matters)
        left_out = {name: self._file(name, blob) for name, blob in there.items() if blob}
        self._read(each.blob for name, each in left_out.items() if _matters(name))
        is_sha256 = any(len(each) == _SHA256 for each in self._held)
        files = {}
        for name in filter(_matters, there):
            if name in left_out:
                files[name] = left_out[name]
                continue
            data = _beginning(root / name)
            blob = _blob(data, is_sha256=is_sha256)
            self._held[blob] = data if len(data) <= _MAX_FILE else None
            files[name] = File(name, blob, data)
        return self._side(Head(WORK_TREE), files, _Sparse(Beside(root), Committed(left_out)))

    def _side(self, head: Head, files: Mapping[str, File], beside: Companions) -> Side:
        specs = {name: each for name, each in files.items() if is_spec(name)}
        texts = {name: data for name, each in specs.items()
                 if (data := self._held[each.blob]) is not None}  # fmt: skip
        compiled = compile_files(
            [specs[name] for name in texts], catalogue(), self._cache, self.environment, beside
        )
        found = [too_large(name, _MAX_FILE) for name in specs if name not in texts]
        compiled = replace(compiled, diagnostics=[*compiled.diagnostics, *found])
        rules = {name: self._rules(name, each) for name, each in files.items() if is_policy(name)}
        return Side(head, compiled, texts, rules)

    def _file(self, name: str, blob: str) -> File:
        return File(name, blob, partial(self._content, blob))

    def _rules(self, name: str, file: File) -> bytes:
        data = self._held[file.blob]
        if data is None:
            raise Invalid(f"{name} is over {_MAX_FILE >> 10} KiB; a source does not read it")
        return data

    def _read(self, blobs: Iterable[str]) -> None:
        """Read contents that were not read yet."""
        fresh = [each for each in blobs if each not in self._held]
        self._held |= self.repository.blobs(fresh, _MAX_FILE) if fresh else {}

    def _content(self, blob: str) -> bytes | None:
        """Return a content that a spec names; it is read when it is asked for."""
        self._read([blob])
        return self._held[blob]


def between(repository: Here, range_: str) -> tuple[Head, Head | None]:
    """Return the ends of a range: A..B, A...B (from where B has left A), or A alone.

    None is the files as they are. Raise Invalid for a name that is no commit.
    """
    for mark in ("...", ".."):
        before, found, after = range_.partition(mark)
        if found:
            one, other = (
                Head(each, repository.commit(each)) for each in (before or "HEAD", after or "HEAD")
            )
            if mark == "...":
                one = Head(one.name, repository.fork(one.commit, other.commit))
            return one, other
    return Head(range_, repository.commit(range_)), None


def tell_base(side: Side) -> None:
    """Say how many errors there were before a change; they are nothing of the change's."""
    count = len(errors(side))
    if count:
        told = f"{many(count, 'error')} in {side.head.commit[:12]}"
        click.echo(f"sark: {told}; what did not compile there is told as new", err=True)


def errors(side: Side) -> list[Diagnostic]:
    """Return the errors of an end."""
    return [each for each in side.compiled.diagnostics if each.severity is Severity.ERROR]


def _matters(name: str) -> bool:
    return is_spec(name) or is_policy(name)


def _beginning(place: Path) -> bytes:
    """Return a file's content as far as it is read, and one byte more."""
    with place.open("rb") as file:
        return file.read(_MAX_FILE + 1)


def _blob(data: bytes, *, is_sha256: bool) -> str:
    """Return the id that Git gives a content: the hash of a header and the bytes."""
    told = b"blob %d\0" % len(data) + data
    made = hashlib.sha256(told) if is_sha256 else hashlib.sha1(told, usedforsecurity=False)
    return made.hexdigest()
