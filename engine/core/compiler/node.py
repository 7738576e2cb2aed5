"""The steps of one scope as the compiler sees them: in order, named, each with one verb."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from engine.core import spec
from engine.core.compiler import site
from engine.core.compiler.findings import Findings, Path, Place, listed
from engine.core.compiler.site import Site, Use
from engine.core.facts import Operations, verbatim

MAX_STEPS = 2_000
_ONLY_WITH_USES = ("with_", "retry", "timeout", "effect", "idempotency", "outputs")


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

    def first(self, use: Use) -> Site | None:
        """Return the one site of a use that occurs at most once."""
        return next((each for each in self.sites if each.use is use), None)


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
    operations: Operations,
) -> Steps:
    """Return the steps written at `path`; `taken` holds every name so far and grows."""
    is_sequence = isinstance(steps, list)
    if not steps:
        findings.error("no-steps", "there is not a single step here", Place(path, key=True))
    nodes: list[Node] = []
    for name, where, each in _named(findings, steps, path):
        node = Node(name, where, len(nodes), each)
        if name in taken:
            _duplicate(findings, node, taken[name])
            continue
        taken[name] = node.place
        node.sites = list(_sites(findings, node, verbatim(operations.get(each.uses or ""))))
        _check_verb(findings, node)
        nodes.append(node)
    return Steps(nodes, path, is_sequence=is_sequence)


def check_count(findings: Findings, scopes: Iterable[Steps]) -> None:
    """Refuse more steps than a plan may have."""
    count = sum(len(scope.nodes) for scope in scopes)
    if count > MAX_STEPS:
        message = f"the workflow has {count:,} steps; a plan may have {MAX_STEPS:,}"
        findings.error("too-many-steps", message, Place(("steps",), key=True))


def _named(
    findings: Findings, steps: spec.Steps, path: Path
) -> Iterator[tuple[str, Path, spec.Step]]:
    """Yield each step that has a name, with its path."""
    if isinstance(steps, dict):
        for name, each in steps.items():
            if each.id is not None and each.id != name:
                message = f'step "{name}" also has the id "{each.id}"'
                place = Place((*path, name, "id"))
                findings.error(
                    "misplaced-id", message, place, hint="its key is its id: take out `id`"
                )
            yield name, (*path, name), each
        return
    for index, each in enumerate(steps):
        where = (*path, index)
        if each.id is None:
            message = "a step in a list needs an `id`: its results are known by that name"
            findings.error("missing-id", message, Place(where), hint=f"add `id: {_proposed(each)}`")
        else:
            yield each.id, where, each


def _proposed(step: spec.Step) -> str:
    """Return a name for a step without one, from what it does."""
    return "values" if step.uses is None else step.uses.split("@")[0].replace(".", "_")


def _duplicate(findings: Findings, node: Node, first: Place) -> None:
    findings.error(
        "duplicate-step",
        f'there are two steps with the id "{node.id}"',
        node.place,
        hint="rename one: an id is unique in the whole workflow, `finally` included",
        related=[(first, "the first is here")],
    )


def _check_verb(findings: Findings, node: Node) -> None:
    step = node.spec
    if (step.uses is None) == (step.set is None):
        told = "none" if step.uses is None else "both"
        message = f'step "{node.id}" must have exactly one of `uses` and `set`; it has {told}'
        findings.error("one-verb", message, node.place)
    elif step.set is not None:
        lost = [name for name in _ONLY_WITH_USES if getattr(step, name) is not None]
        for name in lost:
            message = f"`{name.rstrip('_')}` means nothing on a step that only sets values"
            findings.error("misplaced-key", message, node.at(name.rstrip("_"), key=True))


def _sites(findings: Findings, node: Node, own: frozenset[str]) -> Iterator[Site]:
    """Yield every expression and template of a step; faults in them become findings.

    The arguments in `own` are templates of the operation itself and are left alone.
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
    area = {name: value for name, value in (step.with_ or {}).items() if name not in own}
    yield from site.templates(findings, Use.ARGUMENT, area, (*node.path, "with"))
    for name, value in (step.set or {}).items():
        place = (*node.path, "set", name, "value")
        yield from site.templates(findings, Use.VALUE, value.value, place)


def known_steps(scopes: Iterable[Steps]) -> str:
    """Return the steps that exist, for a finding."""
    return listed((node.id for scope in scopes for node in scope.nodes), "none")
