"""The refs of a repository on this machine, read straight from its files."""

import re
from collections.abc import Sequence
from pathlib import Path

from engine.git.failure import GitFailed

_ID = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_LONGEST_CHAIN = 5


def refs_folder(path: str) -> Path:
    """Return the folder that holds a repository's refs; raise GitFailed if there is none.

    `path` is a bare repository, a work tree, or a linked work tree (gitrepository-layout(5)).
    """
    folder = Path(path) / ".git"
    if folder.is_file():
        folder = Path(path) / _text(folder).removeprefix("gitdir:").strip()
    elif not folder.is_dir():
        folder = Path(path)
    if not (folder / "HEAD").exists():
        raise GitFailed(f"there is no Git repository at {path}")
    common = folder / "commondir"
    return folder / _text(common).strip() if common.is_file() else folder


def read_ref(path: str, ref: str) -> str | None:
    """Return the commit of a branch, or None if there is no such branch.

    Raise LookupError where only git itself can tell: tags, and refs kept in a table.
    """
    folder = refs_folder(path)
    if not ref.startswith("refs/heads/") or (folder / "reftable").exists():
        raise LookupError(ref)
    for _ in range(_LONGEST_CHAIN):
        found = _text(folder / ref).strip() or _packed(folder, ref)
        if not found.startswith("ref:"):
            return found if _ID.fullmatch(found) else None
        ref = found.removeprefix("ref:").strip()
        if not ref.startswith("refs/heads/") or ".." in ref:
            raise LookupError(ref)
    raise LookupError(ref)


def signs(path: str, ref: str) -> Sequence[Path]:
    """Return the files whose change says that a ref may have moved; they need not exist."""
    try:
        folder = refs_folder(path)
    except (GitFailed, OSError):
        return (Path(path), Path(path) / ".git")
    return (folder / ref, folder / "packed-refs", folder / "reftable" / "tables.list")


def stamps(files: Sequence[Path]) -> list[tuple[int, int, int]]:
    """Return what changes when one of the files does: time, inode and size."""
    told = []
    for each in files:
        try:
            found = each.stat()
            told.append((found.st_mtime_ns, found.st_ino, found.st_size))
        except OSError:
            told.append((0, 0, 0))
    return told


def _packed(folder: Path, ref: str) -> str:
    for line in _text(folder / "packed-refs").splitlines():
        commit, _, name = line.partition(" ")
        if name == ref:
            return commit
    return ""


def _text(file: Path) -> str:
    """Return a file's text, or "" if it is not there; raise GitFailed if it may not be read."""
    try:
        return file.read_text("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return ""
    except OSError as error:
        raise GitFailed(f"{file}: {error.strerror}") from None
