"""What the specs of a source came to at the last tree: what has not changed is not read again."""

import pickle  # nosec B403 - the parent's own, and nobody else's
from collections.abc import Mapping
from functools import partial
from typing import BinaryIO

from engine.core.change import Reach, reach
from engine.core.diagnostic import Diagnostic
from engine.core.facts import Catalogue, Operations
from engine.core.frozen import frozen
from engine.git.command import Runner
from engine.git.mirror import MAX_FILE
from engine.git.objects import Objects
from engine.git.tree import Tree
from engine.reconcile.memory import Memory
from engine.review.task import Ground
from engine.source import Beside, Cache, Compiled, File, compile_files, is_spec, too_large


@frozen
class Came:
    """What a tree came to; `unread` is what is to be said of specs that were too large."""

    compiled: Compiled
    unread: list[Diagnostic]


class Kept:
    """Compiles one tree of a source after the other, and remembers the last.

    A tree comes to the very same whatever was compiled before it.
    """

    def __init__(self, operations: Operations, environment: str) -> None:
        self._operations = operations
        self.environment = environment
        self._memory = Memory()
        self._cache = Cache(self._memory)
        self._files: dict[str, File] = {}
        self._large: set[str] = set()
        self._contents: dict[str, bytes | None] = {}
        self._objects: Objects | None = None
        self._last: tuple[str, Came] | None = None
        self.catalogue = Catalogue(operations)
        self.reached: dict[str, Reach] = {}

    def compiled(self, tree: Tree | None, objects: Objects) -> Came:
        """Return what a tree comes to, whose contents are among the `objects`."""
        if tree is not None and self._last is not None and self._last[0] == tree.commit:
            return self._last[1]
        self._objects, blobs = objects, {} if tree is None else tree.blobs
        self._read_new(blobs, objects)
        old = self._files
        self._files = {
            path: file
            if (file := old.get(path)) is not None and file.blob == blob
            else File(path, blob, partial(self._content, blob))
            for path, blob in blobs.items()
        }
        specs = [each for each in self._files.values() if is_spec(each.path)]
        made = compile_files(
            [each for each in specs if each.blob not in self._large], self._operations,
            self._cache, self.environment, Beside(self._files),
        )  # fmt: skip
        self._contents = {}
        large = sorted(each.path for each in specs if each.blob in self._large)
        came = Came(made, [too_large(path, MAX_FILE) for path in large])
        self._last = None if tree is None else (tree.commit, came)
        return came

    def stand_on(self, ground: Ground) -> None:
        """Compile what is live, if that is another commit than the last time."""
        tree = ground.live
        if tree is None or (self._last is not None and self._last[0] == tree.commit):
            return
        with Objects(Runner(ground.folder)) as objects:
            plans = self.compiled(tree, objects).compiled.plans.values()
        self._memory.forget(but=tree.blobs.values())
        known = self.reached
        self.reached = {each.digest: reach(each, self.catalogue, known) for each in plans}

    def _read_new(self, blobs: Mapping[str, str], objects: Objects) -> None:
        """Read the specs that were never compiled, all at once."""
        new = {
            blob for path, blob in blobs.items()
            if is_spec(path) and not self._memory.knows(blob) and blob not in self._large
        }  # fmt: skip
        self._contents = objects.read(sorted(new), MAX_FILE)
        self._large |= {blob for blob, data in self._contents.items() if data is None}

    def _content(self, blob: str) -> bytes | None:
        if blob in self._contents:
            return self._contents[blob]
        assert self._objects is not None, "files are read while their tree is compiled"
        return self._objects.read([blob], MAX_FILE)[blob]


def grounded(kept: Kept | None, told: BinaryIO) -> Kept:
    """Return what is kept, standing on the ground that the parent tells of next."""
    ground: Ground = pickle.load(told)  # nosec B301
    kept = kept or Kept(ground.operations, ground.environment)
    kept.stand_on(ground)
    return kept
