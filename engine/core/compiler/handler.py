"""`on_failure`: which errors a handler is for, what it does, and what it gives instead."""

from collections.abc import Mapping

from engine.core import plan
from engine.core.compiler import reference
from engine.core.compiler.findings import Place, listed, meant
from engine.core.compiler.node import Steps
from engine.core.compiler.site import Schema, Use
from engine.core.compiler.values import assignments, types_of
from engine.core.compiler.world import World


def compile_handler(world: World, scope: Steps, handler: Steps) -> plan.Handler | None:
    """Return the plan of a handler of a scope, whose own scope has been compiled."""
    told, body = handler.handler, handler.plan
    assert told is not None
    _check_match(world, scope, handler)
    outputs = _outputs(world, scope, handler)
    if body is None:
        return None
    match = told.match
    return plan.Handler(
        body,
        match.type or "",
        match.step or "",
        match.class_ or "",
        match.if_,
        told.then == "recover",
        outputs,
    )


def root_of(handler: Steps) -> tuple[str | int, ...]:
    """Return where a handler is written."""
    path = handler.path
    return path[:-1] if handler.lone is None else path


def _check_match(world: World, scope: Steps, handler: Steps) -> None:
    told, path = handler.handler, root_of(handler)
    assert told is not None
    for name, site, kind in handler.typed:
        if not name and site.use is Use.MATCHED:
            reference.check_condition(world.findings, site, kind)
    named = told.match.step
    if named is not None and named not in (known := list(_inside(scope))):
        message = f'there is no step "{named}" in {scope.called}'
        place = Place((*path, "match", "step"))
        hint = meant(named, known)
        world.findings.error(
            "unknown-step", message, place, hint=hint, expected=listed(known, "no step")
        )
    _check_reached(world, scope, handler)


def _check_reached(world: World, scope: Steps, handler: Steps) -> None:
    """Find a handler after one that is for all errors."""
    above = scope.after[: scope.after.index(handler)]
    if any(map(_is_for_all, above)):
        message = "this handler is never reached: one above it is for every error"
        place = Place((*root_of(handler), "match"), key=True)
        world.findings.warning("unreachable", message, place, hint="put it above that one")


def _is_for_all(handler: Steps) -> bool:
    told = handler.handler
    return told is not None and told.match.written <= {"any"}


def _inside(scope: Steps) -> list[str]:
    """Return the names of the steps in a scope, at any depth."""
    within = [each for node in scope.nodes for inner in node.inner for each in inner.everything()]
    return [node.id for each in (scope, *within) for node in each.nodes if node.id]


def _outputs(world: World, scope: Steps, handler: Steps) -> tuple[plan.Assignment, ...]:
    """Check what a handler gives in place of the scope's outputs: all of them, as typed."""
    told, path = handler.handler, root_of(handler)
    assert told is not None
    if told.then != "recover":
        if told.outputs is not None:
            message = "`outputs` means nothing without `then: recover`: the scope fails as it did"
            place = Place((*path, "outputs"), key=True)
            world.findings.error("misplaced-key", message, place)
        return ()
    wanted = {
        name: world.declared(each.schema or {}, each.schema_path)
        for name, each in scope.results.items()
    }
    what = f"a handler that recovers {scope.called}"
    place = Place((*path, "then"))
    check_all_given(world, handler, wanted, what, place)
    return assignments(world, handler.results, types_of(handler), wanted)


def check_all_given(
    world: World, scope: Steps, wanted: Mapping[str, Schema], what: str, place: Place
) -> None:
    """Find outputs that a stand-in does not give, and those that nobody asked for."""
    missing = [name for name in wanted if name not in scope.results]
    if missing:
        names = listed(f'"{name}"' for name in missing)
        message = f"{what} gives all its outputs; it lacks {names}"
        hint = f"add `outputs: {{{missing[0]}: ...}}`"
        world.findings.error("lacking-output", message, place, hint=hint)
    for name, each in scope.results.items():
        if name not in wanted:
            message = f'{what} gives "{name}", which is none of its outputs'
            where = Place(each.path, key=True)
            world.findings.error(
                "unknown-output", message, where, hint=meant(name, wanted),
                expected=listed(wanted, "no output"),
            )  # fmt: skip
