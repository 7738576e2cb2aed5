"""One scope: every expression resolved, the steps put in order, each made ready."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from engine.core import plan
from engine.core.compiler import graph, reference, role, safety, step
from engine.core.compiler.findings import Place
from engine.core.compiler.graph import Graph
from engine.core.compiler.node import Node, Steps
from engine.core.compiler.role import is_harmless
from engine.core.compiler.scene import Scene, scene_of
from engine.core.compiler.site import Schema, Site, Typed, Use
from engine.core.compiler.step import Made
from engine.core.compiler.world import World

RESERVED = frozenset({"finally"})


class CompiledScope:
    """A scope's plan, if it has one, and the steps that may stay without outputs, with why."""

    def __init__(self, scene: Scene, made: plan.Scope | None, missing: Mapping[str, str]) -> None:
        self.scene = scene
        self.plan = made
        self.missing = missing


def compile_scope(world: World, steps: Steps, bound: timedelta, what: str) -> CompiledScope:
    """Return a scope compiled; what is wrong in it becomes findings."""
    scene = scene_of(world, steps)
    for node in steps.nodes:
        if node.id in RESERVED:
            message = f'"{node.id}" is the name of a scope and of no step'
            world.findings.error("reserved-id", message, node.place)
    typed, reads = _resolve(scene, steps)
    order = graph.connect(world.findings, steps, reads)
    _taint(scene, steps, order)
    made = [step.make(scene, node, typed[node.position]) for node in steps.nodes]
    for node, each in zip(steps.nodes, made, strict=True):
        if each is not None:
            safety.check_fits(world, node, each.timeout, bound, what)
    if order is None:
        return CompiledScope(scene, None, {})
    missing = graph.may_stay_without(steps, order)
    whole = [each for each in made if each is not None]
    if len(whole) < len(made):
        return CompiledScope(scene, None, missing)
    return CompiledScope(scene, plan.Scope(_steps(world, steps, order, whole), bound), missing)


def _resolve(scene: Scene, steps: Steps) -> tuple[list[Typed], list[graph.Read]]:
    """Return the type of every expression by step, and all that steps read of each other."""
    types: list[Typed] = []
    reads: list[graph.Read] = []
    for node in steps.nodes:
        mine: list[tuple[Site, Schema]] = []
        for site in node.sites:
            if site.use is not Use.PROJECTION:
                told, more = reference.resolve(scene, site, node)
                mine.append((site, told))
                reads.extend(more)
        types.append(mine)
    return types, reads


def _taint(scene: Scene, steps: Steps, order: Graph | None) -> None:
    """Note which outputs of steps an event has a part in, from first to last."""
    for position in order.order if order is not None else range(len(steps.nodes)):
        node = steps.nodes[position]
        dirty = role.handed_on(scene, node) if node.spec.set is None else _dirty(scene, node)
        if dirty:
            scene.world.dirty[node.id] = dirty


def _dirty(scene: Scene, node: Node) -> frozenset[str]:
    """Return the values of a `set` that a stranger's text may be in."""
    return frozenset(
        name
        for site in node.sites
        if site.use is Use.VALUE and role.taints(scene, site)
        if not is_harmless(_declared(node, name := _value(node, site)))
    )


def _value(node: Node, site: Site) -> str:
    """Return the name of the value that a template of a `set` stands in."""
    return str(site.place.path[len(node.path) + 1])


def _declared(node: Node, name: str) -> Schema:
    return (node.spec.set or {})[name].model_extra or {}


def _steps(world: World, steps: Steps, order: Graph, made: Sequence[Made]) -> tuple[plan.Step, ...]:
    return tuple(
        plan.Step(
            node.id,
            each.verb,
            order.after[node.position],
            order.before[node.position],
            order.join[node.position],
            node.spec.if_,
            node.spec.optional,
            each.retry,
            each.timeout,
            each.outputs,
            line=world.findings.span(Place(node.path, key=node.is_keyed)).line,
        )
        for node, each in zip(steps.nodes, made, strict=True)
    )
