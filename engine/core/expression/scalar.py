"""Scalars: their text in mixed text, and the tests `is string`, `is none` and so on."""

from collections.abc import Callable

import orjson

from engine.core.expression.fault import EvaluationError
from engine.core.kind import kind, named


def text(value: object, source: str) -> str:
    """Return a scalar as it stands in mixed text: numbers and booleans as JSON writes them.

    `source` is what the author wrote for it, for the error that null, lists and mappings get.
    """
    if isinstance(value, str):
        return value
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return orjson.dumps(value).decode()
    hint = "write `| tojson`" if value is not None else "write `| default('', true)`"
    raise EvaluationError("type", f"`{source}` is {named(kind(value))}, no text: {hint}")


def _is(*kinds: str) -> Callable[[object], bool]:
    return lambda value: kind(value) in kinds


TESTS: dict[str, Callable[[object], bool]] = {
    "none": lambda value: value is None,
    "true": lambda value: value is True,
    "false": lambda value: value is False,
    "boolean": _is("boolean"),
    "string": _is("string"),
    "number": _is("integer", "number"),
    "integer": _is("integer"),
    "float": _is("number"),
    "mapping": _is("object"),
    "sequence": _is("array"),
}
