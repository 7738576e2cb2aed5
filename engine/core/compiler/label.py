"""Whose text may be in what an expression reads, and with it in its value.

Untrusted is what an event brought: `trigger.event`, what an `await` got, what people typed into a
form, and what `set` or a pure operation makes of these. An input is as its caller or trigger gave
it, what a call gives is as the workflow says that is called. A value whose type leaves no room for
mischief (a number, a boolean, one of a list of words) is checked before it is read and is trusted.
What any other operation returns is trusted as far as the author trusts the far side.
"""

from collections.abc import Iterable, Mapping

from engine.core.commit.flow import NONE, Label, Labels, Origin, joined
from engine.core.compiler import shape
from engine.core.compiler.giving import outputs_of
from engine.core.compiler.scene import Scene
from engine.core.compiler.site import Site
from engine.core.compiler.world import World
from engine.core.expression import Reference
from engine.core.schema import Absent, project, types, values
from engine.core.values import Json

# Functions whose result holds no text of a stranger's choosing, and those that encode it.
_TELLING_NOTHING = frozenset(
    {"sha256", "uuid5", "length", "count", "int", "float", "bool", "abs", "round"}
)
_ENCODING = frozenset({"urlencode", "urlpath"})
_HARMLESS = frozenset({"integer", "number", "boolean", "null"})
_OF_THE_EVENT = frozenset({Label(Origin.EVENT)})
STRANGER = frozenset({Label(Origin.STRANGER)})
# Stands for every output of an operation that does not list them all.
ANY_OUTPUT = "*"


def is_harmless(schema: Json) -> bool:
    """True if no value of this schema can be mischief: a number, a boolean, one of some words."""
    return values(schema) is not None or types(schema) <= _HARMLESS


def labels_of(site: Site, scene: Scene, own: Mapping[str, Labels] | None = None) -> Labels:
    """Return the labels of an expression's value; `own` are those of names that it alone reads."""
    found = [labels_read(scene, each, own) for each in site.compiled.references]
    return joined(label for each in found for label in each)


def labels_read(
    scene: Scene, reference: Reference, own: Mapping[str, Labels] | None = None
) -> Labels:
    """Return the labels of what is read by one reference, as it becomes part of the value."""
    if not _TELLING_NOTHING.isdisjoint(reference.through):
        return NONE
    labels = _read(scene, reference, own or {})
    if not labels or _is_harmless_there(scene, reference):
        return NONE
    is_encoded = not _ENCODING.isdisjoint(reference.through)
    return frozenset(each.through(is_encoded) for each in labels) if is_encoded else labels


def of_output(dirty: Mapping[str, Labels], name: str | None) -> Labels:
    """Return the labels of an output, of all of them without a name."""
    if name is None:
        return joined(label for each in dirty.values() for label in each)
    return dirty.get(name, NONE) | dirty.get(ANY_OUTPUT, NONE)


def is_from_outside(world: World, labels: Iterable[Label]) -> bool:
    """True if it is plain from the workflow alone that a stranger's text is among these."""
    for each in labels:
        if each.origin in (Origin.EVENT, Origin.STRANGER):
            return True
        if each.origin is Origin.ANY and world.untrusted:
            return True
        if each.origin is Origin.INPUT and each.name in world.untrusted:
            return True
    return False


def _read(scene: Scene, reference: Reference, own: Mapping[str, Labels]) -> Labels:
    root, *rest = reference.path
    if root in own:
        return own[str(root)]
    match root:
        case "inputs":
            return _of_inputs(scene.world, str(rest[0]) if rest else None)
        case "steps":
            node = scene.scope.find(str(rest[0])) if rest else None
            if node is None or rest[1:2] != ["outputs"]:
                return NONE
            return of_output(node.dirty, str(rest[2]) if len(rest) > 2 else None)
        case "trigger":
            return NONE if rest and rest[0] != "event" else _OF_THE_EVENT
        case "event":
            return STRANGER
        case "self" if rest and rest[0] != "outputs":
            return NONE
        case _:
            return _of_a_name(scene, str(root))


def _of_inputs(world: World, name: str | None) -> Labels:
    if name is not None:
        is_trusted = is_harmless(world.inputs.get(name, {}))
        return NONE if is_trusted else frozenset({Label(Origin.INPUT, name)})
    if world.labels is None:  # a thousand steps may read all of them
        told = world.inputs.items()
        world.labels = joined(Label(Origin.INPUT, each) for each, of in told if not is_harmless(of))
    return world.labels


def _of_a_name(scene: Scene, name: str) -> Labels:
    """Return the labels of a name of the scope's own."""
    for each in scene.scope.chain():
        if name in each.names:
            return each.dirty_names.get(name, NONE)
    return NONE


def _is_harmless_there(scene: Scene, reference: Reference) -> bool:
    """True if what a reference leads to is of a type that leaves no room for mischief."""
    root, *rest = reference.path
    told: Json | Absent
    if root == "steps":
        node = scene.scope.find(str(rest[0]))
        assert node is not None
        told = project(outputs_of(scene.world, node), rest[2:])
    else:
        told = project(scene.types.get(str(root), shape.ANYTHING), rest)
    return not isinstance(told, Absent) and is_harmless(told)
