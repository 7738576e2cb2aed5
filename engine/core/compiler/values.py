"""Typed values with templates in them: what `set`, `collect` and whole scopes give."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from engine.core.compiler import shape
from engine.core.compiler.argument import Area
from engine.core.compiler.findings import Path
from engine.core.compiler.node import Node, Result, Steps
from engine.core.compiler.site import Schema, Site, Use
from engine.core.compiler.world import World
from engine.core.plan import Assignment

Types = Mapping[tuple[str, Path], Schema]
_NONE: Mapping[str, Schema] = MappingProxyType({})


def assignments(
    world: World,
    results: Mapping[str, Result],
    types: Types,
    instead: Mapping[str, Schema] = _NONE,
) -> tuple[Assignment, ...]:
    """Check typed values; `types` are of their templates, by name and by pointer.

    Where the author wrote no schema, that of the same name in `instead` holds.
    """
    told = []
    for name, each in results.items():
        declared, target = instead.get(name, shape.ANYTHING), instead.get(name, shape.ANYTHING)
        if each.schema is not None:
            declared, target = each.schema, world.declared(each.schema, each.schema_path)
        inside = {pointer: kind for (key, pointer), kind in types.items() if key == name}
        area = Area(world.findings, f'"{name}"', each.path, inside, "bad-value", "property")
        area.check(each.value, target)
        told.append(Assignment(name, each.value, dict(declared)))
    return tuple(told)


def types_of(scope: Steps) -> Types:
    """Return the types of the templates in what a scope gives."""
    return {(name, site.pointer): told for name, site, told in scope.typed}


def types_in(node: Node, use: Use, results: Mapping[str, Result]) -> Types:
    """Return the types of the templates in values that a step gives itself."""
    names = {each.path: name for name, each in results.items()}
    return {
        (names[base], site.pointer): told
        for site, told in node.typed
        if site.use is use and (base := _base(site)) in names
    }


def _base(site: Site) -> Path:
    """Return where the value stands that a template is in."""
    path = site.place.path
    return path[: len(path) - len(site.pointer)]


def areas(node: Node, uses: Iterable[Use]) -> dict[Path, Schema]:
    """Return the types of templates of these uses, by pointer."""
    wanted = frozenset(uses)
    return {site.pointer: told for site, told in node.typed if site.use in wanted}
