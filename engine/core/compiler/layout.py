"""The scopes of a workflow and the steps in them, laid out with all their expressions."""

from collections.abc import Iterator
from dataclasses import dataclass

from engine.core import spec
from engine.core.compiler import shape, site
from engine.core.compiler.findings import Findings, Path, Place
from engine.core.compiler.node import Kind, Node, Steps
from engine.core.compiler.site import Use
from engine.core.compiler.sites import sites_of
from engine.core.facts import Catalogue

MAX_STEPS = 2_000
RESERVED = frozenset({"finally", "on_failure", "compensate", "fallback", "on_compensation_failure"})
_ONLY_WITH_USES = ("with_", "retry", "timeout", "effect", "idempotency", "outputs")


@dataclass(slots=True)
class Layout:
    """What scopes are made from, and how many steps there are so far."""

    findings: Findings
    catalogue: Catalogue
    count: int = 0


def lay_out(findings: Findings, workflow: spec.Workflow, catalogue: Catalogue) -> Steps:
    """Return the scope of the run, with all that is in it and all that follows it."""
    layout = Layout(findings, catalogue)
    root = Steps(Kind.RUN, ("steps",))
    root.results, root.results_path = workflow.outputs, ("outputs",)
    _fill(layout, root, workflow.steps)
    if workflow.finally_ is not None:
        last = Steps(Kind.FINALLY, ("finally", "steps"), around=root)
        last.names = {"error": shape.LAST_ERROR}
        _fill(layout, last, workflow.finally_.steps)
        root.after.append(last)
    _add_results(layout, root)
    if layout.count > MAX_STEPS:
        message = f"the workflow has {layout.count:,} steps; a plan may have {MAX_STEPS:,}"
        findings.error("too-many-steps", message, Place(("steps",), key=True))
    return root


def _fill(layout: Layout, scope: Steps, steps: spec.Steps) -> None:
    """Lay out the steps of a scope; what is around it has its own names by now."""
    scope.is_sequence = isinstance(steps, list)
    if not steps:
        message = "there is not a single step here"
        layout.findings.error("no-steps", message, Place(scope.path, key=True))
    for name, where, each in _named(steps, scope.path):
        node = Node(name, where, len(scope.nodes), each, scope)
        first = scope.find(name)
        if first is not None:
            _duplicate(layout.findings, node, first)
            continue
        if name in RESERVED:
            message = f'"{name}" is the name of a scope and of no step'
            layout.findings.error("reserved-id", message, node.place)
        scope.by_id[name] = node
        scope.nodes.append(node)
    for node in scope.nodes:
        _complete(layout, node)


def _complete(layout: Layout, node: Node) -> None:
    layout.count += 1
    operation = layout.catalogue.get(node.spec.uses or "")
    node.sites = list(sites_of(layout.findings, node, operation))
    _check_keys(layout.findings, node)


def _add_results(layout: Layout, scope: Steps) -> None:
    for name, value in scope.results.items():
        path = (*scope.results_path, name, "value")
        scope.sites.extend(site.templates(layout.findings, Use.OUTPUT, value.value, path))


def _named(steps: spec.Steps, path: Path) -> Iterator[tuple[str, Path, spec.Step]]:
    """Yield each step with its name and path; the reader has seen to it that it has one."""
    if isinstance(steps, dict):
        yield from ((name, (*path, name), each) for name, each in steps.items())
    else:
        yield from ((str(each.id), (*path, index), each) for index, each in enumerate(steps))


def _duplicate(findings: Findings, node: Node, first: Node) -> None:
    findings.error(
        "duplicate-step",
        f'there are two steps with the id "{node.id}"',
        node.place,
        hint="rename one: an id is unique in its scope and in those around it",
        related=[(first.place, "the first is here")],
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
