"""A commit made beside the work tree, as the person who asks for it: no file of his changes."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from git.cmd import Git

from engine.errors import Conflict, Invalid
from engine.git.command import first
from engine.git.here import Here

_SECONDS = 300
_FILE_MODE = "100644"


def tree(here: Here, commit: str, files: Mapping[str, bytes | None]) -> str:
    """Write the tree of a commit with other contents for some paths, and return its id.

    Paths are told from the repository's top; None takes a file away.
    """
    with tempfile.TemporaryDirectory(prefix="sark-") as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        _git(here, "read-tree", commit, **index)
        for path, content in files.items():
            if content is None:
                _git(here, "update-index", "--force-remove", "--", path, **index)
                continue
            held = Path(folder) / "content"
            held.write_bytes(content)
            blob = _git(here, "hash-object", "-w", "--no-filters", "--", str(held))
            entry = f"{_mode(here, commit, path)},{blob},{path}"
            _git(here, "update-index", "--add", "--cacheinfo", entry, **index)
        return _git(here, "write-tree", **index)


def commit(here: Here, base: str, made: str, message: str) -> str:
    """Write a commit of a tree on top of `base`, signed where he signs; return it."""
    signs = _asked(here, "config", "--type=bool", "--get", "commit.gpgSign") == "true"
    words = ["-S"] if signs else []
    return _git(here, "commit-tree", *words, "-p", base, "-m", message, made)


def check_branch(here: Here, name: str) -> str:
    """Return the full ref of a new branch; raise Invalid for no name, Conflict if it is there."""
    ref = f"refs/heads/{name}"
    if _asked(here, "check-ref-format", ref) is None or name.startswith("-"):
        raise Invalid(f"{name!r} is no name for a branch")
    if _asked(here, "rev-parse", "--verify", "--quiet", ref) is not None:
        raise Conflict(f"there is a branch {name} already; name another with --branch")
    return ref


def branch(here: Here, ref: str, made: str) -> None:
    """Make a new branch; raise Invalid if it has come to be meanwhile."""
    _git(here, "update-ref", ref, made, "")


def push(here: Here, ref: str) -> None:
    """Send a branch to `origin`; raise Invalid with what that says."""
    _git(here, "push", "--quiet", "--no-verify", "origin", f"{ref}:{ref}")


def _mode(here: Here, commit_: str, path: str) -> str:
    told = _git(here, "ls-tree", "--full-tree", commit_, "--", f":(top,literal){path}")
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
        ["git", f"--git-dir={here.runner.folder}", *words], with_extended_output=True,
        with_exceptions=False, kill_after_timeout=_SECONDS,
        env={"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", "GIT_LITERAL_PATHSPECS": "0", **more},
    )  # fmt: skip
    return status, str(out), str(told)
