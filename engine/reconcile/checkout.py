"""A commit fetched, read and compiled: its history, and what was not seen before. Blocks."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from engine.core.diagnostic import Diagnostic
from engine.core.facts import Operations
from engine.core.frozen import frozen
from engine.git.failure import GitFailed, Refused, TooMuch
from engine.git.history import CommitFacts
from engine.git.keys import NO_KEYS, Keys
from engine.git.mirror import MAX_FILE, Mirror
from engine.git.objects import Objects
from engine.git.signature import Signed
from engine.git.tree import Tree
from engine.reconcile import measure
from engine.reconcile.memory import Memory
from engine.reconcile.pin import Pin, Pins
from engine.source import Beside, Cache, Compiled, File, compile_files, is_spec, too_large
from engine.telemetry import METRICS


@frozen
class Checkout:
    """A commit as it was read.

    `passed` are the commits between what is live and this one, newest first. `follows` is false
    where it does not contain what is live; then nothing was read. Nor was it where `signed` has
    a reason; it is None where no signature is asked for. `contents` are those of specs that were
    new, by their ids, None for what is too large; `seconds` is what all of it took. Where its
    environment pins another commit, `pinned` is what that says of itself, and `files` are its
    files; they are those of `tree` else.
    """

    facts: CommitFacts
    passed: Sequence[CommitFacts]
    follows: bool
    tree: Tree | None
    contents: Mapping[str, bytes | None]
    seconds: float
    signed: Signed | None = None
    pin: Pin | None = None
    pinned: CommitFacts | None = None
    files: Tree | None = None

    @property
    def target(self) -> CommitFacts:
        """Return what the commit says of itself that is to be live."""
        return self.pinned or self.facts

    @property
    def prunes(self) -> frozenset[int]:
        """Return the counts of removals that the commits since what is live confirm."""
        return frozenset[int]().union(*(each.prunes for each in (self.facts, *self.passed)))

    @property
    def findings(self) -> list[Diagnostic]:
        """Return what is to be said of specs that were too large to be read."""
        return [too_large(path, MAX_FILE) for path in self._large]

    def specs(self, files: Mapping[str, File]) -> list[File]:
        """Return those of a commit's `files` that are specs and could be read."""
        large = set(self._large)
        return [each for path, each in files.items() if is_spec(path) and path not in large]

    @property
    def blobs(self) -> Mapping[str, str]:
        """Return the id of each content by its path."""
        files = self.files or self.tree
        return {} if files is None else files.blobs

    @property
    def _large(self) -> list[str]:
        """Return the paths of specs that were too large to be read."""
        large = {blob for blob, content in self.contents.items() if content is None}
        if not large:
            return []
        return sorted(path for path, blob in self.blobs.items() if blob in large and is_spec(path))


class Files:
    """The files of the commit that a source shows, by their paths below its root.

    One that is as it was in the commit before is the very same, so that nothing is made of what
    has not changed. They are read while the `objects` of their pass are open.
    """

    def __init__(self) -> None:
        self._files: dict[str, File] = {}
        self._contents: Mapping[str, bytes | None] = {}
        self._objects: Objects | None = None

    def of(self, checkout: Checkout, objects: Objects) -> Mapping[str, File]:
        """Return the files of a commit; what was not read yet is read from `objects`."""
        self._contents, self._objects = checkout.contents, objects
        old = self._files
        self._files = {
            path: file
            if (file := old.get(path)) is not None and file.blob == blob
            else File(path, blob, partial(self._read, blob))
            for path, blob in checkout.blobs.items()
        }
        return self._files

    def _read(self, blob: str) -> bytes | None:
        if blob in self._contents:
            return self._contents[blob]
        assert self._objects is not None, "files are read while their commit is compiled"
        return self._objects.read([blob], MAX_FILE)[blob]


@frozen
class Reader:
    """Reads commits of one source out of its mirror."""

    mirror: Mirror
    ref: str
    root: str
    memory: Memory
    files: Files
    keys: Keys = NO_KEYS
    pins: Pins | None = None

    def take(self, active: str | None, old: Tree | None) -> Checkout:
        """Fetch the ref and read what is new in it.

        A mirror in which something is missing is made anew once. Raise Refused and GitFailed as
        the mirror does, and Misconfigured for keys that are of no use.
        """
        began = time.monotonic()
        with METRICS.reconcile.labels("read").time():
            head = self.mirror.fetch(self.ref)
            try:
                return self._read(head, active, old, began)
            except GitFailed:
                return self._read(self.mirror.rebuild(self.ref), active, None, began)

    def has(self, commit: str) -> bool:
        """True if a commit is in the history of the ref as it is by now; it is fetched."""
        return self.mirror.is_ancestor(commit, self.mirror.fetch(self.ref))

    def at(self, commit: str, over: str | None = None) -> Checkout:
        """Read all of a commit that was fetched; as `over` has it, where that pins it."""
        began = time.monotonic()
        if over is not None and self.pins is not None:
            with suppress(Refused):
                found = self._read(over, None, None, began)
                if found.target.sha == commit:
                    return found
        return replace(self, pins=None)._read(commit, None, None, began)

    def compile(
        self, checkout: Checkout, operations: Operations, cache: Cache, environment: str
    ) -> Compiled:
        """Compile what was taken; the files beside its specs are read when a spec names them."""
        with METRICS.reconcile.labels("compile").time(), self.mirror.objects() as objects:
            files = self.files.of(checkout, objects)
            specs, beside = checkout.specs(files), Beside(files)
            read: set[str] = set()
            made = compile_files(
                specs, operations, cache, environment, beside, lambda told: read.add(told.file)
            )
        measure.compiled(made.files, len(read))
        return made

    def _read(self, head: str, active: str | None, old: Tree | None, began: float) -> Checkout:
        if active is not None and not self.mirror.is_ancestor(active, head):
            seconds = time.monotonic() - began
            return Checkout(self.mirror.facts(head), (), False, None, {}, seconds)
        facts, *passed = self._line(active, head)
        signed = self._signed(active, head)
        if signed is not None and signed.reason:
            seconds = time.monotonic() - began
            return Checkout(facts, passed, True, None, {}, seconds, signed)
        tree = self.mirror.tree(head, self.root, old)
        with self.mirror.objects() as objects:
            contents = self._contents(tree, objects)

            def read(blobs: Sequence[str]) -> Mapping[str, bytes | None]:
                missing = [each for each in blobs if each not in contents]
                return {**contents, **objects.read(missing, MAX_FILE)}

            pin = None if self.pins is None else self.pins.find(tree, read)
            if self.pins is None or pin is None:
                self._weigh(tree, contents)
                seconds = time.monotonic() - began
                return Checkout(facts, passed, True, tree, contents, seconds, signed)
            there = self._pinned(head, pin)
            files = self.pins.pinned(tree, pin, there, read)
            self.pins.forget(tree, there)
            contents |= self._contents(files, objects)
        self._weigh(files, contents)
        pinned = self.mirror.facts(pin.commit)
        seconds = time.monotonic() - began
        return Checkout(facts, passed, True, tree, contents, seconds, signed, pin, pinned, files)

    def _pinned(self, head: str, pin: Pin) -> Tree:
        """Return the files of the commit that is pinned; raise Refused if it is not to be had."""
        if not self.mirror.is_ancestor(pin.commit, head):
            raise Refused(
                "pin-unknown", f"`revision` is {pin.commit}, which is not in the history of "
                f"{head[:12]}; name a commit that this branch contains", pin.path, pin.line,
            )  # fmt: skip
        return self.mirror.tree(pin.commit, self.root)

    def _contents(self, tree: Tree, objects: Objects) -> dict[str, bytes | None]:
        """Return the contents of the specs that are not known."""
        unknown = ((path, blob) for path, blob in tree.blobs.items() if not self.memory.knows(blob))
        new = sorted({blob for path, blob in unknown if is_spec(path)})
        try:
            return dict(objects.read(new, MAX_FILE, self.mirror.limits.bytes))
        except TooMuch:
            raise self._too_heavy() from None

    def _weigh(self, tree: Tree, contents: Mapping[str, bytes | None]) -> None:
        """Raise Refused if the specs of a tree are together more than a source may hold.

        What is no spec was not read, and weighs nothing.
        """
        for blob, data in contents.items():
            self.memory.weigh(blob, len(data or b""))
        if sum(map(self.memory.weight, tree.blobs.values())) > self.mirror.limits.bytes:
            raise self._too_heavy()

    def _too_heavy(self) -> Refused:
        most = self.mirror.limits.bytes >> 10
        return Refused("source-too-large", f"its specs are together over {most} KiB")

    def _signed(self, active: str | None, head: str) -> Signed | None:
        if self.keys.mode == "none":
            return None
        return self.mirror.verify(self.keys, active, head)

    def _line(self, active: str | None, head: str) -> list[CommitFacts]:
        """Return a commit and those that it went past since what is live, newest first."""
        if active is None or active == head:
            return [self.mirror.facts(head)]
        return self.mirror.between(active, head)
