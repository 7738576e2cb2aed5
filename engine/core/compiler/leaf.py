"""Verbs that open no scope: calls, values, waiting, people, events, errors."""

from collections.abc import Mapping

from engine.core import plan, spec
from engine.core.cloudevent import RESERVED
from engine.core.compiler import people, reference, safety, timing
from engine.core.compiler.argument import Area
from engine.core.compiler.env import with_variables
from engine.core.compiler.findings import Place, listed, meant
from engine.core.compiler.giving import happened
from engine.core.compiler.layout import typed_values
from engine.core.compiler.literal import with_code_quoted
from engine.core.compiler.match import correlation
from engine.core.compiler.node import Node
from engine.core.compiler.role import check_roles
from engine.core.compiler.rollback import rollback
from engine.core.compiler.sandbox import with_resources
from engine.core.compiler.scene import Scene
from engine.core.compiler.shape import STRING, closed
from engine.core.compiler.site import Use
from engine.core.compiler.through import is_known
from engine.core.compiler.url import with_parts_encoded
from engine.core.compiler.values import areas, assignments, types_in
from engine.core.compiler.world import World
from engine.core.expression import has_template
from engine.core.values import Json


def make(scene: Scene, node: Node) -> plan.Verb | None:
    """Return the verb of a step that opens no scope; an unknown operation makes none."""
    world, step = scene.world, node.spec
    if step.uses is not None:
        return _uses(scene, node)
    if step.call is not None:
        return _call(world, node, step.call)
    if step.set is not None:
        return _set(world, node, step.set)
    if step.wait is not None:
        return _wait(world, node, step.wait)
    if step.await_ is not None:
        return _await(scene, node, step.await_)
    if step.approve is not None:
        return _approve(world, node, step.approve)
    if step.emit is not None:
        return _emit(world, node, step.emit)
    if step.fail is not None:
        return plan.Fail(step.fail.type, step.fail.message)
    return rollback(scene, node)


def _uses(scene: Scene, node: Node) -> plan.Uses | None:
    world = scene.world
    operation = world.operation(node)
    if operation is None:
        _unknown_operation(world, node)
        return None
    given: Mapping[str, Json] = node.spec.with_ or {}
    path = (*node.path, "with") if node.spec.with_ is not None else node.path
    area = Area(world.findings, operation.name, path, areas(node, [Use.ARGUMENT]))
    if is_known(world.neighbours, node.spec.connection, operation.name):
        area.check(given, operation.taken)
    check_roles(scene, node, operation)
    effect, repeatable = safety.judge(world, node, operation)
    given = with_variables(world, node, operation, given)
    arguments = with_code_quoted(with_resources(world, node, operation, given), operation)
    if operation.has_url:
        arguments = with_parts_encoded(arguments, operation)
    key = node.spec.idempotency.key if node.spec.idempotency is not None else None
    return plan.Uses(operation.name, arguments, effect, repeatable, key)


def _unknown_operation(world: World, node: Node) -> None:
    name = node.spec.uses or ""
    stem = name.split("@")[0]
    majors = sorted(each for each in world.catalogue if each.split("@")[0] == stem)
    hint = f"there is {', '.join(majors)}" if majors else meant(name, world.catalogue)
    message = f'there is no operation "{name}"'
    known = listed(sorted(world.catalogue), "no operation")
    world.findings.error("unknown-operation", message, node.at("uses"), hint=hint, expected=known)


def _set(world: World, node: Node, told: dict[str, spec.TypedValue]) -> plan.Set:
    results = typed_values(told, (*node.path, "set"))
    return plan.Set(assignments(world, results, types_in(node, Use.VALUE, results)))


def _call(world: World, node: Node, workflow: str) -> plan.Verb:
    """Return a call; what the workflow does is laid in where files are put together."""
    given = node.spec.with_ or {}
    told = world.neighbours.workflow(workflow)
    if told is not None:
        path = (*node.path, "with") if node.spec.with_ is not None else node.path
        types, what = areas(node, [Use.INPUT]), f'workflow "{workflow}"'
        area = Area(world.findings, what, path, types, code="bad-input", noun="input")
        area.check(given, told.inputs)
    if node.spec.detach:
        return plan.Start(workflow, given)
    return plan.Call(workflow, given, {}, plan.Scope((), timing.LONGEST))


def _wait(world: World, node: Node, told: spec.Wait) -> plan.Wait:
    for site, kind in node.typed:
        if site.use is Use.WAIT:
            reference.check_fits(world.findings, site, kind, STRING)
    if told.for_ is not None and not has_template(told.for_):
        timing.span(world.findings, told.for_, (*node.path, "wait", "for"))
    return plan.Wait(told.for_, told.until)


def _await(scene: Scene, node: Node, told: spec.Await) -> plan.Await:
    findings, path = scene.world.findings, (*node.path, "await")
    happened(scene.world, node)
    lookback = told.lookback and timing.span(findings, told.lookback, (*path, "lookback"))
    return plan.Await(
        timing.span(findings, told.within, (*path, "within")),
        told.event or "",
        told.match,
        correlation(node),
        lookback or None,
        plan.Otherwise(told.on_timeout),
        None if told.callback is None else told.callback.schema_,
    )


def _emit(world: World, node: Node, told: spec.Emit) -> plan.Emit:
    if told.type.startswith(RESERVED):
        message = f'an event of the type "{told.type}" comes from a forge or from the engine alone'
        hint = "begin its type with a name of your own, such as `acme.`"
        place = Place((*node.path, "emit", "type"))
        world.findings.error("reserved-event", message, place, hint=hint)
    return plan.Emit(told.type, told.subject, told.data)


def _approve(world: World, node: Node, told: spec.Approve) -> plan.Approve:
    path = (*node.path, "approve")
    for name, each in told.form.items():
        world.declared(each, (*path, "form", name))
    people.check(world.findings, told, path)
    return plan.Approve(
        tuple(told.by),
        timing.span(world.findings, told.expires, (*path, "expires")),
        told.min,
        tuple(told.exclude),
        told.on_expiry,
        plan.Otherwise(told.on_reject),
        closed(told.form, [name for name, each in told.form.items() if "default" in each])
        if told.form
        else None,
        told.show,
        tuple(plan.Assignment(name, value, {}) for name, value in told.binds.items()),
    )
