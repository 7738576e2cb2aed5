"""What the published JSON Schema says of a place of a spec: its keys, its words, its prose."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from engine.cli.editor.outline import Outline, Path
from engine.core.values import Json

# Rules refer to rules, and a spec may be nonsense: so deep is looked, and no deeper.
_DEEPEST = 24
_EXPRESSION = "#/$defs/Expression"


class Described:
    """The schema that `sark schema` prints, asked by place."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = schema

    def at(self, outline: Outline, document: int, path: Path) -> list[Mapping[str, Any]]:
        """Return every schema that holds for the value at a path, as far as its neighbours tell."""
        found = list(self._all(self._schema, outline, document, (), 0))
        for index, part in enumerate(path):
            below = [each for one in found for each in _below(one, part)]
            here = path[: index + 1]
            found = [each for one in below for each in self._all(one, outline, document, here, 0)]
        return found

    def keys(self, outline: Outline, document: int, path: Path) -> dict[str, str]:
        """Return the keys that the mapping at a path may have, with what each is for."""
        told: dict[str, str] = {}
        for one in self.at(outline, document, path):
            for name, each in one.get("properties", {}).items():
                told[name] = told.get(name) or self._prose(each)
        return told

    def words(self, outline: Outline, document: int, path: Path) -> dict[str, str]:
        """Return the few values that a place may have, with what each is for."""
        told: dict[str, str] = {}
        for one in self.at(outline, document, path):
            for each in [one["const"]] if "const" in one else one.get("enum", ()):
                word = each if isinstance(each, str) else str(each).lower()
                told[word] = told.get(word) or str(one.get("description", ""))
            if one.get("type") == "boolean":
                told |= dict.fromkeys(("true", "false"), "")
        return told

    def prose(self, outline: Outline, document: int, path: Path) -> str:
        """Return what is said of the key or value at a path."""
        told = (str(each.get("description", "")) for each in self.at(outline, document, path))
        return next((each for each in told if each), "")

    def is_expression(self, outline: Outline, document: int, path: Path) -> bool:
        """True if an expression stands there without braces."""
        return any(each is self._expression for each in self.at(outline, document, path))

    @cached_property
    def _expression(self) -> Any:
        return self._followed(_EXPRESSION)

    def _prose(self, schema: Any) -> str:
        for _ in range(_DEEPEST):
            if not isinstance(schema, Mapping):
                break
            if "description" in schema:
                return str(schema["description"])
            if "$ref" not in schema:
                break
            schema = self._followed(schema["$ref"])
        return ""

    def _all(
        self, schema: Any, outline: Outline, document: int, path: Path, depth: int
    ) -> Iterator[Mapping[str, Any]]:
        """Yield a schema and those that hold for the same value."""
        if not isinstance(schema, Mapping) or depth > _DEEPEST:
            return
        yield schema
        more = [*schema.get("allOf", ()), *schema.get("anyOf", ()), *schema.get("oneOf", ())]
        if "$ref" in schema:
            more.append(self._followed(schema["$ref"]))
        if "if" in schema and _holds(schema["if"], outline, document, path):
            more.append(schema.get("then"))
        for each in more:
            yield from self._all(each, outline, document, path, depth + 1)

    def _followed(self, reference: str) -> Any:
        found: Any = self._schema
        for part in reference.removeprefix("#/").split("/"):
            found = found.get(part, {})
        return found


def _below(schema: Mapping[str, Any], part: str | int) -> Iterator[Any]:
    if isinstance(part, int):
        yield schema.get("items")
    elif part in schema.get("properties", {}):
        yield schema["properties"][part]
    else:
        yield schema.get("additionalProperties")


def _holds(condition: Mapping[str, Any], outline: Outline, document: int, path: Path) -> bool:
    """True if the words that a rule asks for stand beside each other."""
    told: Mapping[str, Mapping[str, Json]] = condition.get("properties", {})
    for key, wanted in told.items():
        words = [wanted["const"]] if "const" in wanted else wanted.get("enum", ())
        if outline.value(document, (*path, key)) not in _sequence(words):
            return False
    return bool(told)


def _sequence(words: Json) -> list[Json]:
    return list(words) if isinstance(words, list | tuple) else []
