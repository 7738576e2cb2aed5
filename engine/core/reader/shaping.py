"""The shapes of documents, made from the JSON Schema that their models print."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from engine.core import spec
from engine.core.published.authored import authored_schema
from engine.core.reader.branch import Keyed, Listed, Record
from engine.core.reader.choice import Either, Tagged
from engine.core.reader.declared import Declared
from engine.core.reader.rule import Rules
from engine.core.reader.shape import Flag, Free, Number, Shape, Text, Word
from engine.core.reader.words import A_STEP, listed
from engine.core.spec import VERBS, Workflow

_Schema = Mapping[str, Any]
_CLASSES: Final = {"expression": "an expression", "template": "a template"}


@cache
def document_shape(kind: str) -> Record:
    """Return the shape of a whole document of a kind; made once."""
    schema = authored_schema(kind)
    return Shaping(schema["$defs"]).record(schema)


class Shaping:
    """Makes shapes; one of each definition, so that definitions may refer to themselves."""

    def __init__(self, definitions: Mapping[str, _Schema]) -> None:
        self._definitions = definitions
        self._fields: dict[str, dict[str, Shape]] = {}
        self._homes = dict(_homes(definitions))

    def record(self, schema: _Schema, name: str = "", beside: _Schema | None = None) -> Record:
        """Return the shape of a model, whose name is the title of its schema.

        `beside` is what a reference adds to it.
        """
        beside = beside or {}
        closed = schema.get("additionalProperties") is False
        return Record(
            self._fields_of(schema, name),
            required=(*schema.get("required", ()), *beside.get("required", ())),
            refused=tuple(beside.get("properties", ())),
            rules=_rules(schema),
            rest=None if closed else Free(),
            is_schema="x-sark-class" in schema,
            model=vars(spec).get(schema["title"]),
            homes=self._homes,
        )

    def shape(self, schema: _Schema) -> Shape:
        """Return the shape of any schema that the models print."""
        if "$ref" in schema:
            name = schema["$ref"].removeprefix("#/$defs/")
            target = self._definitions[name]
            # Models have titles; other definitions are types with a name.
            return self.record(target, name, schema) if "title" in target else self.shape(target)
        if "discriminator" in schema:
            return self._tagged(schema["discriminator"])
        if "anyOf" in schema:
            return Either(tuple(self.shape(each) for each in schema["anyOf"]))
        if "const" in schema or "enum" in schema:
            return _word(schema)
        return self._typed(schema)

    def _typed(self, schema: _Schema) -> Shape:
        match schema.get("type"):
            case "string":
                return _text(schema)
            case "boolean":
                return Flag()
            case "integer" | "number" as kind:
                bounds = schema.get("minimum"), schema.get("maximum")
                return Number(kind == "integer", *bounds)
            case "array":
                return Listed(self.shape(schema["items"]), schema.get("minItems", 0))
            case "object":
                return self._keyed(schema)
            case _:
                return Free()

    def _keyed(self, schema: _Schema) -> Shape:
        if schema.get("x-sark-class") == "literal":
            return Declared()
        name = self.shape(schema.get("propertyNames", {"type": "string"}))
        assert isinstance(name, Text)
        value = schema["additionalProperties"]
        shape = Free() if value is True else self.shape(value)
        return Keyed(name, shape, schema.get("minProperties", 0), schema.get("maxProperties"))

    def _tagged(self, discriminator: _Schema) -> Tagged:
        made: dict[str, Record] = {}
        records = {}
        for tag, reference in sorted(discriminator["mapping"].items()):
            name = reference.removeprefix("#/$defs/")
            if name not in made:
                made[name] = self.record(self._definitions[name], name)
            records[tag] = made[name]
        return Tagged(discriminator["propertyName"], records)

    def _fields_of(self, schema: _Schema, name: str) -> dict[str, Shape]:
        """Return the fields of a model, filled in when the outermost asker is done."""
        if name in self._fields:
            return self._fields[name]
        fields = self._fields[name] = {}
        for key, each in schema["properties"].items():
            fields[key] = self.shape(each)
        return fields


def _homes(definitions: Mapping[str, _Schema]) -> Iterator[tuple[str, str]]:
    """Yield each key of verbs, of the workflow and of steps with what it belongs to."""
    verbs: dict[str, list[str]] = {}
    step = definitions.get("Step", {}).get("properties", {})
    for verb in VERBS:
        name = step.get(verb, {}).get("$ref", "").removeprefix("#/$defs/")
        for key in definitions.get(name, {}).get("properties", {}):
            verbs.setdefault(key, []).append(f"`{verb}`")
    yield from ((key, listed(told)) for key, told in verbs.items())
    if step:
        yield from ((key, "the workflow") for key in (each.key for each in Workflow.keys.values()))
    yield from ((key, A_STEP) for key in step)


def _rules(schema: _Schema) -> Rules:
    """Return the rules that `engine.core.spec.rule` wrote."""
    choices = schema.get("oneOf", ())
    needed, beside = schema.get("dependentRequired", {}), schema.get("dependentSchemas", {})
    companions = {key: tuple(needed[key]) for key in sorted(needed)}
    for key in sorted(beside):
        companions[key] = tuple(each["required"][0] for each in beside[key]["anyOf"])
    return Rules(
        tuple(each["required"][0] for each in choices if "maxProperties" not in each),
        next((each["required"][0] for each in choices if "maxProperties" in each), ""),
        companions,
        (tuple(schema["not"]["required"]),) if "not" in schema else (),
    )


def _word(schema: _Schema) -> Shape:
    words = schema.get("enum") or [schema["const"]]
    return Flag(only=words[0]) if schema["type"] == "boolean" else Word(tuple(words))


def _text(schema: _Schema) -> Text:
    kind = schema.get("x-sark-class", "literal")
    literal = kind == "literal"
    if "pattern" not in schema:
        return Text(None, _CLASSES.get(kind, "a text"), literal=literal)
    return Text(schema["pattern"], schema["patternErrorMessage"], literal=literal)
