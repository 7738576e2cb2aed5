"""Schemas that are no more than a type or a list of words: most of all that there are.

What is plain to see of them is told here; no validator is built for it, and none loaded.
"""

from collections.abc import Mapping

from engine.core.kind import ALL
from engine.core.values import Json

ANNOTATIONS = frozenset({"title", "description", "default", "examples", "deprecated", "$defs"})
"""The keywords that let no value in or keep one out."""
_SIMPLE = frozenset({"type", "enum", "const", "minProperties", "maxProperties"}) | ANNOTATIONS
_TEXTS = ("title", "description")
_PLAIN = frozenset({"type", "enum", "default", *_TEXTS})
_PYTHON: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "object": (dict,),
    "array": (list, tuple),
}


def is_plain(schema: Json) -> bool:
    """True if it is plain to see that a schema is one; False says nothing."""
    if not isinstance(schema, dict) or not schema.keys() <= _PLAIN:
        return False
    told = schema.get("type", "null")
    return (
        isinstance(told, str)
        and told in ALL
        and isinstance(schema.get("enum", []), list)
        and all(isinstance(schema.get(each, ""), str) for each in _TEXTS)
    )


def fits_plainly(schema: Mapping[str, Json], value: Json) -> bool:
    """True if it is plain to see that `value` fits; False says nothing."""
    if not schema.keys() <= _SIMPLE or isinstance(value, float):
        return False
    words = schema.get("enum")
    if isinstance(words, (list, tuple)) and not any(_same(value, word) for word in words):
        return False
    if "const" in schema and not _same(value, schema["const"]):
        return False
    if isinstance(value, dict) and not _has_as_many(value, schema):
        return False
    told = schema.get("type")
    kinds = [told] if isinstance(told, str) else told
    return kinds is None or (
        isinstance(kinds, (list, tuple)) and any(_is(value, each) for each in kinds)
    )


def _has_as_many(value: Mapping[str, Json], schema: Mapping[str, Json]) -> bool:
    """True if a mapping has as many keys as it must."""
    least, most = schema.get("minProperties", 0), schema.get("maxProperties", len(value))
    return isinstance(least, int) and isinstance(most, int) and least <= len(value) <= most


def _is(value: Json, kind: Json) -> bool:
    if kind in ("integer", "number"):
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, _PYTHON.get(str(kind), ()))


def _same(value: Json, word: Json) -> bool:
    return type(value) is type(word) and value == word
