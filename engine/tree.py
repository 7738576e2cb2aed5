"""The files of a tree: what each spec in it comes to among the others, and what is known already.

Nothing here compiles: whoever calls hands over how a file is surveyed. So a tree in which nothing
has changed is looked through without the compiler.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import field
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Protocol, TypeAlias

from engine.core.frozen import frozen

if TYPE_CHECKING:
    from engine.core.commit import Commit, Companions, Declared, Unit

SUFFIXES = (".yaml", ".yml")
# What is parsed takes 30 to 70 times the room of its text.
_MOST_PARSED = 3 << 20

Units: TypeAlias = "MutableMapping[str, Unit]"


class Surveyed(Protocol):
    """A file of which it is known what it declares."""

    @property
    def documents(self) -> "Iterable[Declared]": ...

    def compile(self, commit: "Commit") -> "Unit":
        """Return what it compiles to among the documents of its commit."""


Survey: TypeAlias = Callable[[str, bytes], Surveyed]


@frozen
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


class Batch(Protocol):
    """Files that are looked at together."""

    @property
    def documents(self) -> "Sequence[Sequence[Declared]]":
        """What each of the files declares, in their order."""

    def compile(self, commit: "Commit") -> "list[Unit]":
        """Return what each of them compiles to among the documents of its commit."""


class Alone:
    """A batch that this process looks at by itself.

    So many files are kept parsed as there is room for, by their bytes; of a larger tree the
    others are parsed again.
    """

    def __init__(self, files: Sequence[File], survey: Survey) -> None:
        self._files = files
        self._survey = survey
        self._parsed: dict[str, Surveyed] = {}
        self._room = _MOST_PARSED
        self.documents = [tuple(self._surveyed(each).documents) for each in files]

    def compile(self, commit: "Commit") -> "list[Unit]":
        """Return what each file compiles to; what was parsed for it is let go."""
        made = []
        for each in self._files:
            surveyed = self._parsed.pop(each.path, None) or self._again(each)
            made.append(surveyed.compile(commit))
        return made

    def _surveyed(self, file: File) -> Surveyed:
        data = file.read() or b""
        surveyed = self._survey(file.path, data)
        if len(data) <= self._room:
            self._parsed[file.path] = surveyed
            self._room -= len(data)
        return surveyed

    def _again(self, file: File) -> Surveyed:
        return self._survey(file.path, file.read() or b"")


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


@frozen
class Tree:
    """The specs of a tree, by their paths.

    `stamp` stands for all that a unit hangs on beside its content and its neighbours; a `cache`
    holds units by content and stamp. `beside` are the files that specs may name, `environment` is
    the name of the one that the tree is bound to. `batch` is who looks at what is not known.
    `unchanged` is what the last tree came to where its files are the very same: that costs no look.
    """

    files: Mapping[str, File]
    survey: Survey
    stamp: str
    cache: Units
    beside: "Companions | None" = None
    environment: str = ""
    batch: Callable[[Sequence[File], Survey], Batch] = Alone
    unchanged: "Mapping[str, Unit]" = field(default_factory=dict)

    def units(self) -> "dict[str, Unit]":
        """Return what each spec comes to, by its path; what is known is looked up."""
        from engine.core.commit import Commit

        paths = sorted(self.files)
        known = dict(self.unchanged)
        for path in paths:
            if path not in known and (unit := self._known(path)) is not None:
                known[path] = unit
        fresh = [path for path in paths if path not in known]
        batch = self._batch(fresh)
        declared: dict[str, Sequence[Declared]] = dict(zip(fresh, batch.documents, strict=True))
        documents = (
            declared[path] if path in declared else known[path].documents for path in paths
        )
        commit = Commit(chain.from_iterable(documents), self.beside, self.environment)
        stale = [
            path for path, each in known.items() if each.asked and not commit.holds(each.asked)
        ]
        units = known | self._compiled(fresh, batch, commit)
        if stale:
            units |= self._compiled(stale, self._batch(stale), commit)
        return {path: units[path] for path in paths}

    def _batch(self, paths: Sequence[str]) -> Batch:
        return self.batch([self.files[each] for each in paths], self.survey)

    def _compiled(self, paths: Sequence[str], batch: Batch, commit: "Commit") -> "dict[str, Unit]":
        """Return what the specs of a batch compile to, and keep it."""
        units = dict(zip(paths, batch.compile(commit), strict=True))
        self.cache.update({self._key(each): units[each] for each in paths if self.files[each].blob})
        return units

    def _known(self, path: str) -> "Unit | None":
        """Return what the content of a file came to at an earlier time."""
        blob = self.files[path].blob
        unit = self.cache.get(f"{blob}:{self.stamp}") if blob else None
        return unit and unit.at(path)

    def _key(self, path: str) -> str:
        return f"{self.files[path].blob}:{self.stamp}"


@lru_cache(1 << 16)
def is_spec(path: str) -> bool:
    """True for `*.yaml` and `*.yml` below a root, unless a name on the way begins with a dot."""
    return path.endswith(SUFFIXES) and not path.startswith(".") and "/." not in path
