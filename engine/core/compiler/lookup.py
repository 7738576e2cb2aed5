"""The names that an expression reads, but for steps: declared, spelt right, allowed there."""

from engine.core.compiler.findings import Path, Place, listed, meant
from engine.core.compiler.giving import properties_of
from engine.core.compiler.scene import Scene
from engine.core.compiler.site import ARGUMENTS, Schema, Site, Use
from engine.core.compiler.world import World
from engine.core.expression import Reference
from engine.core.schema import Absent, project
from engine.core.wording import Extent, Instead

# The triggers that bring a word.
_BY_CLOCK = {"interval": ("schedule", "absent"), "scheduled_at": ("schedule",)}
# Without a value there no run starts, and whoever starts it is told which.
_OF_A_START = frozenset({Use.DEFAULT, Use.START, Use.RUN_KEY, Use.RUN_GROUP, Use.RUN_PRIORITY})


def check_secret(world: World, site: Site, reference: Reference, place: Place) -> None:
    """A secret is declared, and read where an argument may take it."""
    if site.use not in ARGUMENTS:
        message = f"a secret may not be read in `{site.use}`: it could come to light there"
        hint = "give it to an argument that is marked secret, as in `with: {auth: {bearer: ...}}`"
        world.findings.error("secret-leak", message, place, hint=hint)
        return
    declared = world.secrets_at(site.place.path)
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


def refuse_name(scene: Scene, site: Site, name: str, place: Place, names: tuple[str, ...]) -> None:
    """Say that a name cannot be read here, and what may have been meant."""
    begin, end = place.stretch
    written = place.text[begin:end]
    if scene.scope.find(name) is not None:
        hint = f"the outputs of a step are `steps.{name}.outputs`"
    elif name in scene.world.workflow.inputs and "inputs" in names:
        hint = Instead(f"an input is `inputs.{name}`", f"inputs.{written}", Extent.MARK)
    elif name == "event" and "trigger" in names:
        hint = Instead("in a step it is `trigger.event`", f"trigger.{written}", Extent.MARK)
    elif written == "null":
        hint = Instead("write `none`", "none", Extent.MARK)
    else:
        hint = meant(name, names)
    message = f'there is no "{name}" to read in `{site.use}`'
    scene.world.findings.error("unknown-name", message, place, hint=hint, expected=", ".join(names))


def check_sure(scene: Scene, reference: Reference, place: Place) -> None:
    """A name of the scope's own that may not be there has a default."""
    if not reference.has_default and scene.is_unsure(reference.path):
        name = ".".join(map(str, reference.path))
        message = f"`{name}` may be missing in {scene.scope.called}"
        hint = "write `| default(...)` after the reference"
        scene.world.findings.error("maybe-missing", message, place, hint=hint)


def check_input(world: World, reference: Reference, place: Place) -> None:
    """An input is declared."""
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


def check_word(
    world: World, site: Site, reference: Reference, schema: Schema, place: Place
) -> None:
    """Check the word after `run` or `trigger`."""
    if len(reference.path) == 1:
        return
    name, word = map(str, reference.path[:2])
    properties = properties_of(schema)
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
    elif word in _BY_CLOCK and not reference.has_default and site.use not in _OF_A_START:
        _clock(world, reference, place)


def _event(world: World, reference: Reference, place: Place) -> None:
    """Check a part of `trigger.event` against what each trigger brings."""
    name = ".".join(map(str, reference.path))
    lacking = _lacking(world, reference.path[2:])
    if len(lacking) == len(world.triggers):
        message = f"`{name}` is never there: no trigger of this workflow brings it"
        hint = "" if world.workflow.triggers else "a start by hand or by API brings `inputs` only"
        world.findings.error("missing-event", message, place, hint=hint)
    elif lacking:
        message = f"`{name}` is not there when {listed(lacking)} starts the run"
        hint = "write `| default(...)` after the reference, or ask `trigger.id` first"
        world.findings.warning("missing-event", message, place, hint=hint)


def _clock(world: World, reference: Reference, place: Place) -> None:
    """Check what only the clock brings against the triggers that may start the run."""
    word = str(reference.path[1])
    lacking = [key for key, each in world.triggers.items() if each.type not in _BY_CLOCK[word]]
    if lacking:
        message = f"`trigger.{word}` is not there when {listed(lacking)} starts the run"
        hint = (
            "make it the `default` of an input, which a start by hand then gives, or write "
            "`| default(...)` after the reference"
        )
        world.findings.warning("missing-event", message, place, hint=hint)


def _lacking(world: World, path: Path) -> list[str]:
    """Return the triggers that do not bring what a path of the event leads to."""
    if path not in world.lacking:
        world.lacking[path] = [
            key for key, event in world.events.items() if isinstance(project(event, path), Absent)
        ]
    return world.lacking[path]
