"""A workflow as the compiler sees it: scopes in scopes, and the steps of each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from engine.core import plan, spec
from engine.core.commit.flow import Labels
from engine.core.compiler.findings import Path, Place
from engine.core.compiler.site import Schema, Site
from engine.core.compiler.wish import Graph
from engine.core.frozen import frozen
from engine.core.values import Json


class Kind(StrEnum):
    """What a scope is, in the words of a finding."""

    RUN = "the run"
    BLOCK = "the block of"
    ITEM = "an item of"
    TURN = "a turn of"
    CASE = "a case of"
    BRANCH = "a branch of"
    COMPENSATION = "the compensation of"
    FALLBACK = "the fallback of"
    HANDLER = "`on_failure`"
    UNDO_FAILED = "`on_compensation_failure`"
    FINALLY = "`finally`"


# These begin when the steps of the scope that they belong to have ended.
AFTERWARDS = frozenset({Kind.HANDLER, Kind.UNDO_FAILED, Kind.FINALLY})


@frozen
class Result:
    """A value with templates in it, written at `path`, that a step or a scope gives.

    `schema` is the one that the author wrote at `schema_path`; without one, the value stands in
    for another, and must be of its type.
    """

    value: Json
    path: Path
    schema: Schema | None = None
    schema_path: Path = ()


@dataclass(slots=True, eq=False)
class Node:
    """One step: `path` is where it is written, `sites` are all the expressions in it.

    `inner` are the scopes that its verb and its keys open. A lone verb, as the body of
    `for_each` may be one, is a step whose id is empty. `typed` are its sites with the shape of
    their values, `dirty` the labels of those of its outputs that a stranger's text may be in.
    """

    id: str
    path: Path
    position: int
    spec: spec.Step
    scope: "Steps"
    sites: list[Site] = field(default_factory=list)
    inner: list["Steps"] = field(default_factory=list)
    typed: list[tuple[Site, Schema]] = field(default_factory=list)
    dirty: Mapping[str, Labels] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        """Return where the step is named: its key, or its `id` in a sequence."""
        if self.is_keyed or not self.id:
            return Place(self.path, key=self.is_keyed)
        return Place((*self.path, "id"))

    @property
    def is_keyed(self) -> bool:
        return isinstance(self.path[-1], str)

    @property
    def called(self) -> str:
        """Return the step as a sentence names it."""
        return f'step "{self.id}"' if self.id else self.scope.called

    def at(self, *keys: str | int, key: bool = False) -> Place:
        """Return the place of something inside the step."""
        return Place(self.path + keys, key)

    def opens(self, kind: Kind) -> "Steps | None":
        """Return the scope of this kind that it opens, if there is just one to speak of."""
        return next((each for each in self.inner if each.kind is kind), None)


@dataclass(slots=True, eq=False)
class Steps:
    """The nodes of a scope by position and by name. A sequence runs in order, a graph need not.

    `owner` is the step that opens it, `around` the scope whose steps may be read here too.
    `names` are those that are read here and in what it holds, with their shapes, and `types` are
    these with all that is read around it, once somebody has asked for them; of the names,
    `unsure` may not be there, and a stranger's text may be in the `dirty_names`. `after` are the
    scopes that follow it: its handlers and its `finally`. `results` is what leaves it, `sites` and
    `typed` are the expressions in that, by name; `condition` is a handler's. `time` is its own
    timeout, and where that stands; `cancels` says that its first failure cancels what runs.
    `missing` are the steps that may stay without outputs although all went well, and `plan` is
    what it becomes.
    """

    kind: Kind
    path: Path
    owner: Node | None = None
    around: "Steps | None" = None
    is_sequence: bool = False
    nodes: list[Node] = field(default_factory=list)
    by_id: dict[str, Node] = field(default_factory=dict)
    names: dict[str, Schema] = field(default_factory=dict)
    types: Mapping[str, Schema] | None = None
    unsure: frozenset[Path] = frozenset()
    dirty_names: dict[str, Labels] = field(default_factory=dict)
    results: Mapping[str, Result] = field(default_factory=dict)
    sites: list[tuple[str, Site]] = field(default_factory=list)
    typed: list[tuple[str, Site, Schema]] = field(default_factory=list)
    condition: Site | None = None
    handler: spec.Handler | None = None
    time: tuple[str, Path] | None = None
    cancels: bool = False
    plan: "plan.Scope | None" = None
    after: list["Steps"] = field(default_factory=list)
    graph: Graph | None = None
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def lone(self) -> Node | None:
        """Return the only verb of a scope that is no more than that."""
        return self.nodes[0] if self.nodes and not self.nodes[0].id else None

    @property
    def called(self) -> str:
        """Return the scope as a sentence names it."""
        if self.owner is None or self.kind in AFTERWARDS:
            return self.kind.value
        return f"{self.kind.value} {self.owner.called}"

    def chain(self) -> Iterator["Steps"]:
        """Yield the scopes whose steps may be read here, from the inside out."""
        scope: Steps | None = self
        while scope is not None:
            yield scope
            scope = scope.around

    def find(self, name: str) -> Node | None:
        """Return the step of this name that may be read here."""
        return next((each.by_id[name] for each in self.chain() if name in each.by_id), None)

    def visible(self) -> list[str]:
        """Return the names of all steps that may be read here."""
        return [node.id for each in self.chain() for node in each.nodes if node.id]

    def everything(self) -> Iterator["Steps"]:
        """Yield this scope and all that is in it."""
        yield self
        for node in self.nodes:
            for inner in node.inner:
                yield from inner.everything()
        for each in self.after:
            yield from each.everything()
