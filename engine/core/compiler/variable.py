"""Variables: constants that differ from environment to environment, and what of them is read."""

from collections.abc import Iterable, Mapping

from engine.core.commit.neighbour import Variable
from engine.core.compiler import shape
from engine.core.compiler.findings import listed, meant
from engine.core.compiler.site import Schema, Site
from engine.core.compiler.world import World
from engine.core.expression import Reference, guarded
from engine.core.kind import kind
from engine.core.values import Json

ROOT = "variables"


def check_variable(world: World, site: Site, reference: Reference) -> None:
    """A variable is described by every environment, or has a default; note that it is read."""
    if len(reference.path) == 1:
        message = "name the one variable that is needed: `variables.NAME`"
        known = listed(world.neighbours.variables(), "no variable")
        world.findings.error("unknown-variable", message, site.at(reference), expected=known)
        return
    name = str(reference.path[1])
    told = world.neighbours.variable(name)
    if not told.values and not told.is_unsure:
        _unknown(world, site, reference, name)
        return
    if told.lacking and reference.offset not in guarded(site.compiled):
        _missing(world, site, reference, told)
        return
    world.variables[name] = joined(told.values.values())
    if all(each is not site for each in world.bound[-1:]):
        world.bound.append(site)


def readable(world: World) -> Schema:
    """Return the shape of all variables that there are."""
    near = world.neighbours
    told = {name: joined(near.variable(name).values.values()) for name in near.variables()}
    return shape.closed(told)


def joined(values: Iterable[Json]) -> Schema:
    """Return the shape of values that stand for each other; any, where they are not of a kind."""
    all_ = list(values)
    kinds = {kind_of(each) for each in all_}
    if len(kinds) != 1:
        return shape.ANYTHING
    match kinds.pop():
        case "number":
            is_whole = all(kind(each) == "integer" for each in all_)
            return {"type": "integer" if is_whole else "number"}
        case "array":
            return {"type": "array", "items": joined(item for each in all_ for item in _list(each))}
        case "object":
            return _object([each for each in all_ if isinstance(each, Mapping)])
        case told:
            return {"type": told}


def kind_of(value: Json) -> str:
    """Return the JSON type of a value; a whole number is a number like any other."""
    told = kind(value)
    return "number" if told == "integer" else told


def _object(values: list[Mapping[str, Json]]) -> Schema:
    names = dict.fromkeys(name for each in values for name in each)
    shapes = {name: joined(each[name] for each in values if name in each) for name in names}
    return shape.closed(shapes, [name for name in names if any(name not in e for e in values)])


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _unknown(world: World, site: Site, reference: Reference, name: str) -> None:
    known = world.neighbours.variables()
    message = f'no Environment of this commit has a variable "{name}"'
    hint = meant(name, known, f"add it to each: `variables: {{{name}: ...}}`")
    expected = listed(known, "no variable")
    place = site.at(reference)
    world.findings.error("unknown-variable", message, place, hint=hint, expected=expected)


def _missing(world: World, site: Site, reference: Reference, told: Variable) -> None:
    name = str(reference.path[1])
    message = f'the variable "{name}" is missing in {_environments(told.lacking)}'
    hint = f"add it there, or write `variables.{name} | default(...)`, nothing between the two"
    expected = f"as in {_environments(told.values)}" if told.values else ""
    place = site.at(reference)
    world.findings.error("missing-variable", message, place, hint=hint, expected=expected)


def _environments(names: Iterable[str]) -> str:
    told = sorted(names)
    return f"the environment{'s' * (len(told) > 1)} {', '.join(told)}"
