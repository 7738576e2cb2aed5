"""What is wrong with a value, in words: what was expected, what was found."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.core.kind import named
from engine.core.pointer import Pointer
from engine.core.schema.reference import resolved
from engine.core.values import Json
from engine.core.wording import shown, suggestion

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError

MAX_CHOICES = 10


def word(error: "ValidationError", schema: Json) -> list[tuple[Pointer, str]]:
    """Return one finding of jsonschema-rs as problems of ours, each with where it is.

    `schema` is the one that the value was judged by.
    """
    at = Pointer(error.instance_path)
    name = error.kind.name
    details: Mapping[str, Any] = error.kind.as_dict()
    if name in ("anyOf", "oneOf") and all(details["context"]):
        return _branches(at, error, details["context"], schema)
    if name in ("additionalProperties", "unevaluatedProperties"):
        known = _declared(schema, error.schema_path)
        return [(at.to(each), _unexpected(each, known)) for each in details["unexpected"]]
    if name == "propertyNames":
        return [(at, f"a property is misnamed: {word(details['error'], schema)[0][1]}")]
    if name in ("required", "dependentRequired"):
        return [(at, f"the property `{details['property']}` is missing")]
    expected = _EXPECTED.get(name)
    text = f"what satisfies `{name}`" if expected is None else expected(details)
    return [(at, f"expected {text}, found {shown(error.instance)}")]


def _branches(
    at: Pointer,
    error: "ValidationError",
    branches: "list[list[ValidationError]]",
    schema: Json,
) -> list[tuple[Pointer, str]]:
    """Return the problems of the branch that the value came nearest to.

    Nearest is who got past the type: if none did, the types are listed together.
    """
    kinds: set[str] = set()
    for errors in branches:
        first = errors[0]
        if first.kind.name != "type" or len(first.instance_path) > len(at):
            nearest = min(branches, key=lambda each: (_is_type(each, at), len(each)))
            return [problem for each in nearest for problem in word(each, schema)]
        kinds.update(first.kind.as_dict()["types"])
    return [(at, f"expected {named(kinds)}, found {shown(error.instance)}")]


def _is_type(errors: "list[ValidationError]", at: Pointer) -> bool:
    return errors[0].kind.name == "type" and len(errors[0].instance_path) <= len(at)


def _unexpected(name: str, known: Mapping[str, Json]) -> str:
    hint = suggestion(name, known)
    return f"there is no property `{name}`" + (f"; {hint}" if hint else "")


def _declared(schema: Json, path: Sequence[str | int]) -> Mapping[str, Json]:
    """Return the properties declared beside the keyword that a path leads to."""
    found: Any = schema
    for segment in path[:-1]:
        found = resolved(schema, found["$ref"]) if segment == "$ref" else found[segment]
    declared: Mapping[str, Json] = found.get("properties", {})
    return declared


_EXPECTED: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "type": lambda of: named(of["types"]),
    "enum": lambda of: f"one of {', '.join(map(shown, of['options'][:MAX_CHOICES]))}",
    "const": lambda of: shown(of["expected_value"]),
    "minimum": lambda of: f"at least {of['limit']}",
    "maximum": lambda of: f"at most {of['limit']}",
    "exclusiveMinimum": lambda of: f"more than {of['limit']}",
    "exclusiveMaximum": lambda of: f"less than {of['limit']}",
    "multipleOf": lambda of: f"a multiple of {of['multiple_of']}",
    "minLength": lambda of: f"{of['limit']} characters or more",
    "maxLength": lambda of: f"{of['limit']} characters or fewer",
    "minItems": lambda of: f"{of['limit']} elements or more",
    "maxItems": lambda of: f"{of['limit']} elements or fewer",
    "minProperties": lambda of: f"{of['limit']} properties or more",
    "maxProperties": lambda of: f"{of['limit']} properties or fewer",
    "oneOf": lambda _: "one branch of `oneOf` to fit alone",
    "uniqueItems": lambda _: "every element once",
    "pattern": lambda of: f"text that matches `{of['pattern']}`",
    "format": lambda of: f"a text of the format {of['format']}",
    "falseSchema": lambda _: "nothing here",
}
