"""One scope: every expression resolved, the steps put in order, each made ready."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from engine.core import plan
from engine.core.compiler import graph, reference, step
from engine.core.compiler.findings import Path, Place
from engine.core.compiler.giving import outputs_of, properties_of
from engine.core.compiler.graph import Read
from engine.core.compiler.node import Node, Steps
from engine.core.compiler.result import missing_afterwards
from engine.core.compiler.scene import Scene, scene_of
from engine.core.compiler.site import Schema
from engine.core.compiler.step import Made
from engine.core.compiler.wish import Graph
from engine.core.compiler.world import World


def resolve_scope(world: World, scope: Steps) -> list[Read]:
    """Resolve all that is read in a scope and put its steps in order.

    Return what is read of the scopes around it.
    """
    scene = scene_of(world, scope)
    reads = [read for node in scope.nodes for read in _resolve_step(scene, node)]
    own = [read for read in reads if read.target.scope is scope]
    scope.graph = graph.connect(world.findings, scope, own)
    if scope.graph is not None:
        scope.missing = graph.may_stay_without(scope, scope.graph)
    outward = [read for read in reads if read.target.scope is not scope]
    outward += _resolve_results(scene)
    for each in scope.after:
        for read in resolve_scope(world, each):
            if read.target.scope is scope:
                missing_afterwards(world, read, each)
            else:
                outward.append(read)
    return outward


def compile_scope(world: World, scope: Steps, bound: timedelta) -> plan.Scope | None:
    """Return the plan of a scope whose steps are in order; what is wrong becomes findings."""
    scene = scene_of(world, scope)
    made = [step.make(scene, node, bound) for node in scope.nodes]
    outputs = step.assignments(world, scope.results, scope.results_path, _results(scope))
    whole = [each for each in made if each is not None]
    if scope.graph is None or len(whole) < len(made):
        return None
    return plan.Scope(_steps(world, scope, scope.graph, whole), bound, outputs)


def _resolve_step(scene: Scene, node: Node) -> list[Read]:
    """Find the type of every expression of a step; return all that it reads."""
    reads: list[Read] = []
    for site in node.sites:
        if not site.is_projection:
            told, more = reference.resolve(scene, site, node)
            node.typed.append((site, told))
            reads += more
    for inner in node.inner:
        reads += [replace(read, node=node) for read in resolve_scope(scene.world, inner)]
    return reads


def _resolve_results(scene: Scene) -> list[Read]:
    """Check what a scope gives: typed, and given whenever it succeeds."""
    scope, outward = scene.scope, []
    for site in scope.sites:
        told, reads = reference.resolve(scene, site, None)
        scope.typed.append((site, told))
        for read in reads:
            if read.target.scope is scope:
                _check_assigned(scene, str(site.place.path[len(scope.results_path)]), read)
            else:
                outward.append(read)
    return outward


def _check_assigned(scene: Scene, output: str, read: Read) -> None:
    if not read.data:
        return
    name = read.target.id
    reason = scene.scope.missing.get(name) or _lacks(scene.world, read)
    if reason:
        message = f'output "{output}" may be missing: step "{name}" may not give it, for {reason}'
        hint = "write `| default(...)` after the reference"
        scene.world.findings.error("maybe-missing", message, read.place, hint=hint)


def _lacks(world: World, read: Read) -> str:
    """Return why an output may be missing although its step has succeeded, or nothing."""
    outputs = outputs_of(world, read.target)
    required = outputs.get("required", ())
    assert isinstance(required, Sequence)
    is_sure = (
        not read.path or read.path[0] in required or read.path[0] not in properties_of(outputs)
    )
    return "" if is_sure else "its operation does not always return it"


def _results(scope: Steps) -> dict[Path, Schema]:
    """Return the types of the templates in what a scope gives, by name first."""
    start = len(scope.results_path)
    return {(site.place.path[start], *site.pointer): told for site, told in scope.typed}


def _steps(world: World, scope: Steps, order: Graph, made: Sequence[Made]) -> tuple[plan.Step, ...]:
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
        for node, each in zip(scope.nodes, made, strict=True)
    )
