"""A bare mirror of one repository: what its refs are, what a commit holds. Never a work tree.

The mirror is a partial clone: blobs over the limit of a spec are left at the remote. Its refs are
our own (`refs/sark/<digest>`), so that no name of the remote's can be in another's way. Whatever
is wrong with it, it is made anew beside the old one and takes its place when it is whole.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event

from engine.git import history, local, signature
from engine.git.address import Address, check_ref
from engine.git.command import Runner, failure, first
from engine.git.credential import NOBODY, Credential
from engine.git.environment import Reach, reach, trusting
from engine.git.failure import GitFailed, HostRefused, Moved, NoCredential, Refused, TooMuch
from engine.git.history import CommitFacts
from engine.git.keys import Keys
from engine.git.limits import LIMITS, Limits
from engine.git.objects import Objects
from engine.git.signature import Signed
from engine.git.tree import Tree, changed, inside, listed, plain_files, too_many

MAX_FILE = 256 * 1024
_RESOLVE_SECONDS = 20.0
_TOLD_SECONDS = 60.0
_TIDY_SECONDS = 600.0
_MANY_PACKS = 40
_SHA256 = 64
_LONGEST_LOG = 100
_CONFIG = """\
[core]
\trepositoryformatversion = 1
\tbare = true
[extensions]
\tobjectFormat = {hashes}
\tpartialClone = origin
[remote "origin"]
\turl = "{url}"
\tpromisor = true
\tpartialCloneFilter = blob:limit={limit}
"""


class Mirror:
    """The mirror of an address below `folder`. Its methods block; call them from a thread."""

    suffix = ".git"

    def __init__(
        self, folder: Path, address: Address, halted: Event | None = None,
        credential: Credential = NOBODY, limits: Limits = LIMITS,
    ) -> None:  # fmt: skip
        self.address = address
        self.limits = limits
        self._credential = credential
        name = hashlib.sha256(address.url.encode()).hexdigest()[:16]
        self._place = folder.absolute() / f"{name}{self.suffix}"
        self._trusted = folder.absolute() / f"{name}.config"
        self._halted = halted or Event()
        self._hashes = "sha1"
        self._inside = Runner(self._place, halted=self._halted)

    @property
    def _reach(self) -> Reach:
        """What the next conversation with the remote needs; its credential is read anew."""
        self.limits.admit(self.address)
        return reach(self.address, self._trusted, self._credential)

    def heads(self, refs: Sequence[str]) -> dict[str, str]:
        """Return the commit of each full ref that is there at the remote.

        It also shows of which kind the remote's hashes are, and so the next fetch's.
        """
        for ref in refs:
            check_ref(ref)
        return self._learn(self._heads(refs))

    def fetch(self, ref: str) -> str:
        """Bring a ref into the mirror and return its commit.

        Raise Refused for content that git's own checks refuse or that is too much, GitFailed for
        what may pass. A damaged mirror is made anew, if the remote answers.
        """
        check_ref(ref)
        with self._locked():
            self._prepare(self._place)
            try:
                return self._fetch(self._place, ref)[0]
            except (TooMuch, NoCredential, HostRefused, Moved):
                raise
            except Refused as refusal:
                if refusal.reason != "repository-too-large":
                    raise
                return self._smaller(ref)
            except GitFailed:
                if not self._has_content() or ref not in self.heads([ref]):
                    raise
                return self._anew(ref)[0]

    def rebuild(self, ref: str) -> str:
        """Make the mirror anew from the remote and return the commit of a ref."""
        with self._locked():
            return self._anew(check_ref(ref))[0]

    def tree(self, commit: str, root: str, old: Tree | None = None) -> Tree:
        """Return the files of a commit below a root, told by what differs from an `old` tree.

        Raise Refused for a root that is not there, and for anything in it but plain files.
        """
        below = inside(root)
        place = ("--", f":(top,literal){below}") if below else ()
        if old is not None and old.root == root:
            told = self._print(
                root, "diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-ext-diff",
                "--ignore-submodules=none", old.commit, commit, *place,
            )  # fmt: skip
            return self._there(changed(old, commit, told, self.limits.files))
        names = ("--", below) if below else ()
        told = self._print(root, "ls-tree", "-r", "-z", "--full-tree", commit, *names)
        return self._there(listed(commit, root, told, self.limits.files))

    def plain_files(self, commit: str, paths: Sequence[str]) -> dict[str, str]:
        """Return the blobs of those of these paths that are plain files of a commit, or a tree."""
        told = self._inside.run("ls-tree", "-z", "--full-tree", commit, "--", *paths)
        return plain_files(told)

    def objects(self) -> Objects:
        """Return the reader of contents, to be used as a context."""
        return Objects(self._inside)

    def facts(self, commit: str) -> CommitFacts:
        """Return what a commit says of itself."""
        words = ("log", "-1", "--no-show-signature", f"--format={history.FORMAT}", commit, "--")
        return history.parse(self._inside.run(*words))[0]

    def between(self, old: str, new: str) -> list[CommitFacts]:
        """Return the commits on the first-parent line from `old` to `new`, `new` first."""
        words = ("log", "--first-parent", f"--max-count={_LONGEST_LOG}", "--no-show-signature")
        told = self._inside.run(*words, f"--format={history.FORMAT}", f"{old}..{new}", "--")
        return history.parse(told)

    def is_ancestor(self, old: str, new: str) -> bool:
        """True if `new` only adds to `old`; false too where `old` is no longer known."""
        answer = self._inside.ask(("merge-base", "--is-ancestor", old, new), _TOLD_SECONDS)
        if answer.status > 1 and self._has(old):
            raise GitFailed(f"git merge-base: {first(answer.told)}")
        return answer.status == 0

    def verify(self, keys: Keys, live: str | None, head: str) -> Signed:
        """Return what the signatures of a commit, or of all since `live`, come to."""
        return signature.judge(self._inside, self._place.parent / "trust", keys, live, head)

    def tidy(self) -> None:
        """Put the packs of many fetches together; a look at a folder where there are few."""
        if len(list((self._place / "objects" / "pack").glob("*.pack"))) > _MANY_PACKS:
            with self._locked():
                self._inside.ask(("gc", "--quiet", "--prune=now"), _TIDY_SECONDS)

    def _learn(self, heads: dict[str, str]) -> dict[str, str]:
        """See of which kind the remote's hashes are."""
        if heads:
            self._hashes = "sha256" if len(min(heads.values())) == _SHA256 else "sha1"
        return heads

    def _heads(self, refs: Sequence[str]) -> dict[str, str]:
        if self.address.transport != "file":
            return self._listed(refs)
        try:
            found = {ref: local.read_ref(self.address.url, ref) for ref in refs}
        except LookupError:
            return self._listed(refs)
        return {ref: commit for ref, commit in found.items() if commit is not None}

    def _listed(self, refs: Sequence[str]) -> dict[str, str]:
        self._prepare(self._place)
        names = [name for ref in refs for name in (ref, f"{ref}^{{}}")]
        runner = Runner(self._place, self._reach, self._halted)
        told = runner.run("ls-remote", "--", self.address.url, *names, timeout=_RESOLVE_SECONDS)
        rows = (line.partition("\t") for line in told.decode("utf-8", "replace").splitlines())
        found = {name: commit for commit, _, name in rows}
        return {ref: found.get(f"{ref}^{{}}", found[ref]) for ref in refs if ref in found}

    def _fetch(self, place: Path, *refs: str) -> list[str]:
        """Bring refs in at once; return their commits, in order."""
        words = (
            "fetch", "-q", f"--filter=blob:limit={MAX_FILE}", "--no-tags", "--force",
            "--no-recurse-submodules", "--no-write-fetch-head", "--no-auto-maintenance",
            "--", "origin", *(f"{each}:{own(each)}" for each in refs),
        )  # fmt: skip
        try:
            answer = Runner(place, self._reach, self._halted).ask(
                words, self.limits.fetch_seconds, lambda: self._within(place)
            )
        finally:
            _sweep(place)
        if answer.status != 0 and "fsck error" in answer.told:
            raise Refused("git-fsck", f"git refuses what it was sent: {first(answer.told)}")
        if answer.status != 0:
            raise failure("fetch", answer.told)
        self._within(place)
        inside_ = Runner(place, halted=self._halted)
        names = [f"{own(each)}^{{commit}}" for each in refs]
        told = [inside_.run("rev-parse", "--verify", each) for each in names]
        return [each.decode().strip() for each in told]

    def _smaller(self, ref: str) -> str:
        """Make a mirror anew that has grown too large; without what nobody needs it may do.

        If it does not, the disk is given back: whatever is live needs no mirror.
        """
        try:
            return self._anew(ref)[0]
        finally:
            if _size(self._place) > self.limits.mirror:
                shutil.rmtree(self._place, ignore_errors=True)

    def _anew(self, *refs: str) -> list[str]:
        fresh = self._place.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            self._prepare(fresh)
            commits = self._fetch(fresh, *refs)
            shutil.rmtree(self._place, ignore_errors=True)
            fresh.rename(self._place)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        return commits

    def _prepare(self, place: Path) -> None:
        """Make the repository's frame if it is not there, and its configuration in any case."""
        for name in ("objects/pack", "refs"):
            (place / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.address.transport == "file":
            write(self._trusted, trusting(self.address.url))
        url = self.address.url.replace("\\", "\\\\").replace('"', '\\"')
        write(place / "config", _CONFIG.format(url=url, limit=MAX_FILE, hashes=self._hashes))
        write(place / "HEAD", "ref: refs/heads/none\n")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other processes out; stale locks of git's own are then nobody's."""
        self._place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._place.with_suffix(".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise GitFailed("another process is at work in the mirror") from None
            for lock in self._place.glob("**/*.lock"):
                lock.unlink(missing_ok=True)
            yield

    def _print(self, root: str, *words: str) -> bytes:
        try:
            return self._inside.run(*words)
        except TooMuch:
            raise too_many(root, self.limits.files) from None

    def _there(self, tree: Tree) -> Tree:
        """Raise Refused if the root of a tree is no folder of the commit."""
        below = inside(tree.root)
        if below and not tree.blobs:
            told = f"there is no folder {tree.root!r} in {tree.commit[:12]}"
            raise Refused("root-missing", told, tree.root)
        return tree

    def _has(self, commit: str) -> bool:
        return self._inside.ask(("cat-file", "-e", f"{commit}^{{commit}}"), 10).status == 0

    def _has_content(self) -> bool:
        return any((self._place / name).exists() for name in ("refs/sark", "packed-refs"))

    def _within(self, place: Path) -> None:
        """Raise Refused if a mirror takes more of the disk than it may."""
        size, most = _size(place), self.limits.mirror
        if size > most:
            told = f"its mirror takes {size >> 10} KiB of the disk, and may take {most >> 10}"
            raise Refused("repository-too-large", told)


def _size(place: Path) -> int:
    """Return what the packs of a mirror take, those on their way included."""
    size = 0
    for each in (place / "objects" / "pack").glob("*"):
        with suppress(FileNotFoundError):
            size += each.stat().st_size
    return size


def own(ref: str) -> str:
    """Return our own name for a ref of the remote's."""
    return f"refs/sark/{hashlib.sha256(ref.encode()).hexdigest()[:16]}"


def _sweep(place: Path) -> None:
    """Give back what a fetch that was ended has left on the disk."""
    for pattern in ("objects/pack/tmp_*", "objects/??/tmp_obj_*"):
        for each in place.glob(pattern):
            each.unlink(missing_ok=True)


def write(file: Path, text: str) -> None:
    """Write a file whole or not at all; leave it if it says this already."""
    if file.exists() and file.read_bytes() == text.encode():
        return
    half = file.with_name(f"{file.name}.half")
    half.write_text(text, "utf-8")
    os.replace(half, file)
