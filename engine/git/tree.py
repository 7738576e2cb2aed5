"""What a commit holds below a folder, and what it must not hold."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from engine.core.frozen import frozen
from engine.errors import Misconfigured
from engine.git.failure import Refused
from engine.git.limits import MAX_FILES

_LONGEST_PATH = 1_000
_FILE_MODES = frozenset({"100644", "100755"})
_GONE = "000000"
_KINDS = {
    "120000": ("tree-symlink", "a symbolic link"),
    "160000": ("tree-submodule", "a submodule"),
}
# What a file system that folds letters or shortens names takes for `.git`, after git's own fsck.
_RESERVED = frozenset({".", "..", ".git", "git~1"})


@frozen
class Tree:
    """The files of a commit below `root`: the id of each content by its path below the root."""

    commit: str
    root: str
    blobs: Mapping[str, str]


def inside(root: str) -> str:
    """Return a root as the beginning of paths: "" for the whole repository, else `folder/`.

    Raise Misconfigured for a root that does not stay in the repository.
    """
    parts = PurePosixPath(root.strip("/") or ".").parts
    if any(part.lower() in _RESERVED or not part.isprintable() for part in parts):
        raise Misconfigured(f"a source's root is a folder of its repository, not {root!r}")
    return "".join(f"{part}/" for part in parts)


def listed(commit: str, root: str, told: bytes, most: int = MAX_FILES) -> Tree:
    """Return the tree that `ls-tree -r -z` tells of; raise Refused as `checked` does.

    `most` is how many files it may have.
    """
    below, blobs = inside(root), {}
    for record in _records(told):
        head, _, path = record.partition("\t")
        mode, _, blob = head.split(" ", 2)
        blobs[checked(path, mode, below)] = blob
        if len(blobs) > most:
            raise too_many(root, most)
    return Tree(commit, root, blobs)


def changed(old: Tree, commit: str, told: bytes, most: int = MAX_FILES) -> Tree:
    """Return the tree after what `diff-tree -r -z --raw` tells of; raise Refused as `listed`."""
    below, blobs = inside(old.root), dict(old.blobs)
    records = _records(told)
    for head in records:
        _, mode, _, blob, _ = head.split(" ", 4)
        path = next(records)
        if mode == _GONE:
            blobs.pop(path.removeprefix(below), None)
        else:
            blobs[checked(path, mode, below)] = blob
    if len(blobs) > most:
        raise too_many(old.root, most)
    return Tree(commit, old.root, blobs)


def plain_files(told: bytes) -> dict[str, str]:
    """Return the blobs of the plain files that `ls-tree -z` tells of, by their paths."""
    found = {}
    for record in _records(told):
        head, _, path = record.partition("\t")
        mode, _, blob = head.split(" ", 2)
        if mode in _FILE_MODES:
            found[path] = blob
    return found


def too_many(root: str, most: int) -> Refused:
    return Refused("too-many-files", f"there are more than {most} files below {root!r}")


def _records(told: bytes) -> Iterator[str]:
    return (record.decode("utf-8", "surrogateescape") for record in told.split(b"\0") if record)


def checked(path: str, mode: str, below: str) -> str:
    """Return a path from the root on; raise Refused for what is a trap on some machine."""
    inner = path.removeprefix(below)
    if mode not in _FILE_MODES:
        reason, words = _KINDS.get(mode, ("tree-mode", f"of mode {mode}"))
        raise Refused(reason, f"{path!r} is {words}; a source holds plain files only", inner)
    if len(path) > _LONGEST_PATH:
        told = f"{path[:80]!r}... is longer than {_LONGEST_PATH} characters"
        raise Refused("tree-name", f"{told}, which is no name for a file of a source")
    if not path.isprintable() or any(part.lower() in _RESERVED for part in path.split("/")):
        raise Refused("tree-name", f"{path!r} is no name for a file of a source")
    return inner
