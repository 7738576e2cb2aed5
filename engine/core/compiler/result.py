"""`steps.<id>...`: a step's result, read by another."""

from engine.core.compiler.findings import Place, listed, meant
from engine.core.compiler.giving import outputs_of, properties_of
from engine.core.compiler.graph import Read
from engine.core.compiler.node import Kind, Node, Steps
from engine.core.compiler.scene import Scene, holders
from engine.core.compiler.world import World
from engine.core.expression import Reference

_STEP_WORDS = (
    "outputs", "artifacts", "status", "succeeded", "failed", "skipped", "timed_out", "degraded",
    "cached", "error",
)  # fmt: skip
_OWN_WORDS = {Kind.COMPENSATION: "self.outputs", Kind.TURN: "last"}
_BROUGHT = frozenset({"outputs", "artifacts"})


def read_step(scene: Scene, node: Node | None, reference: Reference, place: Place) -> Read | None:
    """Check a reference to a step's result."""
    findings = scene.world.findings
    if len(reference.path) < 2 or not isinstance(reference.path[1], str):
        message = "which step is read must be written out: `steps.<id>`"
        known = listed(scene.scope.visible(), "no step")
        findings.error("unknown-step", message, place, expected=known)
        return None
    name = reference.path[1]
    target = scene.scope.find(name)
    if target is None:
        _unknown_step(scene, name, place)
    elif target in holders(node, scene.scope):
        message = f'step "{name}" reads its own result, which is not there yet'
        hint = _own_words(scene.scope, target)
        findings.error("self-reference", message, place, hint=hint)
    elif _check_word(scene.world, target, reference, place):
        word = str(reference.path[2])
        data = word in _BROUGHT and not reference.has_default
        path = reference.path[3:]
        return Read(node, target, word, data, reference.has_default, place, path)
    return None


def missing_afterwards(world: World, read: Read, scope: Steps) -> None:
    """Find a read, in a scope that follows another, of outputs that may never have come."""
    if not read.data:
        return
    name = read.target.id
    message = (
        f'in {scope.called} the outputs of "{name}" may be missing: it may have failed or never run'
    )
    hint = "write `| default(...)` after the reference"
    world.findings.error("maybe-missing", message, read.place, hint=hint)


def _own_words(scope: Steps, target: Node) -> str:
    """Return how a step's own result is read in what undoes it, or in its next turn."""
    for each in scope.chain():
        if each.owner is target and each.kind in _OWN_WORDS:
            return f"write `{_OWN_WORDS[each.kind]}`"
    return ""


def _unknown_step(scene: Scene, name: str, place: Place) -> None:
    known = listed(scene.scope.visible(), "no step")
    elsewhere = _elsewhere(scene, name)
    hint = "" if elsewhere else meant(name, scene.scope.visible())
    message = elsewhere or f'there is no step "{name}"'
    scene.world.findings.error("unknown-step", message, place, hint=hint, expected=known)


def _elsewhere(scene: Scene, name: str) -> str:
    """Return why a step that there is cannot be read here, or nothing if there is none."""
    told = (each for each in scene.world.root.everything() if name in each.by_id)
    scope = next(told, None)
    if scope is None:
        return ""
    if scope.kind is Kind.FINALLY:
        return f'step "{name}" belongs to `finally`, which begins when all of these have ended'
    return f'step "{name}" is inside {scope.called}: of that, only its `outputs` are seen outside'


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
    return word != "artifacts" or _check_artifact(world, target, reference, place)


def _check_artifact(world: World, target: Node, reference: Reference, place: Place) -> bool:
    kept = target.spec.artifacts or {}
    name = str(reference.path[3]) if len(reference.path) > 3 else ""
    if name in kept:
        return True
    message = f'step "{target.id}" keeps no artifact "{name}"'
    if not name:
        message = (
            f"which artifact is read must be written out: `steps.{target.id}.artifacts.<name>`"
        )
    expected = listed(kept, "no artifact")
    world.findings.error(
        "unknown-output", message, place, hint=meant(name, kept), expected=expected
    )
    return False


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
