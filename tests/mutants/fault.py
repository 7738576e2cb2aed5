"""A class of fault, a spec that it is put into, and the mutants that come of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from tests.mutants.tree import Data, Path, Plain, at, put, read, renamed, walk, without, written

VERBS = frozenset(
    [
        "uses",
        "call",
        "block",
        "for_each",
        "repeat",
        "switch",
        "race",
        "set",
        "wait",
        "await",
        "approve",
        "emit",
        "fail",
        "rollback",
    ]
)
EXPRESSIONS = frozenset(["if", "until", "filter", "match", "over", "key", "fan_out"])
_FREE = frozenset(
    [
        "with",
        "data",
        "payload",
        "inputs",
        "mock",
        "given",
        "expect",
        "labels",
        "form",
        "binds",
        "schema",
    ]
)
_CODE = frozenset(("template", "script", "statement"))


@dataclass(frozen=True, slots=True)
class Change:
    """A changed file: its text, and the line on which whoever wrote it would look."""

    text: str
    line: int


class Spec:
    """A valid file, as it is changed: by path, or line by line."""

    def __init__(self, name: str, root: Data) -> None:
        self.name = name
        self.root = root
        self.text, self.places = written(root)

    @classmethod
    def read(cls, name: str, source: bytes) -> "Spec":
        return cls(name, list(read(name, source)))

    def at(self, path: Path) -> Data:
        return at(self.root, path)

    def has(self, path: Path) -> bool:
        return path in self.places

    def put(self, path: Path, value: Data, where: Path | None = None) -> Change:
        return _change(put(self.root, path, value), path if where is None else where)

    def without(self, path: Path) -> Change:
        return _change(without(self.root, path), path[:-1])

    def renamed(self, path: Path, name: str) -> Change:
        return _change(renamed(self.root, path, name), (*path[:-1], name))

    def written(self, root: Data, where: Path) -> Change:
        return _change(root, where)

    def with_step(self, start: Path, step: dict[str, Data]) -> Change:
        """Return the text with another step, `added`, at the end of the document at `start`."""
        steps = self.at((*start, "steps"))
        if isinstance(steps, dict):
            return self.put((*start, "steps", "added"), step)
        where = (*start, "steps", len(steps))
        root = put(self.root, where[:-1], [*steps, {"id": plain("added"), **step}])
        return self.written(root, where)

    def lines(self, number: int, *lines: str) -> Change:
        """Return the text with `lines` in the place of line `number`."""
        text = self.text.splitlines()
        return Change("\n".join([*text[: number - 1], *lines, *text[number:]]) + "\n", number)

    def walk(self) -> Iterator[tuple[Path, Data]]:
        return walk(self.root)

    def documents(self, kind: str = "Workflow") -> Iterator[tuple[Path, dict[str, Data]]]:
        """Yield the documents of a kind."""
        assert isinstance(self.root, list)
        for number, each in enumerate(self.root):
            if isinstance(each, dict) and each.get("kind") == kind:
                yield (number,), each

    def mappings(self) -> Iterator[tuple[Path, dict[str, Data]]]:
        """Yield every mapping of a workflow whose keys are the language's own, or names."""
        for start, document in self.documents():
            for path, value in walk(document, start):
                if isinstance(value, dict) and not _FREE & set(path):
                    yield path, value

    def steps(self) -> Iterator[tuple[Path, dict[str, Data]]]:
        """Yield every step, at whatever depth."""
        for path, value in self.mappings():
            if len(path) > 2 and path[-2] == "steps" and VERBS & set(value):
                yield path, value

    def bodies(self, verb: str) -> Iterator[tuple[Path, dict[str, Data]]]:
        """Yield every mapping that has a verb."""
        for path, value in self.mappings():
            if verb in value and path[-1] not in ("steps", "outputs", "match"):
                yield path, value

    def triggers(self) -> Iterator[tuple[Path, dict[str, Data]]]:
        for path, value in self.walk():
            if len(path) == 3 and path[1] == "triggers" and isinstance(value, dict):
                yield path, value

    def expressions(self) -> Iterator[tuple[Path, str]]:
        """Yield every bare expression."""
        for path, value in self.mappings():
            for name in sorted(EXPRESSIONS & set(value)):
                text = value[name]
                if isinstance(text, str) and "{{" not in text and path[-1] != "budget":
                    yield (*path, name), text

    def templates(self) -> Iterator[tuple[Path, str]]:
        """Yield every text of a workflow with a template in it; code has none."""
        for start, document in self.documents():
            for path, value in walk(document, start):
                if isinstance(value, str) and "{{" in value and path[-1] not in _CODE:
                    yield path, value

    def reads(self) -> Iterator[tuple[Path, str]]:
        """Yield every text that reads something."""
        yield from self.expressions()
        yield from self.templates()

    def scalar(self, path: Path) -> str:
        value = self.at(path)
        assert isinstance(value, str)
        return value


Make: TypeAlias = Callable[[Spec], Iterator[Change]]


@dataclass(frozen=True, slots=True)
class Fault:
    """A class of fault: what is wrong in it, and what the compiler says of it.

    A mutant is caught by a finding with one of `codes`, at most `near` lines from the change;
    `near` is None where the fault is between places, and any line of the tree is right.
    `missed` is why some mutants of the class cannot be caught, and `floor` the part that is.
    """

    name: str
    says: str
    codes: frozenset[str]
    make: Make
    near: int | None = 2
    floor: float = 1.0
    missed: str = field(default="", compare=False)


def fault(
    name: str, says: str, codes: str, make: Make, near: int | None = 2,
    floor: float = 1.0, missed: str = "",
) -> Fault:  # fmt: skip
    """Return a class whose `codes` are written with spaces between them."""
    return Fault(name, says, frozenset(codes.split()), make, near, floor, missed)


def plain(text: str) -> Plain:
    return Plain(text)


def _change(root: Data, where: Path) -> Change:
    text, places = written(root)
    while where not in places:
        where = where[:-1]
    return Change(text, places[where])
