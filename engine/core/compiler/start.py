"""How a run starts: its inputs as one closed schema, and the triggers that fill them."""

from collections.abc import Mapping
from typing import TypeAlias

from engine.core import plan, spec
from engine.core import schema as schemas
from engine.core.compiler import shape, site
from engine.core.compiler.argument import Area
from engine.core.compiler.findings import Findings, Path
from engine.core.compiler.reference import typed
from engine.core.compiler.role import is_harmless
from engine.core.compiler.safety import span
from engine.core.compiler.site import Schema, Site, Use
from engine.core.compiler.world import World
from engine.core.values import Json

EventTrigger: TypeAlias = spec.GithubPushTrigger | spec.WebhookTrigger

_BY_HAND: Mapping[str, spec.Trigger] = {
    "manual": spec.ManualTrigger(type="manual"),
    "api": spec.ApiTrigger(type="api"),
}


def triggers(workflow: spec.Workflow) -> Mapping[str, spec.Trigger]:
    """Return what starts the workflow: without a word on it, a person or a program."""
    return workflow.triggers or _BY_HAND


def inputs(types: Mapping[str, Json], declared: Mapping[str, spec.JsonSchema]) -> dict[str, Json]:
    """Return the schema of all inputs: closed, and what has no default is required."""
    return shape.closed(types, [name for name, each in declared.items() if "default" in each])


def check_defaults(world: World) -> None:
    """Check every input's default: a constant by its schema, a template by what it may read."""
    for name, declared in world.workflow.inputs.items():
        if "default" not in declared:
            continue
        schema = world.inputs[name]
        path = ("inputs", name, "default")
        names = {"trigger": shape.trigger(world.triggers, world.events)}
        area = _filled(world, Use.DEFAULT, declared["default"], path, names)
        what = f'input "{name}"'
        target = {key: told for key, told in schema.items() if key != "default"}
        told = Area(world.findings, what, path, area.types, code="bad-default", noun="property")
        told.check(declared["default"], target)
        if area.is_foreign and not is_harmless(schema):
            world.untrusted.add(name)


def compile_triggers(world: World) -> tuple[plan.Trigger, ...]:
    """Return the triggers of the plan."""
    return tuple(_trigger(world, name, each) for name, each in world.triggers.items())


def route(trigger: spec.WebhookTrigger) -> str:
    """Return the path below `/hooks/<namespace>/`: `/hooks/a/b`, `/a/b/` and `a/b` are one."""
    parts = trigger.path.removeprefix("/hooks/").split("/")
    return "/".join(part for part in parts if part)


class _Filled:
    """The templates of an area by pointer: their types, and whether an event is in one."""

    def __init__(self) -> None:
        self.types: dict[Path, Schema] = {}
        self.is_foreign = False


def _filled(world: World, use: Use, area: Json, path: Path, names: Mapping[str, Schema]) -> _Filled:
    """Check every template of an area that stands outside of all steps."""
    told = _Filled()
    for each in site.templates(world.findings, use, area, path):
        told.types[each.pointer] = _resolved(world, each, names)
        told.is_foreign = told.is_foreign or _reads_event(each)
    return told


def _resolved(world: World, each: Site, names: Mapping[str, Schema]) -> Schema:
    """Return the type of an expression that reads `event` or `trigger`."""
    known = True
    for reference in each.compiled.references:
        name = str(reference.path[0])
        if name not in names:
            known = False
            message = f'there is no "{name}" to read in `{each.use}`: no run has begun yet'
            told = ", ".join(names)
            world.findings.error("unknown-name", message, each.at(reference), expected=told)
    return typed(world, each, names) if known else shape.ANYTHING


def _reads_event(each: Site) -> bool:
    """True if what an event brought has a part in the value."""
    return any(
        reference.path[0] == "event" or reference.path[1:2] in ((), ("event",))
        for reference in each.compiled.references
    )


def _trigger(world: World, name: str, trigger: spec.Trigger) -> plan.Trigger:
    settings = trigger.model_dump(
        by_alias=True, exclude={"type", "filter", "with_"}, exclude_none=True
    )
    path = ("triggers", name)
    if not isinstance(trigger, EventTrigger):
        return plan.Trigger(name, trigger.type, settings)
    if isinstance(trigger, spec.WebhookTrigger):
        settings["path"] = route(trigger)
        if isinstance(trigger.auth, spec.StandardWebhooksAuth):
            span(world.findings, trigger.auth.tolerance, (*path, "auth", "tolerance"))
    event = world.events[name]
    names = {"event": event, "trigger": shape.trigger({name: trigger}, {name: event})}
    _check_filter(world, trigger, path, names)
    _check_with(world, trigger, name, names)
    return plan.Trigger(name, trigger.type, settings, trigger.filter, trigger.with_ or {})


def _check_filter(
    world: World, trigger: EventTrigger, path: Path, names: Mapping[str, Schema]
) -> None:
    if trigger.filter is None:
        return
    each = site.expression(world.findings, Use.FILTER, trigger.filter, (*path, "filter"))
    if each is not None:
        check_condition(world.findings, each, _resolved(world, each, names))


def _check_with(
    world: World, trigger: EventTrigger, name: str, names: Mapping[str, Schema]
) -> None:
    """Check what a trigger gives to the inputs; note the inputs that it fills from its event."""
    path: Path = ("triggers", name, "with")
    given = trigger.with_ or {}
    what = f'trigger "{name}"'
    types: dict[Path, Schema] = {}
    for key, value in given.items():
        area = _filled(world, Use.START, value, (*path, key), names)
        types |= {(key, *pointer): told for pointer, told in area.types.items()}
        schema = world.inputs.get(key)
        if area.is_foreign and schema is not None and not is_harmless(schema):
            world.untrusted.add(key)
    place = path if trigger.with_ is not None else path[:2]
    told = Area(world.findings, what, place, types, code="bad-input", noun="input")
    told.check(given, inputs(world.inputs, world.workflow.inputs))


def check_condition(findings: Findings, each: Site, schema: Schema) -> None:
    """Find an expression that must be true or false, and is certainly neither."""
    reason = schemas.assignable(schema, shape.BOOLEAN)
    if reason is not None:
        message = f"`{each.use}` must be true or false: {reason}"
        findings.error("wrong-type", message, each.place, hint="compare it: `x == ...`, `x > 0`")
