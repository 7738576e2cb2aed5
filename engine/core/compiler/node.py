"""The steps of one scope as the compiler sees them: in order, named, with all expressions."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from engine.core import facts, spec
from engine.core.compiler import site
from engine.core.compiler.findings import Findings, Path, Place
from engine.core.compiler.site import Site, Use
from engine.core.facts import Catalogue, Operation

MAX_STEPS = 2_000
_ONLY_WITH_USES = ("timeout", "outputs")


@dataclass(slots=True, eq=False)
class Node:
    """One step: `path` is where it is written, `sites` are all the expressions in it."""

    id: str
    path: Path
    position: int
    spec: spec.Step
    sites: list[Site] = field(default_factory=list)

    @property
    def place(self) -> Place:
        """Return where the step is named: its key, or its `id` in a sequence."""
        return Place(self.path, key=True) if self.is_keyed else Place((*self.path, "id"))

    @property
    def is_keyed(self) -> bool:
        return isinstance(self.path[-1], str)

    def at(self, *keys: str | int, key: bool = False) -> Place:
        """Return the place of something inside the step."""
        return Place(self.path + keys, key)


class Steps:
    """The nodes of a scope by position and by name. A sequence runs in order, a graph need not."""

    def __init__(self, nodes: list[Node], path: Path, *, is_sequence: bool) -> None:
        self.nodes = nodes
        self.path = path
        self.is_sequence = is_sequence
        self.by_id = {node.id: node for node in nodes}


def gather(
    findings: Findings,
    steps: spec.Steps,
    path: Path,
    taken: dict[str, Place],
    catalogue: Catalogue,
) -> Steps:
    """Return the steps written at `path`; `taken` holds every name so far and grows."""
    is_sequence = isinstance(steps, list)
    if not steps:
        findings.error("no-steps", "there is not a single step here", Place(path, key=True))
    nodes: list[Node] = []
    for name, where, each in _named(steps, path):
        node = Node(name, where, len(nodes), each)
        if name in taken:
            _duplicate(findings, node, taken[name])
            continue
        taken[name] = node.place
        node.sites = list(_sites(findings, node, catalogue.get(each.uses or "")))
        _check_keys(findings, node)
        nodes.append(node)
    return Steps(nodes, path, is_sequence=is_sequence)


def check_count(findings: Findings, scopes: Iterable[Steps]) -> None:
    """Refuse more steps than a plan may have."""
    count = sum(len(scope.nodes) for scope in scopes)
    if count > MAX_STEPS:
        message = f"the workflow has {count:,} steps; a plan may have {MAX_STEPS:,}"
        findings.error("too-many-steps", message, Place(("steps",), key=True))


def _named(steps: spec.Steps, path: Path) -> Iterator[tuple[str, Path, spec.Step]]:
    """Yield each step with its name and path; the reader has seen to it that it has one."""
    if isinstance(steps, dict):
        yield from ((name, (*path, name), each) for name, each in steps.items())
    else:
        yield from ((str(each.id), (*path, index), each) for index, each in enumerate(steps))


def _duplicate(findings: Findings, node: Node, first: Place) -> None:
    findings.error(
        "duplicate-step",
        f'there are two steps with the id "{node.id}"',
        node.place,
        hint="rename one: an id is unique in the whole workflow, `finally` included",
        related=[(first, "the first is here")],
    )


def _check_keys(findings: Findings, node: Node) -> None:
    """Find keys that mean something only where an operation is called."""
    if node.spec.set is None:
        return
    for name in _ONLY_WITH_USES:
        if getattr(node.spec, name) is not None:
            key = name.rstrip("_")
            message = f"`{key}` means nothing on a step that only sets values"
            findings.error("misplaced-key", message, node.at(key, key=True))


def _sites(findings: Findings, node: Node, operation: Operation | None) -> Iterator[Site]:
    """Yield every expression and template of a step; faults in them become findings.

    What an operation takes for code holds none.
    """
    step = node.spec
    bare: list[tuple[Use, str | None, tuple[str, ...]]] = [(Use.CONDITION, step.if_, ("if",))]
    if step.retry is not None:
        bare.append((Use.RETRY, step.retry.if_, ("retry", "if")))
    for name, output in (step.outputs or {}).items():
        bare.append((Use.PROJECTION, output.from_, ("outputs", name, "from")))
    for use, text, keys in bare:
        if text is not None:
            made = site.expression(findings, use, text, node.path + keys)
            if made is not None:
                yield made
    if step.idempotency is not None:
        place = (*node.path, "idempotency", "key")
        yield from site.templates(findings, Use.KEY, step.idempotency.key, place)
    yield from site.templates(
        findings, Use.ARGUMENT, step.with_ or {}, (*node.path, "with"), _code(operation)
    )
    for name, value in (step.set or {}).items():
        place = (*node.path, "set", name, "value")
        yield from site.templates(findings, Use.VALUE, value.value, place)


def _code(operation: Operation | None) -> Callable[[Path], bool]:
    """Return what tells whether the argument at a pointer is code."""
    if operation is None or not operation.has_code:
        return lambda _: False
    return lambda pointer: facts.CODE in operation.roles_at(pointer)
