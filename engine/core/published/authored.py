"""The JSON Schema of what authors write, by the models alone."""

from functools import cache
from typing import Any

from pydantic.json_schema import (
    GenerateJsonSchema,
    JsonSchemaMode,
    JsonSchemaValue,
    models_json_schema,
)
from pydantic_core import core_schema

from engine.core import spec

_LITERAL = {"x-sark-class": "literal"}


@cache
def authored_schema(kind: str) -> dict[str, Any]:
    """Return the schema of the documents of a kind; treat it as frozen."""
    return spec.KINDS[kind].model_json_schema(by_alias=True, schema_generator=_Authored)


def authored_definitions() -> dict[str, Any]:
    """Return the schemas of all models, by name; references lead to `#/$defs/`."""
    models = [(each, "validation") for each in spec.KINDS.values()]
    _, schema = models_json_schema(models, by_alias=True, schema_generator=_Authored)  # type: ignore[arg-type]
    return dict(schema["$defs"])


class _Authored(GenerateJsonSchema):
    """What an author may write: keys are left out rather than null, and none is unknown.

    Every string says its class; what the models say nothing of is literal.
    """

    @property
    def mode(self) -> JsonSchemaMode:
        return "validation"  # asked thousands of times; no model has a mode of its own

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if not isinstance(made.get("default"), str | int | float):
            made.pop("default", None)
        return made

    def encode_default(self, dft: object) -> object:
        return dft  # those that are no plain value are taken out above

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        return {**super().str_schema(schema), **_LITERAL}

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchemaValue:
        made = super().literal_schema(schema)
        return {**made, **_LITERAL} if made["type"] == "string" else made

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        made = super().dict_schema(schema)
        if made.get("propertyNames") == _LITERAL:
            del made["propertyNames"]
        return made

    def field_title_should_be_set(self, schema: object) -> bool:
        return False
