"""The valid specs, and what the compiler says of them and of their mutants."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

from adapters.contract import Manifest
from engine.core.diagnostic import Diagnostic
from engine.operations import catalogue
from engine.source import Beside, Cache, File, compile_files, is_spec
from tests.mutants.fault import Change, Fault, Spec

FOLDER = Path(__file__).parent / "specs"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A valid spec with a fault in it."""

    fault: Fault
    spec: str
    change: Change


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a mutant. `found` is what the compiler said, by code and line.

    `caught` is by a right code, `placed` also at the right line.
    """

    mutant: Mutant
    found: tuple[tuple[str, str, int], ...]
    caught: bool
    placed: bool


class Corpus:
    """One tree of valid specs; what does not change is compiled once."""

    def __init__(self, folder: Path = FOLDER) -> None:
        found = sorted(each for each in folder.rglob("*") if each.is_file())
        self.sources = {str(each.relative_to(folder)): each.read_bytes() for each in found}
        self.specs = [Spec.read(name, data) for name, data in self.sources.items() if is_spec(name)]
        written = {each.name: each.text.encode() for each in self.specs}
        self._files = {
            name: File(name, name, written.get(name, data)) for name, data in self.sources.items()
        }
        self._beside = Beside(self._files)
        self._cache = Cache()

    def findings(self, name: str = "", text: str = "") -> list[Diagnostic]:
        """Return what is found where the file `name` has another text."""
        files = {each: file for each, file in self._files.items() if is_spec(each)}
        if name:
            files[name] = File(name, "", text.encode())
        compiled = compile_files(files.values(), _operations(), self._cache, beside=self._beside)
        return compiled.diagnostics

    def as_written(self) -> list[Diagnostic]:
        """Return what is found of the files as their authors wrote them."""
        files = {name: File(name, "", data) for name, data in self.sources.items()}
        specs = [each for name, each in files.items() if is_spec(name)]
        return compile_files(specs, _operations(), beside=Beside(files)).diagnostics

    def mutants(self, fault: Fault, most: int = 0) -> Iterator[Mutant]:
        """Yield the mutants of a class, always the same; of each spec at most `most`, if not 0.

        Those are taken from all over the spec.
        """
        for spec in self.specs:
            changes = list(fault.make(spec))
            step = max(1, -(-len(changes) // most)) if most else 1
            for change in changes[::step]:
                yield Mutant(fault, spec.name, change)

    def sample(self, fault: Fault, number: int) -> Iterator[Mutant]:
        """Yield a mutant of each of the first `number` specs in which the fault can be."""
        for spec in self.specs:
            for change in islice(fault.make(spec), min(1, number)):
                yield Mutant(fault, spec.name, change)
                number -= 1

    def judge(self, mutant: Mutant) -> Verdict:
        """Return whether the compiler catches a mutant."""
        change, fault = mutant.change, mutant.fault
        found = tuple(
            (each.code, each.span.file, each.span.line)
            for each in self.findings(mutant.spec, change.text)
        )
        right = [each for each in found if each[0] in fault.codes]
        near = [
            each for each in right
            if fault.near is None
            or (each[1] == mutant.spec and abs(each[2] - change.line) <= fault.near)
        ]  # fmt: skip
        return Verdict(mutant, found, bool(right), bool(near))


@cache
def _operations() -> Mapping[str, Manifest]:
    return catalogue()
