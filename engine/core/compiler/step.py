"""One step: its verb, what goes with it, and what stands in for it or undoes it."""

from datetime import timedelta

from engine.core import plan
from engine.core.compiler import composite, leaf, safety, timing, undo
from engine.core.compiler.findings import Findings, Place
from engine.core.compiler.limits import check_priority, limits_of
from engine.core.compiler.node import Node
from engine.core.compiler.project import projections
from engine.core.compiler.reference import check_condition, check_text
from engine.core.compiler.role import refuse_artifact
from engine.core.compiler.scene import Scene
from engine.core.compiler.site import Use
from engine.core.compiler.wish import Graph

_CONDITIONS = frozenset({Use.CONDITION, Use.RETRY, Use.UNTIL, Use.MATCH})
_TEXTS = frozenset({Use.KEY, Use.SHOW, Use.SUBJECT, Use.FAIL, Use.RATE, Use.GROUP, Use.CACHE})


def make(scene: Scene, node: Node, bound: timedelta) -> plan.Step | None:
    """Check a step of a scope that lasts so long, whose own scopes have been compiled.

    What is unknown makes no step, nor does one in a scope that waits for itself.
    """
    world = scene.world
    _check_values(world.findings, node)
    refuse_artifact(world, node)
    opens = composite.is_one(node.spec)
    verb = composite.make(scene, node) if opens else leaf.make(scene, node)
    timeout = timing.timeout(world, node)
    timing.check_fits(world, node, timeout, bound)
    undone = undo.check(world, node)
    if verb is None or node.scope.graph is None or not undone:
        return None
    return _step(scene, node, verb, timeout, node.scope.graph)


def _check_values(findings: Findings, node: Node) -> None:
    """Find values of a step that are certainly not what their key takes."""
    for site, told in node.typed:
        if site.use in _CONDITIONS:
            check_condition(findings, site, told)
        elif site.use in _TEXTS:
            check_text(findings, site, told)
        elif site.use is Use.PRIORITY:
            check_priority(findings, site, told)


def _step(
    scene: Scene, node: Node, verb: plan.Verb, timeout: plan.Timeout, order: Graph
) -> plan.Step:
    world, at = scene.world, node.position
    uses = verb if isinstance(verb, plan.Uses) else None
    limits = limits_of(world, node, uses)
    retry = plan.Retry() if uses is None else safety.retry(world, node, uses.repeatable)
    safety.check_memory(world, node, retry, timeout)
    return plan.Step(
        node.id,
        verb,
        order.after[at],
        order.before[at],
        order.join[at],
        condition=node.spec.if_,
        optional=node.spec.optional,
        retry=retry,
        timeout=timeout,
        outputs=projections(scene, node),
        line=world.findings.span(Place(node.path, key=node.is_keyed)).line,
        fallback=undo.fallback(world, node),
        compensation=undo.compensation(node),
        pivot=node.spec.pivot,
        artifacts=limits.artifacts,
        circuit=limits.circuit,
        rate=limits.rate,
        concurrency=limits.concurrency,
        cache=limits.cache,
        pool=limits.pool,
        terms=limits.terms,
        settings=limits.settings,
    )
