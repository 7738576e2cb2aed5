"""The tree of a commit becomes plans and findings; what has not changed is not read again."""

from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass

from engine.core.compiler import VERSION, Unit, compile_file, link
from engine.core.diagnostic import Diagnostic
from engine.core.facts import Catalogue, Operations
from engine.core.plan import Plan

__all__ = ["Cache", "Compiled", "File", "Unit", "compile_files", "is_spec"]

SUFFIXES = (".yaml", ".yml")

Cache = MutableMapping[str, Unit]
"""What files compiled to, by content and catalogue; whoever owns it drops what is old."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of the tree: its path below the root, the id of its content or "", its bytes."""

    path: str
    blob: str
    data: bytes


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
    files: Iterable[File], operations: Operations, cache: Cache | None = None
) -> Compiled:
    """Compile specs and put them together; which files are specs `is_spec` tells.

    With a `cache`, a file whose content was seen under the same catalogue costs a look-up, at
    whatever path it stands now; a file without a blob id is always compiled.
    """
    catalogue = Catalogue(operations)
    units: dict[str, Unit] = {}
    for file in sorted(files, key=lambda each: each.path):
        units[file.path] = _unit(file, catalogue, cache)
    diagnostics = [told for unit in units.values() for told in unit.diagnostics]
    diagnostics += link(units.values())
    plans: dict[str, Plan] = {}
    for unit in units.values():
        for each in unit.workflows:
            if each.plan is not None:
                plans.setdefault(each.name, each.plan)
    return Compiled(plans, units, diagnostics)


def is_spec(path: str) -> bool:
    """True for `*.yaml` and `*.yml` below a root, unless a name on the way begins with a dot."""
    return path.endswith(SUFFIXES) and not path.startswith(".") and "/." not in path


def _unit(file: File, catalogue: Catalogue, cache: Cache | None) -> Unit:
    if cache is None or not file.blob:
        return compile_file(file.path, file.data, catalogue)
    key = f"{file.blob}:{catalogue.digest}:{VERSION}"
    if key not in cache:
        cache[key] = compile_file(file.path, file.data, catalogue)
    return cache[key].at(file.path)
