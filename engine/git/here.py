"""The repository that a person works in: commits by the names that he has for them. Read only."""

import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from git.cmd import Git

from engine.core.frozen import frozen
from engine.errors import Invalid
from engine.git.command import Answer, Runner, first
from engine.git.limits import MAX_FILES
from engine.git.objects import Objects
from engine.git.tree import Tree, checked, inside, listed, plain_files, too_many

_MARK = ".git"
_TRUNK = "refs/remotes/origin/HEAD"
_OURS = "refs/sark"
_FETCH_SECONDS = 300
# What git calls them in `ls-files -t`: files that it does not track, and those of the index that
# a sparse checkout leaves out of the work tree.
_OTHER, _LEFT_OUT = "?", "S"


@frozen
class Told:
    """A commit, who wrote it and when, as RFC 3339, and its first line."""

    sha: str
    author: str
    at: str
    subject: str


@frozen
class Here:
    """The repository around a folder; `root` is that folder, as paths in the repository begin."""

    runner: Runner
    root: str

    @property
    def top(self) -> Path:
        """The folder of the work tree."""
        return self.runner.folder.parent

    def commit(self, name: str) -> str:
        """Return the commit that a name means, as `HEAD~1` or a tag; raise Invalid for none."""
        answer = self.runner.ask(
            ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"], 60
        )
        if answer.status != 0:
            raise Invalid(f"the repository has no commit {name!r}: {_why(answer.told)}")
        return answer.out.decode().strip()

    def fork(self, one: str, other: str) -> str:
        """Return the last commit that two have in common; raise Invalid if they have none."""
        answer = self.runner.ask(["merge-base", "--end-of-options", one, other], 60)
        if answer.status != 0:
            raise Invalid(f"{one[:12]} and {other[:12]} have no commit in common")
        return answer.out.decode().strip()

    def between(self, one: str, other: str) -> list[str]:
        """Return the commits after `one` up to `other`, the oldest first, merges as one.

        Raise Invalid if `one` is not before `other`.
        """
        if self.fork(one, other) != one:
            raise Invalid(f"{one[:12]} is no ancestor of {other[:12]}")
        told = self.runner.run("rev-list", "--first-parent", "--reverse", f"{one}..{other}")
        return told.decode().split()

    def about(self, commit: str) -> Told:
        """Return who wrote a commit, when and what it is called."""
        told = self.runner.run(
            "log", "-1", "--no-show-signature", "--format=%H%n%an%n%aI%n%s", commit
        )
        sha, author, at, subject = told.decode("utf-8", "replace").split("\n")[:4]
        return Told(sha, author, at, subject)

    def placed(self, file: str) -> str:
        """Return the path in the repository of a file below the root."""
        return f"{self.root}/{file}" if self.root else file

    def tree(self, commit: str) -> Tree:
        """Return the files of a commit below the root; raise Refused for what a source has not."""
        where = ["--", inside(self.root)] if self.root else []
        told = self.runner.run("ls-tree", "-r", "-z", "--full-tree", commit, *where)
        return listed(commit, self.root, told)

    def plain_files(self, commit: str, paths: Sequence[str]) -> dict[str, str]:
        """Return the blobs of those of these paths that are plain files of a commit, or a tree."""
        told = self.runner.run("ls-tree", "-z", "--full-tree", commit, "--", *paths)
        return plain_files(told)

    def files(self, matters: Callable[[str], bool]) -> dict[str, str]:
        """Return the names below the root of what a commit of all that is here would have.

        Each is with "", or with the id of its content where a sparse checkout has left it out.
        What Git ignores is not in it; of what Git does not track, only names that `matter` are.
        Raise Refused as `tree` does.
        """
        words = (f"--work-tree={self.top}", "ls-files", "-t", "-s", "-z", "--full-name",
                 "--cached", "--others", "--exclude-standard", "--",
                 f":(top,literal){self.root}")  # fmt: skip
        below, found, plain = inside(self.root), dict[str, str](), dict[Path, bool]()
        for record in filter(None, self.runner.run(*words).split(b"\0")):
            each = _entry(record.decode("utf-8", "surrogateescape"))
            place = self.top / each.path
            if place.parent not in plain:  # a folder that has become a link holds nothing of ours
                plain[place.parent] = place.parent.resolve() == place.parent
            mode, blob = _mode(place) if plain[place.parent] else "", ""
            if not mode and each.tag == _LEFT_OUT:
                mode, blob = each.mode, each.blob
            if mode and (each.tag != _OTHER or matters(each.path.removeprefix(below))):
                found[checked(each.path, mode, below)] = blob
        if len(found) > MAX_FILES:
            raise too_many(self.root, MAX_FILES)
        return found

    def blobs(self, ids: Iterable[str], limit: int) -> Mapping[str, bytes | None]:
        """Return contents by their ids; None for one of more than `limit` bytes."""
        with Objects(self.runner) as objects:
            return objects.read(sorted(set(ids)), limit)

    def trunk(self) -> tuple[str, str]:
        """Return what a change goes into, its name and the commit where HEAD has left it.

        That is the default branch of `origin` as it was fetched last, or HEAD where there is none.
        """
        answer = self.runner.ask(["rev-parse", "--verify", "--quiet", f"{_TRUNK}^{{commit}}"], 60)
        head = self.commit("HEAD")
        if answer.status != 0:
            return "HEAD", head
        name = self.runner.ask(["rev-parse", "--abbrev-ref", _TRUNK], 60).out.decode().strip()
        return name or _TRUNK, self.fork(answer.out.decode().strip(), head)

    def pulled(self, number: int) -> tuple[str, str]:
        """Fetch a pull request of `origin`; return the commits of the default branch and of its
        head. Raise Invalid if they cannot be had.

        This asks as the person who works here does, with his own settings and credentials.
        Nothing but two refs below `refs/sark` is written.
        """
        told = {"HEAD": f"{_OURS}/trunk", f"refs/pull/{number}/head": f"{_OURS}/pull/{number}"}
        refs = [f"+{theirs}:{ours}" for theirs, ours in told.items()]
        words = ["fetch", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head"]
        done = _as_person(self.runner.folder, *words, "origin", *refs)
        if done.status != 0:
            raise Invalid(f"pull request {number} cannot be fetched: {first(done.told)}")
        base, head = (self.commit(each) for each in told.values())
        return base, head

    def merged(self, base: str, head: str) -> str | None:
        """Return the tree that a merge comes to, None where it conflicts; no file is touched."""
        answer = self.runner.ask(["merge-tree", "--write-tree", base, head], 60)
        if answer.status > 1:
            raise Invalid(
                f"{head[:12]} cannot be merged into {base[:12]}: {first(answer.told)}; "
                "a shallow clone lacks what is needed (git fetch --unshallow)"
            )
        return None if answer.status else answer.out.decode().split()[0]


def here(folder: Path) -> Here:
    """Return the repository that a folder is in; raise Invalid if it is in none."""
    place = folder.resolve()
    top = next((each for each in (place, *place.parents) if (each / _MARK).exists()), None)
    if top is None:
        raise Invalid(f"{folder} is in no Git repository")
    root = place.relative_to(top).as_posix()
    return Here(Runner(top / _MARK), "" if root == "." else root)


@frozen
class _Entry:
    """A line of `ls-files -t -s`; what is not tracked has neither mode nor blob."""

    tag: str
    path: str
    mode: str = ""
    blob: str = ""


def _entry(record: str) -> _Entry:
    tag, _, rest = record.partition(" ")
    if tag == _OTHER:
        return _Entry(tag, rest)
    facts, _, path = rest.partition("\t")
    mode, blob, _ = facts.split(" ")
    return _Entry(tag, path, mode, blob)


def _mode(place: Path) -> str:
    """Return the mode that Git has for what is at a place, "" for nothing."""
    try:
        mode = place.lstat().st_mode
    except OSError:
        return ""
    if stat.S_ISREG(mode):
        return "100644"
    return {stat.S_IFLNK: "120000", stat.S_IFDIR: "160000"}.get(stat.S_IFMT(mode), f"{mode:06o}")


def _why(told: str) -> str:
    return first(told) if told.strip() else "it names nothing, or no commit"


def _as_person(folder: Path, *words: str) -> Answer:
    """Run git as whoever has called us would; it asks for nothing at the terminal."""
    status, out, told = Git(str(folder.parent)).execute(
        ["git", f"--git-dir={folder}", *words], with_extended_output=True, with_exceptions=False,
        kill_after_timeout=_FETCH_SECONDS, env={"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"},
    )  # fmt: skip
    return Answer(status, str(out).encode(), str(told))
