"""What Git is to say after a rollback: the files of the commit that was gone back to, as a change.

Where the environment's document pins the source, that is its one line; what stands beside it in the
branch is for others to go on with.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from engine.cli import proposing
from engine.cli.pinned import PinFile
from engine.cli.proposing import Place
from engine.core.frozen import frozen
from engine.core.values import Json
from engine.errors import Conflict, Invalid, Misconfigured, SarkError
from engine.git import writing
from engine.git.failure import Refused
from engine.git.here import Here, here
from engine.settings import Settings


@frozen
class Asked:
    """Where the change is to be made: in the repository around a folder, on which branch.

    Without a `branch` it is named after the source and the commit.
    """

    folder: Path
    branch: str | None


@frozen
class Proposed:
    """What has become of it: the branch, its commit, and the number of the pull request.

    Without a number `why` says what kept it from being pushed or opened, "" where there is no
    `origin` or no forge to ask. `failed`: somebody has said no.
    """

    branch: str
    made: str
    pushed: bool
    number: int | None = None
    why: str = ""
    failed: bool = False


@dataclass(frozen=True)
class Revert:
    """A change that lets the branch of a source say what a commit of it has said."""

    source: Place
    repository: Here
    base: str
    commit: str
    branch: str
    ref: str

    @cached_property
    def pinned(self) -> PinFile | None:
        """The file that pins the source, if it is that which is to change."""
        found = PinFile(self.repository, self.source.environment, self.base)
        try:
            is_pinned = found.file is not None and bool(found.facts.get("revision"))
        except Refused:  # nothing of such a commit is live, nor is its document
            return None
        return found if is_pinned else None

    @property
    def path(self) -> str:
        """Where it changes anything, from the repository's top on; "" for all of it."""
        return self.repository.root if self.pinned is None else self.pinned.path

    @cached_property
    def tree(self) -> str:
        """What the branch is to hold."""
        if self.pinned is None:
            return writing.restored(self.repository, self.base, self.commit)
        files = {self.pinned.path: self.pinned.naming(self.commit)}
        return writing.tree(self.repository, self.base, files)

    @cached_property
    def is_idle(self) -> bool:
        """True if the branch says so already."""
        return writing.is_same(self.repository, self.base, self.tree, self.path)

    def check(self, tip: str) -> bool:
        """True if a branch that is there is this very change, False if it is merged already.

        Raise Conflict if it is another.
        """
        if writing.is_before(self.repository, tip, self.base):
            return False
        if not writing.is_same(self.repository, tip, self.tree, self.path):
            raise Conflict(
                f"there is a branch {self.branch} already, at {tip[:12]}, and it is another "
                "change; name another with --branch"
            )
        return True

    def propose(self, settings: Settings | None, title: str, body: str) -> Proposed:
        """Make the commit, push it, and open a pull request, as far as that goes.

        What is there already is taken as it is. Raise SarkError where there is no commit.
        """
        made = self._write(f"{title}\n\n{body}")
        if not writing.has_origin(self.repository):
            return Proposed(self.branch, made, pushed=False)
        try:
            made = self._push(made)
        except SarkError as error:
            return Proposed(self.branch, made, pushed=False, why=str(error), failed=True)
        if settings is None:
            return Proposed(self.branch, made, pushed=True)
        try:
            number = proposing.asked(settings, self.source, self.branch, title, body)
        except SarkError as error:
            failed = not isinstance(error, Misconfigured)
            return Proposed(self.branch, made, pushed=True, why=str(error), failed=failed)
        return Proposed(self.branch, made, pushed=True, number=number)

    def _push(self, made: str) -> str:
        """Let `origin` have the branch, and return the commit that it has there."""
        there = writing.fetch(self.repository, self.ref)
        if there is not None and self.check(there):
            return there
        writing.push(self.repository, self.ref)
        return made

    def _write(self, message: str) -> str:
        """Return the branch's commit, made now unless it is there."""
        tip = writing.tip(self.repository, self.ref)
        if tip is not None and self.check(tip):
            return tip
        made = writing.commit(self.repository, self.base, self.tree, message)
        writing.branch(self.repository, self.ref, made, tip or "")
        return made


def prepared(asked: Asked, source: Mapping[str, Json], commit: str) -> Revert:
    """Return the change that tells Git of a rollback, looked at as far as this machine knows.

    Raise SarkError for whatever is in the way of it; nothing has changed by then.
    """
    place = proposing.place(source)
    repository = replace(here(asked.folder), root=place.root)
    head = proposing.base(repository, place)
    if repository.commit(commit) != commit:
        raise Invalid(f"{commit!r} is no full hash of a commit")
    for each in filter(None, (commit, place.observed)):
        proposing.check(repository, each, head, place)
    branch = asked.branch or f"rollback/{place.name}-{commit[:12]}"
    ref = writing.named(repository, branch)
    revert = Revert(place, repository, head, commit, branch, ref)
    is_idle, tip = revert.is_idle, writing.tip(repository, ref)
    if tip is not None and not is_idle:
        revert.check(tip)
    return revert
