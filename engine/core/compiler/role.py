"""Where values may not go: templates into code, secrets into the open, strangers' text into URLs.

Whose text may be in a value `label` tells.
"""

from collections.abc import Iterable

from engine.core import facts
from engine.core.commit.flow import Flow, Goal, Label, Origin, refusal
from engine.core.compiler import shape
from engine.core.compiler.label import is_from_outside, is_harmless, labels_read
from engine.core.compiler.literal import check_code, refuse
from engine.core.compiler.node import Node
from engine.core.compiler.scene import Scene
from engine.core.compiler.site import ARGUMENTS, Site, Use
from engine.core.compiler.url import is_past_host, is_url
from engine.core.compiler.world import World
from engine.core.expression import Reference
from engine.core.facts import Operation

_GUARDED = frozenset({facts.HOST, facts.PATH, facts.HEADER})
# What only shows when all documents of a commit are put together.
_LATER = frozenset({Origin.INPUT, Origin.CALL, Origin.ANY})
_HANDED_ON = frozenset({Use.OUTPUT, Use.COLLECT, Use.VALUE})


def check_roles(scene: Scene, node: Node, operation: Operation) -> None:
    """Find the arguments of a step that take what they must not."""
    for site, told in node.typed:
        if site.use not in ARGUMENTS:
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
        labels = labels_read(scene, reference)
        if not labels:
            continue
        past = facts.HOST in reach and is_past_host(_before(site, reference))
        if past and in_url:
            continue
        is_host = facts.HOST in reach and not past
        refused = [each for each in labels if is_host or not each.is_encoded]
        if refused:
            _refuse(scene.world, site, reference, refused, is_host=is_host)


def _before(site: Site, reference: Reference) -> str:
    """Return the text before the template that a reference stands in."""
    return site.text[: site.text.rindex("{{", 0, reference.offset)]


def _refuse(
    world: World, site: Site, reference: Reference, labels: Iterable[Label], *, is_host: bool
) -> None:
    """Find a stranger's text, and note what others may hand over or give back that is one."""
    argument, text = (".".join(map(str, path)) for path in (site.pointer, reference.path))
    place = site.at(reference)
    left = [each for each in labels if each.origin in _LATER]
    if is_from_outside(world, labels):
        message, hint = refusal(text, argument, is_host=is_host)
        world.findings.error("untrusted-value", message, place, hint=hint)
        left = [each for each in left if each.origin is Origin.INPUT]
    if left:
        goal = Goal.HOST if is_host else Goal.ARGUMENT
        flow = Flow(goal, argument, text, world.findings.span(place), tuple(sorted(left)))
        world.flows.append(flow)
