"""One scope: every expression resolved, the steps put in order, each made ready."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from engine.core import plan
from engine.core.compiler import graph, reference, step, timing
from engine.core.compiler.findings import Path, Place
from engine.core.compiler.giving import UNSURE, names_inside, outputs_of, properties_of, required_of
from engine.core.compiler.graph import Read
from engine.core.compiler.handler import compile_handler
from engine.core.compiler.node import Kind, Node, Steps
from engine.core.compiler.result import missing_afterwards
from engine.core.compiler.scene import Scene, scene_of
from engine.core.compiler.site import Schema, Site, Use
from engine.core.compiler.values import assignments, types_of
from engine.core.compiler.world import World

_UNDO_TIME = timedelta(hours=24)
# Read when the scopes that the step opens are known.
_LATE = frozenset({Use.COLLECT})


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


def compile_scope(world: World, scope: Steps, around: timedelta) -> None:
    """Make the plan of a scope whose steps are in order; what is wrong becomes findings.

    `around` is the time of what it is a part of; without a word, that is its own too.
    """
    scene = scene_of(world, scope)
    bound = _time(world, scope, around)
    for node in scope.nodes:
        for inner in node.inner:
            compile_scope(world, inner, timing.time_inside(world, node, bound))
    for each in scope.after:
        compile_scope(world, each, bound)
    timing.check_sum(world.findings, scope, bound)
    made = [step.make(scene, node, bound) for node in scope.nodes]
    outputs = assignments(world, scope.results, types_of(scope)) if _gives(scope) else ()
    handlers = [compile_handler(world, scope, each) for each in scope.after if each.handler]
    last = next((each.plan for each in scope.after if each.kind is Kind.FINALLY), None)
    whole = [each for each in made if each is not None]
    sound = [each for each in handlers if each is not None]
    if scope.graph is not None and len(whole) == len(made) and len(sound) == len(handlers):
        scope.plan = plan.Scope(tuple(whole), bound, outputs, tuple(sound), last, scope.cancels)


def _gives(scope: Steps) -> bool:
    """True if what a scope gives is its own; a fallback's and a handler's are its step's."""
    return scope.kind not in (Kind.FALLBACK, Kind.HANDLER)


def _time(world: World, scope: Steps, around: timedelta) -> timedelta:
    """Return how long a scope may take; what follows another has time of its own."""
    if scope.kind is Kind.COMPENSATION:
        around = _UNDO_TIME
    if scope.time is None:
        return around
    text, path = scope.time
    told = timing.span(world.findings, text, path)
    if scope.kind in (Kind.RUN, Kind.FINALLY, Kind.UNDO_FAILED, Kind.COMPENSATION):
        return told
    if told > around and scope.around is not None:
        timing.too_long(
            world.findings, Place(path), scope.called, told, scope.around.called, around
        )
    return min(told, around)


def _resolve_step(scene: Scene, node: Node) -> list[Read]:
    """Find the type of every expression of a step; return all that it reads."""
    reads = [read for site in node.sites if site.use not in _LATE
             for read in _resolve_site(scene, node, site)]  # fmt: skip
    for inner in node.inner:
        inner.names = names_inside(scene.world, node, inner)
        if inner.kind in UNSURE:
            inner.unsure = frozenset({UNSURE[inner.kind]})
        reads += [replace(read, node=node) for read in resolve_scope(scene.world, inner)]
    for site in node.sites:
        if site.use in _LATE:
            reads += _resolve_site(scene, node, site)
    return reads + _undone(scene, node)


def _resolve_site(scene: Scene, node: Node, site: Site) -> list[Read]:
    if site.is_projection:
        return []
    told, reads = reference.resolve(scene, site, node)
    node.typed.append((site, told))
    return reads


def _undone(scene: Scene, node: Node) -> list[Read]:
    """Return the steps that a `rollback` names: they come before it."""
    told = node.spec.rollback
    reads = []
    for index, name in enumerate(told.steps if told is not None else ()):
        place = node.at("rollback", "steps", index)
        target = reference.undone_step(scene, node, name, place)
        if target is not None:
            reads.append(Read(node, target, "rollback", False, True, place))
    return reads


def _resolve_results(scene: Scene) -> list[Read]:
    """Check what a scope gives: typed, and given whenever it succeeds."""
    scope, outward = scene.scope, []
    if scope.condition is not None:
        told, _ = reference.resolve(scene, scope.condition, None)
        scope.typed.append(("", scope.condition, told))
    for name, site in scope.sites:
        told, reads = reference.resolve(scene, site, None)
        scope.typed.append((name, site, told))
        for read in reads:
            if read.target.scope is scope:
                _check_assigned(scene, name, read)
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
    if read.word != "outputs" or not read.path:
        return ""
    outputs = outputs_of(world, read.target)
    if not _may_lack(outputs, read.path) and not _is_unfilled(outputs, read):
        return ""
    if read.target.spec.uses is not None:
        return "its operation does not always return it"
    return "not every way through it gives it"


def _may_lack(schema: Schema, path: Path) -> bool:
    """True if a property that is declared need not be there."""
    name = path[0]
    return name in properties_of(schema) and name not in required_of(schema)


def _is_unfilled(outputs: Schema, read: Read) -> bool:
    """True if a field of a form is read that nobody may have filled in."""
    if read.target.spec.approve is None or read.path[0] != "form" or len(read.path) < 2:
        return False
    form = properties_of(outputs)["form"]
    return isinstance(form, Mapping) and _may_lack(form, read.path[1:])
