"""Types in few words, as a person reads them beside an expression."""

from collections.abc import Mapping, Sequence

from engine.core.expression.function import FUNCTIONS
from engine.core.expression.signature import Function
from engine.core.schema.shape import types, values
from engine.core.values import Json
from engine.core.wording import shown

_MOST = 8
_DEEPEST = 2


def worded(schema: Json, depth: int = 0) -> str:
    """Return a type in words: `string`, `list of {id: string, ...}`, `one of "a", "b"`."""
    if not isinstance(schema, Mapping):
        return "anything"
    known = values(schema)
    if known is not None and known and types(schema) != {"boolean"}:
        told = ", ".join(shown(each) for each in known[:_MOST])
        more = ", ..." if len(known) > _MOST else ""
        return f"one of {told}{more}" if len(known) > 1 else told
    kinds = types(schema)
    if kinds >= {"string", "object", "array", "boolean"}:
        return "anything"
    if "number" in kinds:
        kinds -= {"integer"}
    return " or ".join(_kind(each, schema, depth) for each in sorted(kinds)) or "nothing"


def signature(function: Function) -> str:
    """Return how a function is called: `truncate(text, length, [end])`."""
    told = (each.name if each.required else f"[{each.name}]" for each in function.parameters)
    return f"{function.name}({', '.join(told)})"


def functions() -> dict[str, str]:
    """Return every function of an expression with how it is called."""
    told = {name: signature(each) for name, each in FUNCTIONS.items()}
    return {**told, "default": "default(value, [default_value], [boolean])"}


def _kind(kind: str, schema: Mapping[str, Json], depth: int) -> str:
    if kind == "array":
        items = schema.get("items")
        return "list" if not isinstance(items, Mapping) else f"list of {worded(items, depth + 1)}"
    properties = schema.get("properties")
    if kind != "object" or not isinstance(properties, Mapping) or not properties:
        return "mapping" if kind == "object" else kind
    if depth >= _DEEPEST:
        return "{...}"
    names = list(properties)[:_MOST]
    told = [f"{name}: {worded(properties[name], depth + 1)}" for name in names]
    return "{" + ", ".join([*told, *(["..."] if len(properties) > _MOST else [])]) + "}"


def described(schema: Json) -> str:
    """Return what the author of a schema says that the value is."""
    told = schema.get("description", "") if isinstance(schema, Mapping) else ""
    return told if isinstance(told, str) else ""


def names_in(schema: Json) -> Mapping[str, Json]:
    """Return the properties of whatever branch of a schema."""
    if not isinstance(schema, Mapping):
        return {}
    found: dict[str, Json] = {}
    for key in ("allOf", "anyOf", "oneOf"):
        branches = schema.get(key, ())
        for each in branches if isinstance(branches, Sequence) else ():
            found |= names_in(each)
    properties = schema.get("properties")
    return {**found, **(properties if isinstance(properties, Mapping) else {})}
