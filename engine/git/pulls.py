"""A second bare repository, for what strangers push: heads of pull requests, and their merges.

It borrows the objects of the trusted mirror and lends none: what comes from a fork is never in the
mirror that activations are read from. Heads are fetched from the base repository alone, which has
them as `refs/pull/<number>/head`; a fork is never spoken to.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from engine.core.frozen import frozen
from engine.errors import Misconfigured
from engine.git.address import check_ref
from engine.git.command import Answer, first
from engine.git.failure import GitFailed, TooMuch
from engine.git.mirror import Mirror, own, write

_PULL = re.compile(r"refs/(pull|merge-requests)/[1-9][0-9]{0,9}/head")
_MERGE_SECONDS = 60.0
_CONFLICT = 1
_MOST_CONFLICTS = 20


@frozen
class Merged:
    """What merging two commits comes to: a tree, or the files (the first 20) that conflict."""

    tree: str
    conflicts: Sequence[str] = ()


class Pulls(Mirror):
    """The heads of an address below `folder`, beside its trusted mirror, which need not be there.

    Its methods block, as the mirror's do.
    """

    suffix = ".pulls.git"

    @property
    def place(self) -> Path:
        """Return the folder of the repository, for whoever only reads objects."""
        return self._place

    def bring(self, base: str, head: str) -> tuple[str, str]:
        """Bring the refs of both sides in; return their commits.

        Raise Refused and GitFailed as the mirror does. A damaged repository is made anew once.
        """
        refs = (check_ref(base), check_head(head))
        with self._locked():
            there = self._learn(self._listed(refs))
            missing = [each for each in refs if each not in there]
            if missing:
                raise GitFailed(f"{missing[0]} is not in the repository")
            self._prepare(self._place)
            try:
                commits = self._fetch(self._place, *refs)
            except TooMuch:
                raise
            except GitFailed:
                commits = self._anew(*refs)
        return commits[0], commits[1]

    def borrow(self, commit: str) -> None:
        """Be there, if only with what the trusted mirror has, whose hashes are as this commit's."""
        with self._locked():
            self._learn({"": commit})
            self._prepare(self._place)

    def merge(self, base: str, head: str) -> Merged:
        """Return what merging a head into a base comes to, as GitHub merges them.

        Contents that were too large to be fetched cannot be compared: where a renamed file would
        have to be, renames are not followed.
        """
        answer = self._merge(base, head)
        if answer.status > _CONFLICT:
            answer = self._merge(base, head, "-c", "merge.renames=false")
        if answer.status > _CONFLICT or answer.status < 0:
            raise GitFailed(f"git merge-tree: {first(answer.told)}")
        tree, *paths = answer.out.decode("utf-8", "replace").rstrip("\0").split("\0")
        if answer.status == _CONFLICT:
            return Merged(tree, paths[:_MOST_CONFLICTS])
        return Merged(tree)

    def forget(self, head: str) -> None:
        """Let go of a head; its objects go when the repository is tidied."""
        with self._locked():
            if self._has_content():
                self._inside.run("update-ref", "-d", own(check_head(head)))

    def _merge(self, base: str, head: str, *configuration: str) -> Answer:
        words = (
            "merge-tree", "--write-tree", "--name-only", "--no-messages", "-z",
            "--allow-unrelated-histories", base, head,
        )  # fmt: skip
        return self._inside.ask((*configuration, *words), _MERGE_SECONDS)

    def _prepare(self, place: Path) -> None:
        super()._prepare(place)
        (place / "objects" / "info").mkdir(exist_ok=True, mode=0o700)
        trusted = self._place.with_name(self._place.name.removesuffix(self.suffix) + Mirror.suffix)
        write(place / "objects" / "info" / "alternates", f"{trusted / 'objects'}\n")


def check_head(ref: str) -> str:
    """Return the ref of a pull request's head, or of a branch; raise Misconfigured for others."""
    if _PULL.fullmatch(ref):
        return ref
    if not ref.startswith("refs/heads/"):
        raise Misconfigured(f"{ref[:80]!r} is no head of a pull request")
    return check_ref(ref)
