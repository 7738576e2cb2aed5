"""One step: its values checked, its verb, its bounds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from engine.core import plan, spec
from engine.core import schema as schemas
from engine.core.compiler import reference, safety, shape
from engine.core.compiler.argument import Area
from engine.core.compiler.findings import Path, listed, meant
from engine.core.compiler.literal import with_code_quoted
from engine.core.compiler.node import Node
from engine.core.compiler.role import check_roles
from engine.core.compiler.scene import Scene
from engine.core.compiler.site import Schema, Site, Use
from engine.core.compiler.start import check_condition
from engine.core.compiler.world import World
from engine.core.facts import Operation
from engine.core.plan import Assignment, Projection, Retry, Timeout, Uses


@dataclass(frozen=True, slots=True)
class Made:
    """What a step becomes, before its place in the order is known."""

    verb: plan.Verb
    retry: Retry
    timeout: Timeout
    outputs: tuple[Projection, ...] = ()


def make(scene: Scene, node: Node, bound: timedelta) -> Made | None:
    """Check a step of a scope that lasts so long; an unknown operation makes none."""
    for site, told in node.typed:
        if site.use in (Use.CONDITION, Use.RETRY):
            check_condition(scene.world.findings, site, told)
    made = _set(scene.world, node) if node.spec.set is not None else _uses(scene, node)
    if made is not None:
        safety.check_fits(scene.world, node, made.timeout, bound)
    return made


def assignments(
    world: World, values: Mapping[str, spec.TypedValue], path: Path, types: Mapping[Path, Schema]
) -> tuple[Assignment, ...]:
    """Check typed values that stand at `path`; `types` are of their templates, by name first."""
    told = []
    for name, value in values.items():
        declared = dict(value.model_extra or {})
        inside = {at[1:]: each for at, each in types.items() if at[0] == name}
        place = (*path, name, "value")
        area = Area(world.findings, f'"{name}"', place, inside, "bad-value", "property")
        area.check(value.value, world.declared(declared, (*path, name)))
        told.append(Assignment(name, value.value, declared))
    return tuple(told)


def _set(world: World, node: Node) -> Made:
    path = (*node.path, "set")
    # A template's place is <step> set <name> value <pointer>.
    types = {
        (site.place.path[len(path)], *site.pointer): told
        for site, told in node.typed
        if site.use is Use.VALUE
    }
    values = assignments(world, node.spec.set or {}, path, types)
    return Made(plan.Set(values), Retry(), Timeout())


def _uses(scene: Scene, node: Node) -> Made | None:
    world = scene.world
    operation = world.operation(node)
    if operation is None:
        _unknown_operation(world, node)
        return None
    types = {site.pointer: told for site, told in node.typed if site.use is Use.ARGUMENT}
    path = (*node.path, "with") if node.spec.with_ is not None else node.path
    area = Area(world.findings, operation.name, path, types)
    area.check(node.spec.with_ or {}, operation.arguments)
    check_roles(scene, node, operation)
    effect, repeatable = safety.judge(world, node, operation)
    verb = Uses(
        operation.name,
        with_code_quoted(node.spec.with_ or {}, operation),
        effect,
        repeatable,
        node.spec.idempotency.key if node.spec.idempotency is not None else None,
    )
    retry = safety.retry(world, node, repeatable=repeatable)
    outputs = tuple(_projections(world, node, operation))
    return Made(verb, retry, safety.timeout(world, node), outputs)


def _unknown_operation(world: World, node: Node) -> None:
    name = node.spec.uses or ""
    stem = name.split("@")[0]
    majors = sorted(each for each in world.catalogue if each.split("@")[0] == stem)
    hint = f"there is {', '.join(majors)}" if majors else meant(name, world.catalogue)
    message = f'there is no operation "{name}"'
    known = listed(sorted(world.catalogue), "no operation")
    world.findings.error("unknown-operation", message, node.at("uses"), hint=hint, expected=known)


def _projections(world: World, node: Node, operation: Operation) -> list[Projection]:
    """Check the outputs that a step declares of what its operation returns."""
    sites = {site.place.path[-2]: site for site in node.sites if site.use is Use.PROJECTION}
    told = []
    for name, output in (node.spec.outputs or {}).items():
        declared = dict(output.model_extra or {})
        target = world.declared(declared, (*node.path, "outputs", name))
        if name in sites:
            source = _returned(world, sites[name], operation)
            reason = schemas.assignable(source, target)
            if reason is not None:
                message = f'output "{name}" of step "{node.id}" cannot be of its type: {reason}'
                world.findings.error("wrong-type", message, sites[name].place)
        told.append(Projection(name, output.from_, declared))
    return told


def _returned(world: World, site: Site, operation: Operation) -> Schema:
    """Return the type of a projection's `from`, an expression over what the operation returned."""
    properties = operation.outputs.get("properties")
    names = dict(properties) if isinstance(properties, Mapping) else {}
    known = True
    for each in site.compiled.references:
        name = str(each.path[0])
        if name in names:
            continue
        if operation.outputs.get("additionalProperties") is not False:
            names[name] = shape.ANYTHING
            continue
        known = False
        message = f'{operation.name} returns no "{name}"'
        world.findings.error(
            "unknown-output",
            message,
            site.at(each),
            hint=meant(name, names),
            expected=listed(names),
        )
    return reference.typed(world, site, names) if known else shape.ANYTHING
