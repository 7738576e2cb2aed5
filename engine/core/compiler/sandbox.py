"""What a call is shut in and what it may use: by its operation, or by the workers of its pool."""

from collections.abc import Mapping

from engine.core.compiler.findings import listed
from engine.core.compiler.node import Node
from engine.core.compiler.world import World
from engine.core.facts import Operation
from engine.core.values import Json

_STRENGTH = ("none", "process", "container", "vm")
# Workers of a pool that says so stand in walls of their own, with what the operator gave them.
_WALLS = frozenset({"container", "vm"})
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12,
          "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}  # fmt: skip
_MIB = 2**20


def with_resources(world: World, node: Node, operation: Operation, arguments: Json) -> Json:
    """Return the arguments of a call with the limits that `resources` sets.

    What neither the operation nor the step's pool keeps is a finding, and so is a `sandbox` that
    nothing offers.
    """
    pool = _pool(world, node)
    _check_sandbox(world, node, operation, pool)
    told = node.spec.resources
    if told is None or not isinstance(arguments, Mapping):
        return arguments
    asked = told.plain(nulls=False)
    kept = operation.resources_with(arguments)
    given = arguments.get("limits", {})
    limits: dict[str, Json] = {}
    for name in asked:
        if name not in kept:
            if pool is not None and pool not in _WALLS:
                _unkept(world, node, operation, name, kept)
        elif not isinstance(given, Mapping) or kept[name] in given:
            message = f"`resources.{name}` has no effect: `limits` of `with` says it already"
            world.findings.error("no-effect", message, node.at("resources", name, key=True))
        else:
            limits[kept[name]] = _limit(name, asked[name])
    if not limits or not isinstance(given, Mapping):
        return arguments
    return {**arguments, "limits": {**given, **limits}}


def _check_sandbox(world: World, node: Node, operation: Operation, pool: str | None) -> None:
    wanted = node.spec.sandbox
    if wanted is None or pool is None:
        return
    own = operation.sandbox_with(node.spec.with_ or {})
    offered = max(own, pool, key=_STRENGTH.index)
    if _STRENGTH.index(wanted) > _STRENGTH.index(offered):
        message = f"nothing shuts {node.called} in a {wanted}: {operation.name} offers {own}"
        if node.spec.pool:
            message += f', and pool "{node.spec.pool}" {pool}'
        hint = f"name a `pool` whose `sandbox` is {wanted}, or ask for less"
        world.findings.error("weak-sandbox", message, node.at("sandbox"), hint=hint)


def _unkept(
    world: World, node: Node, operation: Operation, name: str, kept: Mapping[str, str]
) -> None:
    message = f"`resources.{name}` has no effect: {operation.name} cannot keep to it here"
    others = [
        each.name for each in world.catalogue.values()
        if name in each.facts.resources and each is not operation
    ]  # fmt: skip
    hint = "name a `pool` whose `sandbox` is container or vm"
    if others:
        hint += f", or use {' or '.join(sorted(others))}"
    world.findings.error(
        "no-effect", message, node.at("resources", name, key=True),
        hint=hint, expected=listed(sorted(kept), "none of them"),
    )  # fmt: skip


def _pool(world: World, node: Node) -> str | None:
    """Return what the pool of a step shuts its workers in; None if that cannot be known."""
    if node.spec.pool is None:
        return "none"
    told = world.neighbours.pool(node.spec.pool)
    return None if not told else str(told.get("sandbox") or "none")


def _limit(name: str, value: Json) -> Json:
    """Return a limit as operations take it: processors as they are, memory in mebibytes."""
    if name == "cpu":
        return value
    text = str(value)
    digits = text.rstrip("KMGTi")
    return max(int(digits) * _UNITS[text[len(digits) :]] // _MIB, 1)
