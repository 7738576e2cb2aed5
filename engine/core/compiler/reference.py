"""What an expression reads: every name resolved, typed, and allowed where it stands."""

from collections.abc import Mapping

from engine.core.compiler import shape
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
from engine.core.compiler.scene import Scene
from engine.core.compiler.site import Schema, Site
from engine.core.compiler.world import World
from engine.core.expression import Reference, type_of
from engine.core.values import Json


def resolve(scene: Scene, site: Site, node: Node | None) -> tuple[Schema, list[Read]]:
    """Return the shape of an expression's value, and the steps that it reads.

    What cannot be resolved becomes findings, and the value may then be anything.
    """
    before = len(scene.world.findings.all)
    own = names_of(scene.world, node, site)
    names = scene.names(site.use, own)
    reads = [
        read
        for reference in site.compiled.references
        if (read := _resolve(scene, site, node, reference, names)) is not None
    ]
    if len(scene.world.findings.all) > before:
        return shape.ANYTHING, reads
    types = {name: own.get(name) or scene.types[name] for name in names if name != "steps"}
    types["steps"] = shape.closed(
        {read.target.id: view(scene.world, read.target) for read in reads}
    )
    return typed(scene.world, site, types), reads


def typed(world: World, site: Site, names: Mapping[str, Json]) -> Schema:
    """Return the shape of an expression's value; what cannot work becomes a finding."""
    schema, faults = type_of(site.compiled, names)
    for fault in faults:
        place = site.place.within(fault.offset, fault.length)
        world.findings.error(fault.code, fault.message, place, hint=fault.hint)
    if faults or not isinstance(schema, Mapping):
        return shape.ANYTHING
    return schema


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
    elif name in ("run", "trigger"):
        check_word(scene.world, reference, scene.types[name], place)
    else:
        check_sure(scene, reference, place)
    return None
