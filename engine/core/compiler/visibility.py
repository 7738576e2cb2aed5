"""What may be read at a place of a workflow, told from what the compiler knows of it.

An editor asks while an expression is being typed, when there is nothing yet that would parse. So
it asks by the path of the place, of the world that was compiled last.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress

from engine.core.compiler import shape
from engine.core.compiler.findings import Path
from engine.core.compiler.giving import names_of, projected, properties_of, view
from engine.core.compiler.node import Node, Steps
from engine.core.compiler.scene import Scene, holders, scene_of
from engine.core.compiler.site import Schema, Use
from engine.core.compiler.variable import ROOT, readable
from engine.core.compiler.world import World
from engine.core.diagnostic import Enough
from engine.core.frozen import frozen
from engine.core.schema import project

_IN_A_STEP: Mapping[Path, Use] = {
    ("retry", "if"): Use.RETRY,
    ("for_each", "key"): Use.ITEM_KEY,
    ("for_each", "collect"): Use.COLLECT,
    ("repeat", "until"): Use.UNTIL,
    ("await", "match"): Use.MATCH,
    ("outputs",): Use.PROJECTION,
    ("with",): Use.ARGUMENT,
    ("env",): Use.ENVIRONMENT,
}
# Keys of a body that is a lone verb, and yet of the step that has the body.
_OF_THE_OWNER = frozenset({"over", "key", "as", "collect", "until", "outputs"})
_OF_THE_RUN: Mapping[str, Use] = {
    "idempotency": Use.RUN_KEY,
    "concurrency": Use.RUN_GROUP,
    "priority": Use.RUN_PRIORITY,
    "env": Use.RUN_ENVIRONMENT,
    "cancel_when": Use.CANCEL,
    "defaults": Use.COMMON_RETRY,
    "on_failure": Use.MATCHED,
}


@frozen
class Visibility:
    """What can be seen of a workflow from a place in it; `path` is that of the place's value."""

    world: World

    def names(self, path: Path) -> Mapping[str, Schema]:
        """Return the names that an expression may read there, with the shapes of their values."""
        if path[:1] == ("triggers",):
            return self._of_a_trigger(path)
        node, scope, use = self._stand(path)
        scene = scene_of(self.world, scope)
        if use is Use.PROJECTION and node is not None:
            return _named(projected(self.world, node) or {})
        try:
            own = {**names_of(self.world, node, use), **self._event(path)}
        except IndexError:  # a body that has not been laid out
            own = {}
        types = {**scene.types, **own}
        names = {name: types[name] for name in scene.names(use, own) if name in types}
        names |= self._variables()
        if "steps" in scene.names(use):
            names["steps"] = shape.closed(dict(self._views(scene, node)))
        return names

    def type_of(self, path: Path, reference: Path) -> Schema | None:
        """Return the shape of what a reference leads to, None where it leads nowhere."""
        names = self.names(path)
        if not reference or reference[0] not in names:
            return None
        found = project(names[str(reference[0])], reference[1:])
        return found if isinstance(found, Mapping) else None

    def step(self, path: Path, name: str) -> Node | None:
        """Return the step of a name that may be read there."""
        return self._stand(path)[1].find(name)

    def _views(self, scene: Scene, node: Node | None) -> Iterator[tuple[str, Schema]]:
        around = list(holders(node, scene.scope))
        for name in scene.scope.visible():
            found = scene.scope.find(name)
            if found is not None and found not in around:
                with suppress(Enough):
                    yield name, view(self.world, found)

    def _stand(self, path: Path) -> tuple[Node | None, Steps, Use]:
        """Return the step that a place belongs to, the scope that it sees, and its use."""
        scopes = list(self.world.root.everything())
        for scope in scopes:
            base = scope.path[:-1]
            if scope.lone is None and path[: len(base) + 1] == (*base, "outputs"):
                return None, scope, Use.OUTPUT
        nodes = [node for scope in scopes for node in scope.nodes if _holds(node, path)]
        if nodes:
            node = max(nodes, key=lambda each: len(each.path))
            return node, node.scope, _use(node, path[len(node.path) :])
        around = [scope for scope in scopes if path[: len(scope.path)] == scope.path]
        scope = max(around, key=lambda each: len(each.path), default=self.world.root)
        if path[:1] == ("on_failure",) and "match" in path[2:3]:
            return None, self.world.root, Use.MATCHED
        use = _OF_THE_RUN.get(str(path[0])) if path and not around else None
        return None, scope, use or (Use.ARGUMENT if "with" in path else Use.VALUE)

    def _of_a_trigger(self, path: Path) -> Mapping[str, Schema]:
        event = self.world.events.get(str(path[1])) if len(path) > 1 else None
        return {
            "event": event or shape.ANYTHING,
            "trigger": self.world.names["trigger"],
            **self._variables(),
        }

    def _variables(self) -> dict[str, Schema]:
        """Return the variables of the environments under their name, nothing if there are none."""
        told = readable(self.world)
        return {ROOT: told} if properties_of(told) else {}

    def _event(self, path: Path) -> Mapping[str, Schema]:
        """Return the event that the `match` of a `cancel_when` reads."""
        match path:
            case ("cancel_when", int(index), *_) if index < len(self.world.workflow.cancel_when):
                return {"event": shape.happened(self.world.workflow.cancel_when[index].event)}
            case _:
                return {}


def _holds(node: Node, path: Path) -> bool:
    """True if a place is within a step, and not within the keys around a lone verb."""
    size = len(node.path)
    if path[:size] != node.path:
        return False
    return bool(node.id) or str(path[size : size + 1] and path[size]) not in _OF_THE_OWNER


def _use(node: Node, keys: Path) -> Use:
    told = next((use for at, use in _IN_A_STEP.items() if keys[: len(at)] == at), Use.VALUE)
    if told is Use.ARGUMENT and node.spec.call is not None:
        return Use.INPUT
    return told


def _named(schema: Schema) -> Mapping[str, Schema]:
    told = properties_of(schema)
    return {name: each for name, each in told.items() if isinstance(each, Mapping)}
