"""What the steps of a scope give: the shape of `steps.<id>`, by verb."""

from collections.abc import Mapping

from engine.core import spec
from engine.core.compiler import shape
from engine.core.compiler.findings import Path
from engine.core.compiler.node import Node
from engine.core.compiler.site import Schema, Site, Use
from engine.core.compiler.world import World
from engine.core.values import Json


def view(world: World, node: Node) -> Schema:
    """Return the shape of `steps.<id>`."""
    if node not in world.views:
        world.views[node] = shape.view(_outputs(world, node))
    return world.views[node]


def names_of(world: World, node: Node | None, site: Site) -> dict[str, Schema]:
    """Return the names that a step's expression alone may read, such as `error` in `retry.if`."""
    if site.use in (Use.RETRY, Use.COMMON_RETRY):
        return {"error": shape.ERROR}
    return {}


def outputs_of(world: World, node: Node) -> Schema:
    """Return the shape of a step's outputs."""
    told = properties_of(view(world, node))["outputs"]
    return told if isinstance(told, Mapping) else shape.ANYTHING


def properties_of(schema: Schema) -> Mapping[str, Json]:
    """Return what a schema says of each property."""
    properties = schema.get("properties", {})
    return properties if isinstance(properties, Mapping) else {}


def _outputs(world: World, node: Node) -> Json:
    step = node.spec
    if step.set is not None:
        return _declared(world, step.set, (*node.path, "set"))
    if step.outputs is not None:
        return _declared(world, step.outputs, (*node.path, "outputs"))
    operation = world.operation(node)
    return shape.ANYTHING if operation is None else operation.outputs


def _declared(
    world: World, told: Mapping[str, spec.StepOutput] | Mapping[str, spec.TypedValue], path: Path
) -> dict[str, Json]:
    """Return the shape of values that the author has typed."""
    return shape.closed(
        {name: world.readable(each.model_extra or {}, (*path, name)) for name, each in told.items()}
    )
