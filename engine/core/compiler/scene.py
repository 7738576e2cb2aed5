"""Where an expression stands, and what may be read there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.core.compiler import shape
from engine.core.compiler.node import Node, Steps
from engine.core.compiler.site import Schema, Use
from engine.core.compiler.world import World
from engine.core.values import Json

_INSIDE = ("inputs", "steps", "trigger", "run")
_BY_USE: Mapping[Use, tuple[str, ...]] = {
    Use.RETRY: (*_INSIDE, "error"),
    Use.COMMON_RETRY: ("inputs", "trigger", "run", "error"),
    Use.ARGUMENT: (*_INSIDE, "secrets"),
    Use.FILTER: ("event", "trigger"),
    Use.START: ("event", "trigger"),
    Use.DEFAULT: ("trigger",),
}


@dataclass(frozen=True, slots=True)
class Scene:
    """Where an expression stands: in a step of a scope, or outside of all steps."""

    world: World
    scope: Steps
    types: Mapping[str, Schema]
    """The shape of every name that a step of this scope may read."""

    @property
    def is_last(self) -> bool:
        return self.scope is self.world.last

    def names(self, use: Use) -> tuple[str, ...]:
        """Return the names that may be read."""
        told = _BY_USE.get(use, _INSIDE)
        return (*told, "error") if self.is_last and "error" not in told else told

    def lacks(self, step: str, path: Sequence[str | int]) -> str:
        """Return why an output may be missing although its step has succeeded, or nothing."""
        node = self.scope.by_id.get(step)
        outputs = outputs_of(self.world, node) if node is not None else shape.ANYTHING
        required = outputs.get("required", ())
        assert isinstance(required, Sequence)
        is_sure = not path or path[0] in required or path[0] not in properties_of(outputs)
        return "" if is_sure else "its operation does not always return it"


def scene_of(world: World, scope: Steps) -> Scene:
    """Return the scene of a scope's steps."""
    steps = {node.id: world.view(node) for each in world.scopes_read(scope) for node in each.nodes}
    types: dict[str, Schema] = {
        "inputs": world.readable_inputs,
        "steps": shape.closed(steps),
        "trigger": shape.trigger(world.triggers, world.events),
        "run": shape.RUN,
        "secrets": shape.closed(dict.fromkeys(world.workflow.secrets, shape.STRING)),
        "error": shape.LAST_ERROR if scope is world.last else shape.ERROR,
    }
    return Scene(world, scope, types)


def outputs_of(world: World, node: Node) -> Schema:
    """Return the shape of a step's outputs."""
    told = properties_of(world.view(node))["outputs"]
    return told if isinstance(told, Mapping) else shape.ANYTHING


def properties_of(schema: Schema) -> Mapping[str, Json]:
    """Return what a schema says of each property."""
    properties = schema.get("properties", {})
    return properties if isinstance(properties, Mapping) else {}
