"""A commit fetched and read: its history, and the contents that were not seen before. Blocks."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from engine.core.diagnostic import Diagnostic, Span
from engine.git.failure import GitFailed
from engine.git.history import CommitFacts
from engine.git.mirror import MAX_FILE, Mirror
from engine.git.tree import Tree
from engine.reconcile.memory import Memory
from engine.source import File, is_spec


@dataclass(frozen=True, slots=True)
class Checkout:
    """A commit as it was read.

    `passed` are the commits between what is live and this one, newest first. `follows` is false
    where it does not contain what is live; then nothing was read. `read` counts the contents that
    were new, `seconds` what all of it took.
    """

    facts: CommitFacts
    passed: Sequence[CommitFacts]
    follows: bool
    files: Sequence[File]
    findings: Sequence[Diagnostic]
    tree: Tree | None
    read: int
    seconds: float

    @property
    def prunes(self) -> frozenset[int]:
        """Return the counts of removals that the commits since what is live confirm."""
        return frozenset[int]().union(*(each.prunes for each in (self.facts, *self.passed)))


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

    def _read(self, head: str, active: str | None, old: Tree | None, began: float) -> Checkout:
        if active is not None and not self.mirror.is_ancestor(active, head):
            seconds = time.monotonic() - began
            return Checkout(self.mirror.facts(head), (), False, (), (), None, 0, seconds)
        facts, *passed = self._line(active, head)
        tree = self.mirror.tree(head, self.root, old)
        specs = {path: blob for path, blob in tree.blobs.items() if is_spec(path)}
        new = sorted({blob for blob in specs.values() if not self.memory.knows(blob)})
        with self.mirror.objects() as objects:
            data = objects.read(new, MAX_FILE)
        large = {blob for blob, content in data.items() if content is None}
        files = [File(p, b, data.get(b) or b"") for p, b in specs.items() if b not in large]
        findings = [_too_large(path) for path, blob in sorted(specs.items()) if blob in large]
        seconds = time.monotonic() - began
        return Checkout(facts, passed, True, files, findings, tree, len(new), seconds)

    def _line(self, active: str | None, head: str) -> list[CommitFacts]:
        """Return a commit and those that it went past since what is live, newest first."""
        if active is None or active == head:
            return [self.mirror.facts(head)]
        return self.mirror.between(active, head)


def _too_large(path: str) -> Diagnostic:
    return Diagnostic(
        "spec-too-large", f"the file is over {MAX_FILE >> 10} KiB, and was not read",
        Span(path, 1, 1), hint="split it, or keep data out of specs",
    )  # fmt: skip
