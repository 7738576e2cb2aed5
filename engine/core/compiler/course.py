"""What the order of steps says of them: who is asked first, what never runs, what is undone."""

from collections.abc import Callable, Sequence

from engine.core import spec
from engine.core.compiler import safety
from engine.core.compiler.findings import Findings
from engine.core.compiler.node import Kind, Node, Steps
from engine.core.compiler.wish import Graph
from engine.core.compiler.world import World
from engine.core.plan import Edge, Effect, Requirement

_AFTER_SUCCESS = frozenset({Requirement.OK, Requirement.SUCCEEDED})


def check_course(world: World, scope: Steps, *, is_asked: bool = False) -> None:
    """Check a scope and all that is in it; `is_asked`: people have decided before it begins."""
    graph = scope.graph
    asked: Sequence[bool] = [is_asked] * len(scope.nodes)
    if graph is not None:
        asked = _reached(scope, graph, _asks, is_asked=is_asked)
        _check_pivots(world.findings, scope, graph)
        for node in scope.nodes:
            _check_after_failure(world.findings, scope, graph, node)
            _check_needs(world.findings, scope, node)
    for node, sure in zip(scope.nodes, asked, strict=True):
        if not sure:
            _check_destructive(world, node)
        for inner in node.inner:
            check_course(world, inner, is_asked=sure or inner.kind is Kind.COMPENSATION)
    for each in scope.after:
        check_course(world, each, is_asked=is_asked)


def _reached(
    scope: Steps, graph: Graph, marks: Callable[[Node], bool], *, is_asked: bool = False
) -> list[bool]:
    """Return by position whether a step that is marked must have succeeded, or been skipped."""
    reached = [is_asked] * len(scope.nodes)
    for position in graph.order:
        edges = () if graph.join[position] else graph.after[position]
        reached[position] = is_asked or any(
            reached[edge.step] or marks(scope.nodes[edge.step]) for edge in edges if _binds(edge)
        )
    return reached


def _binds(edge: Edge) -> bool:
    return edge.data or edge.requires in _AFTER_SUCCESS


def _asks(node: Node) -> bool:
    """True if people decide in a step."""
    if node.spec.approve is not None:
        return True
    return any(_asks(each) for inner in node.inner if inner.kind is Kind.BLOCK
               for each in inner.nodes)  # fmt: skip


def _check_destructive(world: World, node: Node) -> None:
    """Warn of what destroys something unasked, unless its author has written that it does."""
    is_meant = node.spec.effect == "destructive"
    if is_meant or node.spec.uses is None:
        return
    if safety.effect_of(world, node) is not Effect.DESTRUCTIVE:
        return
    message = f"{node.called} destroys something, and nobody is asked before it"
    hint = "let it need an `approve` step, or write `effect: destructive` if that is meant"
    world.findings.warning("unapproved-destructive", message, node.at("uses"), hint=hint)


def _check_pivots(findings: Findings, scope: Steps, graph: Graph) -> None:
    """Warn of compensation that stands after a point from which nothing is undone."""
    if not any(node.spec.pivot for node in scope.nodes):
        return
    past = _reached(scope, graph, lambda node: node.spec.pivot)
    for node, is_past in zip(scope.nodes, past, strict=True):
        if is_past and node.spec.compensate is not None:
            message = f"{node.called} is never undone: it comes after a `pivot` that has succeeded"
            hint = "take `compensate` out, or put the pivot after it"
            place = node.at("compensate", key=True)
            findings.warning("late-compensation", message, place, hint=hint)


def _check_after_failure(findings: Findings, scope: Steps, graph: Graph, node: Node) -> None:
    """Find a step that waits for the success of one that always fails."""
    edges = () if graph.join[node.position] else graph.after[node.position]
    for edge in edges:
        before = scope.nodes[edge.step]
        always = before.spec.fail is not None and before.spec.if_ is None
        if always and _binds(edge):
            message = f'{node.called} never runs: "{before.id}" always fails'
            hint = f'give "{before.id}" an `if`, or write `needs: {{{before.id}: failed}}`'
            findings.warning("unreachable", message, node.place, hint=hint)
            return


def _check_needs(findings: Findings, scope: Steps, node: Node) -> None:
    """Find a step that means to wait for a yes, and would also go on without one."""
    needs = node.spec.needs or []
    for index, name in enumerate(needs):
        target = scope.by_id.get(name)
        told = target.spec.approve if target is not None else None
        if target is None or told is None:
            continue
        result = needs[name] if isinstance(needs, dict) else ""
        place = node.at("needs", name if result else index, key=bool(result))
        if not result and target.spec.if_ is not None:
            message = f'{node.called} also runs where "{name}" was skipped and nobody was asked'
            hint = f"write `needs: {{{name}: succeeded}}`, or `{{{name}: ok}}` if that is meant"
            findings.warning("unchecked-approval", message, place, hint=hint)
        elif _takes_a_no(told, result) and not _reads_decision(node, name):
            message = f'{node.called} also runs where the answer to "{name}" was no'
            hint = f"write `if: steps.{name}.outputs.decision == 'approved'`"
            findings.warning("unchecked-approval", message, place, hint=hint)


def _takes_a_no(told: spec.Approve, result: str) -> bool:
    """True if a rejected approval meets the result that is asked for."""
    return told.on_reject == "continue" and result in ("", "ok", "succeeded")


def _reads_decision(node: Node, name: str) -> bool:
    wanted = ("steps", name, "outputs", "decision")
    return any(each.path[:4] == wanted for site in node.sites for each in site.compiled.references)
