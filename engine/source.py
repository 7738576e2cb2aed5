"""The tree of a commit becomes plans and findings; what has not changed is not read again."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from engine.core.commit import VARIABLE, Commit, Companions, Declared, Kind, Unit, findings
from engine.core.compiler import (
    VERSION,
    Laid,
    Survey,
    compile_survey,
    laid,
    protection_of,
    survey,
)
from engine.core.diagnostic import Diagnostic, Span
from engine.core.facts import Catalogue, Operations
from engine.core.frozen import frozen
from engine.core.plan import Plan
from engine.core.wording import listed
from engine.tree import Beside, File, Surveyed, Tree, Units, is_spec

__all__ = [
    "Beside", "Cache", "Compiled", "File", "Unit", "compile_files", "is_spec", "surveyed",
    "too_large",
]  # fmt: skip


@dataclass(slots=True)
class Cache:
    """What an earlier time came to; whoever owns it drops what is old.

    `units` are by content and catalogue. Of the last time: `laid` are its plans by name, `files`
    the files under a `stamp`, `last` is what they came to, and `clean` says that nothing was wrong
    between them.
    """

    units: Units = field(default_factory=dict)
    laid: Mapping[str, Laid] = field(default_factory=dict)
    files: Mapping[str, File] = field(default_factory=dict)
    stamp: str = ""
    last: Mapping[str, Unit] = field(default_factory=dict)
    clean: bool = False

    def unchanged(self, files: Mapping[str, File], stamp: str) -> dict[str, Unit]:
        """Return what those of `files` came to that are the very same as the last time."""
        if stamp != self.stamp:
            return {}
        old, last = self.files, self.last
        return {
            path: last[path] for path, file in files.items() if old.get(path) is file and file.blob
        }

    def between(self, units: Mapping[str, Unit], documents: Sequence[Declared]) -> list[Diagnostic]:
        """Return what is wrong between the documents of `units`, which are the last from now on.

        Where nothing was wrong, and what has changed says to others what it said, nothing is.
        """
        told = [] if self.clean and _alike(self.last, units) else findings(documents)
        self.last, self.clean = units, not told
        return told


@frozen
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
    observe: Callable[[Survey], None] = lambda _: None, *, is_protected: bool = True,
) -> Compiled:  # fmt: skip
    """Compile specs and put them together; which files are specs `is_spec` tells.

    `environment` is the name of the one that the source is bound to; what holds its runs is left
    out of the plans where nothing `is_protected`. What files the specs name are looked for
    `beside` them. With a `cache`, a file whose
    content was seen under the same catalogue, and whose questions to its neighbours are answered
    as they were, costs a look-up, at whatever path it stands now; a file without a blob id is
    always compiled. `observe` is handed each file that is read.
    """
    cache = Cache() if cache is None else cache
    catalogue = Catalogue(operations)
    stamp = f"{catalogue.digest}:{VERSION}"
    tree = {each.path: each for each in files}

    def look(path: str, source: bytes) -> Surveyed:
        told = survey(path, source)
        observe(told)
        return _Surveyed(told, catalogue)

    unchanged = cache.unchanged(tree, stamp)
    known = Tree(tree, look, stamp, cache.units, beside, environment, unchanged=unchanged)
    units = known.units()
    documents = [told for unit in units.values() for told in unit.documents]
    diagnostics = [told for unit in units.values() for told in unit.diagnostics]
    diagnostics += [] if environment else _unchosen(units.values(), documents)
    diagnostics += cache.between(units, documents)
    cache.files, cache.stamp = tree, stamp
    workflows = (each for each in documents if each.kind is Kind.WORKFLOW)
    protection = protection_of(documents, environment) if is_protected else None
    cache.laid = laid(workflows, cache.laid, protection)
    plans = {name: cache.laid[name].plan for name in sorted(cache.laid)}
    return Compiled(plans, units, diagnostics)


def _unchosen(units: Iterable[Unit], documents: Iterable[Declared]) -> Iterator[Diagnostic]:
    """Find workflows that read variables, where nobody has said of which environment."""
    known = sorted({each.name for each in documents if each.kind is Kind.ENVIRONMENT})
    for unit in units if len(known) > 1 else ():
        if any(each.about == VARIABLE for each in unit.asked):
            for each in unit.documents:
                if each.kind is Kind.WORKFLOW:
                    yield Diagnostic(
                        "no-environment",
                        f'the file of workflow "{each.name}" reads variables, and no environment '
                        "is chosen",
                        each.span, hint="choose one: `--env NAME`", expected=listed(known),
                    )  # fmt: skip


def _alike(old: Mapping[str, Unit], new: Mapping[str, Unit]) -> bool:
    """True if the documents of the same files say the same to each other."""
    if old.keys() != new.keys():
        return False
    changed = ((old[path], unit) for path, unit in new.items() if old[path] is not unit)
    return all(
        [each.face for each in was.documents] == [each.face for each in now.documents]
        for was, now in changed
    )


def too_large(path: str, limit: int) -> Diagnostic:
    """Return what is said of a spec of more than `limit` bytes, which is not read."""
    return Diagnostic(
        "spec-too-large", f"the file is over {limit >> 10} KiB, and was not read",
        Span(path, 1, 1), hint="split it, or keep data out of specs",
    )  # fmt: skip


def surveyed(catalogue: Catalogue, path: str, source: bytes) -> Surveyed:
    """Return a file of which it is known what it declares."""
    return _Surveyed(survey(path, source), catalogue)


@frozen
class _Surveyed:
    """A file that was read, and the operations that it is to be compiled against."""

    survey: Survey
    catalogue: Catalogue

    @property
    def documents(self) -> Iterable[Declared]:
        return self.survey.documents

    def compile(self, commit: Commit) -> Unit:
        """Return what the file compiles to among the documents of its commit."""
        return compile_survey(self.survey, self.catalogue, commit)
