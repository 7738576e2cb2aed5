"""A value made of a schema: the same one each time, and small, whatever the schema asks for."""

from collections.abc import Mapping, Sequence
from math import ceil

from engine.core import schema as shapes
from engine.core.values import Json

MOST_PARTS = 1_000
"""How many values one double holds at most; what is left over is null."""
_MOST_ITEMS = 3
_LONGEST = 200
_HUGE = 1e15
_TEXT = "text"
_FORMATS: Mapping[str, str] = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "duration": "PT1S",
    "email": "someone@example.invalid",
    "hostname": "example.invalid",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.invalid/",
    "uuid": "01900000-0000-7000-8000-000000000000",
}
# Of several types the one that says most to whoever reads it.
_PREFERRED = ("string", "number", "integer", "boolean", "array", "object")


def double(schema: Json) -> Json:
    """Return a value of a schema, as far as that is told by types, bounds, formats and examples.

    A list has an item, so that what loops over it has a turn; an object has all that it declares.
    A `pattern` is not looked at.
    """
    return _Maker().value(schema)


class _Maker:
    def __init__(self) -> None:
        self._left = MOST_PARTS

    def value(self, schema: Json) -> Json:
        self._left -= 1
        if self._left < 0:
            return None
        if not isinstance(schema, Mapping):
            return _TEXT
        schema = _whole(schema)
        told = [*(shapes.values(schema) or ()), *_said(schema)]
        if told:
            return told[0]
        kinds = shapes.types(schema)
        kind = "object" if "properties" in schema and "object" in kinds else ""
        match kind or next((each for each in _PREFERRED if each in kinds), ""):
            case "string":
                return _text(schema)
            case "integer":
                return _number(schema, 1)
            case "number":
                return _number(schema, 0.5)
            case "boolean":
                return True
            case "array":
                return self._items(schema)
            case "object":
                properties = _mapping(schema.get("properties"))
                return {name: self.value(each) for name, each in properties.items()}
            case _:
                return None

    def _items(self, schema: Mapping[str, Json]) -> Json:
        first = schema.get("prefixItems")
        told = list(first)[:_MOST_ITEMS] if isinstance(first, Sequence) else []
        least = max(1, int(_bound(schema, "minItems", 0)))
        count = min(least, _MOST_ITEMS, int(_bound(schema, "maxItems", least)))
        more = [schema.get("items", True)] * (count - len(told))
        return [self.value(each) for each in [*told, *more]]


def _whole(schema: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return a schema with the parts that it is made of in it: all of some, the first of others."""
    told: dict[str, Json] = dict(schema)
    for keyword in ("allOf", "anyOf", "oneOf"):
        parts = told.pop(keyword, ())
        several = list(parts) if isinstance(parts, Sequence) else []
        for part in several if keyword == "allOf" else several[:1]:
            more = _whole(_mapping(part))
            properties = [_mapping(each.get("properties")) for each in (told, more)]
            told |= more
            if any(properties):
                told["properties"] = {**properties[0], **properties[1]}
    return told


def _said(schema: Mapping[str, Json]) -> list[Json]:
    """Return what the author has said a value may be: its default, or an example."""
    examples = schema.get("examples")
    told = [schema["default"]] if "default" in schema else []
    told += list(examples) if isinstance(examples, list | tuple) else []
    return [each for each in told if not shapes.validator(schema).problems(each)]


def _text(schema: Mapping[str, Json]) -> str:
    text = _FORMATS.get(str(schema.get("format")), _TEXT)
    least = min(int(_bound(schema, "minLength", 0)), _LONGEST)
    return text.ljust(least, "x")[: int(_bound(schema, "maxLength", _LONGEST))]


def _number(schema: Mapping[str, Json], step: float) -> float:
    """Return a number within its bounds, 1 if that is; `step` is how far it keeps off a bound that
    is itself outside.
    """
    low = max(_bound(schema, "minimum", -_HUGE), _bound(schema, "exclusiveMinimum", -_HUGE) + step)
    high = min(_bound(schema, "maximum", _HUGE), _bound(schema, "exclusiveMaximum", _HUGE) - step)
    factor = _bound(schema, "multipleOf", step) or step
    value = min(ceil(max(1, low) / factor) * factor, high)
    return int(value) if value == int(value) else value


def _bound(schema: Mapping[str, Json], keyword: str, otherwise: float) -> float:
    value = schema.get(keyword, otherwise)
    if not isinstance(value, int | float):
        return otherwise
    return min(max(value, -_HUGE), _HUGE)


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}
