"""Local references of a schema: `#/$defs/x` and the like, the only ones a spec may use."""

from collections.abc import Sequence

from engine.core.pointer import Pointer
from engine.core.schema.keyword import rebuilt, subschemas
from engine.core.values import Json

MAX_INLINED = 5_000


def inlined(schema: Json) -> Json:
    """Return the schema with every local `$ref` replaced by what it names.

    Do this once, when a schema comes in: `project`, `types` and `assignable` follow no reference.
    One that comes back to itself, or one too many, becomes {}: nothing is known there.
    """
    return _Inliner(schema).inline(schema, frozenset()) if refers(schema) else schema


def rerooted(schema: Json, pointer: Pointer) -> Json:
    """Return the schema with its local references as they must read where `pointer` leads."""
    if not isinstance(schema, dict):
        return schema
    result = rebuilt(schema, lambda inner: rerooted(inner, pointer))
    reference = result.get("$ref")
    if isinstance(reference, str):
        result["$ref"] = f"#{pointer}{reference.removeprefix('#')}"
    return result


def resolved(root: Json, reference: str) -> Json:
    """Return what a local reference names, None if there is nothing."""
    found: Json = root
    for raw in reference.removeprefix("#").split("/")[1:]:
        segment = raw.replace("~1", "/").replace("~0", "~")
        if isinstance(found, dict) and segment in found:
            found = found[segment]
        elif isinstance(found, Sequence) and segment.isdecimal() and int(segment) < len(found):
            found = found[int(segment)]
        else:
            return None
    return found


def refers(schema: Json) -> bool:
    """True if there is a `$ref` anywhere in a schema."""
    if not isinstance(schema, dict):
        return False
    return "$ref" in schema or any(refers(inner) for _, inner in subschemas(schema))


class _Inliner:
    """Replaces the references of one schema, so many and no more."""

    def __init__(self, root: Json) -> None:
        self._root = root
        self._left = MAX_INLINED

    def inline(self, schema: Json, within: frozenset[str]) -> Json:
        self._left -= 1
        if not isinstance(schema, dict) or self._left < 0:
            return {} if isinstance(schema, dict) else schema
        reference = schema.get("$ref")
        if not isinstance(reference, str):
            return rebuilt(schema, lambda inner: self.inline(inner, within))
        target: Json = {}
        if reference not in within:
            found = resolved(self._root, reference)
            target = self.inline({} if found is None else found, within | {reference})
        rest = {key: each for key, each in schema.items() if key not in ("$ref", "$defs")}
        return {"allOf": [target, self.inline(rest, within)]} if rest else target
