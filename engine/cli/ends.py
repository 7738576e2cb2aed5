"""The two ends of a change in the repository around us, each compiled; what both have is once."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click

from engine.cli import policies
from engine.cli.folder import Beside, read
from engine.core.diagnostic import Diagnostic, Severity
from engine.core.review import WORK_TREE, End, Head
from engine.core.review.policy import is_policy
from engine.errors import Invalid
from engine.git.here import Here
from engine.operations import catalogue
from engine.source import Beside as Committed
from engine.source import Cache, Compiled, File, compile_files, is_spec

_MAX_FILE = 256 << 10
_SHA256 = 64


@dataclass(frozen=True, slots=True)
class Side:
    """One end: what its specs compile to, their texts by their names below the root, and those
    of its policies.
    """

    head: Head
    compiled: Compiled
    texts: Mapping[str, bytes]
    policies: Mapping[str, bytes]

    @property
    def end(self) -> End:
        made = self.compiled
        return End(self.head, made.plans, made.files, made.diagnostics)


@dataclass(slots=True)
class Ends:
    """Reads ends of changes; a content that was read and compiled for one is not for another."""

    repository: Here
    environment: str = ""
    _cache: Cache = field(default_factory=Cache)
    _held: dict[str, bytes | None] = field(default_factory=dict)

    def of_commit(self, head: Head, tree: str = "") -> Side:
        """Return the specs of a commit, or of a `tree` that stands for it."""
        listed = self.repository.tree(tree or head.commit)
        fresh = [each for each in listed.blobs.values() if each not in self._held]
        self._held |= self.repository.blobs(fresh, _MAX_FILE)
        files = {name: File(name, blob, self._content(name, blob))
                 for name, blob in listed.blobs.items()}  # fmt: skip
        specs = {name: each for name, each in files.items() if is_spec(name)}
        compiled = compile_files(
            specs.values(), catalogue(), self._cache, self.environment, Committed(files)
        )
        rules = {name: each for name, each in files.items() if is_policy(name)}
        return Side(head, compiled, _texts(specs), _texts(rules))

    def of_folder(self) -> Side:
        """Return the specs in the root's folder as they are now."""
        given = read([str(self.repository.top / self.repository.root)])
        texts = {Path(name).resolve().relative_to(given.root).as_posix(): data
                 for name, data in given.texts.items()}  # fmt: skip
        is_sha256 = any(len(each) == _SHA256 for each in self._held)
        files = [File(name, _blob(data, is_sha256=is_sha256), data) for name, data in texts.items()]
        compiled = compile_files(
            files, catalogue(), self._cache, self.environment, Beside(given.root)
        )
        top = given.root.resolve()
        rules = {Path(name).resolve().relative_to(top).as_posix(): data
                 for name, data in policies.below(given.root).items()}  # fmt: skip
        return Side(Head(WORK_TREE), compiled, texts, rules)

    def _content(self, name: str, blob: str) -> bytes:
        data = self._held[blob]
        if data is None:
            raise Invalid(f"{name} is over {_MAX_FILE >> 10} KiB; a source does not read it")
        return data


def _texts(files: Mapping[str, File]) -> dict[str, bytes]:
    return {name: each.data for name, each in files.items() if isinstance(each.data, bytes)}


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
        told = "what did not compile there is told as new"
        click.echo(f"sark: {count} errors in {side.head.commit[:12]}; {told}", err=True)


def errors(side: Side) -> list[Diagnostic]:
    """Return the errors of an end."""
    return [each for each in side.compiled.diagnostics if each.severity is Severity.ERROR]


def _blob(data: bytes, *, is_sha256: bool) -> str:
    """Return the id that Git gives a content: the hash of a header and the bytes."""
    told = b"blob %d\0" % len(data) + data
    made = hashlib.sha256(told) if is_sha256 else hashlib.sha1(told, usedforsecurity=False)
    return made.hexdigest()
