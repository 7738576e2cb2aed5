"""What an expression reads: every name resolved, typed, and allowed where it stands."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.core.compiler import shape
from engine.core.compiler.findings import Place, listed, meant
from engine.core.compiler.graph import Read
from engine.core.compiler.node import Node, Steps
from engine.core.compiler.site import Schema, Site, Use
from engine.core.compiler.world import World
from engine.core.expression import Reference, type_of
from engine.core.schema import Absent, closed, project
from engine.core.values import Json

_STEP_WORDS = ("outputs", "status", "succeeded", "failed", "skipped", "timed_out", "error")
_INSIDE = ("inputs", "steps", "trigger", "run")
_BY_USE: Mapping[Use, tuple[str, ...]] = {
    Use.RETRY: (*_INSIDE, "error"),
    Use.ARGUMENT: (*_INSIDE, "secrets"),
    Use.FILTER: ("event", "trigger"),
    Use.START: ("event", "trigger"),
    Use.DEFAULT: ("trigger",),
}


@dataclass(frozen=True, slots=True)
class Scene:
    """Where an expression stands: in a step of a scope, or outside of all steps."""

    world: World
    scope: Steps
    types: Mapping[str, Schema]
    """The shape of every name that a step of this scope may read."""

    @property
    def is_last(self) -> bool:
        return self.scope is self.world.last

    def names(self, use: Use) -> tuple[str, ...]:
        """Return the names that may be read."""
        told = _BY_USE.get(use, _INSIDE)
        return (*told, "error") if self.is_last and "error" not in told else told


def scene(world: World, scope: Steps) -> Scene:
    """Return the scene of a scope's steps."""
    steps = {node.id: world.view(node) for each in world.scopes_read(scope) for node in each.nodes}
    types: dict[str, Schema] = {
        "inputs": shape.closed({name: closed(each) for name, each in world.inputs.items()}),
        "steps": shape.closed(steps),
        "trigger": shape.trigger(world.triggers, world.events),
        "run": shape.RUN,
        "secrets": shape.closed(dict.fromkeys(world.workflow.secrets, shape.STRING)),
        "error": shape.LAST_ERROR if scope is world.last else shape.ERROR,
    }
    return Scene(world, scope, types)


def resolve(scene: Scene, site: Site, node: Node | None) -> tuple[Schema, list[Read]]:
    """Return the shape of an expression's value, and the steps of its scope that it reads.

    What cannot be resolved becomes findings, and the value may then be anything.
    """
    before = len(scene.world.findings.all)
    reads = [
        read
        for reference in site.compiled.references
        if (read := _resolve(scene, site, node, reference)) is not None
    ]
    if len(scene.world.findings.all) > before:
        return shape.ANYTHING, reads
    names = {name: scene.types[name] for name in scene.names(site.use)}
    if site.use is Use.RETRY:
        names["error"] = shape.ERROR
    return typed(scene.world, site, names), reads


def typed(world: World, site: Site, names: Mapping[str, Json]) -> Schema:
    """Return the shape of an expression's value; what cannot work becomes a finding."""
    schema, faults = type_of(site.compiled, names)
    for fault in faults:
        place = site.place.within(fault.offset, fault.length)
        world.findings.error(fault.code, fault.message, place, hint=fault.hint)
    if faults or not isinstance(schema, Mapping):
        return shape.ANYTHING
    return schema


def _resolve(scene: Scene, site: Site, node: Node | None, reference: Reference) -> Read | None:
    """Check one reference; return the step of its own scope that it reads."""
    name = str(reference.path[0])
    place = site.at(reference)
    if name == "secrets":
        _secret(scene.world, site, reference, place)
    elif name not in scene.names(site.use):
        _unknown_name(scene, site, name, place)
    elif name == "inputs":
        _input(scene.world, reference, place)
    elif name == "steps":
        return _step(scene, node, reference, place)
    elif name in ("run", "trigger"):
        _word(scene.world, reference, scene.types[name], place)
    return None


def _secret(world: World, site: Site, reference: Reference, place: Place) -> None:
    if site.use is not Use.ARGUMENT:
        message = f"a secret may not be read in `{site.use}`: it could come to light there"
        hint = "give it to an argument that is marked secret, as in `with: {auth: {bearer: ...}}`"
        world.findings.error("secret-leak", message, place, hint=hint)
        return
    declared = world.workflow.secrets
    if len(reference.path) != 2:
        message = "name the one secret that is needed: `secrets.<name>`"
        world.findings.error("unknown-secret", message, place, expected=listed(declared))
        return
    name = str(reference.path[1])
    world.used_secrets.add(name)
    if name not in declared:
        message = f'secret "{name}" is not declared'
        hint = meant(name, declared, f"add it: `secrets: [{', '.join([*declared, name])}]`")
        world.findings.error("unknown-secret", message, place, hint=hint, expected=listed(declared))


def _unknown_name(scene: Scene, site: Site, name: str, place: Place) -> None:
    names = scene.names(site.use)
    if name in scene.scope.by_id:
        hint = f"the outputs of a step are `steps.{name}.outputs`"
    elif name in scene.world.workflow.inputs and "inputs" in names:
        hint = f"an input is `inputs.{name}`"
    elif name == "event" and "trigger" in names:
        hint = "in a step it is `trigger.event`"
    else:
        hint = meant(name, names)
    message = f'there is no "{name}" to read in `{site.use}`'
    scene.world.findings.error("unknown-name", message, place, hint=hint, expected=", ".join(names))


def _input(world: World, reference: Reference, place: Place) -> None:
    known = world.workflow.inputs
    if len(reference.path) == 1:
        world.used_inputs.update(known)
        return
    name = str(reference.path[1])
    world.used_inputs.add(name)
    if name not in known:
        message = f'there is no input "{name}"'
        world.findings.error(
            "unknown-input",
            message,
            place,
            hint=meant(name, known),
            expected=listed(known, "no input"),
        )


def _word(world: World, reference: Reference, schema: Schema, place: Place) -> None:
    """Check the word after `run` or `trigger`."""
    if len(reference.path) == 1:
        return
    name, word = map(str, reference.path[:2])
    properties = _properties(schema)
    if word not in properties:
        message = f'`{name}` has no "{word}"'
        world.findings.error(
            "unknown-name",
            message,
            place,
            hint=meant(word, properties),
            expected=listed(properties),
        )
    elif word == "event" and len(reference.path) > 2 and not reference.has_default:
        _event(world, reference, place)


def _event(world: World, reference: Reference, place: Place) -> None:
    """Check a part of `trigger.event` against what each trigger brings."""
    name = ".".join(map(str, reference.path))
    lacking = [
        key
        for key, event in world.events.items()
        if isinstance(project(event, reference.path[2:]), Absent)
    ]
    if len(lacking) == len(world.triggers):
        message = f"`{name}` is never there: no trigger of this workflow brings it"
        hint = "" if world.workflow.triggers else "a start by hand or by API brings `inputs` only"
        world.findings.error("missing-event", message, place, hint=hint)
    elif lacking:
        message = f"`{name}` is not there when {listed(lacking)} starts the run"
        hint = "write `| default(...)` after the reference, or ask `trigger.id` first"
        world.findings.warning("missing-event", message, place, hint=hint)


def _step(scene: Scene, node: Node | None, reference: Reference, place: Place) -> Read | None:
    """Check a reference to a step's result."""
    findings = scene.world.findings
    if len(reference.path) < 2 or not isinstance(reference.path[1], str):
        message = "which step is read must be written out: `steps.<id>`"
        findings.error("unknown-step", message, place, expected=listed(_known(scene)))
        return None
    name = reference.path[1]
    target = _target(scene, name)
    if target is None:
        _unknown_step(scene, name, place)
    elif target is node:
        message = f'step "{name}" reads its own result, which is not there yet'
        findings.error("self-reference", message, place)
    elif _check_word(scene.world, target, reference, place):
        word = str(reference.path[2])
        data = word == "outputs" and not reference.has_default
        if name in scene.scope.by_id:
            if node is None:
                return None
            return Read(node, target, word, data, reference.has_default, place)
        if data:
            _missing_at_last(scene.world, name, place)
    return None


def _target(scene: Scene, name: str) -> Node | None:
    scopes = scene.world.scopes_read(scene.scope)
    return next((each.by_id[name] for each in scopes if name in each.by_id), None)


def _known(scene: Scene) -> Iterable[str]:
    return [node.id for each in scene.world.scopes_read(scene.scope) for node in each.nodes]


def _unknown_step(scene: Scene, name: str, place: Place) -> None:
    last = scene.world.last
    known = list(_known(scene))
    if last is not None and name in last.by_id:
        message = f'step "{name}" belongs to `finally`, which begins when all of these have ended'
        scene.world.findings.error("unknown-step", message, place, expected=listed(known))
        return
    message = f'there is no step "{name}"'
    scene.world.findings.error(
        "unknown-step", message, place, hint=meant(name, known), expected=listed(known, "no step")
    )


def _check_word(world: World, target: Node, reference: Reference, place: Place) -> bool:
    """Check `outputs`, `status` ... after a step's name, and the output after that."""
    properties = _properties(_outputs(world, target))
    word = reference.path[2] if len(reference.path) > 2 else ""
    if word not in _STEP_WORDS:
        found = f'has no "{word}"' if word else "is no value by itself"
        hint = meant(str(word), _STEP_WORDS)
        if word in properties:
            hint = f"write `steps.{target.id}.outputs.{word}`"
        message = f"`steps.{target.id}` {found}"
        world.findings.error(
            "unknown-output", message, place, hint=hint, expected=", ".join(_STEP_WORDS)
        )
        return False
    if word == "outputs" and len(reference.path) > 3:
        return _check_output(world, target, reference, place)
    return True


def _check_output(world: World, target: Node, reference: Reference, place: Place) -> bool:
    schema = _outputs(world, target)
    properties = _properties(schema)
    name = str(reference.path[3])
    if name in properties or schema.get("additionalProperties") is not False:
        return True
    message = f'step "{target.id}" has no output "{name}"'
    world.findings.error(
        "unknown-output",
        message,
        place,
        hint=meant(name, properties),
        expected=listed(properties, "no output"),
    )
    return False


def _missing_at_last(world: World, name: str, place: Place) -> None:
    message = (
        f'in `finally` the outputs of "{name}" may be missing: it may have failed or never run'
    )
    hint = "write `| default(...)` after the reference"
    world.findings.error("maybe-missing", message, place, hint=hint)


def _outputs(world: World, node: Node) -> Schema:
    told = _properties(world.view(node))["outputs"]
    return told if isinstance(told, Mapping) else shape.ANYTHING


def _properties(schema: Schema) -> Mapping[str, Json]:
    properties = schema.get("properties", {})
    return properties if isinstance(properties, Mapping) else {}
