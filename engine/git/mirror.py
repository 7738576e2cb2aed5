"""A bare mirror of one repository: what a ref is, what a commit holds."""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from engine.git.address import check_ref, check_url
from engine.git.command import GitFailed, Runner

MAX_FILE = 256 * 1024
MAX_FILES = 50_000
_FILE_MODES = {"100644", "100755"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a commit, by its path below the source's root and the id of its content."""

    path: str
    blob: str


@dataclass(frozen=True, slots=True)
class CommitFacts:
    """What a commit says of itself."""

    sha: str
    author: str
    subject: str
    message: str


class Mirror:
    """The mirror of a URL below `folder`. Its methods block; call them from a thread."""

    def __init__(self, folder: Path, url: str) -> None:
        self.url = url
        self._protocol = check_url(url)
        self._place = folder / hashlib.sha256(url.encode()).hexdigest()[:16]
        trusted = None
        if self._protocol == "file":
            trusted = folder / f"{self._place.name}.config"
        self._trusted = trusted
        self._remote = Runner(folder, self._protocol, trusted)
        self._local = Runner(self._place, "none")

    def head(self, ref: str) -> str | None:
        """Return the commit of a full ref at the remote, or None if it is not there."""
        self._prepare()
        told = self._remote.run("ls-remote", "--", self.url, check_ref(ref)).decode()
        for line in told.splitlines():
            sha, _, name = line.partition("\t")
            if name in (ref, f"{ref}^{{}}"):
                return sha
        return None

    def fetch(self, ref: str) -> str:
        """Bring a ref into the mirror and return its commit; a broken mirror is made anew."""
        check_ref(ref)
        try:
            return self._fetch(ref)
        except GitFailed:
            self._remove()
            return self._fetch(ref)

    def files(self, commit: str, root: str) -> list[Entry]:
        """Return the files of a commit below `root`.

        Raise GitFailed for links, submodules and other entries that are no plain file, and for a
        root that is not there.
        """
        below = "" if root in (".", "") else root.strip("/") + "/"
        told = self._local.run("ls-tree", "-r", "-z", "--full-tree", commit, "--", below or ".")
        entries = []
        for line in told.decode("utf-8", "surrogateescape").split("\0"):
            if not line:
                continue
            head, _, path = line.partition("\t")
            mode, _, blob = head.split()
            if mode not in _FILE_MODES:
                raise GitFailed(
                    f"{path!r} is a link or a submodule (mode {mode}); only files count"
                )
            if any(part in ("..", ".git") for part in PurePosixPath(path).parts):
                raise GitFailed(f"{path!r} is no name for a file")
            entries.append(Entry(path.removeprefix(below), blob))
            if len(entries) > MAX_FILES:
                raise GitFailed(f"more than {MAX_FILES} files below {root!r}")
        if not entries and below:
            raise GitFailed(f"there is no folder {root!r} in {commit[:12]}")
        return entries

    def read(self, blobs: list[str]) -> dict[str, bytes]:
        """Return contents by id."""
        return self._local.batch(blobs, MAX_FILE + 1) if blobs else {}

    def facts(self, commit: str) -> CommitFacts:
        """Return author, subject and message of a commit."""
        told = self._local.run("show", "-s", "--format=%an%x00%s%x00%B", commit)
        author, subject, message = told.decode("utf-8", "replace").split("\0", 2)
        return CommitFacts(commit, author, subject, message)

    def is_ancestor(self, old: str, new: str) -> bool:
        """True if `new` only adds to `old`; false too where `old` is no longer known."""
        try:
            return self._local.holds("merge-base", "--is-ancestor", old, new)
        except GitFailed:
            return False

    def _fetch(self, ref: str) -> str:
        self._prepare()
        if not (self._place / "HEAD").exists():
            self._remote.run("init", "-q", "--bare", "--", str(self._place))
        for lock in self._place.rglob("*.lock"):
            lock.unlink(missing_ok=True)
        fetcher = Runner(self._place, self._protocol, self._trusted)
        fetcher.run(
            "fetch", "-q", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head",
            "--end-of-options", self.url, f"+{ref}:{ref}",
        )  # fmt: skip
        return self._local.run("rev-parse", "--verify", f"{ref}^{{commit}}").decode().strip()

    def _prepare(self) -> None:
        """Make the folder; let git serve this one local path, whoever owns it."""
        self._place.parent.mkdir(parents=True, exist_ok=True)
        if self._trusted is not None and not self._trusted.exists():
            paths = (self.url, f"{self.url}/.git")
            lines = "".join(f'\tdirectory = "{path}"\n' for path in paths)
            self._trusted.write_text(f"[safe]\n{lines}")

    def _remove(self) -> None:
        shutil.rmtree(self._place, ignore_errors=True)
