"""Verbs that open scopes: blocks, loops, choices, races. Their scopes have been compiled."""

from datetime import timedelta

from engine.core import plan, spec
from engine.core import schema as schemas
from engine.core.compiler import choice, reference, shape, timing
from engine.core.compiler.findings import Place
from engine.core.compiler.giving import (
    WINNER,
    given,
    is_declared,
    properties_of,
    unequal,
)
from engine.core.compiler.layout import typed_values
from engine.core.compiler.node import Kind, Node
from engine.core.compiler.scene import Scene
from engine.core.compiler.site import Schema, Use
from engine.core.compiler.values import assignments, types_in
from engine.core.compiler.world import World

_LARGEST = 10_000


def is_one(step: spec.Step) -> bool:
    """True if the verb of a step opens scopes."""
    verbs = (step.block, step.for_each, step.repeat, step.switch, step.race)
    return any(each is not None for each in verbs)


def make(scene: Scene, node: Node) -> plan.Verb | None:
    """Return the verb of a step that opens scopes; nothing if one of them has no plan."""
    world, step = scene.world, node.spec
    if step.for_each is not None:
        return _for_each(world, node, step.for_each)
    if step.repeat is not None:
        return _repeat(world, node, step.repeat)
    if step.switch is not None:
        return _switch(world, node, step.switch)
    if step.race is not None:
        return _race(world, node, step.race)
    body = node.inner[0].plan
    return None if body is None else plan.Block(body)


def _for_each(world: World, node: Node, told: spec.ForEach) -> plan.ForEach | None:
    path, body = (*node.path, "for_each"), node.inner[0].plan
    over = next((kind for site, kind in node.typed if site.use is Use.OVER), shape.ANYTHING)
    for site, kind in node.typed:
        if site.use is Use.OVER:
            reference.check_fits(world.findings, site, kind, {"type": "array"})
        elif site.use is Use.ITEM_KEY:
            reference.check_text(world.findings, site, kind)
    most = _most(world, node, told, over)
    results = typed_values(told.collect or {}, (*path, "collect"))
    collected = assignments(world, results, types_in(node, Use.COLLECT, results))
    if body is None:
        return None
    tolerate = told.tolerate
    return plan.ForEach(
        told.over,
        told.as_,
        body,
        most,
        told.key,
        told.max_parallel,
        (tolerate.failures or 0) if tolerate is not None else 0,
        tolerate.percent if tolerate is not None else None,
        told.fail_fast,
        collected,
    )


def _most(world: World, node: Node, told: spec.ForEach, over: Schema) -> int:
    """Return how many items there may be: as written, or as the list's schema says."""
    counts = [len(each) for each in schemas.values(over) or () if isinstance(each, list)]
    listed = over.get("maxItems")
    known = max(counts, default=listed if isinstance(listed, int) else None)
    least = over.get("minItems")
    place = node.at("for_each", "max_items")
    if told.max_items is None:
        if known is None:
            message = f"nothing bounds how many items {node.called} goes over"
            hint = "write `max_items: ...`, or `maxItems` in the schema of the list"
            place = node.at("for_each", key=True)
            world.findings.error("unbounded", message, place, hint=hint)
        return known if known is not None else _LARGEST
    if isinstance(least, int) and least > told.max_items:
        message = (
            f"the list has at least {least:,} items, and `max_items` allows {told.max_items:,}"
        )
        world.findings.error("bad-bound", message, place)
    elif known is not None and known > told.max_items:
        message = f"the list may have {known:,} items, and `max_items` allows {told.max_items:,}"
        hint = f"write `max_items: {known}`, or a smaller `maxItems` in the schema of the list"
        world.findings.warning("bad-bound", message, place, hint=hint)
    return told.max_items


def _repeat(world: World, node: Node, told: spec.Repeat) -> plan.Repeat | None:
    path, body = (*node.path, "repeat"), node.inner[0].plan
    every = timing.span(world.findings, told.every, (*path, "every"), least=timedelta(0))
    if body is None:
        return None
    exhausted = plan.Otherwise(told.on_exhausted)
    return plan.Repeat(body, told.until, told.max_times, every, exhausted)


def _switch(
    world: World, node: Node, told: spec.Switch | list[spec.Choice | spec.Else]
) -> plan.Switch | None:
    bodies = [each.plan for each in node.inner if each.kind is Kind.CASE]
    whole = [each for each in bodies if each is not None]
    _check_equal(world, node, Kind.CASE)
    if isinstance(told, spec.Switch):
        values = choice.check_cases(world, node, told)
        if len(whole) < len(bodies):
            return None
        made = [plan.Case(body, value) for body, value in zip(whole, values, strict=False)]
        otherwise = whole[len(values)] if told.else_ is not None else None
        return plan.Switch(tuple(made), told.value, otherwise)
    choice.check_choices(world.findings, node, told)
    if len(whole) < len(bodies):
        return None
    cases, otherwise = [], None
    for body, each in zip(whole, told, strict=True):
        if isinstance(each, spec.Else):
            otherwise = body
        else:
            cases.append(plan.Case(body, condition=each.if_))
    return plan.Switch(tuple(cases), None, otherwise)


def _race(world: World, node: Node, told: spec.Race) -> plan.Race | None:
    _check_equal(world, node, Kind.BRANCH)
    branches = [each for each in node.inner if each.kind is Kind.BRANCH]
    for scope in branches:
        if is_declared(scope) and WINNER in properties_of(given(world, scope)):
            message = f'an output cannot be called "{WINNER}" here: a `race` gives one of that name'
            place = Place(scope.path[:-1] if scope.lone is None else scope.path, key=True)
            world.findings.error("reserved-id", message, place, hint="choose another name")
    bodies = [each.plan for each in branches]
    made = [
        plan.Branch(name, body)
        for name, body in zip(told.branches, bodies, strict=True)
        if body is not None
    ]
    return plan.Race(tuple(made)) if len(made) == len(bodies) else None


def _check_equal(world: World, node: Node, kind: Kind) -> None:
    """Refuse ways through a step that give values of different types under one name."""
    for scope in unequal(world, node, kind):
        message = f"all ways through {node.called} give the same outputs of the same types"
        hint = "declare the same `outputs` in each"
        place = Place(scope.path[:-1] if scope.lone is None else scope.path, key=True)
        world.findings.error("unequal-outputs", message, place, hint=hint)
