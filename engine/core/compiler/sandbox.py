"""What a call is shut in and what it may use: by its operation, or by the workers of its pool."""

import re
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
_SIZE = re.compile(r"[0-9]+(?:[KMGT]i?)?")


def with_resources(
    world: World, node: Node, operation: Operation, arguments: Mapping[str, Json]
) -> Mapping[str, Json]:
    """Return the arguments of a call with the limits that `resources` of step and pool set.

    What neither the operation nor the step's pool keeps is a finding, so is more than the pool
    gives, and so is a `sandbox` that nothing offers.
    """
    told = node.spec.resources
    if told is None and node.spec.pool is None and node.spec.sandbox is None:
        return arguments
    pool, most = _pool(world, node), _most(world, node)
    _check_sandbox(world, node, operation, pool)
    asked = {} if told is None else told.plain(nulls=False)
    kept = operation.resources_with(arguments)
    given = arguments.get("limits", {})
    limits: dict[str, Json] = {}
    for name in asked:
        if name in most and _limit(name, asked[name]) > _limit(name, most[name]):
            _too_much(world, node, ("resources", name), asked[name], f"{most[name]} of {name}")
        if name not in kept:
            if pool is not None and pool not in _WALLS:
                _unkept(world, node, operation, name, kept)
        elif not isinstance(given, Mapping) or kept[name] in given:
            message = f"`resources.{name}` has no effect: `limits` of `with` says it already"
            world.findings.error("no-effect", message, node.at("resources", name, key=True))
        else:
            limits[kept[name]] = _limit(name, asked[name])
    limits |= _of_the_pool(world, node, operation, given, kept)
    if not limits or not isinstance(given, Mapping):
        return arguments
    return {**arguments, "limits": {**given, **limits}}


def _of_the_pool(
    world: World, node: Node, operation: Operation, given: Json, kept: Mapping[str, str]
) -> dict[str, Json]:
    """Return the limits that a pool sets where its step says nothing; find what goes beyond."""
    asked = node.spec.resources
    limits: dict[str, Json] = {}
    for name, value in _most(world, node).items():
        if asked is not None and name in asked.plain(nulls=False):
            continue
        most = _limit(name, value)
        if name not in kept and _pool(world, node) in _WALLS:
            continue
        if name not in kept:
            message = f'pool "{node.spec.pool}" gives at most {value} of {name}'
            message += f", and {operation.name} cannot keep to it here"
            hint = "name another pool, or take `resources` away from the pool"
            world.findings.error("pool-refuses", message, node.at("pool"), hint=hint)
        elif not isinstance(given, Mapping):
            _too_much(world, node, ("with", "limits"), given, f"{value} of {name}")
        elif (own := given.get(kept[name])) is None:
            limits[kept[name]] = most
        elif not isinstance(own, int | float) or own > most:
            _too_much(world, node, ("with", "limits", kept[name]), own, f"{value} of {name}")
    return limits


def _too_much(world: World, node: Node, keys: tuple[str, ...], asked: Json, most: str) -> None:
    message = f'pool "{node.spec.pool}" gives at most {most}, and this may be more: {asked}'
    hint = "write less, as a number, or name another pool"
    world.findings.error("pool-refuses", message, node.at(*keys), hint=hint)


def _most(world: World, node: Node) -> Mapping[str, Json]:
    """Return the most of each resource that the pool of a step gives."""
    written = None if node.spec.pool is None else world.neighbours.pool(node.spec.pool)
    told = None if written is None else written.get("resources")
    return {} if not isinstance(told, Mapping) else _readable(told)


def _readable(told: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return the resources that can be read; of the others their own document has a finding."""
    return {
        name: value for name, value in told.items()
        if (name == "cpu" and isinstance(value, int | float))
        or (name in ("memory", "disk") and _SIZE.fullmatch(str(value)))
    }  # fmt: skip


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


def _limit(name: str, value: Json) -> float:
    """Return a limit as operations take it: processors as they are, memory in mebibytes."""
    if name == "cpu":
        assert isinstance(value, int | float)
        return value
    text = str(value)
    digits = text.rstrip("KMGTi")
    return max(int(digits) * _UNITS[text[len(digits) :]] // _MIB, 1)
