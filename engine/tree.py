"""The files of a tree: what each spec in it comes to among the others, and what is known already.

Nothing here compiles: whoever calls hands over how a file is surveyed. So a tree in which nothing
has changed is looked through without the compiler.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from engine.core.commit import Commit, Companions, Declared, Unit

SUFFIXES = (".yaml", ".yml")
# So many files are kept parsed until all are; of a larger tree the others are parsed again.
_MOST_PARSED = 2_000

Units: TypeAlias = MutableMapping[str, Unit]


class Surveyed(Protocol):
    """A file of which it is known what it declares."""

    @property
    def documents(self) -> Iterable[Declared]: ...

    def compile(self, commit: Commit) -> Unit:
        """Return what it compiles to among the documents of its commit."""


Survey: TypeAlias = Callable[[str, bytes], Surveyed]
Compile: TypeAlias = Callable[[Sequence[Surveyed], Commit], list[Unit]]


def one_by_one(surveyed: Sequence[Surveyed], commit: Commit) -> list[Unit]:
    """Return what files compile to, in their order."""
    return [each.compile(commit) for each in surveyed]


@dataclass(frozen=True, slots=True)
class File:
    """A file of the tree: its path below the root, the id of its content or "", its bytes.

    The bytes may be left to be read when they are needed; None then says that they are too many.
    """

    path: str
    blob: str
    data: bytes | Callable[[], bytes | None]

    def read(self) -> bytes | None:
        """Return its content; None if it is too large."""
        return self.data if isinstance(self.data, bytes) else self.data()


class Beside:
    """The files of a tree as the specs in it may name them."""

    def __init__(self, files: Mapping[str, File]) -> None:
        self._files = files
        self._stamps: dict[str, str] = {}

    def stamp(self, path: str) -> str:
        """Return the id of a file's content, "" if there is no such file."""
        if path not in self._files:
            return ""
        file = self._files[path]
        if path not in self._stamps:
            self._stamps[path] = file.blob or hashlib.sha256(file.read() or b"").hexdigest()
        return self._stamps[path]

    def read(self, path: str) -> bytes | None:
        """Return a file's content; None if there is no such file, or it is too large."""
        return self._files[path].read() if path in self._files else None


@dataclass(frozen=True, slots=True)
class Tree:
    """The specs of a tree, by their paths.

    `stamp` stands for all that a unit hangs on beside its content and its neighbours; a `cache`
    holds units by content and stamp. `beside` are the files that specs may name, `environment` is
    the name of the one that the tree is bound to. `compile` is how files are compiled.
    """

    files: Mapping[str, File]
    survey: Survey
    stamp: str
    cache: Units
    beside: Companions | None = None
    environment: str = ""
    compile: Compile = one_by_one

    def units(self) -> dict[str, Unit]:
        """Return what each spec comes to, by its path; what is known is looked up."""
        paths = sorted(self.files)
        known = {path: self._known(path) for path in paths}
        parsed: dict[str, Surveyed] = {}
        declared = [told for path in paths for told in self._declared(path, known[path], parsed)]
        commit = Commit(declared, self.beside, self.environment)
        units = {path: each for path, each in known.items() if each and commit.holds(each.asked)}
        units |= self._compiled([path for path in paths if path not in units], parsed, commit)
        return {path: units[path] for path in paths}

    def _compiled(
        self, paths: Sequence[str], parsed: dict[str, Surveyed], commit: Commit
    ) -> dict[str, Unit]:
        """Return what these specs compile to, and keep it; so many at once as are kept parsed."""
        units: dict[str, Unit] = {}
        for some in (paths[i : i + _MOST_PARSED] for i in range(0, len(paths), _MOST_PARSED)):
            files = [parsed.pop(each) if each in parsed else self._surveyed(each) for each in some]
            units |= zip(some, self.compile(files, commit), strict=True)
        self.cache.update({self._key(each): units[each] for each in paths if self.files[each].blob})
        return units

    def _known(self, path: str) -> Unit | None:
        """Return what the content of a file came to at an earlier time."""
        unit = self.cache.get(self._key(path)) if self.files[path].blob else None
        return unit and unit.at(path)

    def _key(self, path: str) -> str:
        return f"{self.files[path].blob}:{self.stamp}"

    def _declared(
        self, path: str, known: Unit | None, parsed: dict[str, Surveyed]
    ) -> Iterable[Declared]:
        if known is not None:
            return known.documents
        surveyed = self._surveyed(path)
        if len(parsed) < _MOST_PARSED:
            parsed[path] = surveyed
        return surveyed.documents

    def _surveyed(self, path: str) -> Surveyed:
        return self.survey(path, self.files[path].read() or b"")


def is_spec(path: str) -> bool:
    """True for `*.yaml` and `*.yml` below a root, unless a name on the way begins with a dot."""
    return path.endswith(SUFFIXES) and not path.startswith(".") and "/." not in path
