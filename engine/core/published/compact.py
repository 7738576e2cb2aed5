"""The same JSON Schema in fewer bytes: what is said twice refers to where it is said first."""

import json
from collections.abc import Mapping
from typing import Any, Final

_RULES: Final = ("oneOf", "dependentRequired")
# A reference is about as long; what is shorter stays.
_WORTH: Final = 80


def compacted(definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Return the definitions, each property that an earlier one has too put as a reference.

    Long rules become definitions of their own, named after the first that has them.
    """
    made: dict[str, Any] = {}
    places: dict[str, str] = {}
    for name, schema in definitions.items():
        kept = {
            key: _referred(places, f"#/$defs/{name}/properties/{key}", told)
            for key, told in schema.get("properties", {}).items()
        }
        made[name] = {**schema, "properties": kept} if kept else dict(schema)
        for rule in _RULES:
            if rule in schema and len(json.dumps(schema[rule])) >= _WORTH:
                told = {rule: made[name].pop(rule)}
                there = places.setdefault(json.dumps(told), f"#/$defs/{name}.{rule}")
                made.setdefault(there.removeprefix("#/$defs/"), told)
                made[name].setdefault("allOf", []).append({"$ref": there})
    return made


def _referred(places: dict[str, str], place: str, schema: Any) -> Any:
    """Return the schema, or a reference if it has been met; places of new ones are noted."""
    text = json.dumps(schema, sort_keys=True)
    if len(text) < _WORTH:
        return schema
    met = places.setdefault(text, place)
    return schema if met == place else {"$ref": met}
