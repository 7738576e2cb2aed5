"""What an expression reads: every name resolved, typed, and allowed where it stands."""

from collections.abc import Mapping

from engine.core import schema as schemas
from engine.core.compiler import shape
from engine.core.compiler.findings import Findings, Place, listed, meant
from engine.core.compiler.giving import names_of, view
from engine.core.compiler.graph import Read
from engine.core.compiler.lookup import (
    check_input,
    check_secret,
    check_sure,
    check_word,
    refuse_name,
)
from engine.core.compiler.node import Node
from engine.core.compiler.result import read_step
from engine.core.compiler.scene import Scene, holders
from engine.core.compiler.site import Schema, Site
from engine.core.compiler.variable import check_variable
from engine.core.compiler.world import World
from engine.core.expression import Reference, type_of
from engine.core.values import Json


def resolve(
    scene: Scene, site: Site, node: Node | None, own: Mapping[str, Schema] | None = None
) -> tuple[Schema, list[Read]]:
    """Return the shape of an expression's value, and the steps that it reads.

    `own` are names that it alone may read; without a word, those that belong to its use. What
    cannot be resolved becomes findings, and the value may then be anything.
    """
    before = len(scene.world.findings.all)
    own = names_of(scene.world, node, site.use) if own is None else own
    names = scene.names(site.use, own)
    reads = [
        read
        for reference in site.compiled.references
        if (read := _resolve(scene, site, node, reference, names)) is not None
    ]
    if len(scene.world.findings.all) > before:
        return shape.ANYTHING, reads
    return typed(scene.world, site, _types(scene, site, own, reads)), reads


def _types(
    scene: Scene, site: Site, own: Mapping[str, Schema], reads: list[Read]
) -> dict[str, Schema]:
    """Return the shape of each name that an expression reads."""
    wanted = {str(each.path[0]) for each in site.compiled.references}
    types = {name: told[name] for told in (scene.types, own) for name in wanted & told.keys()}
    if "steps" in wanted:
        views = {read.target.id: view(scene.world, read.target) for read in reads}
        types["steps"] = shape.closed(views)
    if "variables" in wanted:
        types["variables"] = shape.closed(scene.world.variables)
    return types


def typed(world: World, site: Site, names: Mapping[str, Json]) -> Schema:
    """Return the shape of an expression's value; what cannot work becomes a finding."""
    schema, faults = type_of(site.compiled, names)
    for fault in faults:
        place = site.place.within(fault.offset, fault.length)
        world.findings.error(fault.code, fault.message, place, hint=fault.hint)
    if faults or not isinstance(schema, dict):
        return shape.ANYTHING
    return schema


def check_condition(findings: Findings, site: Site, schema: Schema) -> None:
    """Find an expression that must be true or false, and is certainly neither, or always one."""
    reason = schemas.assignable(schema, shape.BOOLEAN)
    if reason is not None:
        message = f"`{site.use}` must be true or false: {reason}"
        findings.error("wrong-type", message, site.place, hint="compare it: `x == ...`, `x > 0`")
    elif not site.compiled.references:
        message = f"`{site.use}` reads nothing, so it is the same in every run"
        hint = "compare something that the run brings, or leave it out"
        findings.warning("constant-condition", message, site.place, hint=hint)


def check_fits(findings: Findings, site: Site, schema: Schema, wanted: Schema) -> None:
    """Find an expression whose value certainly does not fit where it stands."""
    reason = schemas.assignable(schema, wanted)
    if reason is not None:
        message = f"`{site.use}` cannot take this value: {reason}"
        findings.error("wrong-type", message, site.place)


def check_text(findings: Findings, site: Site, schema: Schema) -> None:
    """Find a template that must give a text, and certainly gives none."""
    reason = schemas.assignable(schema, shape.SCALAR)
    if reason is not None:
        message = f"`{site.use}` must be a text: {reason}"
        findings.error("wrong-type", message, site.place)


def undone_step(scene: Scene, node: Node, name: str, place: Place) -> Node | None:
    """Return the step that a `rollback` names; else tell that there is none to be read here."""
    around = list(holders(node, scene.scope))
    known = [each for each in scene.scope.visible() if scene.scope.find(each) not in around]
    target = scene.scope.find(name)
    if target is None or target in around:
        message = f'{node.called} rolls "{name}" back, which is no step before it'
        scene.world.findings.error(
            "unknown-step", message, place, hint=meant(name, known),
            expected=listed(known, "no other step"),
        )  # fmt: skip
        return None
    return target


def _resolve(
    scene: Scene, site: Site, node: Node | None, reference: Reference, names: tuple[str, ...]
) -> Read | None:
    """Check one reference; return the step that it reads."""
    name = str(reference.path[0])
    place = site.at(reference)
    if name == "secrets":
        check_secret(scene.world, site, reference, place)
    elif name not in names:
        refuse_name(scene, site, name, place, names)
    elif name == "inputs":
        check_input(scene.world, reference, place)
    elif name == "steps":
        return read_step(scene, node, reference, place)
    elif name == "variables":
        check_variable(scene.world, site, reference)
    elif name in ("run", "trigger"):
        check_word(scene.world, site, reference, scene.types[name], place)
    else:
        check_sure(scene, reference, place)
    return None
