"""The tree of a commit becomes plans and findings; what has not changed is not read again."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field

from engine.core.commit import Commit, Companions, Declared, Kind, Unit, findings
from engine.core.compiler import VERSION, Laid, Survey, compile_survey, laid, survey
from engine.core.diagnostic import Diagnostic
from engine.core.facts import Catalogue, Operations
from engine.core.plan import Plan

__all__ = ["Beside", "Cache", "Compiled", "File", "Unit", "compile_files", "is_spec"]

SUFFIXES = (".yaml", ".yml")
# So many files are kept parsed until all are; of a larger tree the others are parsed again.
_MOST_PARSED = 2_000


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


@dataclass(slots=True)
class Cache:
    """What an earlier time came to; whoever owns it drops what is old.

    `units` are by content and catalogue; `laid` are the plans of the last time, by name.
    """

    units: MutableMapping[str, Unit] = field(default_factory=dict)
    laid: Mapping[str, Laid] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a tree compiles to. With an error among the `diagnostics`, nothing of it may activate.

    `plans` are by name, `units` by file; `files` is how many specs were looked at.
    """

    plans: dict[str, Plan]
    units: dict[str, Unit]
    diagnostics: list[Diagnostic]

    @property
    def files(self) -> int:
        return len(self.units)


def compile_files(
    files: Iterable[File], operations: Operations, cache: Cache | None = None,
    environment: str = "", beside: Companions | None = None,
) -> Compiled:  # fmt: skip
    """Compile specs and put them together; which files are specs `is_spec` tells.

    `environment` is the name of the one that the source is bound to. What files the specs name
    are looked for `beside` them. With a `cache`, a file whose
    content was seen under the same catalogue, and whose questions to its neighbours are answered
    as they were, costs a look-up, at whatever path it stands now; a file without a blob id is
    always compiled.
    """
    cache = Cache() if cache is None else cache
    tree = {each.path: each for each in files}
    units = _Tree(tree, Catalogue(operations), cache.units, beside, environment).units()
    documents = [told for unit in units.values() for told in unit.documents]
    diagnostics = [told for unit in units.values() for told in unit.diagnostics]
    diagnostics += findings(documents)
    cache.laid = laid((each for each in documents if each.kind is Kind.WORKFLOW), cache.laid)
    plans = {name: cache.laid[name].plan for name in sorted(cache.laid)}
    return Compiled(plans, units, diagnostics)


def is_spec(path: str) -> bool:
    """True for `*.yaml` and `*.yml` below a root, unless a name on the way begins with a dot."""
    return path.endswith(SUFFIXES) and not path.startswith(".") and "/." not in path


class _Tree:
    """The files of a tree, first surveyed and then compiled."""

    def __init__(
        self, files: Mapping[str, File], catalogue: Catalogue, cache: MutableMapping[str, Unit],
        beside: Companions | None, environment: str,
    ) -> None:  # fmt: skip
        self._files = files
        self._catalogue = catalogue
        self._cache = cache
        self._beside = beside
        self._environment = environment
        self._parsed: dict[str, Survey] = {}

    def units(self) -> dict[str, Unit]:
        """Return what each spec compiles to, by its path."""
        specs = sorted(self._files)
        known = {path: self._known(path) for path in specs}
        declared = [told for path in specs for told in self._declared(path, known[path])]
        commit = Commit(declared, self._beside, self._environment)
        return {path: self._unit(path, known[path], commit) for path in specs}

    def _known(self, path: str) -> Unit | None:
        """Return what the content of a file compiled to at an earlier time."""
        unit = self._cache.get(self._key(path)) if self._files[path].blob else None
        return unit and unit.at(path)

    def _key(self, path: str) -> str:
        return f"{self._files[path].blob}:{self._catalogue.digest}:{VERSION}"

    def _declared(self, path: str, known: Unit | None) -> Iterable[Declared]:
        if known is not None:
            return known.documents
        surveyed = self._survey(path)
        if len(self._parsed) < _MOST_PARSED:
            self._parsed[path] = surveyed
        return surveyed.documents

    def _unit(self, path: str, known: Unit | None, commit: Commit) -> Unit:
        if known is not None and commit.holds(known.asked):
            return known
        surveyed = self._parsed.pop(path, None) or self._survey(path)
        unit = compile_survey(surveyed, self._catalogue, commit)
        if self._files[path].blob:
            self._cache[self._key(path)] = unit
        return unit

    def _survey(self, path: str) -> Survey:
        return survey(path, self._files[path].read() or b"")


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
