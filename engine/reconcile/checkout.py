"""A commit fetched, read and compiled: its history, and what was not seen before. Blocks."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from engine.core.diagnostic import Diagnostic, Span
from engine.core.facts import Operations
from engine.git.failure import GitFailed
from engine.git.history import CommitFacts
from engine.git.mirror import MAX_FILE, Mirror
from engine.git.objects import Objects
from engine.git.tree import Tree
from engine.reconcile.memory import Memory
from engine.source import Beside, Cache, Compiled, File, compile_files, is_spec


@dataclass(frozen=True, slots=True)
class Checkout:
    """A commit as it was read.

    `passed` are the commits between what is live and this one, newest first. `follows` is false
    where it does not contain what is live; then nothing was read. `contents` are those of specs
    that were new, by their ids, None for what is too large; `seconds` is what all of it took.
    """

    facts: CommitFacts
    passed: Sequence[CommitFacts]
    follows: bool
    tree: Tree | None
    contents: Mapping[str, bytes | None]
    seconds: float

    @property
    def prunes(self) -> frozenset[int]:
        """Return the counts of removals that the commits since what is live confirm."""
        return frozenset[int]().union(*(each.prunes for each in (self.facts, *self.passed)))

    @property
    def findings(self) -> list[Diagnostic]:
        """Return what is to be said of specs that were too large to be read."""
        blobs = self._blobs.items()
        large = sorted(path for path, blob in blobs if is_spec(path) and self._is_large(blob))
        return [_too_large(path) for path in large]

    def specs(self, objects: Objects) -> list[File]:
        """Return the specs of the commit; what was not read yet is read from `objects`."""
        return [
            self._file(path, blob, objects)
            for path, blob in self._blobs.items()
            if is_spec(path) and not self._is_large(blob)
        ]

    def beside(self, objects: Objects) -> Beside:
        """Return all files of the commit, as its specs may name them."""
        return Beside({path: self._file(path, blob, objects) for path, blob in self._blobs.items()})

    @property
    def _blobs(self) -> Mapping[str, str]:
        return {} if self.tree is None else self.tree.blobs

    def _file(self, path: str, blob: str, objects: Objects) -> File:
        return File(path, blob, self.contents.get(blob) or partial(_content, objects, blob))

    def _is_large(self, blob: str) -> bool:
        return blob in self.contents and self.contents[blob] is None


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads commits of one source out of its mirror."""

    mirror: Mirror
    ref: str
    root: str
    memory: Memory

    def take(self, active: str | None, old: Tree | None) -> Checkout:
        """Fetch the ref and read what is new in it.

        A mirror in which something is missing is made anew once. Raise Refused and GitFailed as
        the mirror does.
        """
        began = time.monotonic()
        head = self.mirror.fetch(self.ref)
        try:
            return self._read(head, active, old, began)
        except GitFailed:
            return self._read(self.mirror.rebuild(self.ref), active, None, began)

    def compile(
        self, checkout: Checkout, operations: Operations, cache: Cache, environment: str
    ) -> Compiled:
        """Compile what was taken; the files beside its specs are read when a spec names them."""
        with self.mirror.objects() as objects:
            specs, beside = checkout.specs(objects), checkout.beside(objects)
            return compile_files(specs, operations, cache, environment, beside)

    def _read(self, head: str, active: str | None, old: Tree | None, began: float) -> Checkout:
        if active is not None and not self.mirror.is_ancestor(active, head):
            seconds = time.monotonic() - began
            return Checkout(self.mirror.facts(head), (), False, None, {}, seconds)
        facts, *passed = self._line(active, head)
        tree = self.mirror.tree(head, self.root, old)
        specs = {blob for path, blob in tree.blobs.items() if is_spec(path)}
        new = sorted(blob for blob in specs if not self.memory.knows(blob))
        with self.mirror.objects() as objects:
            contents = objects.read(new, MAX_FILE)
        return Checkout(facts, passed, True, tree, contents, time.monotonic() - began)

    def _line(self, active: str | None, head: str) -> list[CommitFacts]:
        """Return a commit and those that it went past since what is live, newest first."""
        if active is None or active == head:
            return [self.mirror.facts(head)]
        return self.mirror.between(active, head)


def _content(objects: Objects, blob: str) -> bytes | None:
    return objects.read([blob], MAX_FILE)[blob]


def _too_large(path: str) -> Diagnostic:
    return Diagnostic(
        "spec-too-large", f"the file is over {MAX_FILE >> 10} KiB, and was not read",
        Span(path, 1, 1), hint="split it, or keep data out of specs",
    )  # fmt: skip
