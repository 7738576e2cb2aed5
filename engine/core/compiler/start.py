"""How a run starts: its inputs as one closed schema, and the triggers that fill them."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TypeAlias

from engine.core import plan, spec
from engine.core.compiler import lookout, shape, site
from engine.core.compiler.argument import Area
from engine.core.compiler.findings import Path, Place
from engine.core.compiler.label import is_harmless
from engine.core.compiler.reference import check_condition, check_fits, check_text, typed
from engine.core.compiler.site import Schema, Site, Use
from engine.core.compiler.timing import span
from engine.core.compiler.variable import check_variable
from engine.core.compiler.world import World
from engine.core.schedule import cron
from engine.core.schema.shape import element
from engine.core.values import Json, parse_duration

# What brings inputs of its own; those that bring an event have a filter and its like.
Bringing: TypeAlias = (
    spec.ScheduleTrigger | spec.AbsentTrigger | spec.GithubPushTrigger
    | spec.GithubPullRequestTrigger | spec.GithubEventTrigger | spec.WebhookTrigger
    | spec.EventTrigger | spec.WorkflowTrigger | spec.FileTrigger
)  # fmt: skip

TakesEvents: TypeAlias = (
    spec.GithubPushTrigger | spec.GithubPullRequestTrigger | spec.GithubEventTrigger
    | spec.WebhookTrigger | spec.EventTrigger | spec.WorkflowTrigger | spec.FileTrigger
)  # fmt: skip

_BY_HAND: Mapping[str, spec.Trigger] = {
    "manual": spec.ManualTrigger(type="manual"),
    "api": spec.ApiTrigger(type="api"),
}
# Keys of triggers that hold spans of time: the key itself, or one within it.
_SPANS = (
    ("dedupe", "window"),
    ("rate", "per"),
    ("debounce", "for"),
    ("debounce", "max_wait"),
    ("batch", "max_wait"),
    ("every", ""),
    ("within", ""),
    ("jitter", ""),
)
# What a trigger says elsewhere in its plan.
_APART = frozenset({"type", "filter", "with_"})
_SECOND = timedelta(seconds=1)
_BARE = (spec.ManualTrigger, spec.ApiTrigger)


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
        names = {"trigger": world.trigger}
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
    before = len(world.findings.all)
    for reference in each.compiled.references:
        name = str(reference.path[0])
        if name == "variables":
            check_variable(world, each, reference)
        elif name not in names:
            message = f'there is no "{name}" to read in `{each.use}`: no run has begun yet'
            told = ", ".join((*names, "variables"))
            world.findings.error("unknown-name", message, each.at(reference), expected=told)
    if len(world.findings.all) > before:
        return shape.ANYTHING
    return typed(world, each, {**names, "variables": shape.closed(world.variables)})


def _reads_event(each: Site) -> bool:
    """True if what an event brought has a part in the value."""
    return any(
        reference.path[0] in ("event", "item")
        or (reference.path[0] == "trigger" and reference.path[1:2] in ((), ("event",)))
        for reference in each.compiled.references
    )


def _check_spans(world: World, settings: Mapping[str, Json], path: Path) -> None:
    """Find spans of time that are none, or longer than any may be."""
    for outer, inner in _SPANS:
        told = settings.get(outer)
        keys = (outer, inner) if inner else (outer,)
        text = told.get(inner) if isinstance(told, dict) else told
        if isinstance(text, str):
            span(world.findings, text, (*path, *keys))


def _check_clock(world: World, trigger: spec.Trigger, path: Path) -> None:
    """Find times that never come, or that no clock of ours can tell apart."""
    if isinstance(trigger, spec.ScheduleTrigger):
        _check_seconds(world, trigger.every, (*path, "every"))
        _check_seconds(world, trigger.jitter, (*path, "jitter"))
        reason = None if trigger.cron is None else cron.misfit(trigger.cron)
        if reason is not None:
            message = f'"{trigger.cron}" is no cron: {reason}'
            world.findings.error("bad-value", message, Place((*path, "cron")))
    elif isinstance(trigger, spec.AbsentTrigger):
        _check_seconds(world, trigger.within, (*path, "within"))
    elif isinstance(trigger, spec.FileTrigger):
        _check_seconds(world, trigger.every, (*path, "every"))


def _check_seconds(world: World, text: str | None, path: Path) -> None:
    """Find a span for the clock that is not made of seconds."""
    if text is not None and parse_duration(text) % _SECOND:
        message = f'"{text}" is no whole number of seconds'
        world.findings.error("bad-duration", message, Place(path), hint="write 30s, 5m or 1h30m")


def _trigger(world: World, name: str, trigger: spec.Trigger) -> plan.Trigger:
    settings = trigger.plain(leave_out=_APART, nulls=False)
    _lay_in(world, settings)
    if isinstance(trigger, _BARE):
        return plan.Trigger(name, trigger.type, settings)
    path = ("triggers", name)
    _check_spans(world, settings, path)
    _check_clock(world, trigger, path)
    if isinstance(trigger, spec.FileTrigger):
        connection = world.neighbours.connection(trigger.connection)
        lookout.check_trigger(world.findings, trigger, path, world.catalogue, connection)
    if isinstance(trigger, spec.WebhookTrigger):
        settings["path"] = route(trigger)
        if isinstance(trigger.auth, spec.StandardWebhooksAuth):
            span(world.findings, trigger.auth.tolerance, (*path, "auth", "tolerance"))
    names = _names(world, name, trigger)
    told = None
    if not isinstance(trigger, spec.ScheduleTrigger | spec.AbsentTrigger):
        told = trigger.filter
        names = _check_taking(world, trigger, path, names)
    elif isinstance(trigger, spec.AbsentTrigger):
        _check_absent(world, trigger, path)
    names = {**names, "event": world.events[name]}
    _check_with(world, trigger, name, names)
    return plan.Trigger(name, trigger.type, settings, told, trigger.with_ or {})


def _lay_in(world: World, settings: dict[str, Json]) -> None:
    """Put what a calendar and a connection say in the place of their names."""
    asked = {"calendar": world.neighbours.calendar, "connection": world.neighbours.connection_here}
    for key, ask in asked.items():
        if key in settings:
            name = str(settings[key])
            settings[key] = {"name": name, **(ask(name) or {})}


def _names(world: World, name: str, trigger: spec.Trigger) -> dict[str, Schema]:
    """Return what may be read before a run begins."""
    single = world.event(name, trigger)
    return {"event": single, "trigger": shape.trigger({name: trigger}, {name: world.events[name]})}


def _check_absent(world: World, trigger: spec.AbsentTrigger, path: Path) -> None:
    if trigger.match is not None:
        names = {"event": shape.happened(trigger.event)}
        _condition(world, Use.FILTER, trigger.match, (*path, "match"), names)


def _check_taking(
    world: World, trigger: TakesEvents, path: Path, names: dict[str, Schema]
) -> dict[str, Schema]:
    """Check what decides on an event, in its order; return the names that `with` may read."""
    if trigger.fan_out is not None:
        each = site.expression(world.findings, Use.FAN_OUT, trigger.fan_out, (*path, "fan_out"))
        kind = shape.ANYTHING if each is None else _resolved(world, each, names)
        if each is not None:
            check_fits(world.findings, each, kind, {"type": "array"})
        item = element(kind)
        names = {**names, "item": item if isinstance(item, dict) else shape.ANYTHING}
    if trigger.filter is not None:
        _condition(world, Use.FILTER, trigger.filter, (*path, "filter"), names)
    _check_quiet(world, trigger, path)
    for text, keys in _keys(trigger):
        for each in site.templates(world.findings, Use.EVENT_KEY, text, path + keys):
            check_text(world.findings, each, _resolved(world, each, names))
    if trigger.batch is not None:
        return {name: told for name, told in names.items() if name != "item"}
    return names


def _check_quiet(world: World, trigger: TakesEvents, path: Path) -> None:
    """Find a `debounce` that never waits until it is quiet."""
    told = trigger.debounce
    if told is not None and parse_duration(told.for_) > parse_duration(told.max_wait):
        message = (
            f"it is never waited until it is quiet: `for` is {told.for_}, "
            f"and `max_wait` ends every wait after {told.max_wait}"
        )
        hint = f"write a `max_wait` of at least {told.for_}"
        world.findings.error("bad-value", message, Place((*path, "debounce", "for")), hint=hint)


def _keys(trigger: TakesEvents) -> Iterator[tuple[str, Path]]:
    """Yield the templates that tell events of one kind, with where they stand."""
    if trigger.dedupe is not None:
        yield trigger.dedupe.key, ("dedupe", "key")
    if trigger.rate is not None and trigger.rate.group is not None:
        yield trigger.rate.group, ("rate", "group")
    for name, told in (("debounce", trigger.debounce), ("batch", trigger.batch)):
        if told is not None and told.key is not None:
            yield told.key, (name, "key")


def _condition(world: World, use: Use, text: str, path: Path, names: Mapping[str, Schema]) -> None:
    each = site.expression(world.findings, use, text, path)
    if each is not None:
        check_condition(world.findings, each, _resolved(world, each, names))


def _check_with(world: World, trigger: Bringing, name: str, names: Mapping[str, Schema]) -> None:
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
