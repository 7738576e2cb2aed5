"""Where values may not go: templates into code, secrets into the open, strangers' text into URLs.

Untrusted is what an event brought: `trigger.event`, an input that a trigger's `with` or an
input's default fills from it, and what `set` or a pure operation makes of these. A value whose
type leaves no room for mischief (a number, a boolean, one of a list of words) is checked before
the run starts and is trusted. What any other operation returns is trusted as far as the author
trusts the far side.
"""

from collections.abc import Sequence

from engine.core import facts
from engine.core.compiler import shape
from engine.core.compiler.literal import check_code, refuse
from engine.core.compiler.node import Node
from engine.core.compiler.scene import Scene
from engine.core.compiler.site import Site, Use
from engine.core.compiler.url import is_past_host, is_url
from engine.core.compiler.world import World
from engine.core.expression import Reference
from engine.core.facts import Operation
from engine.core.schema import Absent, project, types, values
from engine.core.values import Json

# Functions whose result holds no text of a stranger's choosing, or has it percent-encoded.
SANITIZERS = frozenset(
    {
        "urlencode",
        "urlpath",
        "sha256",
        "uuid5",
        "length",
        "count",
        "int",
        "float",
        "bool",
        "abs",
        "round",
    }
)
_GUARDED = frozenset({facts.HOST, facts.PATH, facts.HEADER})
_HARMLESS = frozenset({"integer", "number", "boolean", "null"})
_HANDED_ON = frozenset({Use.OUTPUT, Use.COLLECT, Use.VALUE})
# Stands for every output of an operation that does not list them all.
ANY_OUTPUT = "*"


def check_roles(scene: Scene, node: Node, operation: Operation) -> None:
    """Find the arguments of a step that take what they must not."""
    for site, told in node.typed:
        if site.use is not Use.ARGUMENT:
            continue
        reach = operation.roles_within(site.pointer)
        if facts.CODE in reach:
            argument = ".".join(map(str, site.pointer))
            refuse(scene.world.findings, site.place, argument, operation)
            continue
        _check_secrets(scene.world, site, operation)
        if reach & _GUARDED and not is_harmless(told):
            _check_trust(scene, site, reach, is_url(operation, site.pointer))
    check_code(scene.world.findings, node, operation)


def refuse_artifact(world: World, node: Node) -> None:
    """Find artifacts where no file is taken; as a whole they may be handed on."""
    for site, told in node.typed:
        if site.use in _HANDED_ON or told != shape.ARTIFACT:
            continue
        operation = world.operation(node)
        is_argument = site.use is Use.ARGUMENT and operation is not None
        if is_argument and operation and facts.FILE in operation.roles_at(site.pointer):
            continue
        where = ".".join(map(str, site.pointer)) if is_argument else str(site.use)
        message = f"an artifact is a file, and `{where}` takes none"
        hint = "give it to an argument that is a file, such as `file: ...` of `table.profile`"
        world.findings.error("artifact-place", message, site.place, hint=hint)


def taints(scene: Scene, site: Site) -> bool:
    """True if a stranger's text may be in the value of an expression as it stands."""
    return any(
        _is_untrusted(scene, each) and not _is_clean(each) for each in site.compiled.references
    )


def is_harmless(schema: Json) -> bool:
    """True if no value of this schema can be mischief: a number, a boolean, one of some words."""
    return values(schema) is not None or types(schema) <= _HARMLESS


def _check_secrets(world: World, site: Site, operation: Operation) -> None:
    for reference in site.compiled.references:
        is_secret = reference.path[0] == "secrets"
        if is_secret and facts.SECRET not in operation.roles_at(site.pointer):
            argument = ".".join(map(str, site.pointer))
            message = (
                f"`{argument}` of {operation.name} is not marked secret, so it takes no secret"
            )
            expected = ", ".join(operation.places(facts.SECRET))
            world.findings.error("secret-leak", message, site.at(reference), expected=expected)


def _check_trust(scene: Scene, site: Site, reach: frozenset[str], in_url: bool) -> None:
    """Find what a stranger may not decide; what stands in a URL after its host gets encoded."""
    for reference in site.compiled.references:
        if not _is_untrusted(scene, reference):
            continue
        past = facts.HOST in reach and is_past_host(_before(site, reference))
        if past and in_url:
            continue
        is_host = facts.HOST in reach and not past
        if is_host or not _is_clean(reference):
            _untrusted(scene.world, site, reference, is_host=is_host)


def _before(site: Site, reference: Reference) -> str:
    """Return the text before the template that a reference stands in."""
    return site.text[: site.text.rindex("{{", 0, reference.offset)]


def _untrusted(world: World, site: Site, reference: Reference, *, is_host: bool) -> None:
    argument = ".".join(map(str, site.pointer))
    name = ".".join(map(str, reference.path))
    if is_host:
        message = f"`{name}` comes from outside and may not choose the host in `{argument}`"
        hint = "write the host out, or take it from an input with an `enum`"
    else:
        message = f"`{name}` comes from outside and may not stand in `{argument}` as it is"
        hint = f"write `{{{{ {name} | urlencode }}}}`"
    world.findings.error("untrusted-value", message, site.at(reference), hint=hint)


def _is_untrusted(scene: Scene, reference: Reference) -> bool:
    root, *rest = reference.path
    if root == "inputs":
        names = set(map(str, rest[:1])) or set(scene.world.untrusted)
        return bool(names & scene.world.untrusted)
    if root == "steps":
        return _is_dirty(scene, rest)
    if root == "trigger" and rest and rest[0] != "event":
        return False
    if root not in ("trigger", "event") and not _is_dirty_name(scene, str(root)):
        return False
    told = project(scene.types.get(str(root), shape.ANYTHING), rest)
    return isinstance(told, Absent) or not is_harmless(told)


def _is_dirty(scene: Scene, path: Sequence[str | int]) -> bool:
    """True if a stranger's text may be in what a step gives."""
    node = scene.scope.find(str(path[0])) if path else None
    if node is None or path[1:2] != ["outputs"]:
        return False
    return bool(node.dirty) and (
        len(path) == 2 or not node.dirty.isdisjoint((str(path[2]), ANY_OUTPUT))
    )


def _is_dirty_name(scene: Scene, name: str) -> bool:
    """True if a stranger's text may be in a name of the scope's own."""
    for each in scene.scope.chain():
        if name in each.names:
            return name in each.dirty_names
    return False


def _is_clean(reference: Reference) -> bool:
    """True if what is read goes through a sanitizer before it becomes part of the value."""
    return not SANITIZERS.isdisjoint(reference.through)
