"""`rollback`: which earlier steps are undone now."""

from engine.core import plan
from engine.core.compiler.node import Kind, Node
from engine.core.compiler.scene import Scene, holders


def rollback(scene: Scene, node: Node) -> plan.Rollback:
    """Check that every step named can be undone; that it comes earlier is an edge."""
    told = node.spec.rollback
    assert told is not None
    for index, name in enumerate(told.steps):
        target = scene.scope.find(name)
        if (
            target is not None
            and target not in holders(node, scene.scope)
            and not _can_be_undone(target)
        ):
            message = f'step "{name}" has no `compensate`, so there is nothing to roll back'
            place = node.at("rollback", "steps", index)
            hint = f'give "{name}" a `compensate`, or take it out'
            scene.world.findings.error("no-compensation", message, place, hint=hint)
    return plan.Rollback(tuple(told.steps))


def _can_be_undone(node: Node) -> bool:
    """True if a step is undone by itself, or holds one that is."""
    if node.opens(Kind.COMPENSATION) is not None:
        return True
    held = (each for inner in node.inner for each in inner.everything())
    return any(each.opens(Kind.COMPENSATION) is not None for scope in held for each in scope.nodes)
