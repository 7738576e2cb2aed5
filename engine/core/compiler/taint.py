"""How a stranger's text spreads: from value to value, from step to step, from scope to scope."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from engine.core.commit.flow import NONE, Flow, Goal, Label, Labels, Origin, joined
from engine.core.compiler.giving import given, is_declared, outputs_of, properties_of
from engine.core.compiler.label import (
    ANY_OUTPUT,
    STRANGER,
    is_harmless,
    labels_of,
    labels_read,
    of_output,
)
from engine.core.compiler.node import Kind, Node, Steps
from engine.core.compiler.scene import Scene, scene_of
from engine.core.compiler.site import Schema, Site, Use
from engine.core.compiler.world import World
from engine.core.plan import Effect

_Dirty: TypeAlias = Mapping[str, Labels]


def spread(world: World, scope: Steps) -> None:
    """Note whose text may be in the outputs of steps, from first to last."""
    scene = scene_of(world, scope)
    order = scope.graph.order if scope.graph is not None else range(len(scope.nodes))
    for position in order:
        node = scope.nodes[position]
        node.dirty = _open(scene, node)
    for each in scope.after:
        spread(world, each)


def note_flows(world: World) -> None:
    """Note what is handed to other workflows, and what leaves this one."""
    for scope in world.root.everything():
        scene = scene_of(world, scope)
        for node in scope.nodes:
            if node.spec.call is not None:
                _note_inputs(scene, node)
    told = properties_of(given(world, world.root))
    for scope, name, site in _results(world.root):
        if not is_harmless(told.get(name, {})):
            _note(scene_of(world, scope), site, Goal.OUTPUT, name)


def _note_inputs(scene: Scene, node: Node) -> None:
    number = scene.world.call(node)
    for site in node.sites:
        if site.use is Use.INPUT:
            _note(scene, site, Goal.CALL, str(site.pointer[0]), number)


def _note(scene: Scene, site: Site, goal: Goal, name: str, call: int = 0) -> None:
    for reference in site.compiled.references:
        labels = labels_read(scene, reference)
        if labels:
            text = ".".join(map(str, reference.path))
            span = scene.world.findings.span(site.at(reference))
            scene.world.flows.append(Flow(goal, name, text, span, tuple(sorted(labels)), call))


def _open(scene: Scene, node: Node) -> _Dirty:
    """Spread through the scopes that a step opens; return those of its outputs that are dirty."""
    for inner in node.inner:
        if inner.kind is Kind.ITEM:
            over = _of_use(scene, node, Use.OVER)
            inner.dirty_names |= dict.fromkeys(inner.names, over) if over else {}
        if inner.kind is not Kind.COMPENSATION:
            spread(scene.world, inner)
        if inner.kind is Kind.TURN:
            _turn(scene.world, inner)
    dirty = _merged([_given(scene, node), _from_fallback(scene, node)])
    undoing = node.opens(Kind.COMPENSATION)
    if undoing is not None:
        undoing.dirty_names["self"] = of_output(dirty, None)
        spread(scene.world, undoing)
    return dirty


def _turn(world: World, scope: Steps) -> None:
    """Spread through a turn again, as long as what it gives to the next is news."""
    while not (
        news := of_output(_leaving(world, scope), None)
    ) <= (known := scope.dirty_names.get("last", NONE)):  # fmt: skip
        scope.dirty_names["last"] = joined(known | news)
        spread(world, scope)


def _given(scene: Scene, node: Node) -> _Dirty:
    """Return the outputs of a step that a stranger's text may be in."""
    step = node.spec
    if step.set is not None:
        return _named(scene, node, Use.VALUE, len(node.path) + 1)
    if step.for_each is not None:
        own = {"items": _of_items(scene.world, node.inner[0])}
        return _named(scene, node, Use.COLLECT, len(node.path) + 2, own)
    if step.repeat is not None:
        return _last(scene, node)
    if step.await_ is not None:
        return _all_open(scene, node, STRANGER)
    if step.call is not None:
        return _called(scene, node)
    if step.approve is not None:
        return {"form": STRANGER} if step.approve.form else {}
    if step.uses is not None:
        return _handed_on(scene, node)
    return _merged(_leaving(scene.world, each) for each in node.inner)


def _named(
    scene: Scene, node: Node, use: Use, at: int, own: Mapping[str, Labels] | None = None
) -> _Dirty:
    """Return the values of a step, by name, whose own templates hold a stranger's text."""
    told = properties_of(outputs_of(scene.world, node))
    sites = ((str(each.place.path[at]), each) for each in node.sites if each.use is use)
    return _of_sites(scene, sites, told, own)


def _of_sites(
    scene: Scene, sites: Iterable[tuple[str, Site]], told: Schema,
    own: Mapping[str, Labels] | None = None,
) -> _Dirty:  # fmt: skip
    """Return the labels of values, by name, but for those of a type that is harmless."""
    return _merged(
        {name: labels}
        for name, site in sites
        if (labels := labels_of(site, scene, own)) and not is_harmless(told.get(name, {}))
    )


def _of_use(scene: Scene, node: Node, use: Use) -> Labels:
    sites = [each for each in node.sites if each.use is use]
    return joined(label for each in sites for label in labels_of(each, scene))


def _of_items(world: World, scope: Steps) -> Labels:
    """Return the labels of all that the items of a loop give."""
    told = [*(each.dirty for each in scope.nodes), _leaving(world, scope)]
    return joined(of_output(_merged(told), None))


def _called(scene: Scene, node: Node) -> _Dirty:
    """Return the outputs of a call; its workflow says whose text is in them."""
    if node.spec.detach:
        return {}
    number = scene.world.call(node)
    return {
        name: frozenset({Label(Origin.CALL, name, number)})
        for name in _all_open(scene, node, STRANGER)
    }


def _handed_on(scene: Scene, node: Node) -> _Dirty:
    """Return the outputs of a pure operation that was given a stranger's text: they may hold it."""
    operation = scene.world.operation(node)
    if not node.sites or operation is None:
        return {}
    if operation.effect_with(node.spec.with_ or {}) is not Effect.PURE:
        return {}
    return _all_open(scene, node, _of_use(scene, node, Use.ARGUMENT))


def _all_open(scene: Scene, node: Node, labels: Labels) -> _Dirty:
    """Return every output of a step that has room for mischief."""
    if not labels:
        return {}
    outputs = outputs_of(scene.world, node)
    is_open = outputs.get("additionalProperties") is not False
    named = {name for name, told in properties_of(outputs).items() if not is_harmless(told)}
    return dict.fromkeys(sorted(named | ({ANY_OUTPUT} if is_open else set())), labels)


def _last(scene: Scene, node: Node) -> _Dirty:
    """Return the outputs of a `repeat` that read what is dirty in its last turn."""
    dirty = _leaving(scene.world, node.inner[0])
    if node.spec.outputs is None:
        return dirty
    told = properties_of(outputs_of(scene.world, node))
    found = {
        str(site.place.path[-2]): joined(
            label
            for each in site.compiled.references
            for label in of_output(dirty, str(each.path[1]) if len(each.path) > 1 else None)
        )
        for site in node.sites
        if site.is_projection
    }
    return {
        name: labels
        for name, labels in found.items()
        if labels and not is_harmless(told.get(name, {}))
    }


def _leaving(world: World, scope: Steps) -> _Dirty:
    """Return what leaves a scope with a stranger's text in it."""
    if scope.kind in (Kind.COMPENSATION, Kind.FALLBACK) or not is_declared(scope):
        return scope.lone.dirty if scope.lone is not None and scope.kind is Kind.TURN else {}
    if scope.lone is not None:
        return scope.lone.dirty
    told = properties_of(given(world, scope))
    return _merged(
        _of_sites(scene_of(world, each), [(name, site)], told)
        for each, name, site in _results(scope)
    )


def _results(scope: Steps) -> Iterable[tuple[Steps, str, Site]]:
    """Yield the templates in what a scope gives, and in what its handlers give instead."""
    for each in (scope, *(after for after in scope.after if after.kind is Kind.HANDLER)):
        for name, site in each.sites:
            yield each, name, site


def _from_fallback(scene: Scene, node: Node) -> _Dirty:
    """Return the outputs that what stands in for a step fills with a stranger's text."""
    scope = node.opens(Kind.FALLBACK)
    if scope is None:
        return {}
    told = properties_of(outputs_of(scene.world, node))
    dirty = _of_sites(scene_of(scene.world, scope), scope.sites, told)
    if scope.lone is None or scope.results:
        return dirty
    lone = scope.lone.dirty
    fitting = {name: lone[name] for name in lone if not is_harmless(told.get(name, {}))}
    return _merged([dirty, fitting])


def _merged(told: Iterable[_Dirty]) -> _Dirty:
    """Return the labels of values that come from several places, by name."""
    made: dict[str, Labels] = {}
    for each in told:
        for name, labels in each.items():
            made[name] = joined(made.get(name, NONE) | labels)
    return made
