"""`outputs: {x: {type: ..., from: ...}}`: typed projections of what a verb gave."""

from engine.core import schema as schemas
from engine.core.compiler import reference, shape
from engine.core.compiler.findings import listed, meant
from engine.core.compiler.giving import projected, properties_of
from engine.core.compiler.node import Node
from engine.core.compiler.placing import verb_of
from engine.core.compiler.scene import Scene
from engine.core.compiler.site import Schema, Site
from engine.core.compiler.world import World
from engine.core.plan import Projection


def projections(scene: Scene, node: Node) -> tuple[Projection, ...]:
    """Check the outputs that a step declares of what its verb gave."""
    if node.spec.outputs is None:
        return ()
    world = scene.world
    sites = {site.place.path[-2]: site for site in node.sites if site.is_projection}
    told = []
    for name, output in node.spec.outputs.items():
        declared = dict(output.extra)
        target = world.declared(declared, (*node.path, "outputs", name))
        if name in sites:
            source = _returned(world, node, sites[name])
            reason = schemas.assignable(source, target) or _may_be_null(node, target)
            if reason is not None:
                message = f'output "{name}" of {node.called} cannot be of its type: {reason}'
                world.findings.error("wrong-type", message, sites[name].place)
        told.append(Projection(name, output.from_, declared))
    return tuple(told)


def _may_be_null(node: Node, target: Schema) -> str | None:
    """Return why the output of a step that may go on without an event cannot be of its type."""
    told = node.spec.await_
    if told is None or told.on_timeout != "continue" or "null" in schemas.types(target):
        return None
    return "it is null where nothing came in time; write `type: [..., 'null']`"


def _returned(world: World, node: Node, site: Site) -> Schema:
    """Return the type of a projection's `from`, an expression over what the verb gave."""
    given = projected(world, node)
    if given is None:
        return shape.ANYTHING
    names = dict(properties_of(given))
    known = True
    for each in site.compiled.references:
        name = str(each.path[0])
        if name in names:
            continue
        if given.get("additionalProperties") is not False:
            names[name] = shape.ANYTHING
            continue
        known = False
        what = node.spec.uses or f"`{verb_of(node.spec)}`"
        message = f'{what} returns no "{name}"'
        hint, expected = meant(name, names), listed(names)
        place = site.at(each)
        world.findings.error("unknown-output", message, place, hint=hint, expected=expected)
    return reference.typed(world, site, names) if known else shape.ANYTHING
