"""What a schema lets be known before there is a value: types, parts, unions.

A mapping of a schema is a dict, a list of it a list or a tuple: to ask for no more than that
takes a tenth of the time, and it is asked for most of all.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from engine.core.frozen import frozen
from engine.core.kind import ALL, NUMBERS, SCALARS, kind, named
from engine.core.schema.keyword import rebuilt
from engine.core.values import Json, canonical
from engine.core.wording import suggestion

LISTS: Final = (list, tuple)
COMBINING: Final = frozenset({"allOf", "anyOf", "oneOf"})
# What may say less than `type` does.
_NARROWING: Final = COMBINING | {"const", "enum"}
# The types of a schema that says one, and no more: most of all that there are.
_ALONE: Final = {
    each: frozenset((each,)) | (NUMBERS if each == "number" else frozenset()) for each in ALL
}
_ARMS = "x-arms"  # no keyword of JSON Schema: no author's schema has it
_CLOSERS = frozenset(
    {
        "additionalProperties",
        "patternProperties",
        "unevaluatedProperties",
        "allOf",
        "anyOf",
        "oneOf",
        "$ref",
    }
)


@frozen
class Absent:
    """Why a path leads nowhere. `at` is the position of the segment that finds nothing."""

    at: int
    message: str
    hint: str = ""


def project(schema: Json, path: Sequence[str | int]) -> "Json | Absent":
    """Return the schema of what a path leads to; {} where nothing is known of it.

    Absent where it certainly leads nowhere: an undeclared property of a closed object
    (`additionalProperties: false`, see `closed`), or a part of what has none. A `$ref` is not
    followed (see `inlined`).
    """
    for at, segment in enumerate(path):
        found = _part(schema, segment, at)
        if isinstance(found, Absent):
            return found
        schema = found
    return schema


def types(schema: Json) -> frozenset[str]:
    """Return the JSON types that a value of the schema may have; `number` comes with `integer`."""
    if not isinstance(schema, dict):
        return ALL if schema is not False else frozenset()
    kind = schema.get("type")
    if isinstance(kind, str) and kind in _ALONE and _NARROWING.isdisjoint(schema):
        return _ALONE[kind]
    known = _declared(schema)
    if COMBINING.isdisjoint(schema):
        return known
    for keyword in ("anyOf", "oneOf"):
        branches = schema.get(keyword)
        if isinstance(branches, LISTS):
            known &= frozenset().union(*map(types, branches))
    for branch in _every(schema, "allOf"):
        known &= types(branch)
    return known


def values(schema: Json) -> Sequence[Json] | None:
    """Return the few values that a schema allows, or None if it does not list them."""
    if not isinstance(schema, dict):
        return None
    if "const" in schema:
        return [schema["const"]]
    listed = schema.get("enum")
    return listed if isinstance(listed, LISTS) else None


def constant(value: Json) -> dict[str, Json]:
    """Return the schema of one value."""
    return {"type": kind(value), "const": value}


def union(*schemas: Json) -> Json:
    """Return the schema of a value that is of one of these."""
    every: list[Json] = []
    for schema in schemas:
        if schema is False:
            continue
        if not isinstance(schema, dict) or not schema:
            return {}
        branches = schema.get("anyOf") if set(schema) == {"anyOf"} else None
        every.extend(branches if isinstance(branches, LISTS) else [schema])
    flat = _distinct(every) if len(every) > 1 else every
    if len(flat) < 2:
        return flat[0] if flat else {}
    listed = [values(each) for each in flat]
    if all(each is not None for each in listed):
        allowed = _distinct([value for each in listed for value in each or ()])
        return {"type": _type(map(kind, allowed)), "enum": allowed}
    if all(isinstance(each, dict) and set(each) == {"type"} for each in flat):
        return {"type": _type(each for schema in flat for each in _listed_types(schema))}
    return {"anyOf": flat}


def either(*schemas: Json) -> Json:
    """Return the schema of a value that is now of one of these, and now of another.

    It is that of their union, which `arms` takes apart again: what asks for a value of some type
    may hold each of them against that.
    """
    apart = _distinct([arm for each in schemas for arm in arms(each)])
    whole = union(*apart)
    return {**whole, _ARMS: apart} if len(apart) > 1 and isinstance(whole, dict) else whole


def arms(schema: Json) -> Sequence[Json]:
    """Return the schemas of each kind of value that there surely is, by itself."""
    found = schema.get(_ARMS) if isinstance(schema, dict) else None
    return found if isinstance(found, LISTS) else [schema]


def element(schema: Json) -> Json:
    """Return the schema of any element of a list that has this schema."""
    if not isinstance(schema, dict):
        return {}
    listed = values(schema)
    if listed is not None:
        lists = (each for each in listed if kind(each) == "array")
        return union(*(constant(part) for each in lists for part in _sequence(each)))
    if "anyOf" in schema:
        return union(*map(element, _every(schema, "anyOf")))
    rest = schema.get("items", {})
    return union(*_every(schema, "prefixItems"), *([] if rest is False else [rest]))


def member(schema: Json) -> Json:
    """Return the schema of the value of any property of an object that has this schema."""
    if not isinstance(schema, dict) or _CLOSERS & schema.keys() - {"additionalProperties"}:
        return {}
    properties = schema.get("properties")
    declared = list(properties.values()) if isinstance(properties, dict) else []
    return union(*declared, schema.get("additionalProperties", {}))


def closed(schema: Json) -> Json:
    """Return the schema with every object closed that lists its properties and says no more."""
    if not isinstance(schema, dict):
        return schema
    result = rebuilt(schema, closed)
    if "properties" in result and not _CLOSERS & result.keys():
        result["additionalProperties"] = False
    return result


def with_defaults(schema: Json, value: Json) -> Json:
    """Return an object with the defaults of absent top-level properties filled in."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict) or not isinstance(value, dict):
        return value
    defaults = {
        name: each["default"]
        for name, each in properties.items()
        if name not in value and isinstance(each, dict) and "default" in each
    }
    return {**value, **defaults} if defaults else value


def _part(schema: Json, segment: str | int, at: int) -> "Json | Absent":
    """Return the schema of one part, over all that the keywords of a schema say together."""
    if not isinstance(schema, dict):
        return {} if schema is not False else Absent(at, "nothing can stand here")
    listed = values(schema)
    if listed is not None:
        return _part_of_values(listed, segment, at)
    own = _own_part(schema, segment, at)
    if COMBINING.isdisjoint(schema):
        return {} if own is True else own
    found: list[Json] = []
    parts = [own]
    parts += [_part(branch, segment, at) for branch in _every(schema, "allOf")]
    parts += [
        _part_of_any(_every(schema, keyword), segment, at)
        for keyword in ("anyOf", "oneOf")
        if keyword in schema
    ]
    for part in parts:
        if isinstance(part, Absent):
            return part
        if part not in ({}, True):
            found.append(part)
    found = _distinct(found)
    if len(found) > 1:
        return {"allOf": found}
    return found[0] if found else {}


def _part_of_any(branches: Sequence[Json], segment: str | int, at: int) -> "Json | Absent":
    parts = [_part(branch, segment, at) for branch in branches]
    found = [part for part in parts if not isinstance(part, Absent)]
    return union(*found) if found else parts[0] if parts else {}


def _part_of_values(listed: Sequence[Json], segment: str | int, at: int) -> "Json | Absent":
    found: list[Json] = []
    for value in listed:
        try:
            found.append(constant(value[segment]))  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            continue
    if found:
        return union(*found)
    kinds = set(map(kind, listed))
    if isinstance(segment, str) and kinds <= SCALARS:
        return Absent(at, f"{named(kinds)} has no properties, so there is no `{segment}`")
    return Absent(at, f"there is no `{segment}` in what it can be")


def _own_part(schema: Mapping[str, Json], segment: str | int, at: int) -> "Json | Absent":
    kinds = types(schema)
    if isinstance(segment, str):
        if "object" in kinds:
            return _property(schema, segment, at)
        return Absent(at, f"{named(kinds)} has no properties, so there is no `{segment}`")
    if "array" in kinds:
        return _element(schema, segment, at)
    if "string" in kinds:
        return {"type": "string"}
    return Absent(at, f"{named(kinds)} has no elements, so there is no `[{segment}]`")


def _property(schema: Mapping[str, Json], name: str, at: int) -> "Json | Absent":
    properties = schema.get("properties")
    declared: Mapping[str, Json] = properties if isinstance(properties, dict) else {}
    if name in declared:
        return declared[name]
    rest = schema.get("additionalProperties", True)
    if schema.get("patternProperties"):
        return {}
    if rest is not False:
        return rest
    known = ", ".join(f"`{each}`" for each in list(declared)[:10])
    hint = suggestion(name, declared) or (f"it has {known}" if known else "it has none")
    return Absent(at, f"there is no property `{name}`", hint)


def _element(schema: Mapping[str, Json], position: int, at: int) -> "Json | Absent":
    prefix = _every(schema, "prefixItems")
    if 0 <= position < len(prefix):
        return prefix[position]
    rest = schema.get("items", True)
    most = len(prefix) if rest is False else schema.get("maxItems")
    if isinstance(most, int) and not -most <= position < most:
        return Absent(at, f"there is no element [{position}]: there are at most {most}")
    return rest if position >= 0 or not prefix else {}


def _declared(schema: Mapping[str, Json]) -> frozenset[str]:
    listed = values(schema)
    if listed is not None:
        return frozenset(map(kind, listed))
    if "type" not in schema:
        return ALL
    known = _listed_types(schema)
    return known | NUMBERS if "number" in known else known


def _listed_types(schema: Json) -> frozenset[str]:
    assert isinstance(schema, dict)
    listed = schema["type"]
    if isinstance(listed, str):
        return frozenset((listed,))
    return frozenset(map(str, listed)) if isinstance(listed, LISTS) else frozenset()


def _every(schema: Mapping[str, Json], keyword: str) -> Sequence[Json]:
    return _sequence(schema.get(keyword))


def _sequence(value: Json) -> Sequence[Json]:
    return value if isinstance(value, LISTS) else ()


def _type(kinds: Iterable[str]) -> Json:
    """Return what `type` says for these: one word, or a list of them."""
    every = sorted(set(kinds))
    return every[0] if len(every) == 1 else every


def _distinct(every: Sequence[Json]) -> list[Json]:
    """Return the values once each, in order; true is not 1."""
    first: dict[bytes, Json] = {}
    for each in every:
        first.setdefault(canonical(each), each)
    return list(first.values())
