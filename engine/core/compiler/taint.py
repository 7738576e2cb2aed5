"""How a stranger's text spreads: through `set` and pure operations, from scope to scope."""

from engine.core.compiler.giving import outputs_of, properties_of
from engine.core.compiler.node import Node, Steps
from engine.core.compiler.role import ANY_OUTPUT, is_harmless, taints
from engine.core.compiler.scene import Scene, scene_of
from engine.core.compiler.site import Schema, Site, Use
from engine.core.compiler.world import World
from engine.core.plan import Effect


def spread(world: World, scope: Steps) -> None:
    """Note which outputs of steps an event has a part in, from first to last."""
    scene = scene_of(world, scope)
    order = scope.graph.order if scope.graph is not None else range(len(scope.nodes))
    for position in order:
        node = scope.nodes[position]
        node.dirty = _dirty(scene, node)
    for each in scope.after:
        spread(world, each)


def _dirty(scene: Scene, node: Node) -> frozenset[str]:
    """Return the outputs of a step that a stranger's text may be in."""
    if node.spec.set is not None:
        return _values(scene, node)
    return _handed_on(scene, node)


def _values(scene: Scene, node: Node) -> frozenset[str]:
    return frozenset(
        name
        for site in node.sites
        if site.use is Use.VALUE and taints(scene, site)
        if not is_harmless(_declared(node, name := _value(node, site)))
    )


def _value(node: Node, site: Site) -> str:
    """Return the name of the value that a template of a `set` stands in."""
    return str(site.place.path[len(node.path) + 1])


def _declared(node: Node, name: str) -> Schema:
    return (node.spec.set or {})[name].model_extra or {}


def _handed_on(scene: Scene, node: Node) -> frozenset[str]:
    """Return the outputs of a pure operation that was given a stranger's text: they may hold it."""
    operation = scene.world.operation(node)
    if operation is None or operation.effect_with(node.spec.with_ or {}) is not Effect.PURE:
        return frozenset()
    if not any(site.use is Use.ARGUMENT and taints(scene, site) for site in node.sites):
        return frozenset()
    return all_dirty(scene, node)


def all_dirty(scene: Scene, node: Node) -> frozenset[str]:
    """Return every output of a step that has room for mischief."""
    outputs = outputs_of(scene.world, node)
    is_open = outputs.get("additionalProperties") is not False
    named = {name for name, told in properties_of(outputs).items() if not is_harmless(told)}
    return frozenset(named | ({ANY_OUTPUT} if is_open else set()))
