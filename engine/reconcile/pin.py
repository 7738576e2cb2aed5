"""The commit that a source is pinned to by the document of its environment.

Such a commit is live as it was, but for that document: its file is the head's. So what a place is
given, and to what it is pinned, is said in one file, and changed by one commit.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from engine.core.commit import Declared, Kind
from engine.core.compiler import survey
from engine.core.frozen import frozen
from engine.git.failure import Refused
from engine.git.tree import Tree, inside
from engine.source import is_spec

_WORD = b"Environment"

Read = Callable[[Sequence[str]], Mapping[str, bytes | None]]
"""Returns contents by their ids; None for one that is too large."""


@frozen
class Pin:
    """A document that pins its source: its file below the root, its line, and the commit."""

    path: str
    line: int
    commit: str

    def told(self, root: str) -> str:
        """Return what pins to what, in words; files are told from the repository's top."""
        return f"pinned by {inside(root)}{self.path} to {self.commit[:12]}"


@frozen
class _Told:
    """What a file says of the environment; `others` if it declares something else, too."""

    revision: str
    line: int
    others: bool


class Pins:
    """Finds the document of an environment; a content that was looked at is not read again."""

    def __init__(self, environment: str) -> None:
        self._environment = environment
        self._known: dict[str, _Told | None] = {}

    def find(self, tree: Tree, read: Read) -> Pin | None:
        """Return what pins the source in a commit; None if nothing does.

        Raise Refused where it is not said by one file that says nothing else.
        """
        found = self._files(tree, read)
        pinning = [(path, told) for path, told in sorted(found.items()) if told.revision]
        if not pinning:
            return None
        path, told = pinning[0]
        if len(found) > 1:
            self._refuse_twice(path, told, next(each for each in sorted(found) if each != path))
        return Pin(self._alone(path, told, "with a `revision`"), told.line, told.revision)

    def file(self, tree: Tree, read: Read) -> str | None:
        """Return the path of the one file that describes the environment and nothing else.

        None if there is none; raise Refused where there are more, or it says more.
        """
        found = sorted(self._files(tree, read).items())
        if not found:
            return None
        (path, told), *others = found
        if others:
            self._refuse_twice(path, told, others[0][0])
        return self._alone(path, told, "that is to have a `revision`")

    def pinned(self, tree: Tree, pin: Pin, old: Tree, read: Read) -> Tree:
        """Return the tree of the `old` commit with the environment's file of `tree`.

        Raise Refused where the document stands together with others in the old commit.
        """
        there = self._files(old, read)
        gone = {self._alone(path, told, f"of {old.commit[:12]}") for path, told in there.items()}
        kept = {path: blob for path, blob in old.blobs.items() if path not in gone}
        return Tree(old.commit, old.root, {**kept, pin.path: tree.blobs[pin.path]})

    def forget(self, *trees: Tree) -> None:
        """Forget the contents that none of these trees has."""
        kept = {blob for each in trees for blob in each.blobs.values()}
        self._known = {blob: told for blob, told in self._known.items() if blob in kept}

    def _files(self, tree: Tree, read: Read) -> dict[str, _Told]:
        """Return what each file says that describes the environment."""
        specs = {path: blob for path, blob in tree.blobs.items() if is_spec(path)}
        fresh = sorted({blob for blob in specs.values() if blob not in self._known})
        for blob, content in read(fresh).items() if fresh else ():
            self._known[blob] = self._survey(content or b"")
        named = ((path, self._known[blob]) for path, blob in specs.items())
        return {path: told for path, told in named if told is not None}

    def _survey(self, content: bytes) -> _Told | None:
        if _WORD not in content:
            return None
        documents = list(survey("", content).documents)
        for each in documents:
            if each.kind is Kind.ENVIRONMENT and each.name == self._environment:
                line = _line(content)
                return _Told(_revision(each), line, len(documents) > 1)
        return None

    def _refuse_twice(self, path: str, told: _Told, other: str) -> NoReturn:
        raise Refused(
            "pin-ambiguous", f"the Environment {self._environment} has a `revision` and is "
            f"described twice, here and in {other}; keep one of the two", path, told.line,
        )  # fmt: skip

    def _alone(self, path: str, told: _Told, which: str) -> str:
        if told.others:
            raise Refused(
                "pin-not-alone", f"the Environment {self._environment} {which} stands together "
                "with other documents; give it a file of its own", path, told.line,
            )  # fmt: skip
        return path


def _revision(document: Declared) -> str:
    facts = document.facts if isinstance(document.facts, Mapping) else {}
    return str(facts.get("revision") or "")


def _line(content: bytes) -> int:
    """Return the line of the key, 1 where it does not begin one."""
    for number, line in enumerate(content.splitlines(), 1):
        if line.startswith(b"revision:"):
            return number
    return 1
