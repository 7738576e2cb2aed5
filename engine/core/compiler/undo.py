"""What stands in for a step that failed, and what undoes one that took effect."""

from dataclasses import replace

from engine.core import plan
from engine.core import schema as schemas
from engine.core.compiler import safety, shape
from engine.core.compiler.findings import Place
from engine.core.compiler.giving import given, outputs_of, properties_of, required_of
from engine.core.compiler.handler import check_all_given
from engine.core.compiler.node import Kind, Node
from engine.core.compiler.placing import may_have
from engine.core.compiler.site import Schema
from engine.core.compiler.values import assignments, types_of
from engine.core.compiler.world import World
from engine.core.plan import Effect

_NOTHING_DONE = frozenset({Effect.PURE, Effect.READ})


def fallback(world: World, node: Node) -> plan.Fallback | None:
    """Return what stands in for a step; it gives what the step would have given."""
    scope = node.opens(Kind.FALLBACK)
    if scope is None or not may_have(node, "fallback"):
        return None
    outputs = outputs_of(world, node)
    wanted = {name: _raw(node, name, told) for name, told in properties_of(outputs).items()}
    what = f"the fallback of {node.called}"
    if scope.results or not scope.nodes:
        named = {name: told for name, told in wanted.items() if name in required_of(outputs)}
        open_ended = outputs.get("additionalProperties") is not False
        if not open_ended:
            check_all_given(world, scope, wanted if scope.results else named, what, _place(node))
    else:
        reason = schemas.assignable(given(world, scope), outputs)
        if scope.lone is not None:
            reason = schemas.assignable(outputs_of(world, scope.lone), outputs)
        if reason is not None:
            message = f"{what} does not give what the step gives: {reason}"
            hint = "say its `outputs`, all that the step has"
            world.findings.error("wrong-type", message, _place(node), hint=hint)
    values = assignments(world, scope.results, types_of(scope), wanted)
    if scope.plan is None or not scope.nodes:
        return plan.Fallback(values)
    return plan.Fallback(body=_giving(scope.plan, values) if values else scope.plan)


def _giving(body: plan.Scope, values: tuple[plan.Assignment, ...]) -> plan.Scope:
    """Return a scope that gives these values; a lone verb gets a name, or it would give its own."""
    steps = tuple(each if each.id else replace(each, id="fallback") for each in body.steps)
    return replace(body, steps=steps, outputs=values)


def compensation(node: Node) -> plan.Scope | None:
    """Return what undoes a step."""
    scope = node.opens(Kind.COMPENSATION)
    return None if scope is None else scope.plan


def check(world: World, node: Node) -> bool:
    """True if what undoes a step, or stands in for it, has a plan; warn of what is never needed."""
    if not node.inner:
        return True
    scope = node.opens(Kind.COMPENSATION)
    if scope is not None:
        effect = safety.effect_of(world, node)
        if effect in _NOTHING_DONE and may_have(node, "compensate"):
            message = f"{node.called} has nothing to undo: it is `{effect}`"
            hint = "take `compensate` out, or say what it does: `effect: write`"
            place = node.at("compensate", key=True)
            world.findings.warning("idle-compensation", message, place, hint=hint)
    others = (node.opens(Kind.COMPENSATION), node.opens(Kind.FALLBACK))
    return all(each is None or each.plan is not None for each in others)


def _place(node: Node) -> Place:
    return node.at("fallback", key=True)


def _raw(node: Node, name: str, told: object) -> Schema:
    """Return the schema that the author wrote for an output, else the one that is known.

    What is no schema was found where it stands, and is anything here.
    """
    declared = (node.spec.outputs or {}).get(name)
    if declared is not None:
        written = declared.extra
        return shape.ANYTHING if schemas.check(written) else written
    return told if isinstance(told, dict) else {}
