"""How a stranger's text spreads: from value to value, from step to step, from scope to scope."""

from collections.abc import Iterable

from engine.core.compiler.giving import given, is_declared, outputs_of, properties_of
from engine.core.compiler.node import Kind, Node, Steps
from engine.core.compiler.role import ANY_OUTPUT, is_harmless, taints
from engine.core.compiler.scene import Scene, scene_of
from engine.core.compiler.site import Use
from engine.core.compiler.world import World
from engine.core.expression import FaultError, parse_expression
from engine.core.plan import Effect

_NONE: frozenset[str] = frozenset()


def spread(world: World, scope: Steps) -> None:
    """Note which outputs of steps an event has a part in, from first to last."""
    scene = scene_of(world, scope)
    order = scope.graph.order if scope.graph is not None else range(len(scope.nodes))
    for position in order:
        node = scope.nodes[position]
        node.dirty = _open(scene, node)
    for each in scope.after:
        spread(world, each)


def _open(scene: Scene, node: Node) -> frozenset[str]:
    """Spread through the scopes that a step opens; return those of its outputs that are dirty."""
    for inner in node.inner:
        if inner.kind is Kind.ITEM and _any_taint(scene, node, Use.OVER):
            inner.dirty_names |= inner.names.keys()
        spread(scene.world, inner)
        is_news = inner.kind is Kind.TURN and "last" not in inner.dirty_names
        if is_news and _leaving(scene.world, inner):
            inner.dirty_names.add("last")
            spread(scene.world, inner)
    return _dirty(scene, node) | _from_fallback(scene, node)


def _dirty(scene: Scene, node: Node) -> frozenset[str]:
    """Return the outputs of a step that a stranger's text may be in."""
    step = node.spec
    if step.set is not None:
        return _named(scene, node, Use.VALUE, len(node.path) + 1)
    if step.for_each is not None:
        items = node.opens(Kind.ITEM)
        if items is not None and any(each.dirty for each in items.nodes):
            return _all_dirty(scene, node)
        return _named(scene, node, Use.COLLECT, len(node.path) + 2)
    if step.repeat is not None:
        return _last(scene, node)
    if step.await_ is not None or (step.call is not None and _any_taint(scene, node, Use.INPUT)):
        return _all_dirty(scene, node)
    if step.approve is not None:
        return frozenset({"form"}) if step.approve.form else _NONE
    if step.uses is not None:
        return _handed_on(scene, node)
    return _NONE.union(*(_leaving(scene.world, each) for each in node.inner))


def _named(scene: Scene, node: Node, use: Use, at: int) -> frozenset[str]:
    """Return the values of a step, by name, whose own templates hold a stranger's text."""
    told = properties_of(outputs_of(scene.world, node))
    return frozenset(
        name
        for site in node.sites
        if site.use is use and taints(scene, site)
        if not is_harmless(told.get(name := str(site.place.path[at]), {}))
    )


def _any_taint(scene: Scene, node: Node, use: Use) -> bool:
    return any(site.use is use and taints(scene, site) for site in node.sites)


def _handed_on(scene: Scene, node: Node) -> frozenset[str]:
    """Return the outputs of a pure operation that was given a stranger's text: they may hold it."""
    operation = scene.world.operation(node)
    if operation is None or operation.effect_with(node.spec.with_ or {}) is not Effect.PURE:
        return _NONE
    return _all_dirty(scene, node) if _any_taint(scene, node, Use.ARGUMENT) else _NONE


def _all_dirty(scene: Scene, node: Node) -> frozenset[str]:
    """Return every output of a step that has room for mischief."""
    outputs = outputs_of(scene.world, node)
    is_open = outputs.get("additionalProperties") is not False
    named = {name for name, told in properties_of(outputs).items() if not is_harmless(told)}
    return frozenset(named | ({ANY_OUTPUT} if is_open else set()))


def _last(scene: Scene, node: Node) -> frozenset[str]:
    """Return the outputs of a `repeat` that read what is dirty in its last turn."""
    dirty = _leaving(scene.world, node.inner[0])
    if node.spec.outputs is None:
        return dirty
    told = properties_of(outputs_of(scene.world, node))
    return frozenset(
        name
        for name, each in node.spec.outputs.items()
        if not is_harmless(told.get(name, {})) and _reads(each.from_, dirty)
    )


def _reads(source: str, dirty: Iterable[str]) -> bool:
    """True if an expression over `last` reads one of these outputs."""
    names = set(dirty)
    try:
        references = parse_expression(source).references
    except FaultError:
        return False
    paths = [each.path[1:2] for each in references if each.path[0] == "last"]
    return bool(names) and any(
        not path or path[0] in names or ANY_OUTPUT in names for path in paths
    )


def _leaving(world: World, scope: Steps) -> frozenset[str]:
    """Return what leaves a scope with a stranger's text in it."""
    if scope.kind in (Kind.COMPENSATION, Kind.FALLBACK) or not is_declared(scope):
        return scope.lone.dirty if scope.lone is not None and scope.kind is Kind.TURN else _NONE
    if scope.lone is not None:
        return scope.lone.dirty
    return _results(world, scope)


def _results(world: World, scope: Steps) -> frozenset[str]:
    scene, told = scene_of(world, scope), properties_of(given(world, scope))
    return frozenset(
        name
        for name, site in scope.sites
        if taints(scene, site) and not is_harmless(told.get(name, {}))
    )


def _from_fallback(scene: Scene, node: Node) -> frozenset[str]:
    """Return the outputs that what stands in for a step fills with a stranger's text."""
    scope = node.opens(Kind.FALLBACK)
    if scope is None:
        return _NONE
    inner, told = scene_of(scene.world, scope), properties_of(outputs_of(scene.world, node))
    dirty = {name for name, site in scope.sites if taints(inner, site)}
    if scope.lone is not None and not scope.results:
        dirty |= scope.lone.dirty
    return frozenset(name for name in dirty if not is_harmless(told.get(name, {})))
