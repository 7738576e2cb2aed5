"""Environment variables: what a step and its workflow set reaches the program that a call runs.

They become the argument `env` of its operation, so all that holds for arguments holds for them.
"""

from collections.abc import Mapping

from engine.core.compiler.argument import Area
from engine.core.compiler.findings import Place
from engine.core.compiler.node import Node
from engine.core.compiler.site import Use
from engine.core.compiler.values import areas
from engine.core.compiler.world import World
from engine.core.facts import Operation
from engine.core.values import Json

ARGUMENT = "env"


def with_variables(
    world: World, node: Node, operation: Operation, arguments: Mapping[str, Json]
) -> Mapping[str, Json]:
    """Return the arguments of a call with the variables that the workflow and the step set.

    Of equal names the step's counts before the workflow's; what `with` says too is a finding.
    """
    own, common = node.spec.env or {}, world.workflow.env
    taken = _taken(operation)
    if taken is None:
        if own:
            _untaken(world, node, operation)
        return arguments
    given = arguments.get(ARGUMENT, {})
    if not isinstance(given, Mapping):
        if own or common:
            message = "`env` of `with` is one value, which the variables of `env` cannot join"
            hint = "write it as a mapping from names to values"
            place = node.at("with", ARGUMENT, key=True)
            world.findings.error("no-effect", message, place, hint=hint)
        return arguments
    for name in own:
        if name in given:
            message = f"`env.{name}` has no effect: `env` of `with` says it already"
            world.findings.error("no-effect", message, node.at(ARGUMENT, name, key=True))
    types = areas(node, [Use.ENVIRONMENT])
    Area(world.findings, operation.name, node.path, types).check(dict(own), taken, (ARGUMENT,))
    variables = {**common, **own, **given}
    return {**arguments, ARGUMENT: variables} if variables else arguments


def check_reach(world: World) -> None:
    """Warn of variables of a workflow none of whose steps runs a program."""
    if not world.workflow.env:
        return
    nodes = (node for scope in world.root.everything() for node in scope.nodes)
    operations = (world.operation(node) for node in nodes)
    if not any(each is not None and _taken(each) is not None for each in operations):
        message = "`env` has no effect: no step of the workflow runs a program"
        hint = "take it away; a workflow that is called has an `env` of its own"
        place = Place((ARGUMENT,), key=True)
        world.findings.warning("no-effect", message, place, hint=hint)


def _taken(operation: Operation) -> Json:
    """Return the schema of an operation's variables, None where it runs no program."""
    properties = operation.taken.get("properties")
    return properties.get(ARGUMENT) if isinstance(properties, Mapping) else None


def _untaken(world: World, node: Node, operation: Operation) -> None:
    message = f"`env` has no effect: {operation.name} runs no program"
    others = [each.name for each in world.catalogue.values() if _taken(each) is not None]
    hint = f"take it away, or use {' or '.join(sorted(others))}" if others else "take it away"
    world.findings.error("no-effect", message, node.at(ARGUMENT, key=True), hint=hint)
