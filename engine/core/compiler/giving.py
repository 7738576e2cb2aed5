"""What steps and scopes give: the shapes of `steps.<id>`, of `self`, `items` and `last`."""

from collections.abc import Mapping, Sequence
from typing import Final

from engine.core import spec
from engine.core.compiler import shape
from engine.core.compiler.findings import Path
from engine.core.compiler.node import Kind, Node, Steps
from engine.core.compiler.site import Schema, Use
from engine.core.compiler.world import World
from engine.core.schema.shape import element
from engine.core.values import Json, canonical

NOTHING: Schema = shape.closed({})
WINNER: Final = "winner"
"""The output of a `race` that names the branch whose outputs the others are."""


def view(world: World, node: Node) -> Schema:
    """Return the shape of `steps.<id>`."""
    if node not in world.views:
        kept = node.spec.artifacts or ()
        world.views[node] = shape.view(_outputs(world, node), kept)
    return world.views[node]


def outputs_of(world: World, node: Node) -> Schema:
    """Return the shape of a step's outputs."""
    told = properties_of(view(world, node))["outputs"]
    return told if isinstance(told, dict) else shape.ANYTHING


def properties_of(schema: Schema) -> Mapping[str, Json]:
    """Return what a schema says of each property."""
    properties = schema.get("properties", {})
    return properties if isinstance(properties, dict) else {}


def required_of(schema: Schema) -> Sequence[Json]:
    """Return the properties that an object of this schema certainly has."""
    required = schema.get("required", ())
    return required if isinstance(required, (list, tuple)) else ()


def given(world: World, scope: Steps) -> Schema:
    """Return the shape of what a scope gives: its outputs, or those of its lone verb."""
    if scope.lone is not None and scope.kind is not Kind.FALLBACK:
        return outputs_of(world, scope.lone)
    return shape.closed(
        {
            name: world.readable(each.schema or {}, each.schema_path)
            for name, each in scope.results.items()
        }
    )


def is_declared(scope: Steps) -> bool:
    """True if the author says what a scope gives, and of which types."""
    if scope.lone is None:
        return bool(scope.results)
    step = scope.lone.spec
    return any(each is not None for each in (step.outputs, step.set, step.block))


def names_of(world: World, node: Node | None, use: Use) -> Mapping[str, Schema]:
    """Return the names that a step's expression alone may read, such as `error` in `retry.if`."""
    if use in (Use.RETRY, Use.COMMON_RETRY, Use.MATCHED):
        return {"error": shape.ERROR}
    if node is None:
        return {}
    match use:
        case Use.ITEM_KEY if node.spec.for_each is not None:
            return {node.spec.for_each.as_: _item(node)}
        case Use.UNTIL:
            return {"self": shape.closed({"outputs": given(world, node.inner[0])})}
        case Use.COLLECT:
            return _collected(world, node.inner[0])
        case Use.MATCH:
            return {"event": happened(world, node)}
        case _:
            return {}


def names_inside(world: World, node: Node, inner: Steps) -> dict[str, Schema]:
    """Return the names that belong to a scope which a step opens."""
    match inner.kind:
        case Kind.ITEM if node.spec.for_each is not None:
            return {node.spec.for_each.as_: _item(node), "key": shape.STRING}
        case Kind.TURN:
            return {"last": given(world, inner), "turn": {"type": "integer", "minimum": 1}}
        case Kind.COMPENSATION:
            return {"self": shape.undone(outputs_of(world, node))}
        case Kind.FALLBACK:
            return {"error": shape.ERROR}
        case _:
            return {}


UNSURE: Mapping[Kind, Path] = {Kind.TURN: ("last",), Kind.COMPENSATION: ("self", "outputs")}
"""What has nothing in it in the first turn, and in a compensation after a lost reply."""


def projected(world: World, node: Node) -> Schema | None:
    """Return the shape of the names that the `from` of a step's outputs reads."""
    if node.spec.repeat is not None:
        return shape.closed({"last": given(world, node.inner[0])})
    if node.spec.await_ is not None:
        return shape.closed({"event": happened(world, node)})
    operation = world.operation(node)
    return None if operation is None else operation.outputs


def happened(world: World, node: Node) -> Schema:
    """Return the shape of the `event` that a step waits for; of a request it is the body."""
    told = node.spec.await_
    assert told is not None
    if told.callback is not None:
        path = (*node.path, "await", "callback", "schema")
        body = world.readable(told.callback.schema_, path)
        return body if isinstance(body, dict) else shape.ANYTHING
    return shape.happened(told.event or "")


def _item(node: Node) -> Schema:
    """Return the shape of an element of what a `for_each` goes over."""
    told = next((told for site, told in node.typed if site.use is Use.OVER), shape.ANYTHING)
    part = element(told)
    return part if isinstance(part, dict) else shape.ANYTHING


def _collected(world: World, scope: Steps) -> Mapping[str, Schema]:
    """Return the shapes of `items`, what each item gave, and `failures`, errors by key."""
    item = given(world, scope)
    if not is_declared(scope) and scope.lone is None:
        item = shape.closed(
            {node.id: outputs_of(world, node) for node in scope.nodes}, scope.missing
        )
    return {
        "items": {"type": "array", "items": item},
        "failures": {"type": "object", "additionalProperties": shape.ERROR},
    }


def _outputs(world: World, node: Node) -> Json:
    step = node.spec
    if step.outputs is not None:
        return _declared(world, step.outputs, (*node.path, "outputs"))
    if step.set is not None:
        return _declared(world, step.set, (*node.path, "set"))
    if step.uses is not None:
        operation = world.operation(node)
        return shape.ANYTHING if operation is None else operation.outputs
    if step.call is not None:
        return _called(world, node)
    if step.for_each is not None:
        return _declared(world, step.for_each.collect or {}, (*node.path, "for_each", "collect"))
    if step.block is not None or step.repeat is not None:
        return given(world, node.inner[0])
    if step.switch is not None:
        return _of_one_case(world, node)
    if step.race is not None:
        return _of_the_winner(world, node)
    if step.approve is not None:
        return _decision(world, node, step.approve)
    return NOTHING


def _declared(
    world: World, told: Mapping[str, spec.StepOutput] | Mapping[str, spec.TypedValue], path: Path
) -> dict[str, Json]:
    """Return the shape of values that the author has typed."""
    return shape.closed(
        {name: world.readable(each.extra, (*path, name)) for name, each in told.items()}
    )


def _called(world: World, node: Node) -> Schema:
    """Return what a call gives: what the workflow that is called says that it does."""
    if node.spec.detach:
        return shape.closed({"run": shape.STRING})
    told = world.neighbours.workflow(node.spec.call or "")
    return shape.ANYTHING if told is None else told.outputs


def _of_one_case(world: World, node: Node) -> Schema:
    """Return what a switch gives: what its cases declare, unless one may be taken that does not."""
    scopes = [each for each in node.inner if each.kind is Kind.CASE]
    told = [given(world, each) for each in scopes if is_declared(each)]
    if not told:
        return NOTHING
    properties = properties_of(told[0])
    return shape.closed(properties, () if len(told) == len(scopes) else properties)


def _of_the_winner(world: World, node: Node) -> Schema:
    branches = node.spec.race.branches if node.spec.race is not None else {}
    scopes = [each for each in node.inner if each.kind is Kind.BRANCH]
    told = [given(world, each) for each in scopes if is_declared(each)]
    properties = properties_of(told[0]) if told else {}
    winner: Schema = {"type": "string", "enum": list(branches)}
    lacking = properties if len(told) < len(scopes) else ()
    return shape.closed({**properties, WINNER: winner}, lacking)


def unequal(world: World, node: Node, kind: Kind) -> list[Steps]:
    """Return the cases or branches that declare outputs of other types than the first that does."""
    scopes = [each for each in node.inner if each.kind is kind and is_declared(each)]
    told = [canonical(given(world, each)) for each in scopes]
    return [each for each, types in zip(scopes, told, strict=True) if types != told[0]]


def _decision(world: World, node: Node, told: spec.Approve) -> Schema:
    """Return what an approval gives; the form may be empty where a no lets the run go on."""
    path = (*node.path, "approve", "form")
    form = {name: world.readable(each, (*path, name)) for name, each in told.form.items()}
    may_lack = form if told.on_reject == "continue" else ()
    decisions: Schema = {"type": "string", "enum": ["approved", "rejected"]}
    by: Schema = {"type": "array", "items": shape.STRING}
    return shape.closed({"decision": decisions, "by": by, "form": shape.closed(form, may_lack)})
