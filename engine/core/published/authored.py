"""The JSON Schema of what authors write, by the models alone."""

from collections.abc import Callable, Mapping
from functools import cache
from inspect import cleandoc
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from engine.core import spec
from engine.core.spec.model import Key, Model, Words

_LITERAL: Final = {"x-sark-class": "literal"}
_PLAIN: Final = {
    str: {"type": "string", **_LITERAL},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    Any: {},
}
# Words whose values are data of authors, or definitions in the order of their keys.
_UNSORTED: Final = ("properties", "default")


@cache
def authored_schema(kind: str) -> dict[str, Any]:
    """Return the schema of the documents of a kind, for a program; treat it as frozen."""
    printer = _Printer()
    return {**printer.whole(spec.KINDS[kind]), "$defs": printer.definitions}


def authored_definitions() -> dict[str, Any]:
    """Return the schemas of all models, by name, for people; references lead to `#/$defs/`."""
    printer = _Printer()
    for each in spec.KINDS.values():
        printer.schema(each)
    return {
        key: _finished(each, printer.definitions, key)
        for key, each in sorted(printer.definitions.items())
    }


class _Printer:
    """Prints types: keys are left out rather than null, and none is unknown.

    Every string says its class; what the models say nothing of is literal. Models, and types with
    a name, become `definitions`, so that they may refer to themselves.
    """

    def __init__(self) -> None:
        self.definitions: dict[str, Any] = {}

    def schema(self, told: Any) -> dict[str, Any]:
        """Return the schema of a type as it stands at a key."""
        if isinstance(told, type) and issubclass(told, Model):
            return self._defined(told.__name__, lambda: self.whole(told))
        origin, parts = get_origin(told), get_args(told)
        if origin is Annotated:
            return self._annotated(*parts)
        if origin in (Union, UnionType):
            return self._union([each for each in parts if each is not NoneType])
        if origin is Literal:
            return _words(list(parts))
        if origin is list:
            return {"type": "array", "items": self.schema(parts[0])}
        if origin is dict:
            return self._mapping(*parts)
        return dict(_PLAIN[told])

    def whole(self, model: type[Model]) -> dict[str, Any]:
        """Return the schema of a model itself."""
        types = model.types()
        required = [each.key for each in model.keys.values() if each.is_required]
        return {
            "title": model.__name__,
            "description": cleandoc(model.__doc__ or ""),
            "type": "object",
            "properties": {
                each.key: self._property(types[name], each) for name, each in model.keys.items()
            },
            **({"required": required} if required else {}),
            "additionalProperties": model.is_open,
            **model.rules,
        }

    def _defined(self, name: str, made: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return a reference to a definition, which is made when it is first referred to."""
        if name not in self.definitions:
            self.definitions[name] = {}
            self.definitions[name] = made()
        return {"$ref": f"#/$defs/{name}"}

    def _property(self, told: Any, key: Key) -> dict[str, Any]:
        made = {**self.schema(told), **key.words}
        return {**made, "default": key.default} if _is_plain(key.default) else made

    def _annotated(self, told: Any, words: Words) -> dict[str, Any]:
        if words.name:
            return self._defined(words.name, lambda: {**self.schema(told), **words.words})
        made = {**self.schema(told), **words.words}
        return self._choice(made) if "discriminator" in made else made

    def _choice(self, made: dict[str, Any]) -> dict[str, Any]:
        """Return the choice between models by a key, which each of them says words for."""
        tag, references = made["discriminator"], made["anyOf"]
        mapping: dict[str, str] = {}
        for each in references:
            said = self.definitions[each["$ref"].removeprefix("#/$defs/")]["properties"][tag]
            mapping |= dict.fromkeys(said.get("enum") or [said["const"]], each["$ref"])
        return {"discriminator": {"propertyName": tag, "mapping": mapping}, "oneOf": references}

    def _union(self, parts: list[Any]) -> dict[str, Any]:
        if len(parts) == 1:
            return self.schema(parts[0])
        return {"anyOf": [self.schema(each) for each in parts]}

    def _mapping(self, key: Any, value: Any) -> dict[str, Any]:
        made = {"type": "object", "additionalProperties": self.schema(value) or True}
        return made if key is str else {**made, "propertyNames": self.schema(key)}


def _words(words: list[Any]) -> dict[str, Any]:
    told = {"const": words[0]} if len(words) == 1 else {"enum": words}
    return {**told, **_PLAIN[type(words[0])]}


def _is_plain(default: object) -> bool:
    return isinstance(default, str | int | float) or (isinstance(default, list) and bool(default))


def _finished(value: Any, definitions: Mapping[str, Any], of: str = "") -> Any:
    """Return a value of a schema with words in alphabetical order, and keys in that of authors.

    What a reference leads to, and says already, is not said again beside it. `of` is the word that
    the value belongs to.
    """
    if isinstance(value, list):
        return [_finished(each, definitions) for each in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        target = definitions[value["$ref"].removeprefix("#/$defs/")]
        value = {key: each for key, each in value.items() if target.get(key) != each}
    keys = value if of in _UNSORTED else sorted(value)
    return {key: _finished(value[key], definitions, key) for key in keys}
