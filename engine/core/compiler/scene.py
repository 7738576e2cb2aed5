"""Where an expression stands, and what may be read there."""

from collections.abc import Iterable, Mapping

from engine.core.compiler.node import Node, Steps
from engine.core.compiler.site import Schema, Use
from engine.core.compiler.world import World
from engine.core.frozen import frozen

_OUTSIDE = ("inputs", "trigger", "run", "variables")
_BEFORE = ("inputs", "trigger", "variables")
_INSIDE = ("inputs", "steps", "trigger", "run", "variables")
_BY_USE: Mapping[Use, tuple[str, ...]] = {
    Use.COMMON_RETRY: _OUTSIDE,
    Use.MATCHED: _OUTSIDE,
    Use.CANCEL: _OUTSIDE,
    Use.RUN_ENVIRONMENT: _OUTSIDE,
    Use.RUN_KEY: _BEFORE,
    Use.RUN_GROUP: _BEFORE,
    Use.RUN_PRIORITY: _BEFORE,
    Use.ARGUMENT: (*_INSIDE, "secrets"),
    Use.ENVIRONMENT: (*_INSIDE, "secrets"),
    Use.FILTER: ("event", "trigger", "variables"),
    Use.START: ("event", "trigger", "variables"),
    Use.DEFAULT: ("trigger", "variables"),
}


@frozen
class Scene:
    """A scope, and the shape of every name that may be read in it, but for steps."""

    world: World
    scope: Steps
    types: Mapping[str, Schema]

    def names(self, use: Use, more: Iterable[str] = ()) -> tuple[str, ...]:
        """Return the names that may be read, `more` of the step's own among them."""
        told = _BY_USE.get(use, _INSIDE)
        if not more and not any(each.names for each in self.scope.chain()):
            return told
        local = [name for each in self.scope.chain() for name in each.names]
        return tuple(dict.fromkeys([*told, *(local if "steps" in told else ()), *more]))

    def is_unsure(self, path: tuple[str | int, ...]) -> bool:
        """True if a part of a name of the scope's own may not be there."""
        for each in self.scope.chain():
            if path[0] in each.names:
                return any(
                    len(path) > len(told) and path[: len(told)] == told for told in each.unsure
                )
        return False


def scene_of(world: World, scope: Steps) -> Scene:
    """Return the scene of a scope's steps; the names of the scopes around it are known by now."""
    if scope.types is None:
        around = world.names if scope.around is None else scene_of(world, scope.around).types
        scope.types = {**around, **scope.names} if scope.names else around
    return Scene(world, scope, scope.types)


def holders(node: Node | None, scope: Steps) -> Iterable[Node]:
    """Yield the step that reads, and every step that holds it."""
    if node is not None:
        yield node
    for each in scope.chain():
        if each.owner is not None:
            yield each.owner
