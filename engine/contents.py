"""The files of a tree in a repository, as the compiler takes them."""

from collections.abc import Mapping
from functools import partial

from engine.core.diagnostic import Diagnostic
from engine.core.frozen import frozen
from engine.git.mirror import MAX_FILE
from engine.git.objects import Objects
from engine.git.tree import Tree
from engine.source import Beside, File, is_spec, too_large


@frozen
class Contents:
    """The files of a tree; None for one without any.

    `contents` are those of specs that were read, by their ids, None for what is too large.
    """

    tree: Tree | None
    contents: Mapping[str, bytes | None]

    @property
    def findings(self) -> list[Diagnostic]:
        """Return what is to be said of specs that were too large to be read."""
        blobs = self._blobs.items()
        large = sorted(path for path, blob in blobs if is_spec(path) and self._is_large(blob))
        return [too_large(path, MAX_FILE) for path in large]

    def specs(self, objects: Objects) -> list[File]:
        """Return the specs of the tree; what was not read yet is read from `objects`."""
        return [
            self._file(path, blob, objects)
            for path, blob in self._blobs.items()
            if is_spec(path) and not self._is_large(blob)
        ]

    def beside(self, objects: Objects) -> Beside:
        """Return all files of the tree, as its specs may name them."""
        return Beside({path: self._file(path, blob, objects) for path, blob in self._blobs.items()})

    @property
    def _blobs(self) -> Mapping[str, str]:
        return {} if self.tree is None else self.tree.blobs

    def _file(self, path: str, blob: str, objects: Objects) -> File:
        return File(path, blob, self.contents.get(blob) or partial(_content, objects, blob))

    def _is_large(self, blob: str) -> bool:
        return blob in self.contents and self.contents[blob] is None


def _content(objects: Objects, blob: str) -> bytes | None:
    return objects.read([blob], MAX_FILE)[blob]
