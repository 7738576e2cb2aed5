"""`steps.<id>...`: a step's result, read by another."""

from collections.abc import Iterable

from engine.core.compiler.findings import Place, listed, meant
from engine.core.compiler.graph import Read
from engine.core.compiler.node import Node
from engine.core.compiler.scene import Scene, outputs_of, properties_of
from engine.core.compiler.world import World
from engine.core.expression import Reference

_STEP_WORDS = ("outputs", "status", "succeeded", "failed", "skipped", "timed_out", "error")


def read_step(scene: Scene, node: Node | None, reference: Reference, place: Place) -> Read | None:
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
    properties = properties_of(outputs_of(world, target))
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
    schema = outputs_of(world, target)
    properties = properties_of(schema)
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
