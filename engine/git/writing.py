"""A commit made beside the work tree, as the person who asks for it: no file of his changes."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from git.cmd import Git

from engine.errors import Conflict, Invalid
from engine.git.command import first
from engine.git.here import Here

_SECONDS = 300
_FILE_MODE = "100644"
_FETCHED = "refs/sark/asked"
# A file that a sparse work tree leaves out is one of the commit all the same.
_WHOLE = "core.sparseCheckout=false"


def tree(here: Here, commit: str, files: Mapping[str, bytes | None]) -> str:
    """Write the tree of a commit with other contents for some paths, and return its id.

    Paths are told from the repository's top; None takes a file away.
    """
    with _index(here, commit) as (folder, index):
        for path, content in files.items():
            if content is None:
                _git(here, "update-index", "--force-remove", "--", path, **index)
                continue
            held = folder / "content"
            held.write_bytes(content)
            blob = _git(here, "hash-object", "-w", "--no-filters", "--", str(held))
            entry = f"{_mode(here, commit, path)},{blob},{path}"
            _git(here, "update-index", "--add", "--cacheinfo", entry, **index)
        return _git(here, "write-tree", **index)


def restored(here: Here, base: str, commit: str) -> str:
    """Write the tree of `base` with what `commit` has below the root, and return its id.

    Raise Invalid if that commit has no such folder.
    """
    if not here.root:
        return _git(here, "rev-parse", "--verify", f"{commit}^{{tree}}")
    below = _asked(here, "rev-parse", "--verify", "--quiet", f"{commit}:{here.root}")
    if below is None:
        raise Invalid(f"there is no folder {here.root} in {commit[:12]}")
    with _index(here, base) as (_, index):
        words = ("rm", "-r", "-f", "-q", "--cached", "--ignore-unmatch", "--", _only(here.root))
        _git(here, *words, **index)
        _git(here, "read-tree", f"--prefix={here.root}/", below, **index)
        return _git(here, "write-tree", **index)


def is_same(here: Here, one: str, other: str, path: str) -> bool:
    """True if two commits or trees have the same at a path; "" is the repository's top."""
    where = ("--", _only(path)) if path else ()
    return _asked(here, "diff-tree", "--quiet", "-r", one, other, *where) is not None


def commit(here: Here, base: str, made: str, message: str) -> str:
    """Write a commit of a tree on top of `base`, signed where he signs; return it."""
    signs = _asked(here, "config", "--type=bool", "--get", "commit.gpgSign") == "true"
    words = ["-S"] if signs else []
    return _git(here, "commit-tree", *words, "-p", base, "-m", message, made)


def check_branch(here: Here, name: str) -> str:
    """Return the full ref of a new branch; raise Invalid for no name, Conflict if it is there."""
    ref = named(here, name)
    if tip(here, ref) is not None:
        raise Conflict(f"there is a branch {name} already; name another with --branch")
    return ref


def named(here: Here, name: str) -> str:
    """Return the full ref of a branch; raise Invalid for what is no name of one."""
    ref = f"refs/heads/{name}"
    if _asked(here, "check-ref-format", ref) is None or name.startswith("-"):
        raise Invalid(f"{name!r} is no name for a branch")
    return ref


def tip(here: Here, ref: str) -> str | None:
    """Return the commit that a branch is at here, None if there is none."""
    return _asked(here, "rev-parse", "--verify", "--quiet", ref)


def is_before(here: Here, one: str, other: str) -> bool:
    """True if a commit is in the history of another."""
    return _asked(here, "merge-base", "--is-ancestor", one, other) is not None


def branch(here: Here, ref: str, made: str, before: str = "") -> None:
    """Make a new branch, or let it go on from `before`; raise Invalid if it is elsewhere by now."""
    _git(here, "update-ref", ref, made, before)


def has_origin(here: Here) -> bool:
    """True if there is anywhere to push to."""
    return _asked(here, "remote", "get-url", "origin") is not None


def fetch(here: Here, ref: str) -> str | None:
    """Return the commit that a branch is at in `origin`, None if there is none.

    Raise Invalid with what that says. Nothing but a ref below `refs/sark` is written.
    """
    if not _git(here, "ls-remote", "origin", ref):
        return None
    words = ("--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head")
    _git(here, "fetch", *words, "origin", f"+{ref}:{_FETCHED}")
    return tip(here, _FETCHED)


def push(here: Here, ref: str) -> None:
    """Send a branch to `origin`, never by force; raise Invalid with what that says."""
    _git(here, "push", "--quiet", "--no-verify", "origin", f"{ref}:{ref}")


@contextmanager
def _index(here: Here, commit_: str) -> Iterator[tuple[Path, dict[str, str]]]:
    """Give a folder of its own, and the environment of an index there that has a commit's files."""
    with tempfile.TemporaryDirectory(prefix="sark-") as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        _git(here, "read-tree", commit_, **index)
        yield Path(folder), index


def _only(path: str) -> str:
    return f":(top,literal){path}"


def _mode(here: Here, commit_: str, path: str) -> str:
    told = _git(here, "ls-tree", "--full-tree", commit_, "--", _only(path))
    return told.split(" ", 1)[0] or _FILE_MODE


def _git(here: Here, *words: str, **more: str) -> str:
    status, out, told = _run(here, words, more)
    if status != 0:
        raise Invalid(f"git {words[0]}: {first(told)}")
    return out


def _asked(here: Here, *words: str) -> str | None:
    """Return what git says; None where it says no."""
    status, out, _ = _run(here, words, {})
    return out if status == 0 else None


def _run(here: Here, words: tuple[str, ...], more: Mapping[str, str]) -> tuple[int, str, str]:
    status, out, told = Git(str(here.top)).execute(
        ["git", f"--git-dir={here.runner.folder}", "-c", _WHOLE, *words], with_extended_output=True,
        with_exceptions=False, kill_after_timeout=_SECONDS,
        env={"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", "GIT_LITERAL_PATHSPECS": "0", **more},
    )  # fmt: skip
    return status, str(out), str(told)
