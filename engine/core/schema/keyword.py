"""The keywords of JSON Schema 2020-12 that a spec may use, by what stands under them."""

from collections.abc import Callable, Iterator, Mapping

from engine.core.pointer import Pointer
from engine.core.values import Json

ONE = frozenset(
    {
        "items",
        "additionalProperties",
        "unevaluatedItems",
        "unevaluatedProperties",
        "contains",
        "propertyNames",
        "not",
        "if",
        "then",
        "else",
        "contentSchema",
    }
)
SOME = frozenset(
    {
        "prefixItems",
        "allOf",
        "anyOf",
        "oneOf",
    }
)
NAMED = frozenset(
    {
        "properties",
        "patternProperties",
        "dependentSchemas",
        "$defs",
        "definitions",
    }
)
PLAIN = frozenset(
    {
        "type",
        "enum",
        "const",
        "multipleOf",
        "maximum",
        "exclusiveMaximum",
        "minimum",
        "exclusiveMinimum",
        "maxLength",
        "minLength",
        "pattern",
        "maxItems",
        "minItems",
        "uniqueItems",
        "maxContains",
        "minContains",
        "maxProperties",
        "minProperties",
        "required",
        "dependentRequired",
        "format",
        "contentEncoding",
        "contentMediaType",
        "title",
        "description",
        "default",
        "examples",
        "deprecated",
        "readOnly",
        "writeOnly",
        "$comment",
        "$ref",
    }
)
_LISTS = (list, tuple)
ROOT = frozenset(("$schema", "$id"))
KNOWN = ONE | SOME | NAMED | PLAIN


def subschemas(schema: Mapping[str, Json]) -> Iterator[tuple[Pointer, Json]]:
    """Give every schema that stands directly inside another, with where."""
    for keyword, value in schema.items():
        if keyword in ONE:
            yield Pointer((keyword,)), value
        elif keyword in SOME and isinstance(value, _LISTS):
            yield from ((Pointer((keyword, at)), each) for at, each in enumerate(value))
        elif keyword in NAMED and isinstance(value, dict):
            yield from ((Pointer((keyword, name)), each) for name, each in value.items())


def rebuilt(schema: Mapping[str, Json], how: Callable[[Json], Json]) -> dict[str, Json]:
    """Return the schema with `how` applied to every schema directly inside it."""
    result: dict[str, Json] = dict(schema)
    for keyword, value in schema.items():
        if keyword in ONE:
            result[keyword] = how(value)
        elif keyword in SOME and isinstance(value, _LISTS):
            result[keyword] = [how(each) for each in value]
        elif keyword in NAMED and isinstance(value, dict):
            result[keyword] = {name: how(each) for name, each in value.items()}
    return result
